//! Valgrind, which counts instructions.

use std::process::Command;

use super::{Requirement, packages};
use crate::{process::first_line, project::Project};

const PACKAGES: [&str; 1] = ["valgrind"];

/// Valgrind with its tool callgrind.
pub(crate) struct Valgrind;

fn version() -> Option<String> {
    first_line(Command::new("valgrind").arg("--version"))
}

impl Requirement for Valgrind {
    fn title(&self) -> String {
        "Valgrind".to_owned()
    }

    fn is_installed(&self, _project: &Project) -> bool {
        version().is_some()
    }

    fn describe(&self, _project: &Project) -> String {
        version().unwrap_or_default()
    }

    fn instructions(&self, _project: &Project) -> String {
        packages::instructions(&PACKAGES, "install Valgrind")
    }

    fn packages(&self) -> Vec<&'static str> {
        PACKAGES.to_vec()
    }
}
