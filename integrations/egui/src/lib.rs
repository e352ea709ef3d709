#![doc = include_str!("../README.md")]

use std::iter::FusedIterator;
use std::time::Duration;

use egui::{Context, Response, Ui, ViewportId};
use samesocket::reconnect::{LiveSocket, Reconnect, Sent, Status, Update, Updates};
use samesocket::{Error, OwnedMessage, connect};

/// The time between two repaints while the time until the next attempt is shown.
const COUNTDOWN: Duration = Duration::from_secs(1);

/// The most updates that are taken in one frame, which ends then although the socket may receive faster. Arbitrary.
const MAX_UPDATES: usize = 4096;

/// A socket of an application. It connects at once, and repaints the viewport that is current at that moment when there is something
/// to show.
#[derive(Debug)]
pub struct WebSocket {
    socket: LiveSocket,
    updates: Updates,
    context: Context,
    viewport: ViewportId,
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
        let (context, viewport) = (context.clone(), context.viewport_id());
        let repainted = context.clone();
        updates.on_wake(move || repainted.request_repaint_of(viewport));
        Self { socket, updates, context, viewport }
    }

    /// Takes the messages that have arrived, in order.
    ///
    /// Call it in each frame. If the iterator is dropped before its end, it requests a repaint for the messages that are left. In eframe, call it in `App::logic`,
    /// which also runs while the window is hidden. When 256 updates are queued, nothing is received. A page cannot make the browser
    /// wait, so that there the connection ends when 65,536 messages or 64 MiB wait.
    pub fn messages(&mut self) -> Messages<'_> {
        Messages { socket: self, left: MAX_UPDATES, ended: false }
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

/// An iterator over the messages that have arrived, from [`WebSocket::messages`].
///
/// If it is dropped before its end, it requests a repaint.
#[derive(Debug)]
pub struct Messages<'a> {
    socket: &'a mut WebSocket,
    /// The number of updates that may still be taken in this frame.
    left: usize,
    /// Whether the queue was empty, so that the next update requests a repaint.
    ended: bool,
}

impl Iterator for Messages<'_> {
    type Item = OwnedMessage;

    fn next(&mut self) -> Option<OwnedMessage> {
        while !self.ended && self.left > 0 {
            self.left -= 1;
            match self.socket.updates.try_next() {
                Some(Update::Message(message)) => return Some(message),
                Some(_) => {}
                None => self.ended = true,
            }
        }
        None
    }
}

impl FusedIterator for Messages<'_> {}

impl Drop for Messages<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.socket.context.request_repaint_of(self.socket.viewport);
        }
    }
}
