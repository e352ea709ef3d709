//! Formatting, clippy, licences, the docs and their examples, for this machine and for wasm32.

use std::process::Command;

use anyhow::Result;

use super::steps::Steps;
use crate::{
    browser_tests::Counts,
    build::{TARGET, native_cargo, wasm_cargo},
    cargo,
    process::run_to_end,
    project::Project,
    setup,
};

/// The libraries that have docs for wasm32.
const WASM_LIBRARIES: [&str; 4] = ["-p", "samesocket", "-p", "samesocket-spec"];

/// Runs all lints.
pub(super) fn run(project: &Project, steps: &Steps) {
    run_step(steps, "formatting", || {
        let mut command = native_cargo(project);
        command.args(["fmt", "--all", "--check"]);
        Ok(command)
    });
    run_step(steps, "licences and sources", || {
        let mut command = cargo::clean(setup::CARGO_DENY.program(project));
        // The lock file decides, and `deny.toml` beside it says what is permitted.
        command.current_dir(project.root()).args(["--locked", "check", "licenses", "bans", "sources"]);
        Ok(command)
    });
    run_step(steps, "clippy", || {
        let mut command = native_cargo(project);
        command.args(["clippy", "--workspace", "--all-targets"]);
        exclude_wasm_only(project, &mut command)?;
        command.args(["--", "-D", "warnings"]);
        Ok(command)
    });
    run_step(steps, "clippy for wasm32", || {
        let mut command = wasm_cargo(project)?;
        command.args(["clippy", "--all-targets"]).args(TARGET);
        for package in project.wasm()? {
            command.args(["-p", package]);
        }
        command.args(["--", "-D", "warnings"]);
        Ok(command)
    });
    run_step(steps, "docs", || {
        let mut command = native_cargo(project);
        command.env("RUSTDOCFLAGS", "-D warnings").args(["doc", "--no-deps", "--workspace"]);
        exclude_wasm_only(project, &mut command)?;
        Ok(command)
    });
    run_step(steps, "docs with all features", || {
        let mut command = native_cargo(project);
        command.env("RUSTDOCFLAGS", "-D warnings").args(["doc", "--no-deps", "--all-features", "-p", "samesocket"]);
        Ok(command)
    });
    run_step(steps, "docs for wasm32", || {
        let mut command = wasm_cargo(project)?;
        command
            .env("RUSTDOCFLAGS", "-D warnings")
            .args(["doc", "--no-deps", "--all-features"])
            .args(WASM_LIBRARIES)
            .args(TARGET);
        Ok(command)
    });
    run_step(steps, "doc examples for wasm32", || {
        let mut command = wasm_cargo(project)?;
        // The examples are only compiled, because there is no server to run them with.
        command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", "true");
        command.args(["test", "--doc"]).args(WASM_LIBRARIES).args(TARGET);
        Ok(command)
    });
}

fn run_step(steps: &Steps, title: &str, command: impl FnOnce() -> Result<Command>) {
    steps.run_step(title, || {
        let mut command = command()?;
        run_to_end(title, &mut command)?.checked(&command)?;
        Ok((Counts::default(), ()))
    });
}

fn exclude_wasm_only(project: &Project, command: &mut Command) -> Result<()> {
    for package in project.wasm_only()? {
        command.args(["--exclude", package]);
    }
    Ok(())
}
