//! Third-party servers and proxies for the tests of the native client: from npm, from `PyPI`, and from system packages.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{Requirement, packages};
use crate::{
    cargo::clean,
    process::{command_line, first_line, print_line, run_to_end},
    project::Project,
};

/// The system programs and their Debian packages.
const PROGRAMS: [(&str, &str); 6] = [
    ("nginx", "nginx-light"),
    ("microsocks", "microsocks"),
    ("tinyproxy", "tinyproxy"),
    ("node", "nodejs"),
    ("npm", "npm"),
    ("python3", "python3"),
];
const WS: &str = "8.23.0";
const WEBSOCKETS: &str = "17.4";

/// nginx, a SOCKS and an HTTP proxy, Node with `ws`, Python with `websockets`.
pub(crate) struct Peers;

/// Sets the environment variables that tell the tests the programs' paths.
pub(crate) fn tell(project: &Project, command: &mut Command) -> Result<()> {
    command.env("SAMESOCKET_NPM", ws(project)).env("SAMESOCKET_PYTHON", python(&websockets(project)));
    command.env("SAMESOCKET_NGINX", find("nginx").context("nginx is not installed")?);
    Ok(())
}

/// Finds a system program. Debian installs servers in folders that only root's PATH has.
fn find(name: &str) -> Option<PathBuf> {
    which::which(name).ok().or_else(|| which::which_in(name, Some("/usr/sbin:/usr/local/sbin"), "/").ok())
}

fn ws(project: &Project) -> PathBuf {
    project.cache.tool("ws", WS)
}

fn websockets(project: &Project) -> PathBuf {
    project.cache.tool("websockets", WEBSOCKETS)
}

fn python(folder: &Path) -> PathBuf {
    folder.join("bin/python")
}

/// Debian splits Python's venv into a package of its own.
fn has_venv() -> bool {
    first_line(Command::new("python3").args(["-c", "import ensurepip; print(ensurepip.version())"])).is_some()
}

fn has_websockets(project: &Project) -> bool {
    let check = format!("import websockets.version as v; assert v.version == '{WEBSOCKETS}'; print(v.version)");
    first_line(Command::new(python(&websockets(project))).args(["-c", &check])).is_some()
}

fn has_ws(project: &Project) -> bool {
    ws(project).join("node_modules/ws/package.json").is_file()
}

/// Returns the commands that are still to be run, in order.
fn installations(project: &Project) -> Vec<Command> {
    let mut commands = Vec::new();
    if !has_ws(project) {
        let mut npm = clean("npm");
        npm.args(["install", "--no-fund", "--no-audit", "--prefix"]).arg(ws(project)).arg(format!("ws@{WS}"));
        commands.push(npm);
    }
    if !has_websockets(project) {
        let folder = websockets(project);
        let mut venv = clean("python3");
        venv.args(["-m", "venv"]).arg(&folder);
        let mut pip = clean(python(&folder));
        pip.args(["-m", "pip", "install", "--quiet", &format!("websockets=={WEBSOCKETS}")]);
        commands.extend([venv, pip]);
    }
    commands
}

impl Requirement for Peers {
    fn title(&self) -> String {
        "Third-party servers and proxies".to_owned()
    }

    fn is_installed(&self, project: &Project) -> bool {
        self.packages().is_empty() && installations(project).is_empty()
    }

    fn describe(&self, _project: &Project) -> String {
        format!("nginx, microsocks, tinyproxy, ws {WS}, websockets {WEBSOCKETS}")
    }

    fn instructions(&self, project: &Project) -> String {
        let mut commands: Vec<String> = installations(project).iter().map(command_line).collect();
        let missing = self.packages();
        if !missing.is_empty() {
            commands.insert(0, packages::instructions(&missing, "install servers and proxies, Node and Python"));
        }
        commands.join("; ")
    }

    fn packages(&self) -> Vec<&'static str> {
        let missing = PROGRAMS.iter().filter(|(program, _)| find(program).is_none()).map(|(_, package)| *package);
        missing.chain((!has_venv()).then_some("python3-venv")).collect()
    }

    fn complete(&self, project: &Project) -> Result<()> {
        for mut command in installations(project) {
            print_line(&format!("$ {}", command_line(&command)));
            run_to_end("third-party servers", &mut command)?.checked(&command)?;
        }
        Ok(())
    }
}
