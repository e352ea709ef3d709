//! The fault server, run in this process: it serves the pages, echoes, injects faults on request, and stores the tests'
//! reports.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, Result};
use samesocket_fault_server::{Server, Until};
use serde_json::Value;
use tokio::runtime::Handle;

/// A folder that is served.
pub(crate) struct Site {
    server: Server,
    runtime: Handle,
}

impl Site {
    /// Serves a folder at the given port, or at any free one. Writes the server's addresses to `server.json` in the
    /// folder. The file names no engine, because any engine may open the pages.
    pub(crate) fn start(folder: &Path, port: Option<u16>, runtime: &Handle) -> Result<Self> {
        let server = Server::builder().static_dir(folder).plain_port(port.unwrap_or(0)).start();
        let server = runtime.block_on(server).context("the server cannot start")?;
        let site = Self { server, runtime: runtime.clone() };
        let file = folder.join("server.json");
        fs::write(&file, serde_json::to_vec_pretty(&site.description()?)?)
            .with_context(|| format!("cannot write {}", file.display()))?;
        Ok(site)
    }

    /// Returns the server's addresses, in the form of `server.json`.
    pub(crate) fn description(&self) -> Result<Value> {
        Ok(serde_json::to_value(self.server.addresses())?)
    }

    /// Returns the address of a page.
    pub(crate) fn page(&self, path: &str) -> String {
        format!("http://{}/{path}", self.server.addresses().plain)
    }

    /// Returns the address of a page with TLS. It uses the host name, because the certificate is for a name.
    pub(crate) fn https(&self, path: &str) -> String {
        format!("https://localhost:{}/{path}", self.server.addresses().tls.port())
    }

    /// Returns a posted report.
    pub(crate) fn report(&self, name: &str) -> Option<String> {
        self.server.report(name)
    }

    /// Stores a report as if it had been posted.
    pub(crate) fn put_report(&self, name: &str, text: String) {
        self.server.store().put_report(name, text);
    }

    /// Waits for a report.
    pub(crate) async fn wait_report(&self, name: &str, limit: Duration) -> Result<String> {
        let report = tokio::time::timeout(limit, self.server.wait_report(name)).await;
        report.with_context(|| format!("the report {name} was not posted within {} s", limit.as_secs()))
    }

    /// Waits until a connection has ended. Returns the code of the client's Close frame.
    pub(crate) async fn close_code(&self, id: &str, limit: Duration) -> Result<Option<u16>> {
        let record = tokio::time::timeout(limit, self.server.store().wait_record(id, Until::End)).await;
        let record = record.with_context(|| format!("the connection {id} did not end within {} s", limit.as_secs()))?;
        Ok(record.close.and_then(|close| close.code))
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

/// Encodes a text for use in a query.
pub(crate) fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
