//! The oldest supported Rust: from rustup, or unpacked from Debian's packages without installing them.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use super::{
    Requirement,
    packages::{self, run},
};
use crate::{
    cargo,
    process::{command_line, first_line},
    project::Project,
};

/// The version of the compiler. It is the `rust-version` of the published packages.
pub(crate) const VERSION: &str = "1.85.0";

const WASM: &str = "wasm32-unknown-unknown";

/// Debian's packages of that compiler, which may be older than those that apt would install.
const DEBIAN: [(&str, &str); 5] = [
    ("cargo-web", "=1.85.0+dfsg3-1~deb12u3"),
    ("libstd-rust-web-1.85", "=1.85.0+dfsg3-1~deb12u3"),
    ("libstd-rust-web-dev", "=1.85.0+dfsg3-1~deb12u3"),
    ("rust-web-src", "=1.85.0+dfsg3-1~deb12u3"),
    ("rustc-web", "=1.85.0+dfsg3-1~deb12u3"),
];
/// The libraries of those programs, in any version.
const LIBRARIES: [(&str, &str); 3] = [("libhttp-parser2.9", ""), ("libllvm19", ""), ("libpcre3", "")];

/// The oldest supported compiler, with its cargo.
pub(crate) struct OldestRust;

/// The source of the compiler.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A toolchain of rustup, with a standard library for wasm32.
    Rustup,
    /// The unpacked packages, with the sources of the standard library.
    Debian,
}

impl Source {
    /// Returns the installed compiler's source.
    pub(crate) fn find(project: &Project) -> Option<Self> {
        [Self::Rustup, Self::Debian].into_iter().find(|source| {
            let version = first_line(source.program(project, "rustc").arg("--version"));
            version.is_some_and(|version| version.starts_with(&format!("rustc {VERSION} ")))
                && first_line(source.program(project, "cargo").arg("--version")).is_some()
        })
    }

    /// Returns the command of one of the toolchain's programs.
    pub(crate) fn program(self, project: &Project, name: &str) -> Command {
        match self {
            Self::Rustup => {
                let mut command = cargo::clean("rustup");
                command.env_remove("RUSTUP_TOOLCHAIN").args(["run", VERSION, name]);
                command
            }
            Self::Debian => {
                let root = folder(project).join("root");
                let bin = root.join("usr/bin");
                let mut command = cargo::clean(bin.join(name));
                command.env("RUSTC", bin.join("rustc")).env("RUSTDOC", bin.join("rustdoc"));
                command.env("LD_LIBRARY_PATH", libraries(&root));
                command
            }
        }
    }

    /// Returns the options with which cargo builds for wasm32, and sets what they need.
    pub(crate) fn wasm_options(self, command: &mut Command) {
        command.args(["--target", WASM]);
        if self == Self::Debian {
            command.env("RUSTC_BOOTSTRAP", "1").arg("-Zbuild-std=std,panic_abort");
        }
    }
}

fn folder(project: &Project) -> PathBuf {
    project.cache.tool("rust", VERSION)
}

/// Returns the folders of the unpacked shared libraries.
fn libraries(root: &Path) -> OsString {
    let folder = format!("{}-linux-gnu", env::consts::ARCH);
    let folders = [root.join("usr/lib").join(&folder), root.join("lib").join(folder)];
    env::join_paths(folders).unwrap_or_default()
}

fn rustup_install() -> Command {
    let mut command = cargo::clean("rustup");
    command.args(["toolchain", "install", VERSION, "--profile", "minimal", "--target", WASM, "--no-self-update"]);
    command
}

/// Downloads the packages, and unpacks them in a folder of their own.
fn unpack(project: &Project) -> Result<()> {
    let folder = folder(project);
    let _ = fs::remove_dir_all(&folder);
    let (downloads, root) = (folder.join("deb"), folder.join("root"));
    fs::create_dir_all(&downloads)?;
    if packages::can_install() {
        packages::update_lists()?;
    }
    let mut download = Command::new("apt-get");
    download.current_dir(&downloads).arg("download");
    download.args(DEBIAN.iter().chain(&LIBRARIES).map(|(name, version)| format!("{name}{version}")));
    run("Rust's packages", download)?;
    for entry in fs::read_dir(&downloads)? {
        let mut unpack = Command::new("dpkg");
        unpack.arg("-x").arg(entry?.path()).arg(&root);
        run("unpacking", unpack)?;
    }
    fs::remove_dir_all(&downloads)?;
    Ok(())
}

impl Requirement for OldestRust {
    fn title(&self) -> String {
        format!("Rust {VERSION}")
    }

    fn is_installed(&self, project: &Project) -> bool {
        Source::find(project).is_some()
    }

    fn describe(&self, project: &Project) -> String {
        match Source::find(project) {
            Some(Source::Rustup) => format!("{VERSION}, from rustup"),
            Some(Source::Debian) => format!("{VERSION}, from Debian's packages"),
            None => String::new(),
        }
    }

    fn instructions(&self, _project: &Project) -> String {
        command_line(&rustup_install())
    }

    fn install(&self, _project: &Project) -> Result<()> {
        run("the oldest Rust", rustup_install())
    }

    fn complete(&self, project: &Project) -> Result<()> {
        ensure!(packages::has_apt(), "rustup did not install it, and this is not Debian");
        unpack(project).context("Debian's packages of it cannot be unpacked")
    }
}
