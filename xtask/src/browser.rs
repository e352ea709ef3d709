//! The three browser engines, and how to start each one under `WebDriver`.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use clap::ValueEnum;
use serde_json::{Map, Value, json};

/// A browser engine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, ValueEnum)]
pub(crate) enum Engine {
    /// Blink
    Chromium,
    /// Gecko
    Firefox,
    /// `WebKitGTK`
    Webkit,
}

impl Engine {
    pub(crate) const ALL: [Self; 3] = [Self::Chromium, Self::Firefox, Self::Webkit];

    /// Returns the name used in arguments, reports and tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
            Self::Webkit => "webkit",
        }
    }

    /// Returns the environment variable that tells `wasm-bindgen-test-runner` the driver's path. `WebKit` uses
    /// Safari's.
    pub(crate) fn driver_variable(self) -> &'static str {
        match self {
            Self::Chromium => "CHROMEDRIVER",
            Self::Firefox => "GECKODRIVER",
            Self::Webkit => "SAFARIDRIVER",
        }
    }
}

/// The option that selects engines.
#[derive(clap::Args)]
pub(crate) struct Pick {
    /// The engines to run in, or `none`
    #[arg(long, value_delimiter = ',', default_value = "chromium,firefox,webkit", value_parser = parse_engine)]
    engines: Vec<Option<Engine>>,
}

impl Pick {
    /// Returns the selected engines without duplicates.
    pub(crate) fn engines(&self) -> Vec<Engine> {
        let mut engines: Vec<Engine> = self.engines.iter().copied().flatten().collect();
        engines.sort_unstable();
        engines.dedup();
        engines
    }
}

fn parse_engine(text: &str) -> Result<Option<Engine>, String> {
    if text == "none" {
        return Ok(None);
    }
    Engine::from_str(text, false).map(Some).map_err(|_| "chromium, firefox, webkit, or none".to_owned())
}

/// An installed engine.
pub(crate) struct Browser {
    pub(crate) engine: Engine,
    pub(crate) program: PathBuf,
    pub(crate) driver: PathBuf,
    /// The command and arguments to put in front of the driver's command.
    pub(crate) wrapper: Vec<OsString>,
}

impl Browser {
    /// Returns the `WebDriver` capabilities that start the browser without a window.
    pub(crate) fn capabilities(&self) -> Map<String, Value> {
        let program = self.program.to_string_lossy();
        let (name, options) = match self.engine {
            Engine::Chromium => (
                "goog:chromeOptions",
                // Root, as in a container, cannot use the sandbox. Tests call the garbage collector. The other switches
                // stop network requests of the browser's own.
                json!({ "binary": program, "args": [
                    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                    "--disable-background-networking", "--disable-component-update", "--disable-sync",
                    "--js-flags=--expose-gc",
                ] }),
            ),
            Engine::Firefox => (
                "moz:firefoxOptions",
                // Firefox would delay a reconnect after failures by up to a minute. Tests call the garbage collector.
                json!({ "binary": program, "args": ["-headless"], "prefs": {
                    "network.websocket.delay-failed-reconnects": false,
                    "dom.testing.testutils.enabled": true,
                } }),
            ),
            Engine::Webkit => ("webkitgtk:browserOptions", json!({ "binary": program, "args": ["--automation"] })),
        };
        Map::from_iter([(name.to_owned(), options)])
    }

    /// Returns a command that runs a program in the environment that this engine's driver needs.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut words = self.wrapper.iter().cloned().chain([program.as_os_str().to_owned()]);
        let mut command = crate::cargo::clean(words.next().unwrap_or_default());
        command.args(words);
        if self.engine == Engine::Webkit {
            // WebKit's sandbox needs user namespaces, which containers refuse.
            command.env("WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS", "1");
        }
        command
    }
}

/// Returns the path of the first of these programs that is installed.
pub(crate) fn first_of(candidates: &[&str]) -> Option<PathBuf> {
    candidates.iter().find_map(|name| which::which(name).ok())
}
