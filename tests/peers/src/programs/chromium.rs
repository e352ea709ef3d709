//! Chromium, as another client.

use std::{
    ffi::OsString,
    process::{ExitStatus, Stdio},
};

use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{spawn, variable};

/// A browser without a window. Dropping it kills it.
#[derive(Debug)]
pub struct Chromium {
    child: Child,
    /// Removed after the browser has ended.
    _profile: TempDir,
}

impl Chromium {
    /// Starts the browser with a page. It accepts any certificate.
    ///
    /// # Panics
    ///
    /// The program is not installed or does not start.
    pub fn open(url: &str) -> Self {
        let profile = tempfile::tempdir().expect("a temporary folder");
        let mut user_data = OsString::from("--user-data-dir=");
        user_data.push(profile.path());
        let mut command = Command::new(variable("SAMESOCKET_CHROMIUM"));
        // Root, as in a container, cannot use the sandbox. The last switches stop requests of the browser's own.
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
        command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
        command.arg("--ignore-certificate-errors").arg(user_data).arg(url);
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { child: spawn(command), _profile: profile }
    }

    /// Waits until the browser has ended, for example because its page was closed.
    ///
    /// # Panics
    ///
    /// The system does not know the process.
    pub async fn ended(&mut self) -> ExitStatus {
        self.child.wait().await.expect("the process exists")
    }
}
