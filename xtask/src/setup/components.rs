//! The parts of a Rust toolchain that a minimal installation leaves out.

use std::path::Path;

use anyhow::Result;

use super::Requirement;
use crate::{
    cargo::{self, Toolchain},
    process::{first_line, line, say, watch},
    project::Project,
};

/// A component, named as in rustup.
#[derive(Clone, Copy)]
pub(crate) enum Component {
    /// For `cargo fmt`.
    Rustfmt,
    /// For `cargo clippy`.
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

    /// Asked of the toolchain that builds for wasm32: it is the one that builds the standard library anew.
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

    fn is_there(&self, project: &Project) -> bool {
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
        version.unwrap_or_else(|| "there".to_owned())
    }

    fn remedy(&self, _project: &Project) -> String {
        line(&self.command())
    }

    /// Last, because which toolchain builds for wasm32 is known by then, and the distribution's has the sources already.
    fn complete(&self, project: &Project) -> Result<()> {
        if self.is_there(project) {
            return Ok(());
        }
        let mut command = self.command();
        say(&format!("$ {}", line(&command)));
        watch(self.name(), &mut command)?.checked(&command)?;
        Ok(())
    }
}
