//! `cargo xtask wpt --wpt DIR`: runs the web-platform-tests of `WebSocket` from the user's checkout, with the
//! platform's class and with ours.
//!
//! `suite` finds the tests, and `server` serves them. `browsers` runs them in engines, and `expectations` checks the outcomes.
//! `runtimes` runs them in JavaScript runtimes outside browsers, and `recorded` checks the outcomes. `report` prints them.

mod browsers;
mod expectations;
mod outcome;
mod recorded;
mod report;
mod runtimes;
mod server;
mod suite;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use tokio::runtime::Handle;

use self::{
    expectations::Expectations,
    outcome::{Class, Outcomes},
    recorded::Recorded,
    runtimes::{Run, Runtime},
    server::{FOLDER, HOST, LOCAL_HOST, Server},
    suite::Suite,
};
use crate::{browser::Engine, npm::Package, process::print_line, project::Project, setup};

/// The options of `cargo xtask wpt`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The web-platform-tests checkout, with at least `websockets`, `resources`, `common` and `interfaces`
    #[arg(long, value_name = "DIR")]
    wpt: PathBuf,

    /// The engines to run in: chromium and firefox by default, which alone can resolve the tests' host names
    #[arg(long, value_delimiter = ',')]
    engines: Vec<Engine>,

    /// The JavaScript runtimes to run in, instead of engines
    #[arg(long, value_delimiter = ',', value_enum, conflicts_with = "engines")]
    runtimes: Vec<Runtime>,

    /// Run only tests whose path contains this text
    #[arg(long, default_value = "")]
    filter: String,

    /// The number of browsers, or of tests in runtimes, that run at the same time
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
    jobs: u8,

    /// Write the files with the failures in runtimes anew
    #[arg(long, requires = "runtimes", conflicts_with = "filter")]
    bless: bool,
}

/// Runs the selected tests, and prints both classes' results side by side.
pub(crate) fn run(arguments: &Arguments, runtime: &Handle) -> Result<bool> {
    let project = Project::open()?;
    let in_engines = arguments.runtimes.is_empty();
    let engines = match &*arguments.engines {
        [] if in_engines => &[Engine::Chromium, Engine::Firefox],
        picked => picked,
    };
    ensure!(!engines.contains(&Engine::Webkit), "WebKit cannot resolve the tests' host names; use chromium or firefox");
    let mut required = setup::wasm();
    required.extend([setup::node(), setup::wpt()]);
    required.extend(engines.iter().map(|engine| setup::engine(*engine)));
    if !in_engines {
        required.push(setup::runtimes());
    }
    setup::ensure(&project, &required)?;
    // The tests load the npm package from the folder in which other commands build it.
    let _lock = project.cache.lock("test")?;

    let checkout = std::path::absolute(&arguments.wpt)?;
    let mut suite = Suite::find(&checkout)?;
    if in_engines {
        suite.retain_for_engines();
    } else {
        suite.retain_for_runtimes();
    }
    suite.tests.retain(|test| test.url.contains(&arguments.filter));
    ensure!(!suite.tests.is_empty(), "no test of the checkout matches the filter");
    suite.ensure_complete()?;
    print_line(&format!("{} pages, with each class in each engine or runtime", suite.tests.len()));
    for (reason, count) in &suite.left_out {
        print_line(&format!("  left out: {count} {reason}"));
    }

    let package = Package::build(&project)?;
    let (outcomes, complaints) = if in_engines {
        run_in_engines(&project, &package, &checkout, &suite, engines, arguments, runtime)?
    } else {
        run_in_runtimes(&project, &package, &checkout, &suite, arguments)?
    };
    report::keep(&project, &outcomes)?;
    report::print(&outcomes);
    for complaint in &complaints {
        print_line(&format!("  FAILED  {complaint}"));
    }
    Ok(complaints.is_empty())
}

fn run_in_engines(
    project: &Project,
    package: &Package,
    checkout: &Path,
    suite: &Suite,
    engines: &[Engine],
    arguments: &Arguments,
    runtime: &Handle,
) -> Result<(Outcomes, Vec<String>)> {
    let expectations = fs::read_to_string(project.root().join(FOLDER).join("expected_failures.txt"))?;
    let expectations = Expectations::read(&expectations).context("expected_failures.txt")?;
    let servers = Class::BOTH.map(|class| {
        let script = (class == Class::Samesocket).then(|| package.auto_script());
        Ok((class, Server::start(project, checkout, HOST, script.as_deref())?))
    });
    let servers = servers.into_iter().collect::<Result<BTreeMap<_, _>>>()?;
    let mut outcomes = Outcomes::new();
    for engine in engines {
        let browser = setup::browser(*engine, project)?;
        outcomes.extend(browsers::run(&browser, &servers, &suite.tests, arguments.jobs, runtime)?);
    }
    let complaints = expectations.compare(&outcomes, engines, &arguments.filter);
    Ok((outcomes, complaints))
}

fn run_in_runtimes(
    project: &Project,
    package: &Package,
    checkout: &Path,
    suite: &Suite,
    arguments: &Arguments,
) -> Result<(Outcomes, Vec<String>)> {
    let server = Server::start(project, checkout, LOCAL_HOST, None)?;
    let run = Run { project, package, server: &server, tests: &suite.tests, jobs: arguments.jobs };
    let mut outcomes = Outcomes::new();
    let mut complaints = Vec::new();
    for runtime in &arguments.runtimes {
        outcomes.extend(run.run(*runtime)?);
        let mut recorded = Recorded::read(project, *runtime)?;
        if arguments.bless {
            recorded.write(&outcomes, runtime.name())?;
        }
        complaints.extend(recorded.compare(&outcomes, runtime.name(), &arguments.filter));
    }
    Ok((outcomes, complaints))
}
