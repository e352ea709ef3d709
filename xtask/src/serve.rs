//! The fault server, in this process: it serves the pages, echoes, misbehaves on request, and takes the tests' reports.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, Result};
use samesocket_fault_server::{Server, Until};
use serde_json::Value;
use tokio::runtime::Handle;

/// A folder that is being served.
pub(crate) struct Site {
    server: Server,
    runtime: Handle,
}

impl Site {
    /// Serves a folder, at any free port unless told which, and lays `server.json` into it: where the server listens. Any
    /// engine may open the folder's pages, so that the file names none.
    pub(crate) fn start(folder: &Path, port: Option<u16>, runtime: &Handle) -> Result<Self> {
        let server = Server::builder().static_dir(folder).plain_port(port.unwrap_or(0)).start();
        let server = runtime.block_on(server).context("the server cannot start")?;
        let site = Self { server, runtime: runtime.clone() };
        let file = folder.join("server.json");
        fs::write(&file, serde_json::to_vec_pretty(&site.description()?)?)
            .with_context(|| format!("cannot write {}", file.display()))?;
        Ok(site)
    }

    /// Where the server listens, as the tests are told.
    pub(crate) fn description(&self) -> Result<Value> {
        Ok(serde_json::to_value(self.server.addresses())?)
    }

    /// A page's address.
    pub(crate) fn page(&self, path: &str) -> String {
        format!("http://{}/{path}", self.server.addresses().plain)
    }

    /// A page's address with TLS, by name: a certificate is for names.
    pub(crate) fn https(&self, path: &str) -> String {
        format!("https://localhost:{}/{path}", self.server.addresses().tls.port())
    }

    /// A report that has been posted.
    pub(crate) fn report(&self, name: &str) -> Option<String> {
        self.server.report(name)
    }

    /// Takes a report as if it had been posted.
    pub(crate) fn put_report(&self, name: &str, text: String) {
        self.server.store().put_report(name, text);
    }

    /// Waits for a report.
    pub(crate) async fn wait_report(&self, name: &str, limit: Duration) -> Result<String> {
        let report = tokio::time::timeout(limit, self.server.wait_report(name)).await;
        report.with_context(|| format!("no report {name} in {} s", limit.as_secs()))
    }

    /// Waits until a connection has ended, and gives the code of the client's Close.
    pub(crate) async fn close_code(&self, id: &str, limit: Duration) -> Result<Option<u16>> {
        let record = tokio::time::timeout(limit, self.server.store().wait_record(id, Until::End)).await;
        let record = record.with_context(|| format!("the connection {id} did not end in {} s", limit.as_secs()))?;
        Ok(record.close.and_then(|close| close.code))
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

/// A text as it can stand in a query.
pub(crate) fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
