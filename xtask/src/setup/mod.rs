//! The tools that the commands need, one file for each, and their installation.
//!
//! The user's own package managers (rustup, cargo) come first. System packages are installed as root on Debian;
//! elsewhere the command to install them is printed.

mod autobahn;
mod cargo_tool;
mod chat_server;
mod chromium;
mod components;
mod cxx;
mod firefox;
mod llvm_tools;
mod node;
mod oldest_rust;
mod packages;
mod peers;
mod python;
mod runtimes;
mod servers;
mod valgrind;
mod wasm_bindgen;
mod wasm_target;
mod webkit;
mod wpt;

use anyhow::{Context as _, Result, bail};

pub(crate) use autobahn::wstest;
pub(crate) use cargo_tool::{CARGO_DENY, SEMVER_CHECKS};
pub(crate) use chat_server::python as chat_server_python;
pub(crate) use llvm_tools::tool as llvm_tool;
pub(crate) use oldest_rust::{OldestRust, Source as OldestRustSource, VERSION as OLDEST_RUST};
pub(crate) use peers::tell as set_peer_paths;
pub(crate) use runtimes::{folder as runtime_folder, sources as runtime_sources, version as runtime_version};
pub(crate) use servers::tell as set_server_paths;
pub(crate) use wasm_bindgen::tool as wasm_bindgen_tool;
pub(crate) use wpt::python as wpt_python;

use crate::{
    browser::{Browser, Engine},
    process::print_line,
    project::Project,
};

/// A tool that a command needs.
pub(crate) trait Requirement {
    /// Returns the tool's name.
    fn title(&self) -> String;

    /// Returns whether the tool is installed. This must be cheap, because every command asks at its start.
    fn is_installed(&self, project: &Project) -> bool;

    /// Returns the installed version, for a table.
    fn describe(&self, project: &Project) -> String;

    /// Returns the command that installs the tool.
    fn instructions(&self, project: &Project) -> String;

    /// Installs the tool without system packages, where that is possible.
    fn install(&self, _project: &Project) -> Result<()> {
        Ok(())
    }

    /// Returns the Debian packages that the tool needs.
    fn packages(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// Finishes the installation after the packages are installed.
    fn complete(&self, _project: &Project) -> Result<()> {
        Ok(())
    }
}

/// Returns the tools of all commands but `autobahn`, `msrv` and `wpt`, which install them when they run.
///
/// A tool comes after those that it depends on.
pub(crate) fn everything() -> Vec<Box<dyn Requirement>> {
    let mut all = wasm();
    all.extend(lints());
    all.push(semver_checks());
    all.push(sources());
    all.push(peers());
    all.push(servers());
    all.push(chat_server());
    all.push(node());
    all.push(runtimes());
    all.push(valgrind());
    all.push(cxx());
    all.push(llvm_tools());
    all.extend(Engine::ALL.map(engine));
    all
}

/// Returns the tools that build for wasm32.
pub(crate) fn wasm() -> Vec<Box<dyn Requirement>> {
    vec![Box::new(wasm_target::WasmTarget), Box::new(wasm_bindgen::WasmBindgen)]
}

/// Returns the Autobahn test suite.
pub(crate) fn autobahn() -> Vec<Box<dyn Requirement>> {
    vec![Box::new(autobahn::Autobahn)]
}

/// Returns the tools that format and lint.
pub(crate) fn lints() -> Vec<Box<dyn Requirement>> {
    use components::Component;
    vec![Box::new(Component::Rustfmt), Box::new(Component::Clippy), Box::new(CARGO_DENY)]
}

/// Returns the program that compares public APIs.
pub(crate) fn semver_checks() -> Box<dyn Requirement> {
    Box::new(SEMVER_CHECKS)
}

/// Returns the standard library's sources.
pub(crate) fn sources() -> Box<dyn Requirement> {
    Box::new(components::Component::Sources)
}

/// Returns the third-party servers and proxies for the tests of the native client.
pub(crate) fn peers() -> Box<dyn Requirement> {
    Box::new(peers::Peers)
}

/// Returns the servers of the example programs.
pub(crate) fn servers() -> Box<dyn Requirement> {
    Box::new(servers::Servers)
}

/// Returns the server of the chats in frameworks.
pub(crate) fn chat_server() -> Box<dyn Requirement> {
    Box::new(chat_server::ChatServer)
}

/// Returns the server for a web-platform-tests checkout.
pub(crate) fn wpt() -> Box<dyn Requirement> {
    Box::new(wpt::Wpt)
}

/// Returns Node, which builds and tests the npm package.
pub(crate) fn node() -> Box<dyn Requirement> {
    Box::new(node::Node)
}

/// Returns the JavaScript runtimes other than Node.
pub(crate) fn runtimes() -> Box<dyn Requirement> {
    Box::new(runtimes::Runtimes)
}

/// Returns Valgrind, which counts instructions.
pub(crate) fn valgrind() -> Box<dyn Requirement> {
    Box::new(valgrind::Valgrind)
}

/// Returns the C++ compiler, which builds libFuzzer.
pub(crate) fn cxx() -> Box<dyn Requirement> {
    Box::new(cxx::CxxCompiler)
}

/// Returns the tools that read the counts of instrumented programs.
pub(crate) fn llvm_tools() -> Box<dyn Requirement> {
    Box::new(llvm_tools::LlvmTools)
}

/// Returns an engine with its driver.
pub(crate) fn engine(engine: Engine) -> Box<dyn Requirement> {
    match engine {
        Engine::Chromium => Box::new(chromium::Chromium),
        Engine::Firefox => Box::new(firefox::Firefox),
        Engine::Webkit => Box::new(webkit::Webkit),
    }
}

/// Finds an engine's programs.
pub(crate) fn browser(engine: Engine, project: &Project) -> Result<Browser> {
    let found = match engine {
        Engine::Chromium => chromium::find(),
        Engine::Firefox => firefox::find(project),
        Engine::Webkit => webkit::find(),
    };
    found.with_context(|| format!("{} is not installed; `cargo xtask doctor` says how to install it", engine.name()))
}

/// Installs the missing ones of these tools.
pub(crate) fn ensure(project: &Project, required: &[Box<dyn Requirement>]) -> Result<()> {
    let is_missing = |requirement: &&dyn Requirement| !requirement.is_installed(project);
    let required: Vec<&dyn Requirement> = required.iter().map(AsRef::as_ref).collect();
    if !required.iter().any(is_missing) {
        return Ok(());
    }
    // Two installations at once would disturb each other. The second one finds everything installed.
    let _lock = project.cache.lock("setup")?;
    let missing: Vec<_> = required.into_iter().filter(is_missing).collect();
    for requirement in &missing {
        print_line(&format!("Missing: {}", requirement.title()));
    }
    for requirement in &missing {
        if let Err(error) = requirement.install(project) {
            // The first lines are enough, because system packages may still provide the tool.
            let text = format!("{error:#}");
            print_line(&text.lines().take(6).collect::<Vec<_>>().join("\n"));
        }
    }
    let missing: Vec<_> = missing.into_iter().filter(is_missing).collect();
    let mut wanted: Vec<&str> = missing.iter().flat_map(|requirement| requirement.packages()).collect();
    wanted.sort_unstable();
    wanted.dedup();
    packages::install(&wanted, || missing.iter().map(|requirement| requirement.instructions(project)).collect())?;
    for requirement in &missing {
        requirement.complete(project).with_context(|| requirement.title())?;
        if !requirement.is_installed(project) {
            bail!("{} is still missing. To install it: {}", requirement.title(), requirement.instructions(project));
        }
    }
    Ok(())
}
