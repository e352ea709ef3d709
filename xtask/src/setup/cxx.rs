//! A C++ compiler, which builds libFuzzer.

use std::{env, process::Command};

use super::{Requirement, packages};
use crate::{process::first_line, project::Project};

const PACKAGES: [&str; 1] = ["g++"];

/// A C++ compiler.
pub(crate) struct CxxCompiler;

/// Returns the first line of the compiler's version. The build finds the compiler in the same way.
fn version() -> Option<String> {
    let program = env::var_os("CXX").unwrap_or_else(|| "c++".into());
    first_line(Command::new(program).arg("--version"))
}

impl Requirement for CxxCompiler {
    fn title(&self) -> String {
        "C++ compiler".to_owned()
    }

    fn is_installed(&self, _project: &Project) -> bool {
        version().is_some()
    }

    fn describe(&self, _project: &Project) -> String {
        version().unwrap_or_default()
    }

    fn instructions(&self, _project: &Project) -> String {
        packages::instructions(&PACKAGES, "install a C++ compiler")
    }

    fn packages(&self) -> Vec<&'static str> {
        PACKAGES.to_vec()
    }
}
