//! What the commands need of the machine, and how it gets there: a list of requirements, one file a thing.
//!
//! A person's own means come first (rustup, cargo); what only the system's package manager has is installed where that is
//! possible without asking, and elsewhere printed as one command.

mod autobahn;
mod chromium;
mod components;
mod firefox;
mod node;
mod packages;
mod peers;
mod valgrind;
mod wasm_bindgen;
mod wasm_target;
mod webkit;
mod wpt;

use anyhow::{Context as _, Result, bail};

pub(crate) use autobahn::wstest;
pub(crate) use peers::tell as tell_peers;
pub(crate) use wasm_bindgen::tool as wasm_bindgen_tool;
pub(crate) use wpt::python as wpt_python;

use crate::{
    browser::{Browser, Engine},
    process::say,
    project::Project,
};

/// Something that has to be there.
pub(crate) trait Requirement {
    /// What it is called.
    fn title(&self) -> String;

    /// Whether it is there; cheap, because every command asks at every start.
    fn is_there(&self, project: &Project) -> bool;

    /// What exactly is there, for a person to read.
    fn describe(&self, project: &Project) -> String;

    /// The command that a person would type to get it.
    fn remedy(&self, project: &Project) -> String;

    /// Gets it by the person's own means, where there are some that need no package.
    fn obtain(&self, _project: &Project) -> Result<()> {
        Ok(())
    }

    /// The Debian packages that it is made of or made with, where it takes some.
    fn packages(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// What remains to be done once the packages are there.
    fn complete(&self, _project: &Project) -> Result<()> {
        Ok(())
    }
}

/// Everything that some command needs, in the order in which one builds on another.
pub(crate) fn everything() -> Vec<Box<dyn Requirement>> {
    let mut all = wasm();
    all.extend(lints());
    all.push(sources());
    all.push(peers());
    all.push(node());
    all.push(valgrind());
    all.extend(Engine::ALL.map(engine));
    all
}

/// What it takes to build for wasm32.
pub(crate) fn wasm() -> Vec<Box<dyn Requirement>> {
    vec![Box::new(wasm_target::WasmTarget), Box::new(wasm_bindgen::WasmBindgen)]
}

/// What it takes to run the Autobahn suite.
pub(crate) fn autobahn() -> Vec<Box<dyn Requirement>> {
    vec![Box::new(autobahn::Autobahn)]
}

/// What it takes to lint.
pub(crate) fn lints() -> Vec<Box<dyn Requirement>> {
    vec![Box::new(components::Component::Rustfmt), Box::new(components::Component::Clippy)]
}

/// The standard library's sources.
pub(crate) fn sources() -> Box<dyn Requirement> {
    Box::new(components::Component::Sources)
}

/// The programs from elsewhere that the native client is tried with.
pub(crate) fn peers() -> Box<dyn Requirement> {
    Box::new(peers::Peers)
}

/// What serves a web-platform-tests checkout.
pub(crate) fn wpt() -> Box<dyn Requirement> {
    Box::new(wpt::Wpt)
}

/// What makes and tests the npm package.
pub(crate) fn node() -> Box<dyn Requirement> {
    Box::new(node::Node)
}

/// What counts instructions.
pub(crate) fn valgrind() -> Box<dyn Requirement> {
    Box::new(valgrind::Valgrind)
}

/// What it takes to run one engine.
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
    found.with_context(|| format!("{} is not there; `cargo xtask doctor` tells more", engine.name()))
}

/// Gets whatever of this is missing.
pub(crate) fn ensure(project: &Project, required: &[Box<dyn Requirement>]) -> Result<()> {
    let is_missing = |requirement: &&dyn Requirement| !requirement.is_there(project);
    let required: Vec<&dyn Requirement> = required.iter().map(AsRef::as_ref).collect();
    if !required.iter().any(is_missing) {
        return Ok(());
    }
    // Two runs that install at once would trip over each other; the second then finds everything done.
    let _lock = project.cache.lock("setup")?;
    let missing: Vec<_> = required.into_iter().filter(is_missing).collect();
    for requirement in &missing {
        say(&format!("Missing: {}", requirement.title()));
    }
    for requirement in &missing {
        if let Err(error) = requirement.obtain(project) {
            // The start of its words is enough where there may be another way.
            let text = format!("{error:#}");
            say(&text.lines().take(6).collect::<Vec<_>>().join("\n"));
        }
    }
    let missing: Vec<_> = missing.into_iter().filter(is_missing).collect();
    let mut wanted: Vec<&str> = missing.iter().flat_map(|requirement| requirement.packages()).collect();
    wanted.sort_unstable();
    wanted.dedup();
    packages::install(&wanted, || missing.iter().map(|requirement| requirement.remedy(project)).collect())?;
    for requirement in &missing {
        requirement.complete(project).with_context(|| requirement.title())?;
        if !requirement.is_there(project) {
            bail!("{} is still missing. This should get it: {}", requirement.title(), requirement.remedy(project));
        }
    }
    Ok(())
}
