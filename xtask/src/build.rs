//! Builds test binaries, programs and pages for wasm32, and programs for this machine.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use cargo_metadata::{Artifact, Message, TargetKind};

use crate::{
    cargo::{self, Toolchain},
    process::{first_line, run_to_end},
    project::Project,
    setup,
};

/// The package with the conformance scripts and the tests that run them.
pub(crate) const CONFORMANCE: &str = "samesocket-conformance";
/// The package of the fuzz targets.
pub(crate) const FUZZ: &str = "samesocket-fuzz";
/// The package of the pages, which is also the name of the demo page's program.
pub(crate) const PAGE: &str = "samesocket-www";
/// The test target that needs shared memory.
pub(crate) const THREADS: &str = "threads";
/// The soak test target for browsers.
pub(crate) const SOAK: &str = "soak";
/// The test target that runs in JavaScript runtimes outside browsers.
const RUNTIMES: &str = "runtimes";
/// The soak test target for native targets.
pub(crate) const NATIVE_SOAK: &str = "native_soak";
/// The program of the page served over https.
pub(crate) const HTTPS: &str = "https";

/// The options of cargo for wasm32.
pub(crate) const TARGET: [&str; 2] = ["--target", "wasm32-unknown-unknown"];
const JSON: &str = "--message-format=json-render-diagnostics";

/// The flags for shared memory, with the exports that wasm-bindgen needs to give each thread its own stack and
/// thread-locals.
const THREAD_FLAGS: &str = "-Ctarget-feature=+atomics,+bulk-memory,+mutable-globals -Clink-arg=--shared-memory -Clink-arg=--import-memory -Clink-arg=--max-memory=1073741824 -Clink-arg=--export=__wasm_init_tls -Clink-arg=--export=__tls_size -Clink-arg=--export=__tls_align -Clink-arg=--export=__tls_base";

/// A built test target.
#[derive(Clone)]
pub(crate) struct TestBinary {
    pub(crate) package: String,
    pub(crate) target: String,
    pub(crate) path: PathBuf,
}

impl TestBinary {
    /// Returns the name for tables.
    pub(crate) fn name(&self) -> String {
        let package = self.package.trim_start_matches("samesocket-");
        if self.target.replace('_', "-") == self.package {
            format!("{package} (unit tests)")
        } else {
            format!("{package}::{}", self.target)
        }
    }
}

/// Returns a cargo command for wasm32 with a target folder in the cache.
pub(crate) fn wasm_cargo(project: &Project) -> Result<Command> {
    let toolchain =
        cargo::wasm_toolchain(&project.cache).context("no toolchain builds for wasm32; run `cargo xtask doctor`")?;
    Ok(in_workspace(project, toolchain, "wasm"))
}

/// Returns a cargo command for this machine with a target folder in the cache.
pub(crate) fn native_cargo(project: &Project) -> Command {
    in_workspace(project, Toolchain::Default, "native")
}

/// Returns a cargo command for the model test, which has a target folder of its own because its flags differ.
pub(crate) fn model_cargo(project: &Project) -> Command {
    let mut command = in_workspace(project, Toolchain::Default, "model");
    command.env("RUSTFLAGS", "--cfg shuttle");
    command
}

/// The flags that instrument a program for libFuzzer. They need no nightly toolchain.
const FUZZ_FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Builds all fuzz targets. Returns the name and the program of each.
pub(crate) fn fuzz_targets(project: &Project) -> Result<Vec<(String, PathBuf)>> {
    let mut command = in_workspace(project, Toolchain::Default, "fuzz");
    let host = cargo::verbose_version(Toolchain::Default, "host").context("rustc did not print its host")?;
    // With an explicit target, the flags apply neither to build scripts nor to procedural macros.
    command.env("RUSTFLAGS", FUZZ_FLAGS).args(["build", "--profile", "fuzz", "-p", FUZZ, "--bins", JSON]);
    command.args(["--target", &host]);
    let built = artifacts("fuzz targets", command)?;
    let mut targets: Vec<_> = built
        .into_iter()
        .filter_map(|artifact| Some((artifact.target.name, artifact.executable?.into_std_path_buf())))
        .collect();
    targets.sort();
    ensure!(!targets.is_empty(), "cargo reported no fuzz target");
    Ok(targets)
}

/// Builds the instrumented tests of these packages. Returns the command that runs them, and the binaries.
pub(crate) fn coverage_tests(project: &Project, packages: &[&str]) -> Result<(Command, Vec<TestBinary>)> {
    let host = cargo::verbose_version(Toolchain::Default, "host").context("rustc did not print its host")?;
    let tests = || {
        let mut command = in_workspace(project, Toolchain::Default, "coverage");
        // If the target is named, the flags do not apply to build scripts and macros, which would write counts as well.
        command.env("RUSTFLAGS", "-Cinstrument-coverage").args(["test", "--lib", "--tests", "--target", &host]);
        for package in packages {
            command.args(["-p", package]);
        }
        command
    };
    let mut build = tests();
    build.args(["--no-run", JSON]);
    Ok((tests(), test_binaries(project, "instrumented tests", build)?))
}

/// Builds the tests that run in every engine.
pub(crate) fn tests(project: &Project) -> Result<Vec<TestBinary>> {
    let mut command = wasm_cargo(project)?;
    command.args(["test", "--no-run", "--tests", "--features", "samesocket/tracing", JSON]).args(TARGET);
    for package in project.wasm_tested()? {
        command.args(["-p", package]);
    }
    let binaries = test_binaries(project, "wasm tests", command)?;
    let mut wanted = Vec::new();
    for binary in binaries {
        let is_apart = binary.package == CONFORMANCE && [THREADS, SOAK, RUNTIMES].contains(&binary.target.as_str());
        if !is_apart && !project.is_native_test(&binary.package, &binary.target)? {
            wanted.push(binary);
        }
    }
    ensure!(!wanted.is_empty(), "no package has tests for wasm32");
    Ok(wanted)
}

/// Builds a package's program for this machine.
pub(crate) fn native_program(project: &Project, package: &str, profile: &str) -> Result<PathBuf> {
    built_program(native_cargo(project), package, profile)
}

/// Builds a package's program of another checkout, in a target folder of its own.
///
/// `settings` are `--config` options for profiles that the other checkout may not have.
pub(crate) fn baseline_program(
    project: &Project,
    checkout: &Path,
    package: &str,
    profile: &str,
    settings: &[&str],
) -> Result<PathBuf> {
    // Cargo identifies a package by its path within the workspace, so two checkouts in one target folder would share
    // artifacts.
    let name = checkout.display().to_string().replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
    let mut command = Toolchain::Default.cargo();
    command.current_dir(checkout);
    cargo::set_target_dir(&mut command, &project.cache.target(&format!("baseline{name}")));
    for setting in settings {
        command.args(["--config", setting]);
    }
    built_program(command, package, profile)
}

fn built_program(mut command: Command, package: &str, profile: &str) -> Result<PathBuf> {
    command.args(["build", "--profile", profile, "-p", package, "--bins", JSON]);
    let built = artifacts(package, command)?.into_iter().filter(|artifact| artifact.target.name == package);
    Ok(built
        .filter_map(|artifact| artifact.executable)
        .next_back()
        .with_context(|| format!("cargo reported no executable of {package}"))?
        .into_std_path_buf())
}

/// Builds the soak test for browsers.
pub(crate) fn soak(project: &Project) -> Result<TestBinary> {
    conformance_test(project, SOAK, &[])
}

/// Builds the test for JavaScript runtimes.
pub(crate) fn runtimes_test(project: &Project) -> Result<TestBinary> {
    conformance_test(project, RUNTIMES, &["--features", "samesocket/js-runtimes"])
}

fn conformance_test(project: &Project, target: &str, options: &[&str]) -> Result<TestBinary> {
    let mut command = wasm_cargo(project)?;
    command.args(["test", "--no-run", "-p", CONFORMANCE, "--test", target, JSON]).args(TARGET).args(options);
    let title = format!("{target} test");
    test_binaries(project, &title, command)?.pop().with_context(|| format!("cargo reported no binary of the {title}"))
}

/// Builds the test that needs shared memory, with a standard library that supports threads.
pub(crate) fn threads(project: &Project) -> Result<TestBinary> {
    let toolchain =
        cargo::wasm_toolchain(&project.cache).context("no toolchain builds for wasm32; run `cargo xtask doctor`")?;
    let mut command = in_workspace(project, toolchain, "wasm-threads");
    command.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", THREAD_FLAGS);
    command
        .args(["test", "--no-run", "-p", CONFORMANCE, "--test", THREADS, JSON, "-Zbuild-std=std,panic_abort,test"])
        .args(TARGET);
    test_binaries(project, "threads build", command)?.pop().context("cargo reported no binary of the threads test")
}

/// Builds the demo page into an empty folder, ready to be served.
pub(crate) fn page(project: &Project, folder: &Path) -> Result<()> {
    let mut command = wasm_cargo(project)?;
    command.args(["build", "--release", "-p", PAGE, "--bin", PAGE, JSON]).args(TARGET);
    bindgen(project, &program("page", command)?, folder)?;
    let package = project.package(PAGE)?;
    let statics = package.manifest_path.with_file_name("static");
    copy(statics.as_std_path(), folder).with_context(|| format!("cannot copy {statics}"))
}

/// Builds the program for the https page, with a page that loads it. It has the feature for JavaScript runtimes outside browsers,
/// which must not change anything in a page.
pub(crate) fn https(project: &Project, folder: &Path) -> Result<()> {
    let mut command = wasm_cargo(project)?;
    command.args(["build", "-p", PAGE, "--bin", HTTPS, "--features", "samesocket/js-runtimes", JSON]).args(TARGET);
    bindgen(project, &program("https page", command)?, folder)?;
    fs::create_dir_all(folder)?;
    fs::write(
        folder.join("index.html"),
        "<!doctype html>\n<meta charset=\"utf-8\">\n<title>https</title>\n<script type=\"module\">import init from \"./https.js\"; await init();</script>\n",
    )?;
    Ok(())
}

/// Builds a library that JavaScript loads.
pub(crate) fn library(project: &Project, package: &str) -> Result<PathBuf> {
    let mut command = wasm_cargo(project)?;
    command.args(["build", "--release", "-p", package, JSON]).args(TARGET);
    program(package, command)
}

/// Builds the page of the bench, optimised for speed, into an empty folder.
pub(crate) fn bench_page(project: &Project, package: &str, folder: &Path) -> Result<()> {
    let mut command = wasm_cargo(project)?;
    command.args(["build", "--profile", "bench", "-p", package, JSON]).args(TARGET);
    bindgen(project, &program("bench page", command)?, folder)?;
    let statics = project.package(package)?.manifest_path.with_file_name("static");
    copy(statics.as_std_path(), folder).with_context(|| format!("cannot copy {statics}"))
}

/// Builds a package's program for wasm32 with the given cargo command, which selects the workspace.
pub(crate) fn program_of(package: &str, mut command: Command) -> Result<PathBuf> {
    command.args(["build", "-p", package, JSON]).args(TARGET);
    program(package, command)
}

/// Builds a package's test for wasm32 with the given cargo command, which selects the workspace.
pub(crate) fn test_of(package: &str, target: &str, mut command: Command) -> Result<TestBinary> {
    command.args(["test", "--no-run", "-p", package, "--test", target, JSON]).args(TARGET);
    let built = artifacts(package, command)?.into_iter().find_map(|artifact| artifact.executable);
    let path = built.with_context(|| format!("cargo reported no test {target} of {package}"))?.into_std_path_buf();
    Ok(TestBinary { package: package.to_owned(), target: target.to_owned(), path })
}

/// Builds a program for a page, optimised for size, with only the feature of its name.
pub(crate) fn size_program(project: &Project, package: &str, name: &str) -> Result<PathBuf> {
    let mut command = wasm_cargo(project)?;
    command.args([
        "build",
        "--profile",
        "size",
        "-p",
        package,
        "--no-default-features",
        "--features",
        name,
        "--bin",
        name,
    ]);
    command.arg(JSON).args(TARGET).env("CARGO_ENCODED_RUSTFLAGS", same_path_flags(project)?);
    program(name, command)
}

/// Returns flags, separated as cargo wants them, with which a program holds the same paths of source files on every machine.
///
/// The paths are for messages of panics. Those of dependencies lie in cargo's home. Those of the standard library do so in rustup's if
/// the toolchain has the component `rust-src`, and else in `/rustc/`.
fn same_path_flags(project: &Project) -> Result<String> {
    let toolchain = cargo::wasm_toolchain(&project.cache).context("no compiler for wasm32")?;
    let sysroot = first_line(toolchain.rustc().args(["--print", "sysroot"])).context("rustc prints no sysroot")?;
    let commit = cargo::verbose_version(toolchain, "commit-hash").context("rustc prints no commit")?;
    let library = format!("{sysroot}/lib/rustlib/src/rust=/rustc/{commit}");
    let sources = project.dependency_folders().into_iter().map(|folder| format!("{folder}=/dependencies"));
    let flags: Vec<_> = sources.chain([library]).map(|mapping| format!("--remap-path-prefix={mapping}")).collect();
    Ok(flags.join("\u{1f}"))
}

/// Generates the JavaScript that loads a program in a page, in files of this name.
pub(crate) fn page_program(project: &Project, wasm: &Path, folder: &Path, name: &str) -> Result<()> {
    bindgen_with(project, wasm, folder, &["--target", "web", "--out-name", name])
}

fn in_workspace(project: &Project, toolchain: Toolchain, target: &str) -> Command {
    let mut command = toolchain.cargo();
    command.current_dir(project.root());
    cargo::set_target_dir(&mut command, &project.cache.target(target));
    command
}

fn test_binaries(project: &Project, title: &str, command: Command) -> Result<Vec<TestBinary>> {
    let mut binaries: Vec<TestBinary> = artifacts(title, command)?
        .into_iter()
        .filter(|artifact| artifact.profile.test)
        .filter(|artifact| {
            artifact.target.kind.iter().any(|kind| !matches!(kind, TargetKind::Bin | TargetKind::Example))
        })
        .filter_map(|artifact| {
            let package = project.name_of(&artifact.package_id)?.to_owned();
            Some(TestBinary { package, target: artifact.target.name, path: artifact.executable?.into_std_path_buf() })
        })
        .collect();
    binaries.sort_by(|one, other| (&one.package, &one.target).cmp(&(&other.package, &other.target)));
    Ok(binaries)
}

/// Builds one program and returns its wasm file: a binary's or a `cdylib`'s.
fn program(title: &str, command: Command) -> Result<PathBuf> {
    let built = artifacts(title, command)?;
    let file = built.into_iter().rev().find_map(|artifact| {
        artifact
            .filenames
            .iter()
            .find(|name| name.extension() == Some("wasm"))
            .map(|name| name.clone().into_std_path_buf())
    });
    file.with_context(|| format!("cargo reported no wasm file of the {title}"))
}

fn artifacts(title: &str, mut command: Command) -> Result<Vec<Artifact>> {
    let finished = run_to_end(title, &mut command)?.checked(&command)?;
    let messages = Message::parse_stream(finished.stdout.as_bytes());
    let mut found = Vec::new();
    for message in messages {
        if let Message::CompilerArtifact(artifact) = message? {
            found.push(artifact);
        }
    }
    Ok(found)
}

fn bindgen(project: &Project, wasm: &Path, folder: &Path) -> Result<()> {
    bindgen_with(project, wasm, folder, &["--target", "web"])
}

/// Generates the JavaScript around a library, without the code that loads it.
pub(crate) fn bindgen_for_bundlers(project: &Project, wasm: &Path, folder: &Path, name: &str) -> Result<()> {
    bindgen_with(project, wasm, folder, &["--target", "bundler", "--out-name", name])
}

fn bindgen_with(project: &Project, wasm: &Path, folder: &Path, options: &[&str]) -> Result<()> {
    let mut command = Command::new(setup::wasm_bindgen_tool(project, "wasm-bindgen")?);
    command.args(options).args(["--no-typescript", "--out-dir"]).arg(folder).arg(wasm);
    run_to_end("wasm-bindgen", &mut command)?.checked(&command)?;
    Ok(())
}

/// Copies a folder recursively.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &place)?;
        } else {
            fs::copy(entry.path(), place)?;
        }
    }
    Ok(())
}
