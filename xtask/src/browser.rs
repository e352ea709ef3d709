//! The three engines, and what it takes to have each driven.

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

    /// The name in arguments, reports and tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
            Self::Webkit => "webkit",
        }
    }

    /// The variable by which `wasm-bindgen-test-runner` learns of a driver; `WebKit`'s goes by the name of Safari's.
    pub(crate) fn driver_variable(self) -> &'static str {
        match self {
            Self::Chromium => "CHROMEDRIVER",
            Self::Firefox => "GECKODRIVER",
            Self::Webkit => "SAFARIDRIVER",
        }
    }
}

/// The engines that a command is to use.
#[derive(clap::Args)]
pub(crate) struct Pick {
    /// The engines to run in, or `none`
    #[arg(long, value_delimiter = ',', default_value = "chromium,firefox,webkit", value_parser = parse_engine)]
    engines: Vec<Option<Engine>>,
}

impl Pick {
    /// The engines picked, each once.
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

/// An engine as it is installed here.
pub(crate) struct Browser {
    pub(crate) engine: Engine,
    pub(crate) program: PathBuf,
    pub(crate) driver: PathBuf,
    /// What has to stand in front of the command that starts the driver.
    pub(crate) wrapper: Vec<OsString>,
}

impl Browser {
    /// The `WebDriver` capabilities that have it run unseen.
    pub(crate) fn capabilities(&self) -> Map<String, Value> {
        let program = self.program.to_string_lossy();
        let (name, options) = match self.engine {
            Engine::Chromium => (
                "goog:chromeOptions",
                // Root, as in a container, cannot have the sandbox; tests say when to collect garbage; the rest keeps the
                // browser from talking to anyone else.
                json!({ "binary": program, "args": [
                    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                    "--disable-background-networking", "--disable-component-update", "--disable-sync",
                    "--js-flags=--expose-gc",
                ] }),
            ),
            Engine::Firefox => (
                "moz:firefoxOptions",
                // Firefox would delay a reconnect after failures by up to a minute; tests say when to collect garbage.
                json!({ "binary": program, "args": ["-headless"], "prefs": {
                    "network.websocket.delay-failed-reconnects": false,
                    "dom.testing.testutils.enabled": true,
                } }),
            ),
            Engine::Webkit => ("webkitgtk:browserOptions", json!({ "binary": program, "args": ["--automation"] })),
        };
        Map::from_iter([(name.to_owned(), options)])
    }

    /// A command that runs a program in the surroundings that this engine's driver needs.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut words = self.wrapper.iter().cloned().chain([program.as_os_str().to_owned()]);
        let mut command = crate::cargo::clean(words.next().unwrap_or_default());
        command.args(words);
        if self.engine == Engine::Webkit {
            // Its sandbox wants user namespaces, which containers refuse.
            command.env("WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS", "1");
        }
        command
    }
}

/// The first of these programs that is there.
pub(crate) fn first_of(candidates: &[&str]) -> Option<PathBuf> {
    candidates.iter().find_map(|name| which::which(name).ok())
}
