//! The fault server, as the scripts reach it: its addresses, its gates and its records.

use serde::Deserialize;

use crate::place::{self, Control};

/// Where the fault server is, and in which engine this runs; `cargo xtask` lays it beside the tests of a page.
#[derive(Clone, Debug, Deserialize)]
pub struct Server {
    /// Host and port of the plain listener.
    pub plain: String,
    /// The same over IPv6, where the machine has it.
    pub plain6: Option<String>,
    /// Host and port of the TLS listener.
    pub tls: String,
    /// The engine's name; empty where whoever wrote the file could not know who would read it.
    #[serde(default)]
    pub engine: String,
    /// Whether it is reached over TLS: as a page that came over https has to.
    #[serde(skip)]
    pub secure: bool,
}

/// What the server saw of a connection: the part of its record that scripts ask for.
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
        Self::look_up().await.expect("the addresses of the fault server")
    }

    /// Finds the server as [`find`](Self::find) does, for a page that may be served without one.
    ///
    /// # Errors
    ///
    /// What is missing, or cannot be read.
    pub async fn look_up() -> Result<Self, String> {
        place::look_up().await
    }

    /// The same server, reached over TLS.
    #[must_use]
    pub fn over_tls(self) -> Self {
        Self { secure: true, ..self }
    }

    /// Gives the URL of a connection that the server records as `id`.
    #[must_use]
    pub fn socket_url(&self, id: &str, query: &str) -> String {
        let and = if query.is_empty() { "" } else { "&" };
        let scheme = if self.secure { "wss" } else { "ws" };
        format!("{scheme}://{}/ws?id={id}{and}{query}", self.host())
    }

    /// The host and port that are reached.
    #[must_use]
    pub fn host(&self) -> &str {
        if self.secure { &self.tls } else { &self.plain }
    }

    /// Gives an expected line as it is seen here: a page that the server itself serves has no name of its own.
    #[must_use]
    pub fn name_page(&self, line: &str) -> String {
        let is_own = place::origin().split_once("://").is_some_and(|(_, host)| host == self.host());
        if is_own { line.replace("//page/", "//server/") } else { line.to_owned() }
    }

    /// Opens a gate.
    pub async fn release(&self, id: &str, gate: &str) {
        Control::of(self).release(id, gate).await;
    }

    /// Gives the record of a connection, once it has got as far as `until`.
    ///
    /// # Errors
    ///
    /// What the server says when that takes too long.
    ///
    /// # Panics
    ///
    /// If the server gives no record.
    pub async fn record(&self, id: &str, until: &str) -> Result<Record, String> {
        Control::of(self).record(id, until).await
    }

    /// Waits until no connection whose id begins with `prefix` is open.
    pub async fn all_gone(&self, prefix: &str) {
        Control::of(self).all_gone(prefix).await;
    }

    /// Leaves a report for `cargo xtask`.
    ///
    /// # Panics
    ///
    /// If the server does not take it.
    pub async fn put_report(&self, name: &str, body: &str) {
        Control::of(self).put_report(name, body).await;
    }

    /// Gives a report that somebody has left.
    ///
    /// # Errors
    ///
    /// What the server says when there is none.
    pub async fn report(&self, name: &str) -> Result<String, String> {
        Control::of(self).report(name).await
    }
}
