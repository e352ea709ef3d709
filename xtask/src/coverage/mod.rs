//! `cargo xtask coverage`: the lines of `samesocket-spec` and `samesocket-protocol` that their own tests, and the replay of
//! the fuzz corpora, do not reach.
//!
//! The compiler counts (`-C instrument-coverage`), and LLVM's tools read the counts. The lines of tests do not count.

mod lcov;

use std::{ffi::OsString, fs, path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};

use self::lcov::SourceFile;
use crate::{
    build,
    process::{print_line, run_to_end},
    project::Project,
    setup,
};

/// The measured packages, with the share of their lines that must be covered, in percent.
///
/// A floor is raised whenever more is covered, so that coverage never falls.
const FLOORS: [(&str, f64); 2] = [("samesocket-spec", 100.0), ("samesocket-protocol", 100.0)];

/// The packages whose tests run. The last one replays the corpora of the fuzz targets.
const TESTED: [&str; 3] = ["samesocket-spec", "samesocket-protocol", "samesocket-fuzz"];

/// Measures and prints the coverage. Returns whether each package reaches its floor.
pub(crate) fn run() -> Result<bool> {
    let project = Project::open()?;
    setup::ensure(&project, &[setup::llvm_tools()])?;
    let _lock = project.cache.lock("coverage")?;
    let files = measure(&project)?;
    let mut is_enough = true;
    for (package, floor) in FLOORS {
        let manifest = &project.package(package)?.manifest_path;
        let sources = manifest.parent().context("the manifest has no folder")?.join("src");
        let of_package: Vec<_> = files.iter().filter(|file| file.path.starts_with(sources.as_std_path())).collect();
        ensure!(!of_package.is_empty(), "nothing of {package} was measured");
        is_enough &= report(&project, package, floor, &of_package);
    }
    Ok(is_enough)
}

/// Runs the instrumented tests. Returns the counts of all files.
fn measure(project: &Project) -> Result<Vec<SourceFile>> {
    let counts = project.cache.empty_folder("coverage")?;
    let (mut tests, binaries) = build::coverage_tests(project, &TESTED)?;
    tests.env("LLVM_PROFILE_FILE", counts.join("%p-%m.profraw"));
    run_to_end("instrumented tests", &mut tests)?.checked(&tests)?;

    let merged = counts.join("merged.profdata");
    let mut merge = tool("llvm-profdata")?;
    merge.args(["merge", "-sparse", "-o"]).arg(&merged).args(raw_counts(&counts)?);
    run_to_end("llvm-profdata", &mut merge)?.checked(&merge)?;
    let mut export = tool("llvm-cov")?;
    export.args(["export", "-format=lcov", "-instr-profile"]).arg(&merged);
    for binary in &binaries {
        export.arg("-object").arg(&binary.path);
    }
    let exported = run_to_end("llvm-cov", &mut export)?.checked(&export)?.stdout;
    lcov::parse(&exported)
}

fn tool(name: &str) -> Result<Command> {
    let path = setup::llvm_tool(name);
    Ok(Command::new(path.with_context(|| format!("{name} is not installed"))?))
}

fn raw_counts(folder: &Path) -> Result<Vec<OsString>> {
    let paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path().into_os_string())).collect::<Result<Vec<_>>>()?;
    ensure!(!paths.is_empty(), "the tests wrote no counts");
    Ok(paths)
}

/// Prints a package's table and its uncovered lines. Returns whether it reaches its floor.
fn report(project: &Project, package: &str, floor: f64, files: &[&SourceFile]) -> bool {
    let name = |file: &SourceFile| file.path.strip_prefix(project.root()).unwrap_or(&file.path).display().to_string();
    for file in files {
        print_line(&format!("  {:<52}{:>5} of {:>5} lines", name(file), file.covered, file.lines()));
    }
    for file in files {
        for (number, text) in &file.uncovered {
            print_line(&format!("{}:{number}: {text}", name(file)));
        }
    }
    let (covered, lines) =
        files.iter().fold((0, 0), |(covered, lines), file| (covered + file.covered, lines + file.lines()));
    let share = percent(covered, lines);
    print_line(&format!("{package}: {covered} of {lines} lines, {share:.1} %, floor {floor:.1} %\n"));
    if share > floor + 0.1 {
        print_line(&format!("Raise the floor of {package} in xtask/src/coverage/mod.rs to {share:.1}."));
    }
    share >= floor
}

#[expect(clippy::cast_precision_loss, reason = "a package has few lines")]
fn percent(covered: usize, lines: usize) -> f64 {
    // Rounded down to a tenth, so that a floor that was printed is reached by the same numbers.
    (1000.0 * covered as f64 / lines as f64).floor() / 10.0
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn percent_is_rounded_down_to_tenths() {
        let shares = [(1, 3), (999, 1000), (9999, 10000), (7, 7)].map(|(covered, lines)| percent(covered, lines));
        assert_eq!(shares.map(|share| format!("{share:.1}")), ["33.3", "99.9", "99.9", "100.0"]);
    }
}
