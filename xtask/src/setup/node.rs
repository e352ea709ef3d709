//! Node and npm, for the npm package.

use std::process::Command;

use super::{Requirement, packages};
use crate::{process::first_line, project::Project};

/// The lowest major and minor version that runs the tools of the npm package. Vite needs it.
const LOWEST: (u32, u32) = (20, 19);
/// Vite supports no version 21, and version 22 only from this one.
const LOWEST_OF_22: (u32, u32) = (22, 12);

const PACKAGES: [&str; 2] = ["nodejs", "npm"];

/// Node with npm.
pub(crate) struct Node;

fn version() -> Option<String> {
    first_line(Command::new("node").arg("--version"))
}

fn is_recent(version: &str) -> bool {
    let mut numbers = version.trim_start_matches('v').split('.').map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else { return false };
    let version = (major, minor);
    (major == LOWEST.0 && version >= LOWEST) || version >= LOWEST_OF_22
}

/// Names the supported versions.
fn wanted() -> String {
    format!("Node {}.{} or {}.{} or newer", LOWEST.0, LOWEST.1, LOWEST_OF_22.0, LOWEST_OF_22.1)
}

impl Requirement for Node {
    fn title(&self) -> String {
        format!("{}, and npm", wanted())
    }

    fn is_installed(&self, _project: &Project) -> bool {
        version().is_some_and(|version| is_recent(&version)) && which::which("npm").is_ok()
    }

    fn describe(&self, _project: &Project) -> String {
        version().unwrap_or_default()
    }

    fn instructions(&self, _project: &Project) -> String {
        packages::instructions(&PACKAGES, &format!("install {}, with npm", wanted()))
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
        assert!(is_recent("v20.20.2") && is_recent("v20.19.0") && is_recent("v22.12.0") && is_recent("v100.0.0"));
        assert!(!is_recent("v20.18.3") && !is_recent("v21.7.3") && !is_recent("v22.11.0"));
        assert!(!is_recent("v18.20.4") && !is_recent("v9.0.0") && !is_recent("none"));
    }
}
