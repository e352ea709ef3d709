//! Cargo commands for a given toolchain, without the variables that an outer cargo set.

use std::{env, ffi::OsStr, path::Path, process::Command};

use crate::cache::Cache;

/// The name of the linked toolchain, on machines where a distribution's rustc replaces `rustup target add`.
pub(crate) const LINKED: &str = "wasm";

/// A Rust toolchain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Toolchain {
    /// The user's own toolchain.
    Default,
    /// The distribution's toolchain, linked into rustup as [`LINKED`].
    Linked,
}

impl Toolchain {
    /// Returns a cargo command.
    pub(crate) fn cargo(self) -> Command {
        self.program("cargo")
    }

    /// Returns a rustc command.
    pub(crate) fn rustc(self) -> Command {
        self.program("rustc")
    }

    fn program(self, name: &str) -> Command {
        match self {
            Self::Default => clean(name),
            Self::Linked => {
                let mut command = clean("rustup");
                command.env_remove("RUSTUP_TOOLCHAIN").args(["run", LINKED, name]);
                command
            }
        }
    }
}

/// Returns a value from the compiler's verbose version, such as its `host`.
pub(crate) fn verbose_version(toolchain: Toolchain, name: &str) -> Option<String> {
    let output = toolchain.rustc().arg("-vV").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::to_owned)
}

/// Returns the toolchain that can build for wasm32, if there is one.
pub(crate) fn wasm_toolchain(cache: &Cache) -> Option<Toolchain> {
    [Toolchain::Default, Toolchain::Linked].into_iter().find(|toolchain| builds_wasm(*toolchain, cache))
}

/// Asks the compiler itself. A list of installed targets would miss a distribution's target and a library of another
/// version.
pub(crate) fn builds_wasm(toolchain: Toolchain, cache: &Cache) -> bool {
    let probe = cache.folder().join("probe");
    if std::fs::create_dir_all(&probe).is_err() {
        return false;
    }
    let source = probe.join("probe.rs");
    if !source.exists() && std::fs::write(&source, "//! Is there a standard library?\n").is_err() {
        return false;
    }
    let mut rustc = toolchain.rustc();
    rustc.args(["--target", "wasm32-unknown-unknown", "--crate-type", "lib", "--emit", "metadata", "--out-dir"]);
    rustc.arg(&probe).arg(&source);
    rustc.output().is_ok_and(|output| output.status.success())
}

/// Returns a command for a program as if it were started from the user's shell.
///
/// `cargo run` and rustup's proxies set variables that name their cargo, compiler and package. A child that uses
/// another toolchain must not inherit them. `RUSTUP_TOOLCHAIN` stays, so that `cargo +beta xtask test` works.
pub(crate) fn clean(program: impl AsRef<OsStr>) -> Command {
    const LEAKED: [&str; 9] = [
        "CARGO",
        "RUSTC",
        "RUSTDOC",
        // They would replace the `RUSTFLAGS` and `RUSTDOCFLAGS` that commands set.
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_ENCODED_RUSTDOCFLAGS",
        "CARGO_TARGET_DIR",
        "LD_LIBRARY_PATH",
        "DYLD_LIBRARY_PATH",
        "RUST_RECURSION_COUNT",
    ];
    const LEAKED_STARTS: [&str; 5] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
    let mut command = Command::new(program);
    for name in LEAKED {
        if env::var_os(name).is_some() {
            command.env_remove(name);
        }
    }
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| LEAKED_STARTS.iter().any(|start| name.starts_with(start))) {
            command.env_remove(name);
        }
    }
    command
}

/// Sets the target folder of a cargo command.
pub(crate) fn set_target_dir<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
    command.env("CARGO_TARGET_DIR", folder)
}
