//! The Cargo features of the library: each set that matters builds, and small builds work.
//!
//! The table of features, which the crate's documentation includes, says how many crates each feature brings. It is compared
//! with what cargo says, so that it stays right.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::steps::Steps;
use crate::browser_tests::Counts;
use crate::build::{TARGET, native_cargo, wasm_cargo};
use crate::process::run_to_end;
use crate::project::Project;
use crate::setup;

const PACKAGE: [&str; 2] = ["-p", "samesocket"];

/// The sets of features beside the single ones: no TLS with all else, TLS with nothing else, and the other choices of TLS.
const SETS: [&str; 6] = [
    "compression,cookies,proxy,serde,tracing",
    "compression,proxy,tls",
    "proxy,tls-aws-lc-rs",
    "tls-aws-lc-rs,tls-ring,tls-platform-roots,tls-webpki-roots",
    "tls-aws-lc-rs,tls-webpki-roots,tracing",
    "cookies,tls-ring",
];

/// The sets of features with which the tests of small builds run.
const TESTED: [&str; 5] = ["", "proxy", "tls-ring", "tls-webpki-roots", "tls-aws-lc-rs,tls-ring,tls-webpki-roots"];

/// The table of features, and the text of the README that names its totals.
const TABLE: &str = "crate/features.md";
const README: &str = "README.md";

/// The options of `cargo xtask features`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Update the table in the source
    #[arg(long)]
    bless: bool,
}

/// Runs only these steps.
pub(crate) fn run(arguments: &Arguments) -> Result<bool> {
    let project = Project::open()?;
    let mut required = setup::wasm();
    required.extend(setup::lints());
    setup::ensure(&project, &required)?;
    let _lock = project.cache.lock("test")?;
    let steps = Steps::default();
    lint_builds(&project, &steps);
    run_steps(&project, &steps, arguments.bless);
    Ok(steps.print_summary())
}

/// Runs clippy on all sets of features.
pub(super) fn lint_builds(project: &Project, steps: &Steps) {
    steps.run_step("features: builds", || Ok((check_builds(project)?, ())));
}

/// Checks the table, and runs the tests of small builds.
pub(super) fn run_steps(project: &Project, steps: &Steps, bless: bool) {
    steps.run_step("features: numbers of crates", || Ok((check_table(project, bless)?, ())));
    steps.run_step("features: tests of small builds", || Ok((run_tests(project)?, ())));
}

/// Checks that all sets of features build without a warning.
fn check_builds(project: &Project) -> Result<Counts> {
    let single = features(project)?;
    for set in single.iter().map(String::as_str).chain(SETS).chain([""]) {
        let mut command = native_cargo(project);
        command.args(["clippy", "--lib"]).args(PACKAGE);
        lint("features", without_defaults(&mut command, set))?;
    }
    let mut command = native_cargo(project);
    command.args(["clippy", "--all-targets", "-p", "samesocket-protocol"]).args(PACKAGE);
    lint("features: none, with tests", without_defaults(&mut command, ""))?;
    let mut command = native_cargo(project);
    command.args(["clippy", "--all-targets", "--all-features"]).args(PACKAGE);
    lint("features: all, with tests", &mut command)?;
    for set in ["", "js-runtimes", "tracing"] {
        let mut command = wasm_cargo(project)?;
        command.args(["clippy", "--lib"]).args(PACKAGE).args(TARGET);
        lint("features for wasm32", without_defaults(&mut command, set))?;
    }
    let mut command = wasm_cargo(project)?;
    command.args(["clippy", "--all-targets", "--all-features"]).args(PACKAGE).args(TARGET);
    lint("features for wasm32: all, with tests", &mut command)?;
    Ok(Counts::default())
}

/// Runs the tests that need few features without the others, and those of `tracing`.
fn run_tests(project: &Project) -> Result<Counts> {
    let mut counts = Counts::default();
    let mut run = |command: &mut Command| -> Result<()> {
        let finished = run_to_end("features: tests", command)?.checked(command)?;
        let found = Counts::read(&finished.log).unwrap_or_default();
        ensure!(found.passed > 0, "no test has run");
        counts += found;
        Ok(())
    };
    for set in TESTED {
        let mut command = native_cargo(project);
        command.arg("test").args(PACKAGE).args(["--test", "features", "--test", "own_cryptography"]);
        run(without_defaults(&mut command, set))?;
    }
    let mut command = native_cargo(project);
    command.arg("test").args(PACKAGE).args(["--lib", "--test", "futures"]);
    run(without_defaults(&mut command, ""))?;
    let mut command = native_cargo(project);
    command.args(["test", "-p", "samesocket-protocol", "--tests"]);
    run(without_defaults(&mut command, ""))?;
    let mut command = native_cargo(project);
    command.arg("test").args(PACKAGE).args(["--lib", "--test", "tracing", "--features", "tracing"]);
    run(&mut command)?;
    Ok(counts)
}

/// Compares the numbers of crates in the documentation with what cargo says.
fn check_table(project: &Project, bless: bool) -> Result<Counts> {
    let path = project.root().join(TABLE);
    let table = fs::read_to_string(&path).with_context(|| format!("cannot read {TABLE}"))?;
    let none = crates(project, Some(""))?;
    let all = crates(project, None)?;
    let default = crates(project, Some("default"))?;
    let mut corrected = String::new();
    let mut listed = BTreeSet::new();
    for line in table.lines() {
        let number = match row_name(line) {
            Some("none") => Some(none.len().to_string()),
            Some("the default ones") => Some(default.len().to_string()),
            Some("all") => Some(all.len().to_string()),
            Some(feature) if feature.starts_with('`') => {
                let feature = feature.trim_matches('`');
                listed.insert(feature.to_owned());
                Some(format!("+{}", crates(project, Some(feature))?.difference(&none).count()))
            }
            _ => None,
        };
        let line = match (number, line.trim_end_matches(['|', ' ']).rsplit_once('|')) {
            (Some(number), Some((before, _))) => format!("{before}| {number} |"),
            _ => line.to_owned(),
        };
        corrected.push_str(&line);
        corrected.push('\n');
    }
    let features = features(project)?.into_iter().collect();
    ensure!(listed == features, "{TABLE} lists {listed:?}, and the package has {features:?}");
    if bless {
        fs::write(&path, &corrected)?;
    }
    ensure!(bless || corrected == table, "{TABLE} is out of date; with --bless it becomes:\n{corrected}");
    let totals = format!("{} crates, {} with the default features", none.len(), default.len());
    let readme = fs::read_to_string(project.root().join(README)).context("cannot read the README")?;
    let readme = readme.split_whitespace().collect::<Vec<_>>().join(" ");
    ensure!(readme.contains(&totals), "{README} should say: {totals}");
    Ok(Counts { passed: listed.len() as u64 + 3, failed: 0 })
}

/// Returns the first cell of a row.
fn row_name(line: &str) -> Option<&str> {
    Some(line.strip_prefix("| ")?.split_once(" |")?.0)
}

/// Returns the public features of the library, without `default`.
fn features(project: &Project) -> Result<Vec<String>> {
    let features = project.package("samesocket")?.features.keys();
    Ok(features.filter(|name| *name != "default" && !name.starts_with("__")).cloned().collect())
}

/// Returns the names of the crates that cargo compiles for the library on Linux with these features, without the library's
/// own packages. `None` stands for all features.
fn crates(project: &Project, features: Option<&str>) -> Result<BTreeSet<String>> {
    let mut command = native_cargo(project);
    command.args(["tree", "--locked", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"]).args(PACKAGE);
    command.args(["--target", "x86_64-unknown-linux-gnu"]);
    match features {
        Some(features) => without_defaults(&mut command, features),
        None => command.arg("--all-features"),
    };
    let output = command.output().context("cannot run cargo tree")?;
    ensure!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let name = |line: &str| line.split(" (").next().unwrap_or_default().to_owned();
    Ok(text.lines().map(name).filter(|name| !name.is_empty() && !name.starts_with("samesocket")).collect())
}

fn without_defaults<'a>(command: &'a mut Command, features: &str) -> &'a mut Command {
    command.args(["--no-default-features", "--features", features])
}

fn lint(title: &str, command: &mut Command) -> Result<()> {
    command.args(["--", "-D", "warnings"]);
    run_to_end(title, command)?.checked(command)?;
    Ok(())
}
