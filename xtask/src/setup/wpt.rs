//! The server for a web-platform-tests checkout: two packages of `PyPI` in a virtual environment.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use super::{Requirement, packages};
use crate::{
    cargo::clean,
    process::{command_line, first_line, print_line, run_to_end},
    project::Project,
};

const WPTSERVE: &str = "4.0.3";
const PYWEBSOCKET: &str = "4.0.2";

/// `wptserve`, `pywebsocket3`, and their dependencies.
pub(crate) struct Wpt;

/// Returns the path of the environment's Python.
pub(crate) fn python(project: &Project) -> PathBuf {
    folder(project).join("bin/python")
}

fn folder(project: &Project) -> PathBuf {
    project.cache.tool("wptserve", WPTSERVE)
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    first_line(Command::new(program).args(arguments)).is_some()
}

/// Returns the commands that create the environment.
fn installations(project: &Project) -> [Command; 2] {
    let mut venv = clean("python3");
    venv.args(["-m", "venv"]).arg(folder(project));
    let mut pip = clean(python(project));
    pip.args(["-m", "pip", "install", "--quiet"]);
    pip.args([format!("wptserve=={WPTSERVE}"), format!("pywebsocket3=={PYWEBSOCKET}")]);
    [venv, pip]
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
        format!("wptserve {WPTSERVE}, pywebsocket3 {PYWEBSOCKET}")
    }

    fn instructions(&self, project: &Project) -> String {
        let mut commands: Vec<String> = installations(project).iter().map(command_line).collect();
        let missing = self.packages();
        if !missing.is_empty() {
            commands.insert(0, packages::instructions(&missing, "install Python with venv, and openssl"));
        }
        commands.join("; ")
    }

    fn packages(&self) -> Vec<&'static str> {
        [
            ("python3", runs("python3", &["--version"])),
            ("python3-venv", runs("python3", &["-c", "import ensurepip; print(ensurepip.version())"])),
            ("openssl", runs("openssl", &["version"])),
        ]
        .into_iter()
        .filter_map(|(package, is_installed)| (!is_installed).then_some(package))
        .collect()
    }

    fn complete(&self, project: &Project) -> Result<()> {
        for mut command in installations(project) {
            print_line(&format!("$ {}", command_line(&command)));
            run_to_end("web-platform-tests server", &mut command)?.checked(&command)?;
        }
        Ok(())
    }
}
