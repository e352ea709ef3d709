//! `cargo xtask soak`: the tests that take minutes, on this machine and in the engines, all in parallel.

mod memory;

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result, bail};
use tokio::runtime::Handle;

use self::memory::MemoryUse;
use crate::{
    browser::{Engine, Pick},
    browser_tests::{Counts, Runner},
    build::{self, CONFORMANCE, NATIVE_SOAK, TestBinary, native_cargo},
    process::{print_line, run_with_limit},
    project::Project,
    serve::Site,
    setup,
};

/// The options of `cargo xtask soak`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pick: Pick,

    /// The minutes of the chaos run, in which sockets and servers do random things
    #[arg(long, default_value_t = 5)]
    minutes: u64,

    /// The seed of the chaos run, to repeat one that failed
    #[arg(long)]
    seed: Option<u64>,
}

/// The time limit of one engine.
const LIMIT: Duration = Duration::from_mins(20);

/// Runs the soak tests on this machine and in the selected engines. They mostly wait, so all run at the same time.
pub(crate) fn run(arguments: &Arguments, runtime: &Handle) -> Result<bool> {
    let project = Project::open()?;
    let engines = arguments.pick.engines();
    let mut required = setup::wasm();
    required.extend(engines.iter().map(|engine| setup::engine(*engine)));
    setup::ensure(&project, &required)?;
    // `cargo xtask test` has its pages and browsers in the same folders.
    let _lock = project.cache.lock("test")?;

    let binary = build::soak(&project)?;
    let site = Site::start(&project.cache.empty_folder("site")?, None, runtime)?;
    let seed = arguments.seed.unwrap_or_else(|| SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs()));
    let chaos = Chaos { minutes: arguments.minutes, seed };
    print_line(&format!("The seed of the chaos run is {seed}"));
    let outcomes: Vec<Result<(Counts, Option<MemoryUse>)>> = thread::scope(|scope| {
        let native = scope.spawn(|| native(&project, chaos).map(|counts| (counts, None)));
        let (project, site, binary) = (&project, &site, &binary);
        let in_engines = engines.iter().map(|engine| scope.spawn(move || in_engine(project, *engine, site, binary)));
        let runs: Vec<_> = [native].into_iter().chain(in_engines).collect();
        runs.into_iter().map(|run| run.join().unwrap_or_else(|_| bail!("a thread panicked"))).collect()
    });

    let mut all = Counts::default();
    let names = ["native"].into_iter().chain(engines.iter().map(|engine| engine.name()));
    for (name, outcome) in names.zip(outcomes) {
        match outcome {
            Ok((counts, held)) => {
                all += counts;
                let held = held.map(|held| format!("; memory: {held}")).unwrap_or_default();
                print_line(&format!("  ok      {name:<10}{} passed{held}", counts.passed));
            }
            Err(error) => {
                all.failed += 1;
                print_line(&format!("  FAILED  {name:<10}{error:#}"));
            }
        }
    }
    println!("{} passed, {} failed", all.passed, all.failed);
    Ok(all.failed == 0)
}

/// Runs the test in one engine, and measures the memory of the engine's processes.
fn in_engine(
    project: &Project,
    engine: Engine,
    site: &Site,
    binary: &TestBinary,
) -> Result<(Counts, Option<MemoryUse>)> {
    let runner = Runner::new(project, engine, &site.description()?, None)?;
    let (started, ended) = (OnceLock::new(), AtomicBool::new(false));
    let (counts, held) = thread::scope(|scope| {
        let measuring = scope.spawn(|| memory::measure(site, engine, &started, &ended));
        let counts = runner.run_beside(binary, LIMIT, |process| _ = started.set(process));
        ended.store(true, Ordering::Relaxed);
        (counts, measuring.join().unwrap_or_default())
    });
    let counts = counts?;
    memory::check(engine, held)?;
    Ok((counts, held))
}

/// The time and the seed of the chaos run.
#[derive(Clone, Copy)]
struct Chaos {
    minutes: u64,
    seed: u64,
}

fn native(project: &Project, chaos: Chaos) -> Result<Counts> {
    let mut command = native_cargo(project);
    command.args(["test", "-p", CONFORMANCE, "--test", NATIVE_SOAK]);
    command.env("SAMESOCKET_CHAOS_MINUTES", chaos.minutes.to_string());
    command.env("SAMESOCKET_CHAOS_SEED", chaos.seed.to_string());
    let limit = LIMIT + Duration::from_mins(chaos.minutes);
    let finished = run_with_limit("native soak", &mut command, limit)?.checked(&command)?;
    Counts::read(&finished.log).context("the run printed no test result")
}
