//! `cargo-deny`, which checks the licences and the sources of the dependencies.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use super::{Requirement, wasm_bindgen};
use crate::{process::command_line, project::Project};

const PACKAGE: &str = "cargo-deny";
const VERSION: &str = "0.20.2";

/// The settings of the build, which takes 90 s on two cores with them. A check takes 2 s without optimisation.
const SETTINGS: [(&str, &str); 4] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "256"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "false"),
];

/// `cargo-deny`.
pub(crate) struct CargoDeny;

/// Returns the path of the program.
pub(crate) fn program(project: &Project) -> PathBuf {
    wasm_bindgen::program(&project.cache.tool(PACKAGE, VERSION), PACKAGE)
}

fn installation(project: &Project) -> Command {
    let mut command = wasm_bindgen::installation(project, PACKAGE, VERSION);
    command.arg("--no-default-features").envs(SETTINGS);
    command
}

impl Requirement for CargoDeny {
    fn title(&self) -> String {
        PACKAGE.to_owned()
    }

    fn is_installed(&self, project: &Project) -> bool {
        program(project).is_file()
    }

    fn describe(&self, _project: &Project) -> String {
        VERSION.to_owned()
    }

    fn instructions(&self, project: &Project) -> String {
        command_line(&installation(project))
    }

    fn install(&self, project: &Project) -> Result<()> {
        wasm_bindgen::install(project, installation(project), PACKAGE, VERSION)
    }
}
