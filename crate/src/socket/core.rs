//! What the handles of one socket share.

use std::task::{Context, Poll};
use std::time::Duration;

use super::error::Error;
use super::feed::Feed;
use crate::connection::Connection;
use crate::platform::{Clock, Shared};
use crate::{Message, ReadyState};

/// The connection, and what the connection feeds; dropping it closes the connection.
pub(crate) struct Core {
    pub(crate) connection: Shared<Connection<Feed>>,
    pub(crate) clock: Shared<dyn Clock>,
    pub(super) makes_peer_wait: bool,
    pub(super) high_water_mark: u64,
    pub(super) close_timeout: Duration,
}

impl Core {
    /// What the connection feeds.
    pub(super) fn feed(&self) -> &Feed {
        self.connection.listener()
    }

    /// Hands a message over, or back.
    pub(super) fn hand_over(&self, message: Message) -> Result<(), Error> {
        if self.connection.hand_over(message.payload()) { Ok(()) } else { Err(Error::NotOpen(message)) }
    }

    /// Whether sending need not wait; a socket that is not OPEN any more lets nobody wait, since sending fails at once.
    pub(super) fn has_room(&self) -> bool {
        self.connection.has_at_most(self.high_water_mark) || self.connection.ready_state() != ReadyState::Open
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.connection.abandon();
    }
}

/// The place of one who waits for bufferedAmount to fall.
#[derive(Default)]
pub(super) struct Place {
    key: Option<u64>,
}

impl Place {
    /// Waits until there is room to send, or the socket is not OPEN any more.
    pub(super) fn poll_room(&mut self, core: &Core, context: &Context<'_>) -> Poll<()> {
        self.poll(core, core.high_water_mark, context, |core| core.has_room().then_some(0)).map(|_| ())
    }

    /// Waits until nothing is queued, or the socket is CLOSED; how much is left.
    pub(super) fn poll_drained(&mut self, core: &Core, context: &Context<'_>) -> Poll<u64> {
        self.poll(core, 0, context, |core| {
            // The state first, since what is left changes until it is CLOSED; and what is left but once, since others send.
            let closed = core.connection.ready_state() == ReadyState::Closed;
            let left = core.connection.buffered_amount();
            (closed || left == 0).then_some(left)
        })
    }

    fn poll(&mut self, core: &Core, mark: u64, context: &Context<'_>, done: fn(&Core) -> Option<u64>) -> Poll<u64> {
        let mut left = done(core);
        if left.is_none() {
            core.feed().wait_for_less(&mut self.key, mark, context.waker());
            core.connection.watch();
            // Looked at again, since it may have come true before anybody knew that it is waited for.
            left = done(core);
        }
        let Some(left) = left else { return Poll::Pending };
        self.leave(core);
        Poll::Ready(left)
    }

    /// Waits no more.
    pub(super) fn leave(&mut self, core: &Core) {
        if let Some(key) = self.key.take() {
            core.feed().forget(key);
        }
    }
}

/// A place that is left when this is dropped.
pub(super) struct Queueing<'a> {
    pub(super) core: &'a Core,
    pub(super) place: Place,
}

impl<'a> Queueing<'a> {
    pub(super) fn new(core: &'a Core) -> Self {
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
    use crate::connect;
    use crate::message::Payload;
    use crate::platform::{
        self, Carry, Dial, Form, Handed, Lock, Options, Protocols, Receiver, Remains, Tasks, Url, Watch,
    };
    use crate::queued::Queued;
    use crate::spec::close::CloseFrame;
    use crate::spec::state::Feedback;

    /// What is open at once, and has as much queued as this says, one number after the other.
    struct Queueing {
        amounts: Shared<Lock<VecDeque<u64>>>,
        receiver: Receiver,
    }

    impl Carry for Queueing {
        fn start(&self) {
            self.receiver.take(Feedback::Established { protocol: String::new(), extensions: String::new() });
        }

        fn is_closing(&self) -> bool {
            false
        }

        fn remains(&self) -> Remains {
            Remains::of(self.amounts.lock().pop_front().unwrap_or_default())
        }

        fn set_binary_type(&self, _: Form) {}

        fn send(&self, payload: Payload<'_>, queued: &Queued) -> Handed {
            queued.add(payload.most());
            Handed::if_taken(true)
        }

        fn close(&self, _: CloseFrame<'_>) {}

        fn has_waiting_close(&self) -> bool {
            false
        }

        fn watch(&self, _: Watch) {}
    }

    struct Amounts(Shared<Lock<VecDeque<u64>>>);

    impl Dial for Amounts {
        fn dial(&self, _: &Url, _: Protocols<'_>, _: Form, _: &Tasks, receiver: Receiver) -> Option<Shared<dyn Carry>> {
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
