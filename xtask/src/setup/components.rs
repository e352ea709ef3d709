//! The components of a Rust toolchain that a minimal installation lacks.

use std::path::Path;

use anyhow::Result;

use super::Requirement;
use crate::{
    cargo::{self, Toolchain},
    process::{command_line, first_line, print_line, run_to_end},
    project::Project,
};

/// A component of rustup.
#[derive(Clone, Copy)]
pub(crate) enum Component {
    /// `cargo fmt`.
    Rustfmt,
    /// `cargo clippy`.
    Clippy,
    /// The standard library's sources, for the build with threads.
    Sources,
}

impl Component {
    fn name(self) -> &'static str {
        match self {
            Self::Rustfmt => "rustfmt",
            Self::Clippy => "clippy",
            Self::Sources => "rust-src",
        }
    }

    fn command(self) -> std::process::Command {
        let mut command = cargo::clean("rustup");
        command.args(["component", "add", self.name()]);
        command
    }

    /// Looks in the toolchain that builds for wasm32, because it builds the standard library for the test with threads.
    fn has_sources(project: &Project) -> bool {
        let toolchain = cargo::wasm_toolchain(&project.cache).unwrap_or(Toolchain::Default);
        first_line(toolchain.rustc().args(["--print", "sysroot"]))
            .is_some_and(|sysroot| Path::new(&sysroot).join("lib/rustlib/src/rust/library/Cargo.lock").is_file())
    }
}

impl Requirement for Component {
    fn title(&self) -> String {
        self.name().to_owned()
    }

    fn is_installed(&self, project: &Project) -> bool {
        match self {
            Self::Rustfmt => first_line(Toolchain::Default.cargo().args(["fmt", "--version"])).is_some(),
            Self::Clippy => first_line(Toolchain::Default.cargo().args(["clippy", "--version"])).is_some(),
            Self::Sources => Self::has_sources(project),
        }
    }

    fn describe(&self, _project: &Project) -> String {
        let version = match self {
            Self::Rustfmt => first_line(Toolchain::Default.cargo().args(["fmt", "--version"])),
            Self::Clippy => first_line(Toolchain::Default.cargo().args(["clippy", "--version"])),
            Self::Sources => None,
        };
        version.unwrap_or_else(|| "installed".to_owned())
    }

    fn instructions(&self, _project: &Project) -> String {
        command_line(&self.command())
    }

    /// Runs after the packages are installed: only then is it known which toolchain builds for wasm32. The
    /// distribution's has the sources.
    fn complete(&self, project: &Project) -> Result<()> {
        if self.is_installed(project) {
            return Ok(());
        }
        let mut command = self.command();
        print_line(&format!("$ {}", command_line(&command)));
        run_to_end(self.name(), &mut command)?.checked(&command)?;
        Ok(())
    }
}
