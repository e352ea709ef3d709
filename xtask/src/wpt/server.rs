//! The server of a checkout, with one of the classes.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};

use super::suite::Test;
use crate::{process::Group, project::Project, setup};

/// The folder with the files for these tests.
pub(super) const FOLDER: &str = "tests/wpt";

/// The host name in browsers, which resolve it as they are told.
pub(super) const HOST: &str = "web-platform.test";
/// The host name in runtimes, which ask the system.
pub(super) const LOCAL_HOST: &str = "localhost";

/// A running server. Dropping it ends the process.
pub(super) struct Server {
    host: &'static str,
    ports: BTreeMap<String, Vec<u16>>,
    scratch: PathBuf,
    _group: Group,
}

impl Server {
    /// Starts a server. It puts the script, if any, before all others in every page and worker.
    pub(super) fn start(project: &Project, checkout: &Path, host: &'static str, script: Option<&Path>) -> Result<Self> {
        let name = if script.is_some() { "samesocket" } else { "platform" };
        let scratch = project.cache.empty_folder(&format!("wpt-{name}-{host}"))?;
        let mut command = Command::new(setup::wpt_python(project));
        command.arg(project.root().join(FOLDER).join("server.py"));
        command.arg("--root").arg(checkout).arg("--scratch").arg(&scratch).args(["--host", host]);
        if let Some(script) = script {
            command.arg("--class").arg(script);
        }
        // The server ends when its standard input is closed.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut group = Group::spawn(&mut command).context("cannot start the tests' server")?;
        let stdout = group.child().stdout.take().context("the server has no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let ports = serde_json::from_str(&line).context("the tests' server did not start; is openssl installed?")?;
        Ok(Self { host, ports, scratch, _group: group })
    }

    /// Returns the certificate of the authority that has signed the server's.
    pub(super) fn authority(&self) -> PathBuf {
        self.scratch.join("authority.pem")
    }

    /// Returns the address of a test.
    pub(super) fn address(&self, test: &Test) -> Result<String> {
        self.address_over(if test.is_secure { "https" } else { "http" }, test)
    }

    /// Returns the address of a test with this scheme.
    pub(super) fn address_over(&self, scheme: &str, test: &Test) -> Result<String> {
        let port = self
            .ports
            .get(scheme)
            .and_then(|ports| ports.first())
            .context("the server reported no port for this scheme")?;
        Ok(format!("{scheme}://{}:{port}{}", self.host, test.url))
    }
}
