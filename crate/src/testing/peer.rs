//! The other end of a connection.

use std::fmt;
use std::future::poll_fn;

use super::link::Line;
use crate::sync::Shared;
use crate::types::message::Message;

/// The other end of an open connection, which does what it is told; dropped, the connection is lost.
///
/// It answers a Close as a server should, unless it is told to [hold](Self::hold_close) the answer.
pub struct Peer {
    line: Shared<Line>,
}

/// What a [`Peer`] was sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Received {
    /// A message.
    Message(Message),
    /// A Close frame; nothing follows it.
    Close {
        /// Its code, if it has one.
        code: Option<u16>,
        /// Its reason.
        reason: String,
    },
}

impl Peer {
    pub(super) const fn new(line: Shared<Line>) -> Self {
        Self { line }
    }

    /// Sends a message; it waits its turn while nobody takes what was sent before, if the network is pausable.
    pub fn send(&self, message: impl Into<Message>) {
        self.line.send(message.into());
    }

    /// Waits for what the client sends next; `None` when the connection is over.
    pub async fn receive(&mut self) -> Option<Received> {
        poll_fn(|context| self.line.poll_receive(context)).await
    }

    /// Closes the connection cleanly, after what was sent; the code is as free as it is on the wire.
    pub fn close(&self, code: Option<u16>, reason: &str) {
        self.line.close(code, reason);
    }

    /// Starts to close, and no more: the client is CLOSING until something else happens.
    pub fn start_closing(&self) {
        self.line.start_closing();
    }

    /// Loses the connection, after what was sent, as dropping this does.
    pub fn fail(self) {}

    /// Leaves a Close of the client's without an answer, until [`answer_close`](Self::answer_close).
    pub fn hold_close(&self) {
        self.line.hold_close();
    }

    /// Answers a Close of the client's, now or when it comes.
    pub fn answer_close(&self) {
        self.line.answer_close();
    }

    /// Stops to read: what the client sends from now on stays in its bufferedAmount.
    pub fn pause(&self) {
        self.line.pause();
    }

    /// Reads all that waits, and goes on reading.
    pub fn resume(&self) {
        self.line.resume();
    }

    /// Whether the connection is over.
    pub fn is_over(&self) -> bool {
        self.line.is_over()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.line.fail();
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("is_over", &self.is_over()).finish_non_exhaustive()
    }
}
