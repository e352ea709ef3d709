//! Formatting, clippy, the docs and their examples, natively and for wasm32.

use std::process::Command;

use anyhow::Result;

use super::ledger::Ledger;
use crate::{
    browser_tests::Counts,
    build::{native_cargo, wasm_cargo},
    process::watch,
    project::Project,
};

const LIBRARY: &str = "samesocket";
const WASM: [&str; 2] = ["--target", "wasm32-unknown-unknown"];

/// Runs them all.
pub(super) fn run(project: &Project, ledger: &Ledger) {
    step(ledger, "formatting", || {
        let mut command = native_cargo(project);
        command.args(["fmt", "--all", "--check"]);
        Ok(command)
    });
    step(ledger, "clippy", || {
        let mut command = native_cargo(project);
        command.args(["clippy", "--workspace", "--all-targets"]);
        exclude_wasm_only(project, &mut command)?;
        command.args(["--", "-D", "warnings"]);
        Ok(command)
    });
    step(ledger, "clippy for wasm32", || {
        let mut command = wasm_cargo(project)?;
        command.args(["clippy", "--all-targets"]).args(WASM);
        for package in project.wasm()? {
            command.args(["-p", package]);
        }
        command.args(["--", "-D", "warnings"]);
        Ok(command)
    });
    step(ledger, "docs", || {
        let mut command = native_cargo(project);
        command.env("RUSTDOCFLAGS", "-D warnings").args(["doc", "--no-deps", "--workspace"]);
        exclude_wasm_only(project, &mut command)?;
        Ok(command)
    });
    step(ledger, "docs for wasm32", || {
        let mut command = wasm_cargo(project)?;
        command.env("RUSTDOCFLAGS", "-D warnings").args(["doc", "--no-deps", "-p", LIBRARY]).args(WASM);
        Ok(command)
    });
    step(ledger, "doc examples for wasm32", || {
        let mut command = wasm_cargo(project)?;
        // They are compiled, the README's too; without a server to talk to there is nothing to run them for.
        command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", "true");
        command.args(["test", "--doc", "-p", LIBRARY]).args(WASM);
        Ok(command)
    });
}

fn step(ledger: &Ledger, title: &str, command: impl FnOnce() -> Result<Command>) {
    ledger.step(title, || {
        let mut command = command()?;
        watch(title, &mut command)?.checked(&command)?;
        Ok((Counts::default(), ()))
    });
}

fn exclude_wasm_only(project: &Project, command: &mut Command) -> Result<()> {
    for package in project.wasm_only()? {
        command.args(["--exclude", package]);
    }
    Ok(())
}
