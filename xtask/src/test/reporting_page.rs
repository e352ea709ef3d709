//! Pages that run their own tests and post a report.
//!
//! One is served over https: it tests wss, and errors that only a secure page can get. One has the tests of the npm
//! package. One opens connections with malformed heads.

use std::time::Duration;

use anyhow::{Context as _, Error, Result, bail};
use serde::Deserialize;

use crate::{
    browser::Browser,
    browser_tests::Counts,
    serve::{Site, percent_encoded},
    webdriver::Session,
};

/// A page that posts a report.
pub(super) struct Page {
    /// The folder of the page in the site. With the engine's name it is also the report's name.
    pub(super) folder: &'static str,
    is_secure: bool,
    limit: Duration,
}

/// The page served over https.
pub(super) const HTTPS: Page = Page { folder: "https", is_secure: true, limit: Duration::from_mins(1) };

/// The page with the tests of the npm package, which open and close thousands of sockets.
pub(super) const CLASS: Page = Page { folder: "class", is_secure: false, limit: Duration::from_mins(6) };

/// The page that opens a connection for each head of the fault server.
pub(super) const HEADS: Page = Page { folder: "heads", is_secure: false, limit: Duration::from_mins(2) };

/// The report of a page with tests.
#[derive(Deserialize)]
struct Verdict {
    passed: u64,
    failed: Vec<String>,
}

/// Opens the page and waits for its report.
pub(super) fn report(browser: &Browser, site: &Site, page: &Page) -> Result<String> {
    let Page { folder, is_secure, limit } = page;
    let engine = browser.engine.name();
    let mut server = site.description()?;
    server["engine"] = engine.into();
    let path = format!("{folder}/index.html");
    let address = if *is_secure { site.https(&path) } else { site.page(&path) };
    let url = format!("{address}?server={}", percent_encoded(&server.to_string()));
    site.runtime().block_on(async {
        let session = Session::start(browser).await?;
        session.client.goto(&url).await.with_context(|| format!("cannot open {url}"))?;
        let name = format!("{folder}-{engine}");
        let report = tokio::select! {
            report = site.wait_report(&name, *limit) => report,
            lost = wait_for_loss(&session) => Err(lost),
        };
        session.close().await;
        report
    })
}

/// Waits until the page is lost, because it or the browser has crashed. The error has the last title of the page.
async fn wait_for_loss(session: &Session) -> Error {
    let (mut last, mut seconds) = (String::new(), tokio::time::interval(Duration::from_secs(1)));
    loop {
        // No driver reports a crash before it is asked.
        seconds.tick().await;
        match session.client.title().await {
            Ok(title) => last = title,
            Err(error) => return Error::new(error).context(format!("the page was lost; its title was {last:?}")),
        }
    }
}

/// Runs the tests of the page.
pub(super) fn run(browser: &Browser, site: &Site, page: &Page) -> Result<Counts> {
    let text = report(browser, site, page)?;
    let verdict: Verdict = serde_json::from_str(&text).with_context(|| format!("this is not a report: {text}"))?;
    if verdict.passed == 0 && verdict.failed.is_empty() {
        bail!("no test ran");
    }
    if !verdict.failed.is_empty() {
        let (passed, failed) = (verdict.passed, verdict.failed.len());
        bail!("{}\ntest result: FAILED. {passed} passed; {failed} failed;", verdict.failed.join("\n"));
    }
    Ok(Counts { passed: verdict.passed, failed: 0 })
}
