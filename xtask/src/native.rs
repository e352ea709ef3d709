//! The conformance scripts as this machine's own processes run them: the tests write their reports to a folder, and the
//! page shows them beside its own.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use crate::{
    build::{CONFORMANCE, native_cargo},
    process::watch,
    project::Project,
    serve::Site,
};

/// Tells the tests of the folder.
const VARIABLE: &str = "SAMESOCKET_REPORTS";
/// The test target that performs the scripts.
const TEST: &str = "native";

/// The folder of one run.
pub(crate) struct Reports(PathBuf);

impl Reports {
    /// Makes an empty folder.
    pub(crate) fn new(project: &Project) -> Result<Self> {
        Ok(Self(project.cache.fresh("native-reports")?))
    }

    /// Has the tests that a command runs write to the folder.
    pub(crate) fn gather(&self, command: &mut Command) {
        command.env(VARIABLE, &self.0);
    }

    /// Reads a report.
    pub(crate) fn read(&self, name: &str) -> Result<String> {
        let path = self.0.join(name).with_extension("json");
        fs::read_to_string(&path).with_context(|| format!("the report {name} is missing"))
    }

    /// Hands on what there is to those who open a site's pages.
    pub(crate) fn publish(&self, site: &Site) -> Result<()> {
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            if let Some(name) = path.file_stem().and_then(|name| name.to_str()) {
                site.put_report(name, fs::read_to_string(&path)?);
            }
        }
        Ok(())
    }
}

/// Runs the scripts. That some were not as expected is in the reports; a failure is that there are none.
pub(crate) fn run(project: &Project) -> Result<Reports> {
    let reports = Reports::new(project)?;
    let mut command = native_cargo(project);
    command.args(["test", "-p", CONFORMANCE, "--test", TEST]);
    reports.gather(&mut command);
    let finished = watch("the scripts, natively", &mut command)?;
    if fs::read_dir(&reports.0)?.next().is_none() {
        finished.checked(&command)?;
    }
    Ok(reports)
}
