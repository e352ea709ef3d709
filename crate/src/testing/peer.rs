//! The server's end of a connection, controlled by the test.

use std::fmt;
use std::future::poll_fn;

use super::Received;
use super::connection::MemoryConnection;
use crate::sync::Shared;
use crate::types::message::Message;

/// The server's end of an open connection, controlled by the test. Dropping it fails the connection.
///
/// It answers a Close frame as a server should, unless the test calls [`hold_close`](Self::hold_close).
///
/// ```
/// use samesocket::testing::{self, pair};
///
/// testing::run(|_| async {
///     let (mut socket, peer) = pair();
///     peer.send("hello");
///     peer.close(Some(1000), "done");
///     assert!(matches!(socket.next().await, Some(Ok(_))));
///     assert!(socket.next().await.is_none());
///     assert_eq!(socket.closed().await.reason, "done");
/// });
/// ```
pub struct Peer {
    connection: Shared<MemoryConnection>,
}

/// The most bytes of the reason in a Close frame, by [RFC 6455, section 5.5](https://www.rfc-editor.org/rfc/rfc6455#section-5.5).
const MAX_REASON: usize = 123;

impl Peer {
    pub(super) const fn new(connection: Shared<MemoryConnection>) -> Self {
        Self { connection }
    }

    /// Sends a message. On a network with backpressure it arrives once the socket's inbox has capacity.
    pub fn send(&self, message: impl Into<Message>) {
        self.connection.send(message.into());
    }

    /// Waits for the next message or Close frame of the client. Returns `None` when the connection has ended.
    pub async fn receive(&mut self) -> Option<Received> {
        poll_fn(|context| self.connection.poll_receive(context)).await
    }

    /// Closes the connection cleanly, after the messages that were sent.
    ///
    /// `None` is a Close frame without a code, which the client sees as 1005. A connection that is lost has no Close frame; see
    /// [`fail`](Self::fail).
    ///
    /// # Panics
    ///
    /// Panics if a Close frame cannot have this content. The code is 1000 to 1003, 1007 to 1014 or 3000 to 4999. The reason has at
    /// most 123 bytes, and none without a code. From a real server, other codes fail the connection on native targets.
    #[track_caller]
    pub fn close(&self, code: Option<u16>, reason: &str) {
        if let Some(code) = code {
            let is_valid = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            assert!(is_valid, "a Close frame cannot have the code {code}: see `Peer::close`");
        }
        assert!(reason.is_empty() || code.is_some(), "a Close frame without a code has no reason");
        assert!(reason.len() <= MAX_REASON, "the reason of a Close frame has at most {MAX_REASON} bytes");
        self.connection.close(code, reason);
    }

    /// Starts the closing handshake only. The client stays CLOSING until the test does something else.
    pub fn start_closing(&self) {
        self.connection.start_closing();
    }

    /// Fails the connection, after the messages that were sent, as dropping the peer does.
    pub fn fail(self) {}

    /// Leaves a Close frame of the client unanswered until [`answer_close`](Self::answer_close) is called.
    ///
    /// The [close timeout](crate::Connect::close_timeout) of the client counts only while the future of its close is polled, as in
    /// a page. If that future was dropped, the connection waits for the answer without a limit. On native targets, a connection
    /// to a real server ends after the timeout in any case.
    pub fn hold_close(&self) {
        self.connection.hold_close();
    }

    /// Answers the Close frame of the client, now or when it arrives.
    pub fn answer_close(&self) {
        self.connection.answer_close();
    }

    /// Returns the number of pings that this peer has read. It answers each at once, unless the test calls
    /// [`hold_pongs`](Self::hold_pongs).
    ///
    /// ```
    /// use samesocket::testing::{self, pair};
    /// use std::time::Duration;
    ///
    /// testing::run(|_| async {
    ///     let (socket, peer) = pair();
    ///     assert_eq!(socket.ping().await, Ok(Duration::ZERO));
    ///     assert_eq!(peer.pings(), 1);
    /// });
    /// ```
    pub fn pings(&self) -> u64 {
        self.connection.pings()
    }

    /// Sends a ping, which the client counts in its [received pings](crate::Control::received_pings).
    pub fn ping(&self) {
        self.connection.ping();
    }

    /// Leaves pings of the client unanswered until [`send_pongs`](Self::send_pongs) is called.
    pub fn hold_pongs(&self) {
        self.connection.hold_pongs();
    }

    /// Answers all pings of the client, and from now on each one at once.
    pub fn send_pongs(&self) {
        self.connection.send_pongs();
    }

    /// Stops reading. Later messages of the client count in its bufferedAmount.
    pub fn pause(&self) {
        self.connection.pause();
    }

    /// Reads what was sent since [`pause`](Self::pause), and continues reading.
    pub fn resume(&self) {
        self.connection.resume();
    }

    /// Returns whether the connection has ended.
    pub fn is_over(&self) -> bool {
        self.connection.is_over()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.connection.fail();
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("is_over", &self.is_over()).finish_non_exhaustive()
    }
}
