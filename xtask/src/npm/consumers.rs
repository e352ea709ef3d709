//! Runs the packed package in runtimes and bundlers: `js/consumers/`.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result, ensure};

use super::{Package, tap_counts};
use crate::{browser::Engine, browser_tests::Counts, build, process::run_to_end, project::Project, serve::Site, setup};

/// The file that holds the lock file of the installed tools.
const INSTALLED: &str = "installed.json";

impl Package {
    /// Builds and runs programs with the packed package, with every tool of the README's table. With `bless`, writes
    /// the table.
    pub(crate) fn test_consumers(&self, project: &Project, site: &Site, bless: bool) -> Result<Counts> {
        let tools = install_tools(project)?;
        let scratch = project.cache.empty_folder("npm-consumers-scratch")?;
        let mut command = Command::new("node");
        command.args(["--test", "--test-reporter=tap", "run.js"]).current_dir(&tools);
        command.env("SAMESOCKET_TARBALL", self.pack(&scratch)?);
        command.env("SAMESOCKET_SCRATCH", &scratch).env("SAMESOCKET_README", sources(project)?.join("README.md"));
        command.env("SAMESOCKET_CHROMIUM", setup::browser(Engine::Chromium, project)?.program);
        command.env("SAMESOCKET_SERVER", site.description()?["plain"].as_str().unwrap_or_default());
        if bless {
            command.env("SAMESOCKET_BLESS", "1");
        }
        let finished = run_to_end("npm package in runtimes and bundlers", &mut command)?.checked(&command)?;
        let counts = tap_counts(&finished.stdout).context("Node printed no test counts")?;
        ensure!(counts.failed == 0 && counts.passed > 0, "{}", finished.log);
        Ok(counts)
    }
}

/// Copies the current tests into the cache. Keeps the installed tools as long as the lock file is the same.
fn install_tools(project: &Project) -> Result<PathBuf> {
    let folder = project.cache.folder().join("npm-consumers");
    fs::create_dir_all(&folder)?;
    build::copy(&sources(project)?.join("consumers"), &folder)?;
    let lock = fs::read(folder.join("package-lock.json"))?;
    if fs::read(folder.join(INSTALLED)).ok().as_ref() != Some(&lock) {
        let mut command = Command::new("npm");
        command.args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder);
        run_to_end("npm packages for runtimes and bundlers", &mut command)?.checked(&command)?;
        fs::write(folder.join(INSTALLED), &lock)?;
    }
    Ok(folder)
}

fn sources(project: &Project) -> Result<PathBuf> {
    let manifest = project.package(super::RULES)?.manifest_path.clone();
    Ok(manifest.parent().context("the manifest has no folder")?.into())
}
