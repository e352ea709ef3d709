//! What serves a web-platform-tests checkout: two packages of `PyPI`, in an environment of their own.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use super::{Requirement, packages};
use crate::{
    cargo::clean,
    process::{first_line, line, say, watch},
    project::Project,
};

const WPTSERVE: &str = "4.0.3";
const PYWEBSOCKET: &str = "4.0.2";

/// `wptserve`, `pywebsocket3`, and what they stand on.
pub(crate) struct Wpt;

/// The environment's Python.
pub(crate) fn python(project: &Project) -> PathBuf {
    folder(project).join("bin/python")
}

fn folder(project: &Project) -> PathBuf {
    project.cache.tool("wptserve", WPTSERVE)
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    first_line(Command::new(program).args(arguments)).is_some()
}

/// The commands that make it.
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
        "The server of web-platform-tests".to_owned()
    }

    fn is_there(&self, project: &Project) -> bool {
        let check = "import wptserve.server, pywebsocket3.standalone; print('yes')";
        self.packages().is_empty() && first_line(Command::new(python(project)).args(["-c", check])).is_some()
    }

    fn describe(&self, _project: &Project) -> String {
        format!("wptserve {WPTSERVE}, pywebsocket3 {PYWEBSOCKET}")
    }

    fn remedy(&self, project: &Project) -> String {
        let mut commands: Vec<String> = installations(project).iter().map(line).collect();
        let missing = self.packages();
        if !missing.is_empty() {
            commands.insert(0, packages::remedy(&missing, "install Python with venv, and openssl"));
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
        .filter_map(|(package, is_there)| (!is_there).then_some(package))
        .collect()
    }

    fn complete(&self, project: &Project) -> Result<()> {
        for mut command in installations(project) {
            say(&format!("$ {}", line(&command)));
            watch("the tests' server", &mut command)?.checked(&command)?;
        }
        Ok(())
    }
}
