//! The mutable state of a connection.

use crate::connection::closed::CloseNotifier;
use crate::platform::{FinalState, Task, Transport};
use crate::sync::Shared;
use crate::types::binary_type::BinaryType;
use samesocket_spec::CloseEvent;
use samesocket_spec::state::SocketState;

/// The mutable state of a connection, behind one lock because most operations need all of it.
pub(crate) struct ConnectionState<C> {
    /// The Standard's state machine. Its ready state changes only in [`Connection::update`](super::Connection::update).
    pub(crate) socket_state: SocketState,
    /// The platform's socket, from the constructor to the `close` event.
    pub(crate) transport: Option<Shared<dyn Transport>>,
    /// The final values of the transport, once it was released.
    pub(crate) final_state: FinalState,
    pub(crate) binary_type: BinaryType,
    /// The data of the `close` event, once that event was fired.
    pub(crate) close_event: Option<CloseEvent>,
    /// The notifier of [`Closed`](super::closed::Closed) futures.
    // Code size: type-erased and created on first use, so that a program without `closed()` does not link it.
    pub(crate) close_notifier: Option<Shared<dyn CloseNotifier>>,
    /// The task that fails a connection about which the platform reports nothing more.
    ///
    /// It is queued if the platform refused to start the connection. It is also queued after an `error`, because an
    /// engine may not fire the `close` that the Standard requires.
    pub(crate) fail_task: Option<Task>,
    /// Whether the caller has given up the closing handshake after its timeout.
    pub(crate) close_timed_out: bool,
    /// A reference to the connection itself, after the last handle was dropped, while it must outlive the handles.
    pub(crate) keep_alive: Option<Shared<C>>,
}

impl<C> ConnectionState<C> {
    /// Returns whether the connection must stay alive without any handle.
    ///
    /// That is so while a Close is still to be started, or while a future waits for the `close` event.
    pub(crate) fn must_outlive_handles(&self) -> bool {
        let is_awaited = |notifier| self.close_event.is_none() && Shared::strong_count(notifier) > 1;
        self.transport.as_ref().is_some_and(|transport| transport.has_pending_close())
            || self.close_notifier.as_ref().is_some_and(is_awaited)
    }

    /// Returns the value of bufferedAmount, in bytes.
    pub(crate) fn buffered_amount(&self) -> u64 {
        let transport = self.transport.as_ref();
        let sent = transport.map_or(self.final_state.buffered_amount, |transport| transport.buffered_amount());
        sent.saturating_add(self.socket_state.discarded())
    }
}
