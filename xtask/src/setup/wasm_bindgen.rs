//! The command-line tools of wasm-bindgen, in exactly the version of the lock file.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use super::Requirement;
use crate::{
    cargo::{self, Toolchain},
    process::{command_line, print_line, run_to_end},
    project::Project,
};

const PACKAGE: &str = "wasm-bindgen-cli";

/// `wasm-bindgen` and `wasm-bindgen-test-runner`.
pub(crate) struct WasmBindgen;

/// Returns the path of one of the package's programs.
pub(crate) fn tool(project: &Project, name: &str) -> Result<PathBuf> {
    Ok(program(&project.cache.tool(PACKAGE, &project.wasm_bindgen()?), name))
}

/// Installs a program from the package registry into a folder of its own.
pub(crate) fn cargo_install(project: &Project, package: &str, version: &str) -> Result<()> {
    install(project, installation(project, package, version), package, version)
}

/// Runs a command from [`installation`].
pub(crate) fn install(project: &Project, mut command: Command, package: &str, version: &str) -> Result<()> {
    let target = project.cache.target("tools");
    // Run in the cache folder, so that the workspace's settings do not apply.
    cargo::set_target_dir(&mut command, &target).current_dir(project.cache.folder());
    print_line(&format!("$ {}", command_line(&command)));
    run_to_end(&format!("{package} {version}"), &mut command)?.checked(&command)?;
    fs::remove_dir_all(&target)?;
    Ok(())
}

/// Returns the command that installs a program.
pub(crate) fn installation(project: &Project, package: &str, version: &str) -> Command {
    let mut command = Toolchain::Default.cargo();
    // Without `--locked`, because the package's lock file may name versions that a mirror of the registry lacks.
    command.args(["install", package, "--version", &format!("={version}"), "--root"]);
    command.arg(project.cache.tool(package, version));
    command
}

/// Returns the path at which `cargo install --root` installs a program.
pub(crate) fn program(root: &Path, name: &str) -> PathBuf {
    root.join("bin").join(name).with_extension(std::env::consts::EXE_EXTENSION)
}

impl Requirement for WasmBindgen {
    fn title(&self) -> String {
        PACKAGE.to_owned()
    }

    fn is_installed(&self, project: &Project) -> bool {
        ["wasm-bindgen", "wasm-bindgen-test-runner"]
            .iter()
            .all(|name| tool(project, name).is_ok_and(|path| path.is_file()))
    }

    fn describe(&self, project: &Project) -> String {
        format!("{}, as in Cargo.lock", project.wasm_bindgen().unwrap_or_default())
    }

    fn instructions(&self, project: &Project) -> String {
        command_line(&installation(project, PACKAGE, &project.wasm_bindgen().unwrap_or_default()))
    }

    fn install(&self, project: &Project) -> Result<()> {
        cargo_install(project, PACKAGE, &project.wasm_bindgen()?)
    }
}
