//! The standard library for wasm32: rustup's, else built from the distribution's sources.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use super::{Requirement, packages};
use crate::{
    cargo::{self, LINKED, Toolchain},
    process::{first_line, line, say, watch},
    project::Project,
};

const TARGET: &str = "wasm32-unknown-unknown";

/// The distribution's linker for wasm, which rustc looks for under another name.
const LINKER: &str = "lld-22";

/// Where the distribution keeps rustc; `rustup toolchain link` wants the folder above `bin`.
const PREFIX: &str = "/usr";

/// A compiler that can build for wasm32.
pub(crate) struct WasmTarget;

impl Requirement for WasmTarget {
    fn title(&self) -> String {
        format!("Rust for {TARGET}")
    }

    fn is_there(&self, project: &Project) -> bool {
        match cargo::wasm_toolchain(&project.cache) {
            Some(Toolchain::Default) => true,
            // The distribution's clippy is a package of its own.
            Some(Toolchain::Linked) => first_line(Toolchain::Linked.cargo().args(["clippy", "--version"])).is_some(),
            None => false,
        }
    }

    fn describe(&self, project: &Project) -> String {
        let toolchain = cargo::wasm_toolchain(&project.cache).unwrap_or(Toolchain::Default);
        let version = first_line(toolchain.rustc().arg("--version")).unwrap_or_default();
        match toolchain {
            Toolchain::Default => version,
            Toolchain::Linked => format!("{version}, linked as `{LINKED}`"),
        }
    }

    fn remedy(&self, _project: &Project) -> String {
        line(&rustup_target_add())
    }

    fn obtain(&self, _project: &Project) -> Result<()> {
        let mut command = rustup_target_add();
        say(&format!("$ {}", line(&command)));
        watch("wasm32 target", &mut command)?.checked(&command)?;
        Ok(())
    }

    fn packages(&self) -> Vec<&'static str> {
        // Without root there would be no place to put the library: the person is asked for the target itself.
        if packages::can_install() {
            vec!["rustc-web", "cargo-web", "rust-web-src", "rust-web-clippy", LINKER]
        } else {
            Vec::new()
        }
    }

    fn complete(&self, project: &Project) -> Result<()> {
        if packages::can_install() { build_library(project) } else { Ok(()) }
    }
}

fn rustup_target_add() -> Command {
    let mut command = cargo::clean("rustup");
    command.args(["target", "add", TARGET]);
    command
}

/// Builds the standard library once and puts it where the distribution's rustc looks for it.
fn build_library(project: &Project) -> Result<()> {
    let folder = project.cache.fresh("std")?;
    fs::create_dir(folder.join("src"))?;
    fs::write(folder.join("src/lib.rs"), "")?;
    fs::write(folder.join("Cargo.toml"), "[package]\nname = \"nothing\"\nedition = \"2024\"\n\n[workspace]\n")?;

    let bin = Path::new(PREFIX).join("bin");
    let mut build = cargo::clean(bin.join("cargo"));
    build.current_dir(&folder).env_remove("RUSTUP_TOOLCHAIN");
    // rustup's proxies stand first on the person's PATH.
    build.env("PATH", path_with(&bin)?);
    // Bitcode, because a build with link-time optimisation fails without; `test`, because `cargo test` links it.
    build.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Cembed-bitcode=yes");
    build.args(["build", "--release", "--target", TARGET, "-Zbuild-std=std,panic_abort,test"]);
    cargo::into_target(&mut build, &folder.join("target"));
    say(&format!("$ {}", line(&build)));
    watch("standard library for wasm32", &mut build)?.checked(&build)?;

    let sysroot = Path::new(PREFIX).join("lib/rustlib");
    install(&folder.join("target").join(TARGET).join("release/deps"), &sysroot.join(TARGET))?;
    link_linker(&sysroot, &bin)?;
    fs::remove_dir_all(&folder)?;
    // Whatever was built with another standard library no longer links.
    for kind in ["wasm", "wasm-threads"] {
        let _ = fs::remove_dir_all(project.cache.target(kind));
    }

    let mut link = cargo::clean("rustup");
    link.args(["toolchain", "link", LINKED, PREFIX]);
    say(&format!("$ {}", line(&link)));
    watch("toolchain", &mut link)?.checked(&link)?;
    Ok(())
}

/// Copies the libraries beside their place and moves them there at once, so that nobody ever finds half of them.
fn install(built: &Path, target: &Path) -> Result<()> {
    let place = target.join("lib");
    let beside = target.join("lib.new");
    say(&format!("Copying the libraries to {}", place.display()));
    let _ = fs::remove_dir_all(&beside);
    fs::create_dir_all(&beside)?;
    for entry in fs::read_dir(built)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.extension().is_some_and(|extension| extension == "rlib") && !name.starts_with("libnothing-") {
            fs::copy(&path, beside.join(name))?;
        }
    }
    let _ = fs::remove_dir_all(&place);
    fs::rename(&beside, &place).with_context(|| format!("cannot make {}", place.display()))
}

/// Gives the distribution's linker the name that rustc calls.
fn link_linker(sysroot: &Path, bin: &Path) -> Result<()> {
    let host =
        first_line(Command::new(bin.join("rustc")).args(["--print", "host-tuple"])).context("rustc has no host")?;
    let folder = sysroot.join(host).join("bin");
    let link = folder.join("rust-lld");
    if link.exists() {
        return Ok(());
    }
    let linker: PathBuf = bin.join(LINKER);
    ensure!(linker.exists(), "{} is missing", linker.display());
    fs::create_dir_all(&folder)?;
    #[cfg(unix)]
    std::os::unix::fs::symlink(&linker, &link).with_context(|| format!("cannot make {}", link.display()))?;
    Ok(())
}

fn path_with(first: &Path) -> Result<OsString> {
    let rest = env::var_os("PATH").unwrap_or_default();
    Ok(env::join_paths(std::iter::once(first.to_owned()).chain(env::split_paths(&rest)))?)
}
