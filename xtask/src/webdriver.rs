//! A `WebDriver` session: the engine's driver, a browser in its hands, and one page.

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

/// How long a driver has to start listening, and a browser to start.
const START: Duration = Duration::from_mins(1);

/// How long a page has to come to what is expected of it.
const PATIENCE: Duration = Duration::from_secs(15);

/// A browser under control; the driver, and the browser with it, ends on drop.
pub(crate) struct Session {
    pub(crate) client: Client,
    _driver: Group,
}

impl Session {
    /// Starts the driver and the browser. Certificates are not checked: the test server signs its own.
    pub(crate) async fn start(browser: &Browser) -> Result<Self> {
        Self::start_as(browser, browser.capabilities()).await
    }

    /// Starts as [`start`](Self::start) does, with other capabilities than the browser's usual ones.
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

    /// Ends the session as the driver would like it; dropping it ends it, too.
    pub(crate) async fn close(self) {
        let _ = tokio::time::timeout(Duration::from_secs(5), self.client.clone().close()).await;
    }

    /// The element with this id, once it is there.
    pub(crate) async fn element(&self, id: &str) -> Result<Element> {
        let wait = self.client.wait().at_most(PATIENCE);
        wait.for_element(Locator::Id(id)).await.with_context(|| format!("the page has no #{id}"))
    }

    /// Clicks on an element.
    pub(crate) async fn click(&self, id: &str) -> Result<()> {
        self.element(id).await?.click().await.with_context(|| format!("cannot click on #{id}"))
    }

    /// Replaces what stands in a field by what a person types.
    pub(crate) async fn fill(&self, id: &str, text: &str) -> Result<()> {
        let field = self.element(id).await?;
        field.clear().await.with_context(|| format!("cannot clear #{id}"))?;
        if !text.is_empty() {
            field.send_keys(text).await.with_context(|| format!("cannot type into #{id}"))?;
        }
        Ok(())
    }

    /// The text that an element shows.
    pub(crate) async fn text(&self, id: &str) -> Result<String> {
        Ok(self.element(id).await?.text().await?.trim().to_owned())
    }

    /// Evaluates the body of a function.
    pub(crate) async fn execute(&self, body: &str, arguments: Vec<Value>) -> Result<Value> {
        Ok(self.client.execute(body, arguments).await?)
    }

    /// Waits until the body of a function returns something for which `is_it` holds.
    pub(crate) async fn wait_for(&self, what: &str, body: &str, is_it: impl Fn(&Value) -> bool) -> Result<Value> {
        self.wait_at_most(PATIENCE, what, body, is_it).await
    }

    /// Waits as [`wait_for`](Self::wait_for) does, for another time.
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
                bail!("waited {} s for {what}; seen: {value}", limit.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The operating system names a port that was free a moment ago, which is as good as drivers allow.
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
            bail!("the driver was not ready in {} s", START.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The driver's answer to the one command that needs no session.
fn status(address: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    write!(stream, "GET /status HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    // A driver that keeps the connection open is read until it pauses.
    let mut chunk = [0; 4096];
    while let Ok(length) = stream.read(&mut chunk) {
        answer.extend_from_slice(&chunk[..length]);
        if length == 0 || answer.ends_with(b"}") || answer.ends_with(b"}\n") {
            break;
        }
    }
    Some(String::from_utf8_lossy(&answer).into_owned())
}
