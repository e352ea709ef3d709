//! Pages that run their own tests and post a report.
//!
//! One is served over https: it tests wss, and errors that only a secure page can get. One has the tests of the npm
//! package, and one those of its streams. One opens connections with malformed heads.

use std::{cell::RefCell, time::Duration};

use anyhow::{Context as _, Error, Result, bail};
use serde::Deserialize;

use crate::{
    browser::{Browser, Engine},
    browser_tests::Counts,
    process::print_line,
    serve::{Site, percent_encoded},
    webdriver::Session,
};

/// A page that posts a report.
pub(super) struct Page {
    /// The folder of the page in the site. With the engine's name it is also the report's name.
    pub(super) folder: &'static str,
    is_secure: bool,
    limit: Duration,
    /// Whether Chromium may lose the page, which is then opened again.
    may_be_lost: bool,
}

/// The page served over https.
pub(super) const HTTPS: Page =
    Page { folder: "https", is_secure: true, limit: Duration::from_mins(1), may_be_lost: false };

/// The page with the tests of the npm package, which open and close thousands of sockets.
pub(super) const CLASS: Page =
    Page { folder: "class", is_secure: false, limit: Duration::from_mins(6), may_be_lost: false };

/// The page with the tests of the npm package's streams, over the engine's own. A tab or a worker of Chromium 156 can crash at a
/// garbage collection after its own `WebSocketStream` was used.
pub(super) const STREAMS: Page =
    Page { folder: "streams", is_secure: false, limit: Duration::from_mins(3), may_be_lost: true };

/// The page that opens a connection for each head of the fault server.
pub(super) const HEADS: Page =
    Page { folder: "heads", is_secure: false, limit: Duration::from_mins(2), may_be_lost: false };

/// The report of a page with tests.
#[derive(Deserialize)]
struct Verdict {
    passed: u64,
    failed: Vec<String>,
}

/// Opens the page and waits for its report.
pub(super) fn report(browser: &Browser, site: &Site, page: &Page) -> Result<String> {
    let Page { folder, is_secure, limit, may_be_lost } = page;
    let engine = browser.engine.name();
    let mut server = site.description()?;
    server["engine"] = engine.into();
    let path = format!("{folder}/index.html");
    let address = if *is_secure { site.https(&path) } else { site.page(&path) };
    let url = format!("{address}?server={}", percent_encoded(&server.to_string()));
    let name = format!("{folder}-{engine}");
    let open = async || {
        let session = Session::start(browser).await?;
        session.client.goto(&url).await.with_context(|| format!("cannot open {url}"))?;
        let title = RefCell::default();
        let end = tokio::select! {
            report = site.wait_report(&name, *limit) => {
                End::Reported(report.with_context(|| format!("the title of the page is {:?}", title.borrow()))?)
            }
            lost = wait_for_loss(&session, &title) => End::Lost(lost),
        };
        session.close().await;
        Ok(end)
    };
    site.runtime().block_on(report_of(&name, *may_be_lost && browser.engine == Engine::Chromium, open))
}

/// How a page has ended.
enum End {
    Reported(String),
    /// It has crashed, or the browser has.
    Lost(Error),
}

/// The times that a page which may be lost is opened, at most. When one page had all tests of the npm package, it was lost in three of
/// seven whole runs.
const MAX_OPENINGS: usize = 4;

/// Returns the report of a page. If it `may_be_lost` and is, it is opened again.
async fn report_of(name: &str, may_be_lost: bool, mut open: impl AsyncFnMut() -> Result<End>) -> Result<String> {
    let mut losses = 0;
    loop {
        let lost = match open().await? {
            End::Reported(report) => return Ok(report),
            End::Lost(lost) if !may_be_lost => return Err(lost),
            End::Lost(lost) => lost,
        };
        losses += 1;
        if losses == MAX_OPENINGS {
            return Err(lost.context(format!("the page was lost {losses} times")));
        }
        print_line(&format!("{name}: {lost:#}; the page is opened again"));
    }
}

/// Waits until the page is lost, because it, the browser or a worker of the page has crashed. Keeps the last title of the page,
/// which says what runs. A page that has lost a worker has a title that begins with "lost: ".
async fn wait_for_loss(session: &Session, last: &RefCell<String>) -> Error {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    loop {
        // No driver reports a crash before it is asked.
        seconds.tick().await;
        match session.client.title().await {
            Ok(title) if title.starts_with("lost: ") => return Error::msg(title),
            Ok(title) => *last.borrow_mut() = title,
            Err(error) => {
                return Error::new(error).context(format!("the page was lost; its title was {:?}", last.borrow()));
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the report of a page that is lost the first `times`, and how often it was opened.
    async fn outcome(times: usize, may_be_lost: bool) -> (Result<String, String>, usize) {
        let mut opened = 0;
        let open = async || {
            opened += 1;
            Ok(if opened > times {
                End::Reported(format!("report {opened}"))
            } else {
                End::Lost(Error::msg("tab crashed"))
            })
        };
        let report = report_of("streams-chromium", may_be_lost, open).await;
        (report.map_err(|error| format!("{error:#}")), opened)
    }

    #[tokio::test]
    async fn only_page_that_may_be_lost_is_opened_again() {
        assert_eq!(outcome(0, true).await, (Ok("report 1".to_owned()), 1));
        assert_eq!(outcome(3, true).await, (Ok("report 4".to_owned()), 4));
        assert_eq!(outcome(4, true).await, (Err("the page was lost 4 times: tab crashed".to_owned()), 4));
        assert_eq!(outcome(1, false).await, (Err("tab crashed".to_owned()), 1));
    }
}
