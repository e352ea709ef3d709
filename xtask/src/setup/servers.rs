//! The servers of the example programs, from system packages.

use std::process::Command;

use anyhow::{Context as _, Result};

use super::{Requirement, packages, peers::find};
use crate::{browser::Engine, process::first_line, project::Project};

/// The programs, their Debian packages, and the variables that tell the tests their paths.
const PROGRAMS: [(&str, &str, &str); 2] =
    [("mosquitto", "mosquitto", "SAMESOCKET_MOSQUITTO"), ("prosody", "prosody", "SAMESOCKET_PROSODY")];

/// An MQTT and an XMPP server.
pub(crate) struct Servers;

/// Sets the environment variables that tell the tests the paths of these servers and of Chromium.
pub(crate) fn tell(project: &Project, command: &mut Command) -> Result<()> {
    for (program, _, variable) in PROGRAMS {
        command.env(variable, find(program).with_context(|| format!("{program} is not installed"))?);
    }
    command.env("SAMESOCKET_CHROMIUM", super::browser(Engine::Chromium, project)?.program);
    Ok(())
}

impl Requirement for Servers {
    fn title(&self) -> String {
        "Servers of the example programs".to_owned()
    }

    fn is_installed(&self, _project: &Project) -> bool {
        self.packages().is_empty()
    }

    fn describe(&self, _project: &Project) -> String {
        let versions = PROGRAMS.iter().filter_map(|(program, package, _)| {
            let version = first_line(Command::new("dpkg-query").args(["-W", "-f", "${Version}", package]));
            find(program).map(|_| format!("{program} {}", version.unwrap_or_default()))
        });
        versions.collect::<Vec<_>>().join(", ")
    }

    fn instructions(&self, _project: &Project) -> String {
        packages::instructions(&self.packages(), "install the servers mosquitto and prosody")
    }

    fn packages(&self) -> Vec<&'static str> {
        PROGRAMS.iter().filter(|(program, ..)| find(program).is_none()).map(|(_, package, _)| *package).collect()
    }
}
