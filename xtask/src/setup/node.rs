//! Node and npm, for the npm package.

use std::process::Command;

use super::{Requirement, packages};
use crate::{process::first_line, project::Project};

/// The lowest major version that runs the tools of the npm package.
const LOWEST: u32 = 20;

const PACKAGES: [&str; 2] = ["nodejs", "npm"];

/// Node with npm.
pub(crate) struct Node;

fn version() -> Option<String> {
    first_line(Command::new("node").arg("--version"))
}

fn is_recent(version: &str) -> bool {
    let major = version.trim_start_matches('v').split('.').next();
    major.and_then(|major| major.parse::<u32>().ok()).is_some_and(|major| major >= LOWEST)
}

impl Requirement for Node {
    fn title(&self) -> String {
        format!("Node {LOWEST} or newer, and npm")
    }

    fn is_installed(&self, _project: &Project) -> bool {
        version().is_some_and(|version| is_recent(&version)) && which::which("npm").is_ok()
    }

    fn describe(&self, _project: &Project) -> String {
        version().unwrap_or_default()
    }

    fn instructions(&self, _project: &Project) -> String {
        packages::instructions(&PACKAGES, &format!("install Node {LOWEST} or newer, with npm"))
    }

    fn packages(&self) -> Vec<&'static str> {
        PACKAGES.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::is_recent;

    #[test]
    fn versions_are_compared_by_number() {
        assert!(is_recent("v20.20.2") && is_recent("v100.0.0"));
        assert!(!is_recent("v18.20.4") && !is_recent("v9.0.0") && !is_recent("none"));
    }
}
