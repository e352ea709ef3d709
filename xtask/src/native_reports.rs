//! Runs the conformance scripts on this machine without a browser. The tests write their reports to a folder, and the
//! demo page shows them beside its own.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use crate::{
    build::{CONFORMANCE, native_cargo},
    process::run_to_end,
    project::Project,
    serve::Site,
};

/// The environment variable that tells the tests the folder.
const VARIABLE: &str = "SAMESOCKET_REPORTS";
/// The environment variable that tells the tests that tables in the source will be written.
const BLESS: &str = "SAMESOCKET_BLESS";
/// The test target that runs the scripts.
const TEST: &str = "native";

/// The folder for the reports of one run.
pub(crate) struct Reports(PathBuf);

impl Reports {
    /// Creates an empty folder.
    pub(crate) fn new(project: &Project) -> Result<Self> {
        Ok(Self(project.cache.empty_folder("native-reports")?))
    }

    /// Sets the folder to which the tests of a command write their reports. With `bless`, the tests do not compare their results
    /// with tables in the source, because a later step writes these.
    pub(crate) fn write_into(&self, command: &mut Command, bless: bool) {
        command.env(VARIABLE, &self.0);
        if bless {
            command.env(BLESS, "1");
        }
    }

    /// Reads a report.
    pub(crate) fn read(&self, name: &str) -> Result<String> {
        let path = self.0.join(name).with_extension("json");
        fs::read_to_string(&path).with_context(|| format!("the report {name} is missing"))
    }

    /// Publishes the reports to the pages of a site.
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

/// Runs the scripts. An unexpected result is recorded in the reports; only missing reports are an error.
pub(crate) fn run(project: &Project) -> Result<Reports> {
    let reports = Reports::new(project)?;
    let mut command = native_cargo(project);
    command.args(["test", "-p", CONFORMANCE, "--test", TEST]);
    reports.write_into(&mut command, false);
    let finished = run_to_end("conformance scripts, native", &mut command)?;
    if fs::read_dir(&reports.0)?.next().is_none() {
        finished.checked(&command)?;
    }
    Ok(reports)
}
