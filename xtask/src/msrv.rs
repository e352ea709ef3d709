//! `cargo xtask msrv`: builds and tests the published packages with the oldest compiler that they support.
//!
//! The packages are built in a workspace of their own in the cache, because its lock file has other versions. cargo's
//! resolver selects them for the `rust-version`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    browser_tests::Counts,
    cargo,
    package::PUBLISHED,
    process::{print_line, run_to_end},
    project::Project,
    setup::{self, OldestRust, OldestRustSource},
};

/// The folders of the workspace: those of the published packages, and of what their tests need.
const FOLDERS: [&str; 2] = ["crate", "tests/server"];
const MEMBERS: &str = r#"["crate", "crate/protocol", "crate/spec", "tests/server"]"#;

/// Runs all steps, up to the first that fails.
pub(crate) fn run() -> Result<bool> {
    let project = Project::open()?;
    setup::ensure(&project, &[Box::new(OldestRust)])?;
    let _lock = project.cache.lock("msrv")?;
    check_versions(&project)?;
    let source = OldestRustSource::find(&project).context("the compiler is missing")?;
    let toolchain = Oldest { project: &project, source, workspace: workspace(&project)? };

    let resolved = toolchain.run("dependencies", &["generate-lockfile"])?;
    let held_back = resolved.lines().filter(|line| line.contains("requires Rust")).map(str::trim);
    print_line(&held_back.collect::<Vec<_>>().join("\n"));

    let mut counts = Counts::default();
    let steps: [(&str, &[&str]); 3] = [
        ("tests, all features", &["test", "--all-features", "--no-fail-fast"]),
        ("tests, default features", &["test", "--lib"]),
        ("tests, no features", &["test", "--lib", "--no-default-features"]),
    ];
    for (title, arguments) in steps {
        let log = toolchain.run(title, arguments)?;
        let passed = Counts::read(&log).unwrap_or_default();
        ensure!(passed.passed > 0, "{title}: no test has run");
        print_line(&format!("  ok  {title}: {} passed", passed.passed));
        counts += passed;
    }
    for features in [["--all-features"], ["--no-default-features"]] {
        let mut command = toolchain.cargo(&["check"]);
        command.args(features);
        source.wasm_options(&mut command);
        run_to_end("wasm32", &mut command)?.checked(&command)?;
        print_line(&format!("  ok  wasm32, {}", features[0]));
    }
    println!("{} passed with Rust {}", counts.passed, setup::OLDEST_RUST);
    Ok(true)
}

/// Checks that the packages promise the version of the compiler.
fn check_versions(project: &Project) -> Result<()> {
    for name in PUBLISHED {
        let version = project.package(name)?.rust_version.as_ref().map(ToString::to_string);
        ensure!(
            version.as_deref() == Some(setup::OLDEST_RUST),
            "the rust-version of {name} is {version:?}, and this command has Rust {}",
            setup::OLDEST_RUST
        );
    }
    Ok(())
}

/// Creates the workspace: our manifest with fewer members, and links to their folders.
fn workspace(project: &Project) -> Result<PathBuf> {
    let folder = project.cache.empty_folder("msrv")?;
    let manifest = fs::read_to_string(project.root().join("Cargo.toml"))?;
    let shared = manifest.find("[workspace.package]").context("Cargo.toml has no [workspace.package]")?;
    let manifest = format!("[workspace]\nresolver = \"3\"\nmembers = {MEMBERS}\n\n{}", &manifest[shared..]);
    fs::write(folder.join("Cargo.toml"), manifest)?;
    for name in FOLDERS {
        let link = folder.join(name);
        fs::create_dir_all(link.parent().context("the folder has no parent")?)?;
        link_folder(project.root().join(name).as_std_path(), &link)?;
    }
    Ok(folder)
}

#[cfg(unix)]
fn link_folder(folder: &Path, link: &Path) -> Result<()> {
    Ok(std::os::unix::fs::symlink(folder, link)?)
}

#[cfg(windows)]
fn link_folder(folder: &Path, link: &Path) -> Result<()> {
    Ok(std::os::windows::fs::symlink_dir(folder, link)?)
}

/// The compiler in its workspace.
struct Oldest<'a> {
    project: &'a Project,
    source: OldestRustSource,
    workspace: PathBuf,
}

impl Oldest<'_> {
    /// Returns a cargo command for the published packages.
    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.source.program(self.project, "cargo");
        command.current_dir(&self.workspace).args(arguments);
        cargo::set_target_dir(&mut command, &self.project.cache.target("msrv"));
        if arguments.first().is_some_and(|verb| *verb != "generate-lockfile") {
            command.arg("--locked").args(PUBLISHED.iter().flat_map(|name| ["-p", name]));
        }
        command
    }

    /// Runs a cargo command, and returns its output.
    fn run(&self, title: &str, arguments: &[&str]) -> Result<String> {
        let mut command = self.cargo(arguments);
        Ok(run_to_end(title, &mut command)?.checked(&command)?.log)
    }
}
