//! `cargo xtask wpt --wpt DIR`: runs the web-platform-tests of `WebSocket` from the user's checkout, with the
//! platform's class and with ours.
//!
//! `suite` finds the tests, `server` serves them, `browsers` runs them, `expectations` checks the outcomes, and `report` prints
//! them.

mod browsers;
mod expectations;
mod outcome;
mod report;
mod server;
mod suite;

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Context as _, Result, ensure};
use tokio::runtime::Handle;

use self::{
    expectations::Expectations,
    outcome::{Class, Outcomes},
    server::{FOLDER, Server},
    suite::Suite,
};
use crate::{browser::Engine, npm::Package, process::print_line, project::Project, setup};

/// The options of `cargo xtask wpt`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The web-platform-tests checkout, with at least `websockets`, `resources`, `common` and `interfaces`
    #[arg(long, value_name = "DIR")]
    wpt: PathBuf,

    /// The engines to run in; only Chromium and Firefox can resolve the tests' host names
    #[arg(long, value_delimiter = ',', default_value = "chromium,firefox")]
    engines: Vec<Engine>,

    /// Run only tests whose path contains this text
    #[arg(long, default_value = "")]
    filter: String,

    /// The number of browsers that run at the same time
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
    jobs: u8,
}

/// Runs the selected tests, and prints both classes' results side by side.
pub(crate) fn run(arguments: &Arguments, runtime: &Handle) -> Result<bool> {
    let project = Project::open()?;
    ensure!(
        !arguments.engines.contains(&Engine::Webkit),
        "WebKit cannot resolve the tests' host names; use chromium or firefox"
    );
    let mut required = setup::wasm();
    required.extend([setup::node(), setup::wpt()]);
    required.extend(arguments.engines.iter().map(|engine| setup::engine(*engine)));
    setup::ensure(&project, &required)?;
    let _lock = project.cache.lock("wpt")?;

    let checkout = std::path::absolute(&arguments.wpt)?;
    let mut suite = Suite::find(&checkout)?;
    suite.tests.retain(|test| test.url.contains(&arguments.filter));
    ensure!(!suite.tests.is_empty(), "no test of the checkout matches the filter");
    let expectations = fs::read_to_string(project.root().join(FOLDER).join("expected_failures.txt"))?;
    let expectations = Expectations::read(&expectations).context("expected_failures.txt")?;
    print_line(&format!("{} pages, with each class in each engine", suite.tests.len()));
    for (reason, count) in &suite.left_out {
        print_line(&format!("  left out: {count} {reason}"));
    }

    let package = Package::build(&project)?;
    let servers = Class::BOTH.map(|class| {
        let script = (class == Class::Samesocket).then(|| package.auto_script());
        Ok((class, Server::start(&project, &checkout, script.as_deref())?))
    });
    let servers = servers.into_iter().collect::<Result<BTreeMap<_, _>>>()?;
    let mut outcomes = Outcomes::new();
    for engine in &arguments.engines {
        let browser = setup::browser(*engine, &project)?;
        outcomes.extend(browsers::run(&browser, &servers, &suite.tests, arguments.jobs, runtime)?);
    }
    report::keep(&project, &outcomes)?;
    report::print(&outcomes);
    let complaints = expectations.compare(&outcomes, &arguments.engines, &arguments.filter);
    for complaint in &complaints {
        print_line(&format!("  FAILED  {complaint}"));
    }
    Ok(complaints.is_empty())
}
