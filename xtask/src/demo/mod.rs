//! `cargo xtask demo`: builds and serves the demo page, and opens or checks it.

mod check;

use std::{env, path::PathBuf, process::Command, process::Stdio};

use anyhow::Result;
use tokio::runtime::Handle;

use crate::{
    browser::{Browser, Engine},
    build, native_reports,
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

    /// Save a screenshot after the check; implies --check
    #[arg(long, value_name = "FILE")]
    screenshot: Option<PathBuf>,
}

/// Serves the page until Ctrl-C, or until the check is done.
pub(crate) fn run(arguments: &Arguments, runtime: &Handle) -> Result<bool> {
    let project = Project::open()?;
    let checks = arguments.check || arguments.screenshot.is_some();
    let mut required = setup::wasm();
    required.push(setup::node());
    if checks {
        required.push(setup::engine(arguments.engine));
    }
    setup::ensure(&project, &required)?;

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
    if !arguments.no_open {
        open(&address);
    }
    print_line("Press Ctrl-C to stop.");
    runtime.block_on(std::future::pending::<()>());
    Ok(true)
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
