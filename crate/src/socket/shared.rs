//! What the handles of one socket share.

use std::task::{Context, Poll};
use std::time::Duration;

use super::endpoint::Endpoint;
use super::error::Error;
use crate::connection::Connection;
use crate::platform::Clock;
use crate::sync::Shared;
use crate::types::message::Message;
use samesocket_spec::ReadyState;

/// The connection, and what the connection feeds; dropping it closes the connection.
pub(crate) struct SocketCore {
    pub(crate) connection: Shared<Connection<Endpoint>>,
    pub(crate) clock: Shared<dyn Clock>,
    pub(super) has_backpressure: bool,
    pub(super) high_water_mark: u64,
    pub(super) close_timeout: Duration,
}

impl SocketCore {
    /// What the connection feeds.
    pub(super) fn feed(&self) -> &Endpoint {
        self.connection.listener()
    }

    /// Hands a message over, or back.
    pub(super) fn hand_over(&self, message: Message) -> Result<(), Error> {
        if self.connection.send_if_open(message.payload()) { Ok(()) } else { Err(Error::NotOpen(message)) }
    }

    /// Whether sending need not wait; a socket that is not OPEN any more lets nobody wait, since sending fails at once.
    pub(super) fn has_room(&self) -> bool {
        self.connection.buffers_at_most(self.high_water_mark) || self.connection.ready_state() != ReadyState::Open
    }
}

impl Drop for SocketCore {
    fn drop(&mut self) {
        self.connection.handles_dropped();
    }
}

/// The place of one who waits for bufferedAmount to fall.
#[derive(Default)]
pub(super) struct Place {
    key: Option<u64>,
}

impl Place {
    /// Waits until there is room to send, or the socket is not OPEN any more.
    pub(super) fn poll_capacity(&mut self, core: &SocketCore, context: &Context<'_>) -> Poll<()> {
        self.poll(core, core.high_water_mark, context, |core| core.has_room().then_some(0)).map(|_| ())
    }

    /// Waits until nothing is queued, or the socket is CLOSED; how much is left.
    pub(super) fn poll_drained(&mut self, core: &SocketCore, context: &Context<'_>) -> Poll<u64> {
        self.poll(core, 0, context, |core| {
            // The state first, since what is left changes until it is CLOSED; and what is left but once, since others send.
            let closed = core.connection.ready_state() == ReadyState::Closed;
            let left = core.connection.buffered_amount();
            (closed || left == 0).then_some(left)
        })
    }

    fn poll(
        &mut self,
        core: &SocketCore,
        mark: u64,
        context: &Context<'_>,
        done: fn(&SocketCore) -> Option<u64>,
    ) -> Poll<u64> {
        let mut left = done(core);
        if left.is_none() {
            core.feed().wait_for_less(&mut self.key, mark, context.waker());
            core.connection.watch_buffered_amount();
            // Looked at again, since it may have come true before anybody knew that it is waited for.
            left = done(core);
        }
        let Some(left) = left else { return Poll::Pending };
        self.leave(core);
        Poll::Ready(left)
    }

    /// Waits no more.
    pub(super) fn leave(&mut self, core: &SocketCore) {
        if let Some(key) = self.key.take() {
            core.feed().forget(key);
        }
    }
}

/// A place that is left when this is dropped.
pub(super) struct Queueing<'a> {
    pub(super) core: &'a SocketCore,
    pub(super) place: Place,
}

impl<'a> Queueing<'a> {
    pub(super) fn new(core: &'a SocketCore) -> Self {
        Self { core, place: Place::default() }
    }
}

impl Drop for Queueing<'_> {
    fn drop(&mut self) {
        self.place.leave(self.core);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use futures::FutureExt;

    use super::*;
    use crate::platform::buffered_amount_hint::BufferedAmountHint;
    use crate::platform::{
        self, Backend, EventSink, FinalState, Options, Protocols, ReceiveMode, SendOutcome, Tasks, Transport, Url,
        WatchBufferedAmount,
    };
    use crate::socket::connect::connect;
    use crate::sync::Lock;
    use crate::types::payload::Payload;
    use samesocket_spec::close::CloseFrame;
    use samesocket_spec::state::Feedback;

    /// What is open at once, and has as much queued as this says, one number after the other.
    struct Queueing {
        amounts: Shared<Lock<VecDeque<u64>>>,
        receiver: EventSink,
    }

    impl Transport for Queueing {
        fn start(&self) {
            self.receiver.handle_event(Feedback::Established { protocol: String::new(), extensions: String::new() });
        }

        fn is_closing(&self) -> bool {
            false
        }

        fn final_state(&self) -> FinalState {
            FinalState::of(self.amounts.lock().pop_front().unwrap_or_default())
        }

        fn set_binary_type(&self, _: ReceiveMode) {}

        fn send(&self, payload: Payload<'_>, queued: &BufferedAmountHint) -> SendOutcome {
            queued.add(payload.max_size());
            SendOutcome::accepted_if(true)
        }

        fn close(&self, _: CloseFrame<'_>) {}

        fn has_pending_close(&self) -> bool {
            false
        }

        fn watch_buffered_amount(&self, _: WatchBufferedAmount) {}
    }

    struct Amounts(Shared<Lock<VecDeque<u64>>>);

    impl Backend for Amounts {
        fn dial(
            &self,
            _: &Url,
            _: Protocols<'_>,
            _: ReceiveMode,
            _: &Tasks,
            receiver: EventSink,
        ) -> Option<Shared<dyn Transport>> {
            Some(Shared::new(Queueing { amounts: Shared::clone(&self.0), receiver }))
        }

        fn tasks(&self) -> Tasks {
            Options::default().tasks()
        }

        fn clock(&self) -> Shared<dyn platform::Clock> {
            Shared::new(crate::testing::Clock::default())
        }
    }

    #[crate::test]
    fn what_is_sent_by_others_once_nothing_was_queued_is_nobodys_failure() {
        for amounts in [[0, 5, 5], [7, 0, 5]] {
            let script = Shared::new(Lock::new(VecDeque::new()));
            let connecting = connect("ws://a.example").by(Shared::new(Amounts(Shared::clone(&script))));
            let socket = connecting.now_or_never().unwrap().unwrap();
            script.lock().extend(amounts);
            assert!(matches!(socket.drained().now_or_never(), Some(Ok(()))), "{amounts:?}");
        }
    }
}
