//! `llvm-profdata` and `llvm-cov`, which read the counts of instrumented programs.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use super::{Requirement, packages};
use crate::{
    cargo::{self, Toolchain},
    process::{command_line, first_line, run_to_end},
    project::Project,
};

const TOOLS: [&str; 2] = ["llvm-profdata", "llvm-cov"];

/// Debian's packages by major version. The tools must be of the compiler's major version, because the format of the counts
/// changes with it.
const PACKAGES: [(&str, &str); 4] = [("21", "llvm-21"), ("22", "llvm-22"), ("23", "llvm-23"), ("24", "llvm-24")];

/// LLVM's tools for coverage: a component of the toolchain, or the distribution's package.
pub(crate) struct LlvmTools;

/// Finds one of the tools: the component's, then the distribution's of the same version.
pub(crate) fn tool(name: &str) -> Option<PathBuf> {
    let libraries = first_line(Toolchain::Default.rustc().args(["--print", "target-libdir"]))?;
    let component = PathBuf::from(libraries).parent()?.join("bin").join(name);
    if component.is_file() {
        return Some(component);
    }
    which::which(format!("{name}-{}", llvm_version()?)).ok()
}

/// Returns the major version of the compiler's LLVM.
fn llvm_version() -> Option<String> {
    cargo::verbose_version(Toolchain::Default, "LLVM version")?.split('.').next().map(str::to_owned)
}

fn component() -> Command {
    let mut command = cargo::clean("rustup");
    command.args(["component", "add", "llvm-tools"]);
    command
}

impl Requirement for LlvmTools {
    fn title(&self) -> String {
        "LLVM's coverage tools".to_owned()
    }

    fn is_installed(&self, _project: &Project) -> bool {
        TOOLS.iter().all(|name| tool(name).is_some())
    }

    fn describe(&self, _project: &Project) -> String {
        format!("LLVM {}", llvm_version().unwrap_or_default())
    }

    fn instructions(&self, _project: &Project) -> String {
        let or_package = packages::instructions(&self.packages(), "install LLVM of the compiler's version");
        format!("{}, or {or_package}", command_line(&component()))
    }

    fn install(&self, _project: &Project) -> Result<()> {
        let mut command = component();
        run_to_end("llvm-tools", &mut command)?.checked(&command)?;
        Ok(())
    }

    fn packages(&self) -> Vec<&'static str> {
        let version = llvm_version().unwrap_or_default();
        PACKAGES.iter().filter(|(major, _)| *major == version).map(|(_, package)| *package).collect()
    }
}
