//! `cargo xtask soak`: what takes minutes, in the engines and natively, side by side.

mod memory;

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use tokio::runtime::Handle;

use self::memory::Held;
use crate::{
    browser::{Engine, Pick},
    browser_tests::{Counts, Runner},
    build::{self, CONFORMANCE, NATIVE_SOAK, TestBinary, native_cargo},
    process::{say, watch_until},
    project::Project,
    serve::Site,
    setup,
};

/// What `soak` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pick: Pick,
}

/// How long an engine has for all of it.
const LIMIT: Duration = Duration::from_mins(20);

/// Runs the soak test natively and in the engines picked, all at the same time: they mostly wait.
pub(crate) fn run(arguments: &Arguments, runtime: &Handle) -> Result<bool> {
    let project = Project::open()?;
    let engines = arguments.pick.engines();
    let mut required = setup::wasm();
    required.extend(engines.iter().map(|engine| setup::engine(*engine)));
    setup::ensure(&project, &required)?;

    let binary = build::soak(&project)?;
    let site = Site::start(&project.cache.fresh("site")?, None, runtime)?;
    let outcomes: Vec<Result<(Counts, Option<Held>)>> = thread::scope(|scope| {
        let natively = scope.spawn(|| natively(&project).map(|counts| (counts, None)));
        let (project, site, binary) = (&project, &site, &binary);
        let in_engines = engines.iter().map(|engine| scope.spawn(move || in_engine(project, *engine, site, binary)));
        let runs: Vec<_> = [natively].into_iter().chain(in_engines).collect();
        runs.into_iter().map(|run| run.join().unwrap_or_else(|_| bail!("the thread panicked"))).collect()
    });

    let mut all = Counts::default();
    let names = ["native"].into_iter().chain(engines.iter().map(|engine| engine.name()));
    for (name, outcome) in names.zip(outcomes) {
        match outcome {
            Ok((counts, held)) => {
                all += counts;
                let held = held.map(|held| format!("; held {held}")).unwrap_or_default();
                say(&format!("  ok      {name:<10}{} passed{held}", counts.passed));
            }
            Err(error) => {
                all.failed += 1;
                say(&format!("  FAILED  {name:<10}{error:#}"));
            }
        }
    }
    println!("{} passed, {} failed", all.passed, all.failed);
    Ok(all.failed == 0)
}

/// Runs the test in one engine, and looks what its processes hold.
fn in_engine(project: &Project, engine: Engine, site: &Site, binary: &TestBinary) -> Result<(Counts, Option<Held>)> {
    let runner = Runner::new(project, engine, &site.description()?, None)?;
    let (started, ended) = (OnceLock::new(), AtomicBool::new(false));
    let (counts, held) = thread::scope(|scope| {
        let looking = scope.spawn(|| memory::watch(site, engine, &started, &ended));
        let counts = runner.run_beside(binary, LIMIT, |process| _ = started.set(process));
        ended.store(true, Ordering::Relaxed);
        (counts, looking.join().unwrap_or_default())
    });
    let counts = counts?;
    memory::judge(engine, held)?;
    Ok((counts, held))
}

fn natively(project: &Project) -> Result<Counts> {
    let mut command = native_cargo(project);
    command.args(["test", "-p", CONFORMANCE, "--test", NATIVE_SOAK]);
    let finished = watch_until("native soak", &mut command, LIMIT)?.checked(&command)?;
    Counts::read(&finished.log).context("the run came to no result")
}
