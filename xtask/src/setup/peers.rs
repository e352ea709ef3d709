//! Third-party servers and proxies for the tests of the native client: from npm, from `PyPI`, and from system packages.

use std::{path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use super::{
    Requirement, packages,
    python::{Environment, has_venv},
};
use crate::{browser::Engine, cargo::clean, project::Project};

/// The system programs and their Debian packages.
const PROGRAMS: [(&str, &str); 8] = [
    ("nginx", "nginx-light"),
    ("haproxy", "haproxy"),
    ("nghttpx", "nghttp2-proxy"),
    ("microsocks", "microsocks"),
    ("tinyproxy", "tinyproxy"),
    ("node", "nodejs"),
    ("npm", "npm"),
    ("python3", "python3"),
];
const WS: &str = "8.23.0";
const WEBSOCKETS: Environment = Environment { packages: &[("websockets", "17.4")] };
const HYPERCORN: Environment = Environment { packages: &[("hypercorn", "0.18.0")] };

/// nginx, haproxy, nghttpx, a SOCKS and an HTTP proxy, Node with `ws`, Python with `websockets` and with hypercorn.
pub(crate) struct Peers;

/// Sets the environment variables that tell the tests the paths of these programs and of Chromium.
pub(crate) fn tell(project: &Project, command: &mut Command) -> Result<()> {
    command.env("SAMESOCKET_NPM", ws(project)).env("SAMESOCKET_PYTHON", WEBSOCKETS.python(project));
    command.env("SAMESOCKET_HYPERCORN", HYPERCORN.python(project));
    command.env("SAMESOCKET_CHROMIUM", super::browser(Engine::Chromium, project)?.program);
    for (program, variable) in
        [("nginx", "SAMESOCKET_NGINX"), ("haproxy", "SAMESOCKET_HAPROXY"), ("nghttpx", "SAMESOCKET_NGHTTPX")]
    {
        command.env(variable, find(program).with_context(|| format!("{program} is not installed"))?);
    }
    Ok(())
}

/// Finds a system program. Debian installs servers in folders that only root's PATH has.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    which::which(name).ok().or_else(|| which::which_in(name, Some("/usr/sbin:/usr/local/sbin"), "/").ok())
}

fn ws(project: &Project) -> PathBuf {
    project.cache.tool("ws", WS)
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
    let missing = [WEBSOCKETS, HYPERCORN].into_iter().filter(|environment| !environment.is_installed(project));
    commands.extend(missing.flat_map(|environment| environment.installations(project)));
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
        format!(
            "nginx, haproxy, nghttpx, microsocks, tinyproxy, ws {WS}, {}, {}",
            WEBSOCKETS.describe(),
            HYPERCORN.describe()
        )
    }

    fn instructions(&self, project: &Project) -> String {
        packages::instructions_before(
            &self.packages(),
            "install servers and proxies, Node and Python",
            installations(project),
        )
    }

    fn packages(&self) -> Vec<&'static str> {
        let missing = PROGRAMS.iter().filter(|(program, _)| find(program).is_none()).map(|(_, package)| *package);
        missing.chain((!has_venv()).then_some("python3-venv")).collect()
    }

    fn complete(&self, project: &Project) -> Result<()> {
        installations(project).into_iter().try_for_each(|command| packages::run("third-party servers", command))
    }
}
