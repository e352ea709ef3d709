//! Runs one wasm test binary in one engine, by `wasm-bindgen-test-runner`.

use std::{
    fs,
    ops::AddAssign,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Result, bail};
use serde_json::Value;

use crate::{
    browser::{Browser, Engine},
    build::TestBinary,
    process::run_with_pid,
    project::Project,
    setup,
};

/// The numbers of passed and failed tests.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl Counts {
    /// Adds up all lines like `test result: ok. 3 passed; 0 failed; …`. Returns `None` if there is no such line.
    pub(crate) fn read(log: &str) -> Option<Self> {
        let mut sum = None;
        for line in log.lines() {
            let Some((_, rest)) = line.split_once("test result: ") else { continue };
            let count = |what: &str| {
                let words: Vec<&str> = rest.split([' ', ';']).collect();
                words.windows(2).find(|pair| pair[1] == what).and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
            };
            *sum.get_or_insert_with(Self::default) += Self { passed: count("passed"), failed: count("failed") };
        }
        sum
    }
}

/// The file name under which the conformance tests load the npm package's script.
const SCRIPT: &str = "samesocket.js";

/// A test runner for one engine, with its working folder.
pub(crate) struct Runner {
    browser: Browser,
    folder: PathBuf,
    program: PathBuf,
}

impl Runner {
    /// Prepares the runner's working folder.
    ///
    /// The runner reads the capabilities from this folder and serves it to the tests. `server.json` tells a test the
    /// server's addresses and the engine's name. The npm package's script is copied there, too, if the tests need it.
    pub(crate) fn new(project: &Project, engine: Engine, server: &Value, script: Option<&Path>) -> Result<Self> {
        let browser = setup::browser(engine, project)?;
        let folder = project.cache.empty_folder(&format!("run-{}", engine.name()))?;
        fs::write(folder.join("webdriver.json"), serde_json::to_vec_pretty(&browser.capabilities())?)?;
        let mut server = server.clone();
        server["engine"] = engine.name().into();
        fs::write(folder.join("server.json"), serde_json::to_vec_pretty(&server)?)?;
        if let Some(script) = script {
            fs::copy(script, folder.join(SCRIPT))?;
        }
        Ok(Self { browser, folder, program: setup::wasm_bindgen_tool(project, "wasm-bindgen-test-runner")? })
    }

    /// Runs a test binary with a time limit. Fails unless at least one test ran and all passed.
    pub(crate) fn run(&self, binary: &TestBinary, limit: Duration) -> Result<Counts> {
        self.run_beside(binary, limit, drop)
    }

    /// Runs a test binary like [`run`](Self::run), and passes the runner's process id to `started`.
    pub(crate) fn run_beside(&self, binary: &TestBinary, limit: Duration, started: impl FnOnce(u32)) -> Result<Counts> {
        let title = format!("{} {}", self.browser.engine.name(), binary.name());
        let mut command = self.browser.command(&self.program);
        command.arg(&binary.path).current_dir(&self.folder);
        for engine in Engine::ALL {
            let name = engine.driver_variable();
            command.env_remove(name).env_remove(format!("{name}_REMOTE"));
        }
        command.env_remove("NO_HEADLESS").env(self.browser.engine.driver_variable(), &self.browser.driver);
        command.env("WASM_BINDGEN_TEST_TIMEOUT", limit.as_secs().to_string());
        command.env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", "60");
        // A backtrace would only show the runner's own code.
        command.env("RUST_BACKTRACE", "0");
        // Unit tests do not choose where to run; this makes them run in a window.
        command.env("WASM_BINDGEN_USE_BROWSER", "1");
        // The runner's own limit starts only after the browser has started.
        let finished = run_with_pid(&title, &mut command, limit + Duration::from_mins(2), started)?;
        match Counts::read(&finished.log) {
            Some(counts) if finished.success && counts.failed == 0 && counts.passed > 0 => Ok(counts),
            Some(counts) if counts.passed == 0 && counts.failed == 0 => {
                bail!("no test ran\n{}", finished.log.trim_end())
            }
            Some(_) => bail!("tests failed\n{}", finished.log.trim_end()),
            None => bail!("the run printed no test result\n{}", finished.log.trim_end()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn test_results_are_added_up() {
        let log = "test a ... ok\ntest result: ok. 2 passed; 0 failed; 1 ignored; 0 filtered out; finished in 0.03s\n\
                   test result: FAILED. 3 passed; 4 failed; 0 ignored; 0 measured";
        assert_eq!(Counts::read(log), Some(Counts { passed: 5, failed: 4 }));
        assert_eq!(Counts::read("no tests to run!"), None);
    }
}
