//! The chats in web frameworks: checks them, builds their pages, and drives each page as a person would.
//!
//! They belong to the workspace `integrations/`, whose lock file and target folder are their own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tokio::runtime::Handle;

use super::{people, person};
use crate::{
    browser::Engine,
    browser_tests::{Counts, Runner},
    build,
    cargo::{self, Toolchain, set_target_dir},
    package,
    process::run_to_end,
    project::Project,
    setup,
};

/// The folder that the chat server serves.
const PAGE: &str = "dist";

/// The frameworks whose chat has a page.
pub(crate) const PAGES: [&str; 4] = ["leptos", "yew", "dioxus", "sycamore"];

/// The frameworks whose hook is tested in a page. That of Dioxus is tested natively.
const HOOKS: [&str; 2] = ["leptos", "yew"];

/// The time limit of the tests of one hook.
const HOOK_LIMIT: Duration = Duration::from_mins(2);

/// The framework without a package. Its chat is over the library alone.
const WITHOUT_PACKAGE: &str = "sycamore";

/// The chats that `cargo xtask test` covers: those of two frameworks and their hooks in a browser, and a native one. The others would
/// add minutes of building.
pub(crate) const FEW: Selection = Selection { pages: &["leptos", "yew"], native: &["egui-chat"] };

/// All chats, and the tests and examples of the packages.
pub(crate) const ALL: Selection = Selection {
    pages: &PAGES,
    native: &[
        "samesocket-leptos",
        "samesocket-yew",
        "samesocket-dioxus",
        "samesocket-bevy",
        "samesocket-egui",
        "bevy-chat",
        "egui-chat",
    ],
};

/// The chats and packages that a run tests.
pub(crate) struct Selection {
    /// The frameworks whose chat is used in a browser, and whose hook is tested there.
    pages: &'static [&'static str],
    /// The packages with native tests. Each is tested alone, because features of the frameworks exclude one another.
    native: &'static [&'static str],
}

/// Checks formatting and licences of the integrations and the chats, and the files of the packages to publish.
pub(crate) fn lint(project: &Project) -> Result<()> {
    let mut format = native_cargo(project);
    format.args(["fmt", "--all", "--check"]);
    let mut deny = cargo::clean(setup::CARGO_DENY.program(project));
    deny.current_dir(project.root().join("integrations"));
    // The library may have got a dependency, which completes the lock file.
    deny.args(["--config", "deny.toml", "check", "licenses", "bans", "sources"]);
    for mut command in [format, deny] {
        run_to_end("chats in frameworks", &mut command)?.checked(&command)?;
    }
    package::check_integrations(project)
}

/// Runs clippy on the integrations and the chats.
pub(super) fn clippy(project: &Project) -> Result<()> {
    let mut pages = wasm_cargo(project)?;
    pages.arg("clippy").args(build::TARGET).args(packages()).args([
        "-psamesocket-egui",
        "-pegui-chat",
        "-psamesocket-bevy",
    ]);
    let mut hooks = wasm_cargo(project)?;
    hooks.arg("clippy").args(build::TARGET).args(["--test", "hook"]);
    hooks.args(HOOKS.iter().map(|name| format!("-psamesocket-{name}")));
    let mut native = native_cargo(project);
    native.args(["clippy", "--all-targets", "-psamesocket-egui", "-pegui-chat", "-psamesocket-bevy", "-pbevy-chat"]);
    let mut window = native_cargo(project);
    window.args(["clippy", "-pegui-chat", "--features", "window"]);
    for mut command in [pages, hooks, native, window] {
        command.args(["--", "-D", "warnings"]);
        run_to_end("chats in frameworks", &mut command)?.checked(&command)?;
    }
    Ok(())
}

/// Uses the selected chats in the browser as a person would, and runs native tests.
pub(crate) fn test(project: &Project, selection: &Selection, runtime: &Handle) -> Result<Counts> {
    let mut counts = Counts { passed: 0, failed: 0 };
    let mut folder = None;
    for framework in selection.pages {
        folder = Some(use_page(project, framework, runtime)?);
        counts.passed += 1;
    }
    for framework in selection.pages.iter().filter(|name| HOOKS.contains(name)) {
        let binary = build::test_of(&format!("samesocket-{framework}"), "hook", wasm_cargo(project)?)?;
        // The network is in memory, so there is no server to describe.
        counts += Runner::new(project, Engine::Chromium, &json!({}), None)?.run(&binary, HOOK_LIMIT)?;
    }
    // One page is enough to test the server.
    if let Some(folder) = folder {
        people::talk(project, &folder, None, runtime).context("two people in a chat")?;
        counts.passed += 1;
    }
    for package in selection.native {
        let mut command = native_cargo(project);
        command.args(["test", "--no-fail-fast", "-p", package]);
        let finished = run_to_end(package, &mut command)?.checked(&command)?;
        let passed = Counts::read(&finished.log).unwrap_or_default();
        ensure!(passed.passed > 0, "no test of {package} has run");
        counts += passed;
    }
    Ok(counts)
}

/// Builds the page of a framework's chat, and uses it in Chromium as a person would. Returns the folder of the page's folder.
pub(super) fn use_page(project: &Project, framework: &str, runtime: &Handle) -> Result<PathBuf> {
    let folder = project.cache.empty_folder(&format!("{framework}-chat"))?;
    build_page(project, framework, &folder)?;
    let browser = setup::browser(Engine::Chromium, project)?;
    let used = runtime.block_on(person::drive(&browser, &folder.join(PAGE)));
    used.with_context(|| format!("the chat in {framework}, as a person uses it"))?;
    Ok(folder)
}

/// Builds the page of a framework's chat into the folder [`PAGE`] of an empty folder.
pub(crate) fn build_page(project: &Project, framework: &str, folder: &Path) -> Result<()> {
    let (name, folder) = (format!("{framework}-chat"), folder.join(PAGE));
    fs::create_dir(&folder)?;
    let wasm = build::program_of(&name, wasm_cargo(project)?)?;
    build::page_program(project, &wasm, &folder, &name)?;
    fs::write(
        folder.join("index.html"),
        format!(
            "<!doctype html>\n<meta charset=\"utf-8\">\n<title>{name}</title>\n<div id=\"main\"></div>\n\
             <script type=\"module\">import init from \"./{name}.js\"; await init();</script>\n"
        ),
    )?;
    Ok(())
}

/// Returns the options that select the chats with a page, and the packages of their frameworks.
fn packages() -> Vec<String> {
    let chats = PAGES.iter().map(|name| format!("-p{name}-chat"));
    let of_framework = PAGES.iter().filter(|name| **name != WITHOUT_PACKAGE).map(|name| format!("-psamesocket-{name}"));
    chats.chain(of_framework).collect()
}

fn wasm_cargo(project: &Project) -> Result<Command> {
    let toolchain =
        cargo::wasm_toolchain(&project.cache).context("no toolchain builds for wasm32; run `cargo xtask doctor`")?;
    Ok(cargo_here(project, toolchain))
}

/// Returns a cargo command that builds natively in this workspace.
pub(crate) fn native_cargo(project: &Project) -> Command {
    cargo_here(project, Toolchain::Default)
}

fn cargo_here(project: &Project, toolchain: Toolchain) -> Command {
    let mut command = toolchain.cargo();
    command.current_dir(project.root().join("integrations"));
    set_target_dir(&mut command, &project.cache.target("integrations"));
    command
}

#[cfg(test)]
mod tests {
    use std::fs;

    #[test]
    fn guide_has_the_socket_of_the_chat_in_sycamore() {
        let trimmed = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
        let guide = trimmed(include_str!("../../../crate/guide/frameworks.md"));
        let chat = trimmed(include_str!("../../../examples/sycamore-chat/src/main.rs"));
        let (_, rest) = guide.split_once("```rust,ignore\n").expect("the guide has an excerpt");
        let (excerpt, _) = rest.split_once("```").expect("the excerpt has an end");
        assert!(chat.contains(excerpt), "the chat should have the excerpt of the guide:\n{excerpt}");
    }

    #[test]
    fn page_of_each_framework_has_its_whole_chat() {
        for name in ["bevy", "dioxus", "egui", "leptos", "yew"] {
            let read = |path: String| {
                let path = format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"));
                fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
            };
            let chat = read(format!("examples/{name}-chat/src/main.rs"));
            let page = read(format!("integrations/{name}/README.md"));
            assert!(page.contains(&chat), "integrations/{name}/README.md should have the chat of examples/{name}-chat");
        }
    }
}
