//! The command-line side of wasm-bindgen, of exactly the version that the lock file has.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use super::Requirement;
use crate::{
    cargo::{self, Toolchain},
    process::{line, say, watch},
    project::Project,
};

const PACKAGE: &str = "wasm-bindgen-cli";

/// `wasm-bindgen` and `wasm-bindgen-test-runner`.
pub(crate) struct WasmBindgen;

/// One of the package's programs.
pub(crate) fn tool(project: &Project, name: &str) -> Result<PathBuf> {
    Ok(program(&project.cache.tool(PACKAGE, &project.wasm_bindgen()?), name))
}

/// Installs a program of the registry into a folder of its own.
pub(crate) fn cargo_install(project: &Project, package: &str, version: &str) -> Result<()> {
    let mut command = installation(project, package, version);
    let target = project.cache.target("tools");
    // From the cache folder, so that the workspace's own settings stay out of it.
    cargo::into_target(&mut command, &target).current_dir(project.cache.folder());
    say(&format!("$ {}", line(&command)));
    watch(&format!("{package} {version}"), &mut command)?.checked(&command)?;
    fs::remove_dir_all(&target)?;
    Ok(())
}

/// The command that installs a program, for a person to read.
pub(crate) fn installation(project: &Project, package: &str, version: &str) -> Command {
    let mut command = Toolchain::Default.cargo();
    // Without `--locked`: the packages' own lock files may name versions that a mirror of the registry does not have yet.
    command.args(["install", package, "--version", &format!("={version}"), "--root"]);
    command.arg(project.cache.tool(package, version));
    command
}

/// Where `cargo install --root` puts a program.
pub(crate) fn program(root: &Path, name: &str) -> PathBuf {
    root.join("bin").join(name).with_extension(std::env::consts::EXE_EXTENSION)
}

impl Requirement for WasmBindgen {
    fn title(&self) -> String {
        PACKAGE.to_owned()
    }

    fn is_there(&self, project: &Project) -> bool {
        ["wasm-bindgen", "wasm-bindgen-test-runner"]
            .iter()
            .all(|name| tool(project, name).is_ok_and(|path| path.is_file()))
    }

    fn describe(&self, project: &Project) -> String {
        format!("{}, as in Cargo.lock", project.wasm_bindgen().unwrap_or_default())
    }

    fn remedy(&self, project: &Project) -> String {
        line(&installation(project, PACKAGE, &project.wasm_bindgen().unwrap_or_default()))
    }

    fn obtain(&self, project: &Project) -> Result<()> {
        cargo_install(project, PACKAGE, &project.wasm_bindgen()?)
    }
}
