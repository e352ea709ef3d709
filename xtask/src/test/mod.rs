//! `cargo xtask test`: runs everything that has to pass, the quickest steps first.
//!
//! `steps` records the results. `lints` and `engines` have most of the steps, and `features` checks the Cargo features.
//! `report` checks the conformance reports that the tests leave. `heads` compares the results of malformed heads.
//! `reporting_page` runs the pages that test themselves.

mod engines;
pub(crate) mod features;
pub(crate) mod heads;
mod lints;
#[cfg(test)]
mod newer_syntax;
mod report;
mod reporting_page;
mod runtime_tallies;
pub(crate) mod runtimes;
mod steps;

use anyhow::{Result, ensure};
use tokio::runtime::Handle;

use self::{runtimes::Runtime, steps::Steps};
use crate::{
    browser::{Engine, Pick},
    browser_tests::Counts,
    build::{self, model_cargo, native_cargo},
    examples::{self, frontends::FEW},
    fuzz,
    native_reports::Reports,
    npm::Package,
    package,
    process::{print_line, run_to_end},
    project::Project,
    semver,
    serve::Site,
    setup, size,
};

/// The options of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pick: Pick,

    /// Skip formatting, clippy and the docs
    #[arg(long)]
    skip_lints: bool,

    /// The number of engines that run at the same time
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=3))]
    jobs: u8,

    /// Update the generated tables in the source, which CONTRIBUTING.md lists
    #[arg(long)]
    bless: bool,
}

/// Whether the budgets of instructions are for this machine. They hold for one instruction set.
const COUNTS_INSTRUCTIONS: bool = cfg!(all(target_os = "linux", target_arch = "x86_64"));

/// Runs all steps, even after one failed, and prints a table.
pub(crate) fn run(arguments: &Arguments, runtime: &Handle) -> Result<bool> {
    let project = Project::open()?;
    let picked = arguments.pick.engines();
    ensure!(
        !arguments.bless || picked == Engine::ALL,
        "--bless writes the tables of all engines, so it needs all of them"
    );
    let mut required = setup::wasm();
    required.push(setup::peers());
    required.push(setup::node());
    required.push(setup::runtimes());
    if COUNTS_INSTRUCTIONS {
        required.push(setup::valgrind());
    }
    required.push(setup::cxx());
    required.extend(examples::required());
    required.extend(semver::required());
    if !arguments.skip_lints {
        required.extend(setup::lints());
    }
    if picked.contains(&Engine::Chromium) {
        required.push(setup::sources());
    }
    // The example programs need Chromium, which is in the list already.
    required.extend(picked.iter().filter(|engine| **engine != Engine::Chromium).map(|engine| setup::engine(*engine)));
    setup::ensure(&project, &required)?;
    // Two runs would share the engines' folders and the tables.
    let _lock = project.cache.lock("test")?;

    let steps = Steps::default();
    if !arguments.skip_lints {
        lints::run(&project, &steps);
        features::lint_builds(&project, &steps);
        steps.run_step("example programs: lints", || Ok((Counts::default(), examples::lint(&project)?)));
        steps.run_step("chats in frameworks: lints", || Ok((Counts::default(), examples::frontends::lint(&project)?)));
    }
    features::run_steps(&project, &steps, arguments.bless);
    let reports = Reports::new(&project)?;
    steps.run_step("native tests", || Ok((native_tests(&project, &reports, arguments.bless)?, ())));
    steps.run_step("packages to publish", || Ok((Counts::default(), package::check(&project)?)));
    steps.run_step("public API", || Ok((semver::check(&project)?, ())));
    steps.run_step("model of the driver", || Ok((model_tests(&project)?, ())));
    steps.run_step("fuzzing, for seconds", || Ok((fuzz::check(&project)?, ())));
    steps.run_step("instructions per message", || Ok((instruction_tests(&project)?, ())));
    steps.run_step("third-party servers and proxies", || Ok((program_tests(&project)?, ())));
    steps.run_step("example programs", || Ok((examples::test(&project)?, ())));
    steps.run_step("chats in frameworks", || Ok((examples::frontends::test(&project, &FEW, runtime)?, ())));
    steps.run_step("native conformance reports", || report::collect_native(&project, &reports));
    let package = steps.run_step("npm package", || {
        let package = Package::build(&project)?;
        Ok((package.weigh()?, package))
    });
    if let Some(package) = &package {
        steps.run_step("program size in a page", || Ok((size::check(&project, package)?, ())));
        steps.run_step("npm package: types", || Ok((package.check_types()?, ())));
        steps.run_step("npm package: tests in Node", || {
            let site = Site::start(&project.cache.empty_folder("node-site")?, None, runtime)?;
            Ok((package.test_in_node(&site)?, ()))
        });
        steps.run_step("npm package: runtimes and bundlers", || {
            let site = Site::start(&project.cache.empty_folder("node-site")?, None, runtime)?;
            Ok((package.test_consumers(&project, &site, arguments.bless)?, ()))
        });
        runtimes::run_steps(&project, package, &Runtime::ALL, runtime, &steps, arguments.bless);
    }
    if !picked.is_empty() {
        let without_engines = WithoutEngines { reports, package };
        browser_steps(&project, &picked, arguments, runtime, without_engines, &steps)?;
    }
    Ok(steps.print_summary())
}

/// The results of the steps that need no engine.
struct WithoutEngines {
    reports: Reports,
    package: Option<Package>,
}

fn browser_steps(
    project: &Project,
    picked: &[Engine],
    arguments: &Arguments,
    runtime: &Handle,
    without_engines: WithoutEngines,
    steps: &Steps,
) -> Result<()> {
    let WithoutEngines { reports, package } = without_engines;
    let folder = project.cache.empty_folder("site")?;
    let none = Counts::default();
    let built = engines::Built {
        tests: steps.run_step("build: wasm tests", || Ok((none, build::tests(project)?))),
        page: steps.run_step("build: demo page", || {
            build::page(project, &folder)?;
            // Without the package the page lacks the class, and its check fails.
            Ok((none, package.as_ref().map_or(Ok(()), |package| package.copy_into_page(&folder))?))
        }),
        https: steps.run_step("build: https page", || {
            Ok((none, build::https(project, &folder.join(reporting_page::HTTPS.folder))?))
        }),
        package_tests: match &package {
            Some(package) => steps.run_step("build: npm package tests", || {
                package.build_stream_tests(&folder.join(reporting_page::STREAMS.folder))?;
                Ok((none, package.build_tests(&folder.join(reporting_page::CLASS.folder))?))
            }),
            None => None,
        },
        heads: steps.run_step("build: page of the HTTP heads", || Ok((none, heads::build(project, &folder)?))),
        package,
        // One engine is enough to check that data is copied out of shared memory.
        threads: if picked.contains(&Engine::Chromium) {
            steps.run_step("build: threads test", || Ok((none, build::threads(project)?)))
        } else {
            None
        },
    };
    let site = Site::start(&folder, None, runtime)?;
    reports.publish(&site)?;
    engines::run(project, picked, arguments.jobs, &built, &site, steps);
    if built.heads.is_some() {
        steps.run_step("HTTP heads", || heads::check(project, picked, &site, &reports, arguments.bless));
    }
    if built.tests.is_some() {
        steps.run_step("conformance reports", || report::collect(project, picked, &site, arguments.bless));
    }
    Ok(())
}

fn native_tests(project: &Project, reports: &Reports, bless: bool) -> Result<Counts> {
    let mut command = native_cargo(project);
    command.args(["test", "--workspace", "--no-fail-fast"]);
    for package in project.wasm_only()? {
        command.args(["--exclude", package]);
    }
    reports.write_into(&mut command, bless);
    let finished = run_to_end("native tests", &mut command)?.checked(&command)?;
    Ok(Counts::read(&finished.log).unwrap_or_default())
}

/// Runs the driver's hand-over under the schedules of `shuttle`, which replaces the locks under this `cfg`.
fn model_tests(project: &Project) -> Result<Counts> {
    let mut command = model_cargo(project);
    command.args(["test", "-p", "samesocket", "--lib", "model"]);
    let finished = run_to_end("model of the driver", &mut command)?.checked(&command)?;
    let counts = Counts::read(&finished.log).unwrap_or_default();
    ensure!(counts.passed > 0, "no model test has run");
    Ok(counts)
}

/// Checks the budgets of instructions on an optimised build. The counts of other builds say little about the code.
fn instruction_tests(project: &Project) -> Result<Counts> {
    if !COUNTS_INSTRUCTIONS {
        print_line("          nothing is counted: the budgets are for Linux on x86-64");
        return Ok(Counts::default());
    }
    let mut command = native_cargo(project);
    command.args(["test", "--profile", "bench-no-lto", "-p", "samesocket-bench", "--test", "budgets", "instructions"]);
    let finished = run_to_end("instructions per message", &mut command)?.checked(&command)?;
    let counts = Counts::read(&finished.log).unwrap_or_default();
    ensure!(counts.passed > 0, "no instructions were counted");
    Ok(counts)
}

/// Tests the native client with third-party servers and proxies.
fn program_tests(project: &Project) -> Result<Counts> {
    let mut command = native_cargo(project);
    command.args(["test", "-p", "samesocket-peers", "--features", "programs", "--test", "interop_programs"]);
    command.args(["--test", "http2_chromium", "--test", "http2_programs"]);
    setup::set_peer_paths(project, &mut command)?;
    let finished = run_to_end("third-party servers and proxies", &mut command)?.checked(&command)?;
    Ok(Counts::read(&finished.log).unwrap_or_default())
}
