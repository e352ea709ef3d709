//! Chromium and its driver.

use std::process::Command;

use super::{Requirement, packages};
use crate::{
    browser::{Browser, Engine, first_of},
    process::first_line,
    project::Project,
};

const PACKAGES: [&str; 2] = ["chromium", "chromium-driver"];

/// Chromium, or a browser based on it.
pub(crate) struct Chromium;

/// Finds the browser and its driver.
pub(crate) fn find() -> Option<Browser> {
    let candidates = [
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
    ];
    let driver = which::which("chromedriver").ok()?;
    Some(Browser { engine: Engine::Chromium, program: first_of(&candidates)?, driver, wrapper: Vec::new() })
}

impl Requirement for Chromium {
    fn title(&self) -> String {
        "Chromium and chromedriver".to_owned()
    }

    fn is_installed(&self, _project: &Project) -> bool {
        find().is_some()
    }

    fn describe(&self, _project: &Project) -> String {
        find().and_then(|browser| first_line(Command::new(browser.program).arg("--version"))).unwrap_or_default()
    }

    fn instructions(&self, _project: &Project) -> String {
        packages::instructions(
            &PACKAGES,
            "install Chromium or Chrome, and the chromedriver of the same version (on macOS: brew install --cask google-chrome chromedriver)",
        )
    }

    fn packages(&self) -> Vec<&'static str> {
        PACKAGES.to_vec()
    }
}
