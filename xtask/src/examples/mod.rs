//! `cargo xtask examples`: checks and tests the example programs, and the chats in frameworks.
//!
//! The native programs are the workspace `examples/`. The chats are in the workspace `integrations/`, see [`frontends`].
//! `person` drives their pages, and `people` two of them with the chat server.

pub(crate) mod frontends;
mod page;
pub(crate) mod people;
mod person;

use std::process::Command;

use anyhow::{Result, ensure};
use tokio::runtime::Handle;

use crate::{
    browser::Engine,
    browser_tests::Counts,
    cargo::{self, Toolchain, set_target_dir},
    process::run_to_end,
    project::Project,
    setup,
};

/// The lock of `cargo xtask test`, which has its pages and browsers in the same folders.
const LOCK: &str = "test";

/// The options of `cargo xtask examples`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Check and test only the chats in frameworks
    #[arg(long)]
    frameworks: bool,

    /// Use only the chat in this framework in a browser, for example `leptos`, and check nothing else
    #[arg(long, value_name = "FRAMEWORK")]
    page: Option<String>,

    /// Skip formatting, clippy and licences
    #[arg(long)]
    skip_lints: bool,
}

/// Returns the tools that the example programs need, beside those that build for wasm32.
pub(crate) fn required() -> Vec<Box<dyn setup::Requirement>> {
    vec![setup::servers(), setup::chat_server(), setup::engine(Engine::Chromium)]
}

/// Installs what is missing, and runs everything.
pub(crate) fn run(arguments: &Arguments, runtime: &Handle) -> Result<bool> {
    let project = Project::open()?;
    if let Some(framework) = &arguments.page {
        let mut required = setup::wasm();
        required.push(setup::engine(Engine::Chromium));
        setup::ensure(&project, &required)?;
        let _lock = project.cache.lock(LOCK)?;
        frontends::use_page(&project, framework, runtime)?;
        println!("the chat in {framework} passed");
        return Ok(true);
    }
    let mut required = required();
    required.extend(setup::wasm());
    if !arguments.skip_lints {
        required.extend(setup::lints());
    }
    setup::ensure(&project, &required)?;
    let _lock = project.cache.lock(LOCK)?;
    if !arguments.skip_lints {
        if !arguments.frameworks {
            lint(&project)?;
        }
        frontends::lint(&project)?;
        frontends::clippy(&project)?;
    }
    if !arguments.frameworks {
        let counts = test(&project)?;
        println!("{} passed, {} failed", counts.passed, counts.failed);
    }
    let counts = frontends::test(&project, &frontends::ALL, runtime)?;
    println!("in frameworks: {} passed, {} failed", counts.passed, counts.failed);
    Ok(true)
}

/// Checks formatting, licences and clippy.
pub(crate) fn lint(project: &Project) -> Result<()> {
    let mut format = cargo_here(project);
    format.args(["fmt", "--check"]);
    let mut deny = cargo::clean(setup::CARGO_DENY.program(project));
    deny.current_dir(project.root().join("examples"));
    // These programs need fewer licences than the library's workspace, whose rules apply.
    deny.args(["--locked", "--config", "../deny.toml", "check", "--allow", "license-not-encountered"]);
    deny.args(["--allow", "license-exception-not-encountered", "licenses", "bans", "sources"]);
    let mut clippy = cargo_here(project);
    clippy.args(["clippy", "--locked", "--all-targets", "--", "-D", "warnings"]);
    for mut command in [format, clippy, deny] {
        run_to_end("example programs", &mut command)?.checked(&command)?;
    }
    Ok(())
}

/// Runs the programs' tests with their servers.
pub(crate) fn test(project: &Project) -> Result<Counts> {
    let mut command = cargo_here(project);
    command.args(["test", "--locked", "--no-fail-fast"]);
    setup::set_server_paths(project, &mut command)?;
    let finished = run_to_end("example programs", &mut command)?.checked(&command)?;
    let counts = Counts::read(&finished.log).unwrap_or_default();
    ensure!(counts.passed > 0, "no test has run");
    Ok(counts)
}

/// Returns a cargo command for these programs. Their target folder is their own, because their dependencies differ.
fn cargo_here(project: &Project) -> Command {
    let mut command = Toolchain::Default.cargo();
    command.current_dir(project.root().join("examples"));
    set_target_dir(&mut command, &project.cache.target("examples"));
    command
}
