//! Programs from the package registry that check the packages, each in a fixed version.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use super::{Requirement, wasm_bindgen};
use crate::{process::command_line, project::Project};

/// The settings of each build. These programs run for seconds, so most of their time would be that of the build.
const SETTINGS: [(&str, &str); 3] = [
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "256"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "false"),
];

/// A program that `cargo install` builds.
#[derive(Clone, Copy)]
pub(crate) struct CargoTool {
    package: &'static str,
    version: &'static str,
    arguments: &'static [&'static str],
    opt_level: &'static str,
}

/// `cargo-deny`, which checks the licences and the sources of the dependencies.
///
/// The build takes 90 s on two cores, and a check 2 s without optimisation.
pub(crate) const CARGO_DENY: CargoTool =
    CargoTool { package: "cargo-deny", version: "0.20.2", arguments: &["--no-default-features"], opt_level: "0" };

/// `cargo-semver-checks`, which compares two versions of a public API.
///
/// Each version reads the documentation of some compilers, those that were current at its time. The build has 395 crates.
/// With this optimisation a comparison of the largest package takes 3 s.
pub(crate) const SEMVER_CHECKS: CargoTool =
    CargoTool { package: "cargo-semver-checks", version: "0.51.0", arguments: &[], opt_level: "1" };

impl CargoTool {
    /// Returns the path of the program.
    pub(crate) fn program(self, project: &Project) -> PathBuf {
        wasm_bindgen::program(&project.cache.tool(self.package, self.version), self.package)
    }

    fn installation(self, project: &Project) -> Command {
        let mut command = wasm_bindgen::installation(project, self.package, self.version);
        command.args(self.arguments).envs(SETTINGS).env("CARGO_PROFILE_RELEASE_OPT_LEVEL", self.opt_level);
        command
    }
}

impl Requirement for CargoTool {
    fn title(&self) -> String {
        self.package.to_owned()
    }

    fn is_installed(&self, project: &Project) -> bool {
        self.program(project).is_file()
    }

    fn describe(&self, _project: &Project) -> String {
        self.version.to_owned()
    }

    fn instructions(&self, project: &Project) -> String {
        command_line(&self.installation(project))
    }

    fn install(&self, project: &Project) -> Result<()> {
        wasm_bindgen::install(project, self.installation(project), self.package, self.version)
    }
}
