//! Connections that wait to be accepted.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Peer;
use super::connection::MemoryConnection;
use crate::sync::catch_panic::wake;
use crate::sync::keyed_waiters::KeyedWaiters;
use crate::sync::{Lock, Shared};
use samesocket_spec::RedactedUrl;

/// A connection that waits to be accepted, from [`Network::accept`](super::Network::accept). Dropping it refuses the
/// connection.
///
/// ```
/// use samesocket::testing;
///
/// testing::run(|network| async move {
///     let server = network.clone();
///     network.spawn(async move {
///         let incoming = server.accept().await;
///         assert_eq!(incoming.url(), "ws://example.com/chat");
///         incoming.refuse();
///     });
///     assert!(network.connect("ws://example.com/chat").await.is_err());
/// });
/// ```
#[must_use = "dropping it refuses the connection"]
pub struct Incoming {
    url: String,
    protocols: Vec<String>,
    /// `None` once the connection was accepted.
    connection: Option<Shared<MemoryConnection>>,
}

impl Incoming {
    pub(super) const fn new(url: String, protocols: Vec<String>, connection: Shared<MemoryConnection>) -> Self {
        Self { url, protocols, connection: Some(connection) }
    }

    /// Returns the URL that the client connects to.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the subprotocols that the client offers.
    pub fn protocols(&self) -> &[String] {
        &self.protocols
    }

    /// Returns whether the client has given up.
    pub fn is_gone(&self) -> bool {
        self.connection.as_ref().is_none_or(|connection| connection.is_over())
    }

    /// Accepts the connection with the first of the offered subprotocols.
    pub fn open(self) -> Peer {
        let protocol = self.protocols.first().cloned().unwrap_or_default();
        self.open_with(&protocol, "")
    }

    /// Accepts the connection with this subprotocol, offered or not, and these extensions.
    ///
    /// # Panics
    ///
    /// Never: a connection can be accepted only once.
    pub fn open_with(mut self, protocol: &str, extensions: &str) -> Peer {
        let connection = self.connection.take().expect("the connection was not accepted before");
        connection.establish(protocol, extensions);
        Peer::new(connection)
    }

    /// Refuses the connection, as dropping this does.
    pub fn refuse(self) {}
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.fail();
        }
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("url", &RedactedUrl(&self.url)).finish_non_exhaustive()
    }
}

/// The connections of a network that wait to be accepted.
#[derive(Default)]
pub(super) struct AcceptQueue(Lock<Waiting>);

#[derive(Default)]
struct Waiting {
    connections: VecDeque<Incoming>,
    /// The futures that wait for the next connection.
    waiters: KeyedWaiters<()>,
}

impl AcceptQueue {
    /// Adds a connection and wakes the tasks that accept.
    pub(super) fn push(&self, incoming: Incoming) {
        let (wakers, _) = {
            let mut waiting = self.0.lock();
            waiting.connections.push_back(incoming);
            waiting.waiters.take_ready(|()| true)
        };
        wake(wakers);
    }

    /// Waits for the next connection.
    pub(super) const fn accept(&self) -> Accept<'_> {
        Accept { queue: self, key: None }
    }
}

/// A future of the next connection.
pub(super) struct Accept<'a> {
    queue: &'a AcceptQueue,
    /// The key of this future's waker, once it has been polled.
    key: Option<u64>,
}

impl Future for Accept<'_> {
    type Output = Incoming;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Incoming> {
        let this = self.get_mut();
        let replaced = {
            let mut waiting = this.queue.0.lock();
            if let Some(incoming) = waiting.connections.pop_front() {
                return Poll::Ready(incoming);
            }
            waiting.waiters.register(&mut this.key, (), context.waker())
        };
        // Drop outside the lock: a waker may run any code.
        drop(replaced);
        Poll::Pending
    }
}

impl Drop for Accept<'_> {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let waker = self.queue.0.lock().waiters.remove(key);
        // Drop outside the lock: a waker may run any code.
        drop(waker);
    }
}
