//! JavaScript runtimes outside browsers, from npm, with the versions in the lock file of `tests/runtimes`.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};

use super::{Requirement, packages};
use crate::{cargo::clean, project::Project};

/// Deno, Bun, workerd, and a Node with a `WebSocket` of its own.
pub(crate) struct Runtimes;

/// Returns the folder of the installed runtimes.
pub(crate) fn folder(project: &Project) -> PathBuf {
    project.cache.tool("runtimes", "npm")
}

/// Returns the folder of the lock file and of the programs that start the runtimes.
pub(crate) fn sources(project: &Project) -> PathBuf {
    project.root().join("tests/runtimes").into_std_path_buf()
}

/// Returns the version of an npm package, as the lock file has it.
pub(crate) fn version(project: &Project, package: &str) -> Result<String> {
    let lock: serde_json::Value = serde_json::from_str(&lock(project)?)?;
    let version = &lock["packages"][format!("node_modules/{package}")]["version"];
    Ok(version.as_str().with_context(|| format!("the lock file of the runtimes has no {package}"))?.to_owned())
}

fn lock(project: &Project) -> Result<String> {
    fs::read_to_string(sources(project).join("package-lock.json")).context("the lock file of the runtimes")
}

/// The copy of the lock file that shows what is installed.
fn installed(project: &Project) -> PathBuf {
    folder(project).join("installed.json")
}

impl Requirement for Runtimes {
    fn title(&self) -> String {
        "Deno, Bun, workerd and Node from npm".to_owned()
    }

    fn is_installed(&self, project: &Project) -> bool {
        lock(project).is_ok_and(|lock| fs::read_to_string(installed(project)).is_ok_and(|installed| installed == lock))
    }

    fn describe(&self, project: &Project) -> String {
        let name = |package| format!("{package} {}", version(project, package).unwrap_or_default());
        ["deno", "bun", "workerd"].map(name).join(", ")
    }

    fn instructions(&self, _project: &Project) -> String {
        "npm ci in a copy of tests/runtimes".to_owned()
    }

    fn complete(&self, project: &Project) -> Result<()> {
        let folder = folder(project);
        fs::create_dir_all(&folder)?;
        for name in ["package.json", "package-lock.json"] {
            fs::copy(sources(project).join(name), folder.join(name))?;
        }
        let mut npm = clean("npm");
        npm.args(["ci", "--no-fund", "--no-audit"]).current_dir(&folder);
        packages::run("JavaScript runtimes", npm)?;
        fs::write(installed(project), lock(project)?)?;
        Ok(())
    }
}
