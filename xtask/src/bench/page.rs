//! The clients in a page, engine by engine.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::{Arguments, Program};
use crate::{
    browser::{Browser, Engine},
    build,
    npm::Package,
    process::{first_line, say},
    project::Project,
    serve::{Site, percent_encoded},
    setup, size,
    webdriver::Session,
};

/// The package with the clients that are written in Rust.
const CLIENTS: &str = "samesocket-bench-browser";

/// The packages of the clients, as the page calls them; those that the page has without one are the engine's.
const VERSIONS: [(&str, &str); 11] = [
    ("web-sys", "web-sys"),
    ("web-sys (awaited)", "web-sys"),
    ("samesocket (interface)", "samesocket"),
    ("samesocket (futures)", "samesocket"),
    ("samesocket (promptly)", "samesocket"),
    ("samesocket (js)", "samesocket"),
    ("gloo-net", "gloo-net"),
    ("ws_stream_wasm", "ws_stream_wasm"),
    ("tokio-tungstenite-wasm", "tokio-tungstenite-wasm"),
    ("ewebsock", "ewebsock"),
    ("websocket-web", "websocket-web"),
];

/// How long one engine has for everything.
const LIMIT: Duration = Duration::from_hours(2);

/// What it takes to run the page in these engines.
pub(super) fn set_up(project: &Project, engines: &[Engine]) -> Result<()> {
    let mut required = setup::wasm();
    required.push(setup::node());
    required.extend(engines.iter().map(|engine| setup::engine(*engine)));
    setup::ensure(project, &required)
}

/// Runs the page in one engine after the other, and keeps what came of it.
pub(super) fn run(
    arguments: &Arguments,
    engines: &[Engine],
    program: &Program,
    project: &Project,
    runtime: &Handle,
) -> Result<()> {
    let folder = project.cache.fresh("bench-site")?;
    lay_out(project, &folder)?;
    let site = Site::start(&folder, None, runtime)?;
    let mut found = Vec::new();
    for engine in engines {
        let (port, _server) = program.serve()?;
        let browser = setup::browser(*engine, project)?;
        found.push(in_engine(arguments, &browser, port, &site).with_context(|| engine.name())?);
        say(&format!("  done    {}", engine.name()));
    }
    let machine = program.command("machine").output()?.stdout;
    let versions: Result<Vec<_>> =
        VERSIONS.iter().map(|(client, package)| Ok((*client, project.version(package, CLIENTS)?))).collect();
    let results = json!({
        "date": first_line(std::process::Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"])),
        "machine": serde_json::from_slice::<Value>(&machine).context("the program tells no machine")?,
        "versions": versions?,
        "quick": arguments.quick,
        "engines": found,
    });
    let text = serde_json::to_string(&results)? + "\n";
    if arguments.is_whole() && engines.len() == Engine::ALL.len() {
        fs::write(project.root().join("bench/results/browser.json"), text)?;
        Ok(())
    } else {
        let folder = project.cache.fresh("bench-results")?;
        fs::write(folder.join("browser.json"), text)?;
        size::print_tables(project, &folder)
    }
}

/// Builds the page into an empty folder.
fn lay_out(project: &Project, folder: &Path) -> Result<()> {
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
    let mut found: Value = serde_json::from_str(&text).with_context(|| format!("this is no result: {text}"))?;
    if let Some(error) = found["error"].as_str() {
        bail!("{error}");
    }
    found["engine"] = engine.into();
    Ok(found)
}

/// What measuring takes beside what tests do: clocks and counts as exact as the engine has them.
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
            // A page that is busy for seconds is no accident here.
            preferences["dom.max_script_run_time"] = 0.into();
        }
        Engine::Webkit => {}
    }
    capabilities
}
