//! A `WebDriver` session: the engine's driver, a browser, and one page.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use fantoccini::{Client, ClientBuilder, Locator, elements::Element};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value};

use crate::{browser::Browser, process::Group};

/// The time limit for a driver to listen, and for a browser to start.
const START: Duration = Duration::from_mins(1);

/// The time limit for a page to reach an expected state.
const PATIENCE: Duration = Duration::from_secs(15);

/// A browser under automation. Dropping the session ends the driver and the browser.
pub(crate) struct Session {
    pub(crate) client: Client,
    _driver: Group,
}

impl Session {
    /// Starts the driver and the browser. Certificates are not checked, because the test server's is self-signed.
    pub(crate) async fn start(browser: &Browser) -> Result<Self> {
        Self::start_as(browser, browser.capabilities()).await
    }

    /// Starts like [`start`](Self::start), with the given capabilities.
    pub(crate) async fn start_as(browser: &Browser, mut capabilities: Map<String, Value>) -> Result<Self> {
        let address = free_address()?;
        let mut command = browser.command(&browser.driver);
        command.arg(format!("--port={}", address.port()));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut driver =
            Group::spawn(&mut command).with_context(|| format!("cannot start {}", browser.driver.display()))?;
        wait_until_ready(&mut driver, address).await?;

        capabilities.insert("acceptInsecureCerts".to_owned(), true.into());
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities);
        let url = format!("http://{address}");
        let client =
            tokio::time::timeout(START, builder.connect(&url)).await.context("the browser did not start in time")??;
        Ok(Self { client, _driver: driver })
    }

    /// Ends the session gracefully. Dropping it ends it, too.
    pub(crate) async fn close(self) {
        let _ = tokio::time::timeout(Duration::from_secs(5), self.client.clone().close()).await;
    }

    /// Waits for the element with this id and returns it.
    pub(crate) async fn element(&self, id: &str) -> Result<Element> {
        let wait = self.client.wait().at_most(PATIENCE);
        wait.for_element(Locator::Id(id)).await.with_context(|| format!("the page has no #{id}"))
    }

    /// Clicks on an element.
    pub(crate) async fn click(&self, id: &str) -> Result<()> {
        self.element(id).await?.click().await.with_context(|| format!("cannot click on #{id}"))
    }

    /// Replaces the text of a field by typing.
    pub(crate) async fn fill(&self, id: &str, text: &str) -> Result<()> {
        let field = self.element(id).await?;
        field.clear().await.with_context(|| format!("cannot clear #{id}"))?;
        if !text.is_empty() {
            field.send_keys(text).await.with_context(|| format!("cannot type into #{id}"))?;
        }
        Ok(())
    }

    /// Returns the text that an element shows.
    pub(crate) async fn text(&self, id: &str) -> Result<String> {
        Ok(self.element(id).await?.text().await?.trim().to_owned())
    }

    /// Runs the body of a function in the page.
    pub(crate) async fn execute(&self, body: &str, arguments: Vec<Value>) -> Result<Value> {
        Ok(self.client.execute(body, arguments).await?)
    }

    /// Runs the body of a function until its result satisfies `is_it`.
    pub(crate) async fn wait_for(&self, what: &str, body: &str, is_it: impl Fn(&Value) -> bool) -> Result<Value> {
        self.wait_at_most(PATIENCE, what, body, is_it).await
    }

    /// Waits like [`wait_for`](Self::wait_for), with the given limit.
    pub(crate) async fn wait_at_most(
        &self,
        limit: Duration,
        what: &str,
        body: &str,
        is_it: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let deadline = Instant::now() + limit;
        loop {
            let value = self.execute(body, Vec::new()).await?;
            if is_it(&value) {
                return Ok(value);
            }
            if Instant::now() > deadline {
                bail!("waited {} s for {what}; last value: {value}", limit.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Asks the operating system for a free port. Another program could take it before the driver does, but drivers offer
/// no better way.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

async fn wait_until_ready(driver: &mut Group, address: SocketAddr) -> Result<()> {
    let deadline = Instant::now() + START;
    loop {
        if status(address).is_some_and(|answer| answer.contains("\"ready\":true") || answer.contains("\"ready\": true"))
        {
            return Ok(());
        }
        if let Some(status) = driver.ended()? {
            bail!("the driver ended at once: {status}");
        }
        if Instant::now() > deadline {
            bail!("the driver was not ready within {} s", START.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Requests the driver's status, the one command that needs no session.
fn status(address: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    write!(stream, "GET /status HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    // Some drivers keep the connection open, so read until the answer is complete or the read times out.
    let mut chunk = [0; 4096];
    while let Ok(length) = stream.read(&mut chunk) {
        answer.extend_from_slice(&chunk[..length]);
        if length == 0 || answer.ends_with(b"}") || answer.ends_with(b"}\n") {
            break;
        }
    }
    Some(String::from_utf8_lossy(&answer).into_owned())
}
