//! `cargo xtask demo`: the page, built and served, in front of a person or of a check.

mod check;

use std::{env, path::PathBuf, process::Command, process::Stdio};

use anyhow::Result;
use tokio::runtime::Handle;

use crate::{
    browser::{Browser, Engine},
    build, native,
    npm::Package,
    process::say,
    project::Project,
    serve::Site,
    setup,
};

/// What `demo` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The port to serve the page at; one that is free, unless told
    #[arg(long)]
    port: Option<u16>,

    /// Only print the address
    #[arg(long)]
    no_open: bool,

    /// Drive the page as a person would, compare the transcript, run the scripts, and end
    #[arg(long)]
    check: bool,

    /// The engine that the check runs in
    #[arg(long, value_enum, default_value_t = Engine::Chromium)]
    engine: Engine,

    /// Keep a picture of the page after the check, which this asks for
    #[arg(long, value_name = "FILE")]
    screenshot: Option<PathBuf>,
}

/// Serves the page until it is interrupted or checked.
pub(crate) fn run(arguments: &Arguments, runtime: &Handle) -> Result<bool> {
    let project = Project::open()?;
    let checks = arguments.check || arguments.screenshot.is_some();
    let mut required = setup::wasm();
    required.push(setup::node());
    if checks {
        required.push(setup::engine(arguments.engine));
    }
    setup::ensure(&project, &required)?;

    let folder = project.cache.fresh("www")?;
    build::page(&project, &folder)?;
    Package::build(&project)?.lay_beside(&folder)?;
    // The page shows them beside its own; without them it has a column less, which the check then finds.
    let natively = native::run(&project);
    let site = Site::start(&folder, arguments.port, runtime)?;
    match natively.and_then(|reports| reports.publish(&site)) {
        Ok(()) => {}
        Err(error) => say(&format!("The scripts could not be run natively: {error:#}")),
    }
    let address = site.page("");
    say(&format!("The page: {address}"));
    if checks {
        let browser = setup::browser(arguments.engine, &project)?;
        check(&browser, &project, &site, arguments.screenshot.as_deref())?;
        say(&format!("The page held its conversation and ran the scripts in {}.", arguments.engine.name()));
        return Ok(true);
    }
    if !arguments.no_open {
        open(&address);
    }
    say("Ctrl-C ends it.");
    runtime.block_on(std::future::pending::<()>());
    Ok(true)
}

/// Drives the page in a browser, compares the transcript and has the page run the scripts.
pub(crate) fn check(
    browser: &Browser,
    project: &Project,
    site: &Site,
    screenshot: Option<&std::path::Path>,
) -> Result<()> {
    site.runtime().block_on(check::run(browser, project, site, screenshot))
}

/// Shows the page to the person, where there is something to show it on.
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
    // The address has been printed: a browser that does not open is no failure. The child outlives this function.
    if command.spawn().is_err() {
        say("No browser could be opened: please open the address.");
    }
}
