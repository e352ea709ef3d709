//! Node and npm, for the npm package.

use std::process::Command;

use super::{Requirement, packages};
use crate::{process::first_line, project::Project};

/// The lowest major and minor version that runs the tools of the npm package. Vite needs it.
const LOWEST: (u32, u32) = (20, 19);
/// Vite supports no version 21, and version 22 only from this one.
const LOWEST_OF_22: (u32, u32) = (22, 12);

const PACKAGES: [&str; 2] = ["nodejs", "npm"];
/// The official download.
const DOWNLOAD: &str = "https://nodejs.org/en/download";

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

/// Returns why system packages do not help: the Node that is installed, or else the one of the packages, is too old.
fn too_old(installed: Option<&str>, available: Option<&str>) -> Option<String> {
    match (installed, available) {
        (Some(version), _) => (!is_recent(version)).then(|| format!("the installed Node is {version}")),
        (None, version) => version
            .filter(|version| !is_recent(version))
            .map(|version| format!("the system's package is Node {version}")),
    }
}

fn too_old_here() -> Option<String> {
    let installed = version();
    let available = installed.is_none().then(|| packages::available_version(PACKAGES[0])).flatten();
    too_old(installed.as_deref(), available.as_deref())
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
        let download = format!("install {} from {DOWNLOAD}, with its folder first in PATH", wanted());
        match too_old_here() {
            Some(found) => format!("{download}; {found}, which is too old"),
            None => packages::instructions(&PACKAGES, &download),
        }
    }

    fn packages(&self) -> Vec<&'static str> {
        if too_old_here().is_some() { Vec::new() } else { PACKAGES.to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::{is_recent, too_old};

    #[test]
    fn versions_are_compared_by_number() {
        assert!(is_recent("v20.20.2") && is_recent("v20.19.0") && is_recent("v22.12.0") && is_recent("v100.0.0"));
        assert!(!is_recent("v20.18.3") && !is_recent("v21.7.3") && !is_recent("v22.11.0"));
        assert!(!is_recent("v18.20.4") && !is_recent("v9.0.0") && !is_recent("none"));
    }

    #[test]
    fn package_that_is_too_old_is_not_proposed() {
        let debian = "18.20.4+dfsg-1~deb12u1";
        assert_eq!(too_old(Some("v18.20.4"), None).as_deref(), Some("the installed Node is v18.20.4"));
        assert_eq!(too_old(None, Some(debian)).as_deref(), Some(&*format!("the system's package is Node {debian}")));
        assert_eq!(too_old(None, Some("22.22.0+dfsg-1")), None);
        assert_eq!(too_old(None, None), None);
        assert_eq!(too_old(Some("v22.12.0"), None), None, "npm is missing");
    }
}
