//! `cargo xtask test`: everything that has to pass, cheap failures first.

mod engines;
mod ledger;
mod lints;
mod report;
mod reporting;

use anyhow::Result;
use tokio::runtime::Handle;

use self::ledger::Ledger;
use crate::{
    browser::{Engine, Pick},
    browser_tests::Counts,
    build::{self, native_cargo},
    native::Reports,
    npm::Package,
    process::watch,
    project::Project,
    serve::Site,
    setup, size,
};

/// What `test` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pick: Pick,

    /// Leave out formatting, clippy and the docs
    #[arg(long)]
    skip_lints: bool,

    /// How many engines run at the same time
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=3))]
    jobs: u8,

    /// Keep the table of the engines' deviations in the source
    #[arg(long)]
    bless: bool,
}

/// Runs all steps, whatever becomes of one, and prints a table.
pub(crate) fn run(arguments: &Arguments, runtime: &Handle) -> Result<bool> {
    let project = Project::open()?;
    let picked = arguments.pick.engines();
    let mut required = setup::wasm();
    required.push(setup::peers());
    required.push(setup::node());
    required.push(setup::valgrind());
    if !arguments.skip_lints {
        required.extend(setup::lints());
    }
    if picked.contains(&Engine::Chromium) {
        required.push(setup::sources());
    }
    required.extend(picked.iter().map(|engine| setup::engine(*engine)));
    setup::ensure(&project, &required)?;
    // Two runs would share the engines' folders and the table.
    let _lock = project.cache.lock("test")?;

    let ledger = Ledger::default();
    if !arguments.skip_lints {
        lints::run(&project, &ledger);
    }
    let reports = Reports::new(&project)?;
    ledger.step("native tests", || Ok((native_tests(&project, &reports)?, ())));
    ledger.step("programs from elsewhere", || Ok((program_tests(&project)?, ())));
    ledger.step("native reports", || report::collect_native(&project, &reports));
    let package = ledger.step("npm package", || {
        let package = Package::build(&project)?;
        Ok((package.weigh()?, package))
    });
    let mut in_node = None;
    if let Some(package) = &package {
        ledger.step("size of a page's program", || Ok((size::check(&project, package)?, ())));
        ledger.step("npm package: types", || Ok((package.check_types()?, ())));
        ledger.step("npm package: tests in Node", || {
            let site = Site::start(&project.cache.fresh("node-site")?, None, runtime)?;
            Ok((package.test_in_node(&site)?, ()))
        });
        in_node = ledger.step("npm package: the scripts in Node", || {
            let scripts = build::node_test(&project)?;
            let site = Site::start(&project.cache.fresh("node-site")?, None, runtime)?;
            let counts = package.run_scripts_in_node(&project, &scripts, &site)?;
            report::tell_node(&project, &site)?;
            Ok((counts, site))
        });
    }
    if !picked.is_empty() {
        let before = Before { reports, package, in_node };
        browser_steps(&project, &picked, arguments, runtime, before, &ledger)?;
    }
    Ok(ledger.close())
}

/// What the steps without an engine have left.
struct Before {
    reports: Reports,
    package: Option<Package>,
    /// Where the scripts in Node have left their reports.
    in_node: Option<Site>,
}

fn browser_steps(
    project: &Project,
    picked: &[Engine],
    arguments: &Arguments,
    runtime: &Handle,
    before: Before,
    ledger: &Ledger,
) -> Result<()> {
    let Before { reports, package, in_node } = before;
    let folder = project.cache.fresh("site")?;
    let none = Counts::default();
    let built = engines::Built {
        tests: ledger.step("build: wasm tests", || Ok((none, build::tests(project)?))),
        page: ledger.step("build: the page", || {
            build::page(project, &folder)?;
            // Without the package, the page has no class to show, which its check then finds.
            Ok((none, package.as_ref().map_or(Ok(()), |package| package.lay_beside(&folder))?))
        }),
        https: ledger.step("build: the https page", || {
            Ok((none, build::https(project, &folder.join(reporting::HTTPS.folder))?))
        }),
        package_tests: match &package {
            Some(package) => ledger.step("build: tests of the npm package", || {
                Ok((none, package.lay_tests(&folder.join(reporting::CLASS.folder))?))
            }),
            None => None,
        },
        package,
        // One engine is enough to see that shared memory is copied out of.
        threads: if picked.contains(&Engine::Chromium) {
            ledger.step("build: threads", || Ok((none, build::threads(project)?)))
        } else {
            None
        },
    };
    let site = Site::start(&folder, None, runtime)?;
    reports.publish(&site)?;
    engines::run(project, picked, arguments.jobs, &built, &site, ledger);
    if built.tests.is_some() {
        ledger.step("reports", || report::collect(project, picked, &site, in_node.as_ref(), arguments.bless));
    }
    Ok(())
}

fn native_tests(project: &Project, reports: &Reports) -> Result<Counts> {
    let mut command = native_cargo(project);
    command.args(["test", "--workspace", "--no-fail-fast"]);
    for package in project.wasm_only()? {
        command.args(["--exclude", package]);
    }
    reports.gather(&mut command);
    let finished = watch("native tests", &mut command)?.checked(&command)?;
    Ok(Counts::read(&finished.log).unwrap_or_default())
}

/// Our client with servers and proxies that other people wrote.
fn program_tests(project: &Project) -> Result<Counts> {
    let mut command = native_cargo(project);
    command.args(["test", "-p", "samesocket-peers", "--features", "programs", "--test", "interop_programs"]);
    setup::tell_peers(project, &mut command)?;
    let finished = watch("programs from elsewhere", &mut command)?.checked(&command)?;
    Ok(Counts::read(&finished.log).unwrap_or_default())
}
