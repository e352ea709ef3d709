//! The standard library for wasm32: from rustup, or built from the distribution's sources.

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
    process::{command_line, first_line, print_line, run_to_end},
    project::Project,
};

const TARGET: &str = "wasm32-unknown-unknown";

/// The distribution's linker for wasm, which rustc expects under another name.
const LINKER: &str = "lld-22";

/// The prefix of the distribution's rustc, for `rustup toolchain link`.
const PREFIX: &str = "/usr";

/// A compiler that can build for wasm32.
pub(crate) struct WasmTarget;

impl Requirement for WasmTarget {
    fn title(&self) -> String {
        format!("Rust for {TARGET}")
    }

    fn is_installed(&self, project: &Project) -> bool {
        match cargo::wasm_toolchain(&project.cache) {
            Some(Toolchain::Default) => true,
            // The distribution's clippy is a separate package.
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

    fn instructions(&self, _project: &Project) -> String {
        command_line(&rustup_target_add())
    }

    fn install(&self, _project: &Project) -> Result<()> {
        let mut command = rustup_target_add();
        print_line(&format!("$ {}", command_line(&command)));
        run_to_end("wasm32 target", &mut command)?.checked(&command)?;
        Ok(())
    }

    fn packages(&self) -> Vec<&'static str> {
        // Without root the library cannot be installed there, so the instructions are to add rustup's target.
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

/// Builds the standard library once and installs it where the distribution's rustc expects it.
fn build_library(project: &Project) -> Result<()> {
    let folder = project.cache.empty_folder("std")?;
    fs::create_dir(folder.join("src"))?;
    fs::write(folder.join("src/lib.rs"), "")?;
    fs::write(folder.join("Cargo.toml"), "[package]\nname = \"nothing\"\nedition = \"2024\"\n\n[workspace]\n")?;

    let bin = Path::new(PREFIX).join("bin");
    let mut build = cargo::clean(bin.join("cargo"));
    build.current_dir(&folder).env_remove("RUSTUP_TOOLCHAIN");
    // rustup's proxies come first on the user's PATH.
    build.env("PATH", path_with(&bin)?);
    // LTO fails without bitcode. `cargo test` links the `test` crate.
    build.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Cembed-bitcode=yes");
    build.args(["build", "--release", "--target", TARGET, "-Zbuild-std=std,panic_abort,test"]);
    cargo::set_target_dir(&mut build, &folder.join("target"));
    print_line(&format!("$ {}", command_line(&build)));
    run_to_end("standard library for wasm32", &mut build)?.checked(&build)?;

    let sysroot = Path::new(PREFIX).join("lib/rustlib");
    install(&folder.join("target").join(TARGET).join("release/deps"), &sysroot.join(TARGET))?;
    link_linker(&sysroot, &bin)?;
    fs::remove_dir_all(&folder)?;
    // Artifacts built with another standard library no longer link.
    for kind in ["wasm", "wasm-threads"] {
        let _ = fs::remove_dir_all(project.cache.target(kind));
    }

    let mut link = cargo::clean("rustup");
    link.args(["toolchain", "link", LINKED, PREFIX]);
    print_line(&format!("$ {}", command_line(&link)));
    run_to_end("toolchain", &mut link)?.checked(&link)?;
    Ok(())
}

/// Copies the libraries to a temporary folder and renames it, so that the target folder is never incomplete.
fn install(built: &Path, target: &Path) -> Result<()> {
    let place = target.join("lib");
    let beside = target.join("lib.new");
    print_line(&format!("Copying the libraries to {}", place.display()));
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
    fs::rename(&beside, &place).with_context(|| format!("cannot create {}", place.display()))
}

/// Links the distribution's linker under the name that rustc calls.
fn link_linker(sysroot: &Path, bin: &Path) -> Result<()> {
    let host = first_line(Command::new(bin.join("rustc")).args(["--print", "host-tuple"]))
        .context("rustc prints no host target")?;
    let folder = sysroot.join(host).join("bin");
    let link = folder.join("rust-lld");
    if link.exists() {
        return Ok(());
    }
    let linker: PathBuf = bin.join(LINKER);
    ensure!(linker.exists(), "{} is missing", linker.display());
    fs::create_dir_all(&folder)?;
    #[cfg(unix)]
    std::os::unix::fs::symlink(&linker, &link).with_context(|| format!("cannot create {}", link.display()))?;
    Ok(())
}

fn path_with(first: &Path) -> Result<OsString> {
    let rest = env::var_os("PATH").unwrap_or_default();
    Ok(env::join_paths(std::iter::once(first.to_owned()).chain(env::split_paths(&rest)))?)
}
