//! Measures the clients in a page, one engine after the other.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::{Arguments, Program};
use crate::{
    browser::{Browser, Engine},
    build,
    npm::Package,
    process::{first_line, print_line},
    project::Project,
    serve::{Site, percent_encoded},
    setup, size,
    webdriver::Session,
};

/// The package of the clients written in Rust.
const CLIENTS: &str = "samesocket-bench-browser";

/// The package of each client in the page. A client that is not listed belongs to the engine.
const VERSIONS: [(&str, &str); 12] = [
    ("web-sys", "web-sys"),
    ("web-sys (again)", "web-sys"),
    ("web-sys (awaited)", "web-sys"),
    ("samesocket (interface)", "samesocket"),
    ("samesocket (futures)", "samesocket"),
    ("samesocket (poll_in_event)", "samesocket"),
    ("samesocket (js)", "samesocket"),
    ("gloo-net", "gloo-net"),
    ("ws_stream_wasm", "ws_stream_wasm"),
    ("tokio-tungstenite-wasm", "tokio-tungstenite-wasm"),
    ("ewebsock", "ewebsock"),
    ("websocket-web", "websocket-web"),
];

/// The time limit for all jobs in one engine.
const LIMIT: Duration = Duration::from_hours(2);

/// Installs the tools that the page needs in these engines.
pub(super) fn set_up(project: &Project, engines: &[Engine]) -> Result<()> {
    let mut required = setup::wasm();
    required.push(setup::node());
    required.extend(engines.iter().map(|engine| setup::engine(*engine)));
    setup::ensure(project, &required)
}

/// Runs the page in one engine after the other, and saves the results.
pub(super) fn run(
    arguments: &Arguments,
    engines: &[Engine],
    program: &Program,
    project: &Project,
    runtime: &Handle,
) -> Result<()> {
    let folder = project.cache.empty_folder("bench-site")?;
    build_page(project, &folder)?;
    let site = Site::start(&folder, None, runtime)?;
    let mut found = Vec::new();
    for engine in engines {
        let (port, _server) = program.serve()?;
        let browser = setup::browser(*engine, project)?;
        found.push(in_engine(arguments, &browser, port, &site).with_context(|| engine.name())?);
        print_line(&format!("  done    {}", engine.name()));
    }
    let machine = program.command("machine").output()?.stdout;
    let versions: Result<Vec<_>> =
        VERSIONS.iter().map(|(client, package)| Ok((*client, project.version(package, CLIENTS)?))).collect();
    let results = json!({
        "date": first_line(std::process::Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"])),
        "machine": serde_json::from_slice::<Value>(&machine).context("the program printed no description of the machine")?,
        "versions": versions?,
        "quick": arguments.quick,
        "engines": found,
    });
    let text = serde_json::to_string(&results)? + "\n";
    if arguments.is_whole() && engines.len() == Engine::ALL.len() {
        fs::write(project.root().join("bench/results/browser.json"), text)?;
        Ok(())
    } else {
        let folder = project.cache.empty_folder("bench-results")?;
        fs::write(folder.join("browser.json"), text)?;
        size::print_tables(project, &folder)
    }
}

/// Builds the page into an empty folder.
fn build_page(project: &Project, folder: &Path) -> Result<()> {
    build::bench_page(project, CLIENTS, folder)?;
    let _lock = project.cache.lock("test")?;
    Package::build(project)?.publish_dist(&folder.join("package/dist"))
}

fn in_engine(arguments: &Arguments, browser: &Browser, port: u16, site: &Site) -> Result<Value> {
    let engine = browser.engine.name();
    let report = format!("bench-{engine}");
    let plan = json!({
        "port": port,
        "report": report,
        "quick": arguments.quick,
        "rounds": arguments.rounds.unwrap_or(if arguments.quick { 2 } else { 21 }),
        "jobs": arguments.jobs,
        "clients": arguments.clients,
    });
    let url = format!("{}?plan={}", site.page("index.html"), percent_encoded(&plan.to_string()));
    let text = site.runtime().block_on(async {
        let session = Session::start_as(browser, capabilities(browser)).await?;
        session.client.goto(&url).await.with_context(|| format!("cannot open {url}"))?;
        let outcome = site.wait_report(&report, LIMIT).await;
        session.close().await;
        outcome
    })?;
    let mut found: Value = serde_json::from_str(&text).with_context(|| format!("this is not a result: {text}"))?;
    if let Some(error) = found["error"].as_str() {
        bail!("{error}");
    }
    found["engine"] = engine.into();
    Ok(found)
}

/// Returns the capabilities for measuring: the usual ones, with the engine's most precise clocks and counters.
fn capabilities(browser: &Browser) -> serde_json::Map<String, Value> {
    let mut capabilities = browser.capabilities();
    match browser.engine {
        Engine::Chromium => {
            if let Some(arguments) = capabilities["goog:chromeOptions"]["args"].as_array_mut() {
                arguments.push("--enable-precise-memory-info".into());
            }
        }
        Engine::Firefox => {
            let preferences = &mut capabilities["moz:firefoxOptions"]["prefs"];
            preferences["privacy.reduceTimerPrecision"] = false.into();
            // The page is busy for seconds on purpose.
            preferences["dom.max_script_run_time"] = 0.into();
        }
        Engine::Webkit => {}
    }
    capabilities
}
