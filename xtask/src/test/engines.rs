//! The steps that run in each engine: the demo page, the test binaries, the threads test, the https page, the malformed
//! heads, and the npm package.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Result, bail};

use super::{heads, reporting_page, steps::Steps};
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

/// The time limit of one test binary in one engine.
const LIMIT: Duration = Duration::from_mins(5);

/// The build results for the engines. A build that failed is `None`, and its error has been printed.
pub(super) struct Built {
    pub(super) tests: Option<Vec<TestBinary>>,
    pub(super) page: Option<()>,
    pub(super) https: Option<()>,
    pub(super) heads: Option<()>,
    pub(super) package: Option<Package>,
    /// Whether the npm package's tests are in the site.
    pub(super) package_tests: Option<()>,
    /// `None`, too, if the engine that runs it is not selected.
    pub(super) threads: Option<TestBinary>,
}

/// Runs the steps of all selected engines, `jobs` engines at a time.
pub(super) fn run(project: &Project, picked: &[Engine], jobs: u8, built: &Built, site: &Site, steps: &Steps) {
    let waiting = Mutex::new(picked.iter().copied().collect::<VecDeque<_>>());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(engine) = next() {
                    run_engine(project, engine, built, site, steps);
                }
            });
        }
    });
}

fn run_engine(project: &Project, engine: Engine, built: &Built, site: &Site, steps: &Steps) {
    let name = engine.name();
    if built.page.is_some() {
        steps.run_step(&format!("{name}: demo page"), || {
            demo::check(&setup::browser(engine, project)?, project, site, None)?;
            Ok((Counts { passed: 1, failed: 0 }, ()))
        });
    }
    let script = built.package.as_ref().map(Package::script);
    let runner = site.description().and_then(|server| Runner::new(project, engine, &server, script.as_deref()));
    let in_runner = |binary: &TestBinary, title: &str| {
        steps.run_step(&format!("{name}: {title}"), || match &runner {
            Ok(runner) => Ok((runner.run(binary, LIMIT)?, ())),
            Err(error) => bail!("{error:#}"),
        });
    };
    for binary in built.tests.iter().flatten() {
        in_runner(binary, &binary.name());
    }
    if let (Engine::Chromium, Some(binary)) = (engine, &built.threads) {
        in_runner(binary, "threads test");
    }
    if built.https.is_some() {
        steps.run_step(&format!("{name}: https page"), || -> Result<_> {
            Ok((reporting_page::run(&setup::browser(engine, project)?, site, &reporting_page::HTTPS)?, ()))
        });
    }
    if built.heads.is_some() {
        heads::run_engine(project, engine, site, steps);
    }
    if built.package_tests.is_some() {
        steps.run_step(&format!("{name}: npm package tests"), || -> Result<_> {
            Ok((reporting_page::run(&setup::browser(engine, project)?, site, &reporting_page::CLASS)?, ()))
        });
        steps.run_step(&format!("{name}: streams of the npm package"), || -> Result<_> {
            Ok((reporting_page::run(&setup::browser(engine, project)?, site, &reporting_page::STREAMS)?, ()))
        });
    }
}
