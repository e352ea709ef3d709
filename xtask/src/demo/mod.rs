//! `cargo xtask demo`: builds and serves the demo page, and opens or checks it. `--example` serves a chat instead.

mod check;

use std::{env, path::PathBuf, process::Command, process::Stdio};

use anyhow::{Context as _, Result};
use tokio::runtime::Handle;

use crate::{
    browser::{Browser, Engine},
    build,
    examples::{
        frontends::{self, PAGES},
        people::{self, ChatServer},
    },
    native_reports,
    npm::Package,
    process::print_line,
    project::Project,
    serve::Site,
    setup,
};

/// The options of `cargo xtask demo`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The port to serve the page at; any free one by default
    #[arg(long)]
    port: Option<u16>,

    /// Print the address without opening a browser
    #[arg(long)]
    no_open: bool,

    /// Drive the page like a user, compare its log, run the scripts, and end
    #[arg(long)]
    check: bool,

    /// The engine for the check
    #[arg(long, value_enum, default_value_t = Engine::Chromium)]
    engine: Engine,

    /// Serve a chat instead of the page, for example `leptos-chat`
    #[arg(long, value_name = "NAME", conflicts_with = "screenshot")]
    example: Option<String>,

    /// Save a screenshot after the check; implies --check
    #[arg(long, value_name = "FILE")]
    screenshot: Option<PathBuf>,
}

/// Serves the page until Ctrl-C, or until the check is done.
pub(crate) fn run(arguments: &Arguments, runtime: &Handle) -> Result<bool> {
    let project = Project::open()?;
    if let Some(name) = &arguments.example {
        return serve_example(project, name, arguments, runtime);
    }
    let checks = arguments.check || arguments.screenshot.is_some();
    let mut required = setup::wasm();
    required.push(setup::node());
    if checks {
        required.push(setup::engine(arguments.engine));
    }
    setup::ensure(&project, &required)?;
    // `cargo xtask test` builds the npm package and runs the native scripts in the same folders.
    let lock = project.cache.lock("test")?;

    let folder = project.cache.empty_folder("www")?;
    build::page(&project, &folder)?;
    Package::build(&project)?.copy_into_page(&folder)?;
    // The page shows the native results beside its own. Without them a column is missing, and the check fails.
    let reports = native_reports::run(&project);
    let site = Site::start(&folder, arguments.port, runtime)?;
    match reports.and_then(|reports| reports.publish(&site)) {
        Ok(()) => {}
        Err(error) => print_line(&format!("The native conformance scripts did not run: {error:#}")),
    }
    let address = site.page("");
    print_line(&format!("The page: {address}"));
    if checks {
        let browser = setup::browser(arguments.engine, &project)?;
        check(&browser, &project, &site, arguments.screenshot.as_deref())?;
        print_line(&format!("The page passed its check in {}.", arguments.engine.name()));
        return Ok(true);
    }
    // Everything is built, so other runs need not wait until the user ends this one.
    drop((lock, project));
    stay(&address, arguments, runtime);
    Ok(true)
}

/// Serves the chat in a framework until Ctrl-C, or lets two browsers talk over it.
fn serve_example(project: Project, name: &str, arguments: &Arguments, runtime: &Handle) -> Result<bool> {
    let framework = name.strip_suffix("-chat").filter(|name| PAGES.contains(name));
    let framework =
        framework.with_context(|| format!("there is no page `{name}`; there are {}", names().join(", ")))?;
    let mut required = setup::wasm();
    required.push(setup::chat_server());
    if arguments.check {
        required.push(setup::engine(Engine::Chromium));
    }
    setup::ensure(&project, &required)?;
    let folder = project.cache.empty_folder("example")?;
    frontends::build_page(&project, framework, &folder)?;
    if arguments.check {
        people::talk(&project, &folder, arguments.port, runtime)?;
        print_line(&format!("Two people talked in {name}."));
        return Ok(true);
    }
    let server = ChatServer::start(&project, &folder, arguments.port)?;
    drop(project);
    print_line(&format!("The chat: {}. Open it twice, to talk.", server.address()));
    stay(&server.address(), arguments, runtime);
    Ok(true)
}

fn names() -> Vec<String> {
    PAGES.iter().map(|name| format!("{name}-chat")).collect()
}

/// Opens the address, and waits for Ctrl-C.
fn stay(address: &str, arguments: &Arguments, runtime: &Handle) {
    if !arguments.no_open {
        open(address);
    }
    print_line("Press Ctrl-C to stop.");
    runtime.block_on(std::future::pending::<()>());
}

/// Drives the page in a browser, compares its log, and runs the scripts in it.
pub(crate) fn check(
    browser: &Browser,
    project: &Project,
    site: &Site,
    screenshot: Option<&std::path::Path>,
) -> Result<()> {
    site.runtime().block_on(check::run(browser, project, site, screenshot))
}

/// Opens the address in the user's browser, if there is a display.
fn open(address: &str) {
    let mut command = if cfg!(target_os = "macos") {
        Command::new("open")
    } else if cfg!(windows) {
        Command::new("explorer")
    } else if ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| env::var_os(name).is_some()) {
        Command::new("xdg-open")
    } else {
        return;
    };
    command.arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // The address is printed already, so a browser that does not open is no error. The browser outlives this function.
    if command.spawn().is_err() {
        print_line("Cannot open a browser; please open the address yourself.");
    }
}
