//! What a connection is at present.

use crate::connection::closed::CloseNotifier;
use crate::platform::{FinalState, Task, Transport};
use crate::sync::Shared;
use crate::types::binary_type::BinaryType;
use samesocket_spec::CloseEvent;
use samesocket_spec::state::State;

/// What a connection is at present; together, since most of what is done to a socket asks for all of it.
pub(crate) struct ConnectionState<C> {
    pub(crate) state: State,
    /// The platform's socket, from the constructor to the `close` event.
    pub(crate) socket: Option<Shared<dyn Transport>>,
    /// What the platform left when it was let go of.
    pub(crate) remains: FinalState,
    pub(crate) binary_type: BinaryType,
    /// The data of the `close` event, once that has been fired.
    pub(crate) end: Option<CloseEvent>,
    /// Who awaits that, if anybody ever did: a program that does not links nothing of it.
    pub(crate) awaited: Option<Shared<dyn CloseNotifier>>,
    /// The task that fails a connection of which no more is to be heard: the platform refused to start it, or told of
    /// an error and, unlike the Standard, of nothing after it.
    pub(crate) failing: Option<Task>,
    /// This connection itself, while its last handle was dropped and its end is awaited, or its Close waits for blobs.
    pub(crate) lingering: Option<Shared<C>>,
}

impl<C> ConnectionState<C> {
    /// Whether there is something to wait for though there is no handle any more: a Close that has to be started, or the
    /// end, if that is awaited.
    pub(crate) fn lingers(&self) -> bool {
        let is_awaited = |awaited| self.end.is_none() && Shared::strong_count(awaited) > 1;
        self.socket.as_ref().is_some_and(|socket| socket.has_pending_close())
            || self.awaited.as_ref().is_some_and(is_awaited)
    }

    pub(crate) fn buffered_amount(&self) -> u64 {
        let carried = self.socket.as_ref().map_or(self.remains.buffered_amount, |socket| socket.buffered_amount());
        carried.saturating_add(self.state.discarded())
    }
}
