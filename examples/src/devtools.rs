//! The [DevTools protocol](https://chromedevtools.github.io/devtools-protocol/) of Chromium: commands with numbers, their
//! results, and events between them.

use std::path::Path;
use std::process::Stdio;

use samesocket::typed::{Json, Typed};
use samesocket::{Socket, connect};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::BoxError;

/// A browser without a window. It ends when this is dropped.
pub struct Browser {
    url: String,
    child: Child,
    /// Removed after the browser ended.
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser that listens for `DevTools` on a free port.
    ///
    /// # Errors
    ///
    /// Returns an error if it does not start.
    pub async fn start(program: &Path) -> Result<Self, BoxError> {
        let profile = TempDir::new()?;
        let mut command = Command::new(program);
        command.args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
        ]);
        command.args(["--remote-debugging-port=0", "about:blank"]).arg(user_data(profile.path()));
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
        let output = child.stderr.take().ok_or("no standard error")?;
        let mut lines = BufReader::new(output).lines();
        while let Some(line) = lines.next_line().await? {
            if let Some(url) = line.strip_prefix("DevTools listening on ") {
                let url = url.to_owned();
                // The browser blocks if its output is not read.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok(Self { url, child, _profile: profile });
            }
        }
        Err("the browser ended before it listened".into())
    }

    /// Returns the URL of the browser's socket.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits until the browser has ended.
    ///
    /// # Errors
    ///
    /// Returns an error if the system cannot tell.
    pub async fn ended(mut self) -> Result<(), BoxError> {
        self.child.wait().await?;
        Ok(())
    }
}

fn user_data(folder: &Path) -> std::ffi::OsString {
    let mut argument = std::ffi::OsString::from("--user-data-dir=");
    argument.push(folder);
    argument
}

/// A command, as it is sent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    id: u64,
    method: String,
    params: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
}

/// The result of a command, or an event.
#[derive(Deserialize)]
struct Incoming {
    id: Option<u64>,
    #[serde(default)]
    result: Value,
    error: Option<Value>,
    #[serde(default)]
    method: String,
}

/// A connection to a browser, which sends one command after the other.
pub struct DevTools {
    socket: Typed<Incoming, Order, Socket>,
    last_id: u64,
    session: Option<String>,
    /// The names of the events that arrived while a command waited for its result.
    events: Vec<String>,
}

impl DevTools {
    /// Connects to a browser.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no connection.
    pub async fn connect(url: &str) -> Result<Self, BoxError> {
        let socket = connect(url).await?.typed(Json);
        Ok(Self { socket, last_id: 0, session: None, events: Vec::new() })
    }

    /// Opens a page. Later commands go to it.
    ///
    /// # Errors
    ///
    /// Returns an error if a command fails.
    pub async fn open_page(&mut self) -> Result<(), BoxError> {
        let target = self.command("Target.createTarget", json!({ "url": "about:blank" })).await?;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.command("Target.attachToTarget", attach).await?;
        self.session = Some(session["sessionId"].as_str().ok_or("no session")?.to_owned());
        self.command("Page.enable", json!({})).await?;
        Ok(())
    }

    /// Loads a URL and waits until the page has loaded.
    ///
    /// # Errors
    ///
    /// Returns an error if a command fails.
    pub async fn navigate(&mut self, url: &str) -> Result<(), BoxError> {
        self.events.clear();
        let result = self.command("Page.navigate", json!({ "url": url })).await?;
        if let Some(error) = result["errorText"].as_str() {
            return Err(error.into());
        }
        while !self.events.iter().any(|event| event == "Page.loadEventFired") {
            let event = self.receive().await?.method;
            self.events.push(event);
        }
        Ok(())
    }

    /// Evaluates JavaScript in the page.
    ///
    /// # Errors
    ///
    /// Returns an error if the command fails.
    pub async fn evaluate(&mut self, expression: &str) -> Result<Value, BoxError> {
        let arguments = json!({ "expression": expression, "returnByValue": true });
        Ok(self.command("Runtime.evaluate", arguments).await?["result"]["value"].take())
    }

    /// Ends the browser, and waits until it has closed the socket.
    ///
    /// # Errors
    ///
    /// Returns an error if the command fails.
    pub async fn close_browser(mut self) -> Result<(), BoxError> {
        self.session = None;
        self.command("Browser.close", json!({})).await?;
        self.socket.get_ref().closed().await;
        Ok(())
    }

    /// Sends a command and waits for its result.
    ///
    /// # Errors
    ///
    /// Returns an error if the connection ends, or if the browser refuses the command.
    pub async fn command(&mut self, method: &str, params: Value) -> Result<Value, BoxError> {
        self.last_id += 1;
        let order = Order { id: self.last_id, method: method.to_owned(), params, session_id: self.session.clone() };
        self.socket.send(&order).await?;
        loop {
            let incoming = self.receive().await?;
            match (incoming.id, incoming.error) {
                (Some(id), Some(error)) if id == self.last_id => return Err(format!("{method}: {error}").into()),
                (Some(id), None) if id == self.last_id => return Ok(incoming.result),
                _ => self.events.push(incoming.method),
            }
        }
    }

    async fn receive(&mut self) -> Result<Incoming, BoxError> {
        Ok(self.socket.next().await.ok_or("the browser has closed the socket")??)
    }
}
