#![doc = include_str!("../README.md")]

use std::time::Duration;

use egui::{Context, Response, Ui};
use samesocket::reconnect::{LiveSocket, Reconnect, Sent, Status, Update, Updates};
use samesocket::{Error, OwnedMessage, connect};

/// The time between two repaints while the time until the next attempt is shown.
const COUNTDOWN: Duration = Duration::from_secs(1);

/// A socket of an application. It connects at once, and repaints when there is something to show.
#[derive(Debug)]
pub struct WebSocket {
    socket: LiveSocket,
    updates: Updates,
}

impl WebSocket {
    /// Opens a socket that reconnects until it is dropped.
    ///
    /// In a page, a relative URL is resolved against the page's.
    pub fn connect(context: &Context, url: impl Into<String>) -> Self {
        Self::new(context, connect(url.into()).reconnect())
    }

    /// Opens a socket with options, such as subprotocols, heartbeats and waits.
    ///
    /// ```
    /// # fn example(context: &egui::Context) {
    /// use samesocket::connect;
    /// use samesocket_egui::WebSocket;
    ///
    /// let socket = WebSocket::new(context, connect("wss://example.com/chat").reconnect().max_attempts(10));
    /// # }
    /// ```
    pub fn new(context: &Context, socket: Reconnect) -> Self {
        let (socket, mut updates) = socket.drive_stream();
        let context = context.clone();
        updates.on_wake(move || context.request_repaint());
        Self { socket, updates }
    }

    /// Takes the messages that have arrived, in order.
    ///
    /// Call it in each frame. Messages that are not taken stay queued. When 256 updates are queued, the socket stops reading.
    pub fn messages(&mut self) -> impl Iterator<Item = OwnedMessage> + '_ {
        std::iter::from_fn(|| self.updates.try_next()).filter_map(|update| match update {
            Update::Message(message) => Some(message),
            _ => None,
        })
    }

    /// Sends a message, or keeps it while there is no connection; see [`LiveSocket::send`].
    ///
    /// # Errors
    ///
    /// Returns [`Error::NotOpen`] after the end, or [`Error::Full`] if too much is kept. Both have the message.
    pub fn send(&self, message: impl Into<OwnedMessage>) -> Result<Sent, Error<OwnedMessage>> {
        self.socket.send(message)
    }

    /// Shows the status, and a button that connects now while there is no connection.
    ///
    /// It counts down to the next attempt. [`socket`](Self::socket) has the status for another look.
    pub fn status_ui(&self, ui: &mut Ui) -> Response {
        let status = self.socket.status();
        ui.horizontal(|ui| {
            match (&status, self.socket.time_left()) {
                (Status::Waiting { cause, .. }, Some(left)) => {
                    ui.ctx().request_repaint_after(COUNTDOWN);
                    ui.label(format!("connecting again in {} s: {cause}", left.as_secs()))
                }
                _ => ui.label(status.to_string()),
            };
            if !status.is_open() && ui.button("Reconnect").clicked() {
                self.socket.restart();
            }
        })
        .response
    }

    /// Returns the handle, which has the status and everything else. A clone of it keeps the socket open.
    pub fn socket(&self) -> &LiveSocket {
        &self.socket
    }
}
