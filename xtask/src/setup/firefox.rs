//! Firefox from the system, and its driver from the system or from the package registry.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use super::{
    Requirement, packages,
    wasm_bindgen::{cargo_install, installation, program},
};
use crate::{
    browser::{Browser, Engine, first_of},
    process::{command_line, first_line},
    project::Project,
};

const DRIVER: &str = "geckodriver";
const DRIVER_VERSION: &str = "0.37.1";
const PACKAGE: &str = "firefox-esr";

/// Firefox and geckodriver.
pub(crate) struct Firefox;

/// Finds the browser and its driver.
pub(crate) fn find(project: &Project) -> Option<Browser> {
    Some(Browser { engine: Engine::Firefox, program: browser()?, driver: driver(project)?, wrapper: Vec::new() })
}

fn browser() -> Option<PathBuf> {
    first_of(&["firefox-esr", "firefox", "/Applications/Firefox.app/Contents/MacOS/firefox"])
}

fn driver(project: &Project) -> Option<PathBuf> {
    let own = program(&project.cache.tool(DRIVER, DRIVER_VERSION), DRIVER);
    which::which(DRIVER).ok().or_else(|| own.is_file().then_some(own))
}

impl Requirement for Firefox {
    fn title(&self) -> String {
        "Firefox and geckodriver".to_owned()
    }

    fn is_installed(&self, project: &Project) -> bool {
        find(project).is_some()
    }

    fn describe(&self, project: &Project) -> String {
        find(project).and_then(|browser| first_line(Command::new(browser.program).arg("--version"))).unwrap_or_default()
    }

    fn instructions(&self, project: &Project) -> String {
        let mut commands = Vec::new();
        if browser().is_none() {
            commands
                .push(packages::instructions(&[PACKAGE], "install Firefox (on macOS: brew install --cask firefox)"));
        }
        if driver(project).is_none() {
            commands.push(command_line(&installation(project, DRIVER, DRIVER_VERSION)));
        }
        commands.join("; ")
    }

    fn install(&self, project: &Project) -> Result<()> {
        if driver(project).is_none() { cargo_install(project, DRIVER, DRIVER_VERSION) } else { Ok(()) }
    }

    fn packages(&self) -> Vec<&'static str> {
        if browser().is_none() { vec![PACKAGE] } else { Vec::new() }
    }
}
