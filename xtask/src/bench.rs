//! `cargo xtask bench`: builds the bench for speed and hands over to it.

use anyhow::{Result, ensure};

use std::process::Command;

use crate::{build, project::Project};

/// What `bench` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The native clients
    #[arg(long)]
    native: bool,

    /// What follows goes to the bench: `--quick`, `--rounds`, `--jobs`, `--clients`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

const PACKAGE: &str = "samesocket-bench";

/// Builds it and runs it.
pub(crate) fn run(arguments: &Arguments) -> Result<bool> {
    ensure!(arguments.native, "say what to measure: --native");
    let project = Project::open()?;
    let program = build::native_program(&project, PACKAGE, "bench")?;
    let _lock = project.cache.lock("bench")?;
    Ok(Command::new(program).arg("native").args(&arguments.rest).status()?.success())
}
