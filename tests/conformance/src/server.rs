//! The fault server: its addresses, gates, records and reports.

use serde::Deserialize;

use crate::target::{self, Control};

/// The addresses of the fault server and the name of the engine; `cargo xtask` writes them to a file beside the tests.
#[derive(Clone, Debug, Deserialize)]
pub struct Server {
    /// Host and port of the plain listener.
    pub plain: String,
    /// The same over IPv6. Without it, a script fails.
    pub plain6: Option<String>,
    /// Host and port of the TLS listener.
    pub tls: String,
    /// Host and port of the listeners of HTTP/2, without and with TLS, for a client that can be told to use it.
    #[serde(skip)]
    pub http2: Option<(String, String)>,
    /// Whether connections use these.
    #[serde(skip)]
    pub is_http2: bool,
    /// The name of the engine; empty if the file serves several engines.
    #[serde(default)]
    pub engine: String,
    /// Whether connections use TLS, which a page from https requires.
    #[serde(skip)]
    pub secure: bool,
}

/// The part of the record of a connection that scripts read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fault server's own names")]
pub struct Record {
    pub offered: Vec<String>,
    pub headers: std::collections::BTreeMap<String, String>,
    pub frames: Vec<Frame>,
    pub messages: Vec<Message>,
    pub message_count: u64,
    pub close: Option<Close>,
    pub end: Option<String>,
    pub error: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "the fault server's own names")]
pub struct Frame {
    pub opcode: u8,
    #[serde(default)]
    pub text: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "the fault server's own names")]
pub struct Message {
    pub kind: String,
    pub length: u64,
    #[serde(default)]
    pub text: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "the fault server's own names")]
pub struct Close {
    pub code: Option<u16>,
    pub reason: String,
}

impl Server {
    /// Finds the server.
    ///
    /// # Panics
    ///
    /// If it is not there: the tests of a page were not started by `cargo xtask`.
    pub async fn find() -> Self {
        Self::look_up().await.expect("the fault server is found")
    }

    /// Finds the server like [`find`](Self::find), for a page that may be served without one.
    ///
    /// # Errors
    ///
    /// Returns the file that is missing or cannot be read.
    pub async fn look_up() -> Result<Self, String> {
        target::look_up().await
    }

    /// Returns the same server with connections over TLS.
    #[must_use]
    pub fn over_tls(self) -> Self {
        Self { secure: true, ..self }
    }

    /// Returns the same server with connections over HTTP/2.
    ///
    /// # Panics
    ///
    /// If the server has no listeners for it.
    #[must_use]
    pub fn over_http2(self) -> Self {
        let (plain, tls) = self.http2.clone().expect("the server speaks HTTP/2");
        Self { plain, tls, is_http2: true, ..self }
    }

    /// Returns the URL of a connection that the server records as `id`.
    #[must_use]
    pub fn socket_url(&self, id: &str, query: &str) -> String {
        let and = if query.is_empty() { "" } else { "&" };
        let scheme = if self.secure { "wss" } else { "ws" };
        format!("{scheme}://{}/ws?id={id}{and}{query}", self.host())
    }

    /// Returns the host and port of connections.
    #[must_use]
    pub fn host(&self) -> &str {
        if self.secure { &self.tls } else { &self.plain }
    }

    /// Returns an expected line with the name `page` replaced, if the fault server itself serves the page.
    #[must_use]
    pub fn name_page(&self, line: &str) -> String {
        let is_own = target::origin().split_once("://").is_some_and(|(_, host)| host == self.host());
        if is_own { line.replace("//page/", "//server/") } else { line.to_owned() }
    }

    /// Opens a gate.
    pub async fn release(&self, id: &str, gate: &str) {
        Control::of(self).release(id, gate).await;
    }

    /// Returns the record of a connection, as soon as it has reached `until`.
    ///
    /// # Errors
    ///
    /// Returns the answer of the server if that takes too long.
    ///
    /// # Panics
    ///
    /// If the answer of the server is not a record.
    pub async fn record(&self, id: &str, until: &str) -> Result<Record, String> {
        Control::of(self).record(id, until).await
    }

    /// Waits until no connection whose id begins with `prefix` is open.
    pub async fn all_gone(&self, prefix: &str) {
        Control::of(self).all_gone(prefix).await;
    }

    /// Stores a report for `cargo xtask`.
    ///
    /// # Panics
    ///
    /// If the server does not accept it.
    pub async fn put_report(&self, name: &str, body: &str) {
        Control::of(self).put_report(name, body).await;
    }

    /// Returns a report that was stored before.
    ///
    /// # Errors
    ///
    /// Returns the answer of the server if there is none.
    pub async fn report(&self, name: &str) -> Result<String, String> {
        Control::of(self).report(name).await
    }
}
