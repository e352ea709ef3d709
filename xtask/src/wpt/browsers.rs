//! Several browsers of one engine, which take the tests from one queue.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Map, Value, json};
use tokio::{runtime::Handle, time::timeout};

use super::{
    outcome::{Class, Outcome, Outcomes},
    server::Server,
    suite::Test,
};
use crate::{
    browser::{Browser, Engine},
    process::print_line,
    webdriver::Session,
};

/// The time limits of a page, normal and long. The tests' own limit, three times the usual one, is shorter.
const LIMIT: Duration = Duration::from_secs(45);
const LONG_LIMIT: Duration = Duration::from_secs(200);
/// The number of pages between two lines of progress.
const PROGRESS_INTERVAL: usize = 100;

const RESULTS: &str = "return globalThis.samesocketResults ?? null";

/// Runs all tests with each class.
pub(super) fn run(
    browser: &Browser,
    servers: &BTreeMap<Class, Server>,
    tests: &[Test],
    jobs: u8,
    runtime: &Handle,
) -> Result<Outcomes> {
    let all: VecDeque<_> = tests.iter().flat_map(|test| servers.keys().map(move |class| (*class, test))).collect();
    let count = all.len();
    let waiting = Mutex::new(all);
    let next = || {
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = count - waiting.len();
        if taken > 0 && taken.is_multiple_of(PROGRESS_INTERVAL) {
            print_line(&format!("  … {}: {taken} of {count}", browser.engine.name()));
        }
        waiting.pop_front()
    };
    let work = async || {
        let mut found = Outcomes::new();
        let mut window = Window::open(browser).await?;
        while let Some((class, test)) = next() {
            let server = servers.get(&class).context("a class has no server")?;
            let outcome = match window.run(&server.address(test)?, test).await {
                Ok(outcome) => outcome,
                Err(error) => {
                    // The browser may be in any state, so the next test gets a new one.
                    window = Window::open(browser).await?;
                    Outcome { class, harness: "CRASH".to_owned(), message: format!("{error:#}"), tests: Vec::new() }
                }
            };
            ensure!(outcome.class == class, "{} used the class {:?}", test.url, outcome.class);
            found.insert((browser.engine.name(), class, test.url.clone()), outcome);
        }
        window.session.close().await;
        Ok(found)
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(|| runtime.block_on(work()))).collect();
        let mut all = Outcomes::new();
        for worker in workers {
            all.extend(worker.join().unwrap_or_else(|_| bail!("a thread panicked"))?);
        }
        Ok(all)
    })
}

/// A browser window that runs tests.
struct Window {
    session: Session,
}

impl Window {
    async fn open(browser: &Browser) -> Result<Self> {
        Ok(Self { session: Session::start_as(browser, capabilities(browser)).await? })
    }

    async fn run(&self, address: &str, test: &Test) -> Result<Outcome> {
        let limit = if test.is_long { LONG_LIMIT } else { LIMIT };
        let outcome = timeout(limit, async {
            self.session.client.goto(address).await?;
            let results = self.session.wait_at_most(limit, "the results", RESULTS, |value| !value.is_null()).await?;
            Ok(serde_json::from_value(results)?)
        });
        let outcome = outcome.await.context("the page posted no result in time")?;
        self.close_others().await?;
        outcome
    }

    /// Closes the windows that a test opened.
    async fn close_others(&self) -> Result<()> {
        let client = &self.session.client;
        let own = client.window().await?;
        for other in client.windows().await? {
            if other != own {
                client.switch_to_window(other).await?;
                client.close_window().await?;
                client.switch_to_window(own.clone()).await?;
            }
        }
        Ok(())
    }
}

/// Returns the usual capabilities, with the tests' host names, popups allowed, and no proxy.
fn capabilities(browser: &Browser) -> Map<String, Value> {
    let mut capabilities = browser.capabilities();
    if browser.engine == Engine::Chromium {
        let own = ["--host-resolver-rules=MAP *.test 127.0.0.1", "--no-proxy-server", "--disable-popup-blocking"];
        let options = capabilities.get_mut("goog:chromeOptions").and_then(|options| options.get_mut("args"));
        if let Some(Value::Array(arguments)) = options {
            arguments.extend(own.map(Value::from));
        }
    } else {
        let names = ["", "www.", "www1.", "www2.", "www1.www2.", "xn--n8j6ds53lwwkrqhv28a.", "xn--lve-6lad."];
        let hosts = ["web-platform.test", "not-web-platform.test"];
        let hosts: Vec<String> = hosts.iter().flat_map(|host| names.map(|name| format!("{name}{host}"))).collect();
        let own = [
            ("network.dns.localDomains", json!(hosts.join(","))),
            ("network.proxy.type", json!(0)),
            ("dom.disable_open_during_load", json!(false)),
        ];
        let options = capabilities.get_mut("moz:firefoxOptions").and_then(|options| options.get_mut("prefs"));
        if let Some(Value::Object(preferences)) = options {
            preferences.extend(own.map(|(name, value)| (name.to_owned(), value)));
        }
    }
    capabilities
}
