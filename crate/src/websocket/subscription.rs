//! The guard of a callback's subscription.

use std::fmt;

use crate::connection::Connection;
use crate::sync::Weak;
use crate::websocket::dispatcher::Dispatcher;

/// A guard that keeps a callback of [`WebSocket::subscribe`](crate::WebSocket::subscribe) subscribed. Dropping it
/// unsubscribes the callback.
///
/// It is not a handle: it does not keep the socket open. It may be dropped at any time, even inside the callback, which
/// is then not called again.
///
/// ```no_run
/// # fn main() -> Result<(), samesocket::Exception> {
/// let socket = samesocket::WebSocket::new("wss://example.com/chat", ())?;
/// let subscription = socket.subscribe(|_, event| println!("{event:?}"));
/// drop(subscription); // No further event is printed.
/// # Ok(())
/// # }
/// ```
#[must_use = "the callback is unsubscribed when this is dropped"]
pub struct Subscription {
    connection: Weak<Connection<Dispatcher>>,
    id: u64,
}

impl Subscription {
    pub(crate) fn new(connection: Weak<Connection<Dispatcher>>, id: u64) -> Self {
        Self { connection, id }
    }

    /// Leaves the callback subscribed until the socket's `close` event, or until the last handle is dropped.
    pub fn detach(mut self) {
        self.connection = Weak::new();
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.upgrade() {
            connection.listener().remove_callback(self.id);
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("id", &self.id).finish_non_exhaustive()
    }
}
