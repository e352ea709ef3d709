//! The server for a web-platform-tests checkout: two packages of `PyPI` in a virtual environment.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use super::{
    Requirement, packages,
    python::{Environment, has_venv},
};
use crate::{process::first_line, project::Project};

const ENVIRONMENT: Environment = Environment { packages: &[("wptserve", "4.0.3"), ("pywebsocket3", "4.0.2")] };

/// `wptserve`, `pywebsocket3`, and their dependencies.
pub(crate) struct Wpt;

/// Returns the path of the environment's Python.
pub(crate) fn python(project: &Project) -> PathBuf {
    ENVIRONMENT.python(project)
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    first_line(Command::new(program).args(arguments)).is_some()
}

impl Requirement for Wpt {
    fn title(&self) -> String {
        "The web-platform-tests server".to_owned()
    }

    fn is_installed(&self, project: &Project) -> bool {
        let check = "import wptserve.server, pywebsocket3.standalone; print('yes')";
        self.packages().is_empty() && first_line(Command::new(python(project)).args(["-c", check])).is_some()
    }

    fn describe(&self, _project: &Project) -> String {
        ENVIRONMENT.describe()
    }

    fn instructions(&self, project: &Project) -> String {
        packages::instructions_before(
            &self.packages(),
            "install Python with venv, and openssl",
            ENVIRONMENT.installations(project),
        )
    }

    fn packages(&self) -> Vec<&'static str> {
        [
            ("python3", runs("python3", &["--version"])),
            ("python3-venv", has_venv()),
            ("openssl", runs("openssl", &["version"])),
        ]
        .into_iter()
        .filter_map(|(package, is_installed)| (!is_installed).then_some(package))
        .collect()
    }

    fn complete(&self, project: &Project) -> Result<()> {
        ENVIRONMENT
            .installations(project)
            .into_iter()
            .try_for_each(|command| packages::run("web-platform-tests server", command))
    }
}
