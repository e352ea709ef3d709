//! What runs in each engine: the page, the test binaries, the threads build, the https page.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Result, bail};

use super::{ledger::Ledger, reporting};
use crate::{
    browser::Engine,
    browser_tests::{Counts, Runner},
    build::TestBinary,
    demo,
    npm::Package,
    project::Project,
    serve::Site,
    setup,
};

/// How long one test binary has in one engine.
const LIMIT: Duration = Duration::from_mins(5);

/// What was built for the engines; what could not be built is none, and has been told of.
pub(super) struct Built {
    pub(super) tests: Option<Vec<TestBinary>>,
    pub(super) page: Option<()>,
    pub(super) https: Option<()>,
    pub(super) package: Option<Package>,
    /// The package's own tests, laid into the site.
    pub(super) package_tests: Option<()>,
    /// Not built at all where the engine that runs it was not picked.
    pub(super) threads: Option<TestBinary>,
}

/// Runs so many engines at the same time.
pub(super) fn run(project: &Project, picked: &[Engine], jobs: u8, built: &Built, site: &Site, ledger: &Ledger) {
    let waiting = Mutex::new(picked.iter().copied().collect::<VecDeque<_>>());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(engine) = next() {
                    run_engine(project, engine, built, site, ledger);
                }
            });
        }
    });
}

fn run_engine(project: &Project, engine: Engine, built: &Built, site: &Site, ledger: &Ledger) {
    let name = engine.name();
    if built.page.is_some() {
        ledger.step(&format!("{name}: the page"), || {
            demo::check(&setup::browser(engine, project)?, project, site, None)?;
            Ok((Counts { passed: 1, failed: 0 }, ()))
        });
    }
    let script = built.package.as_ref().map(Package::script);
    let runner = site.description().and_then(|server| Runner::new(project, engine, &server, script.as_deref()));
    let in_runner = |binary: &TestBinary, title: &str| {
        ledger.step(&format!("{name}: {title}"), || match &runner {
            Ok(runner) => Ok((runner.run(binary, LIMIT)?, ())),
            Err(error) => bail!("{error:#}"),
        });
    };
    for binary in built.tests.iter().flatten() {
        in_runner(binary, &binary.name());
    }
    if let (Engine::Chromium, Some(binary)) = (engine, &built.threads) {
        in_runner(binary, "threads build");
    }
    if built.https.is_some() {
        ledger.step(&format!("{name}: the https page"), || -> Result<_> {
            Ok((reporting::run(&setup::browser(engine, project)?, site, &reporting::HTTPS)?, ()))
        });
    }
    if built.package_tests.is_some() {
        ledger.step(&format!("{name}: the npm package"), || -> Result<_> {
            Ok((reporting::run(&setup::browser(engine, project)?, site, &reporting::CLASS)?, ()))
        });
    }
}
