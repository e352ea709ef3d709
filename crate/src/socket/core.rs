//! What the handles of one socket share.

use std::task::{Context, Poll};

use super::connect::{Choice, USUAL};
use super::error::Error;
use super::feed::Feed;
use crate::connection::Connection;
use crate::platform::{Clock, Shared};
use crate::{Message, ReadyState};

/// The connection, and what the connection feeds; dropping it closes the connection.
pub(crate) struct Core {
    pub(crate) connection: Shared<Connection>,
    pub(super) feed: Shared<Feed>,
    pub(crate) clock: Shared<dyn Clock>,
    pub(super) makes_peer_wait: bool,
    /// What was chosen when the socket was made, if anything was.
    pub(super) chosen: Option<Box<Choice>>,
}

impl Core {
    /// What counts for all its life.
    pub(super) fn choice(&self) -> &Choice {
        self.chosen.as_deref().unwrap_or(USUAL)
    }

    /// Hands a message over, or back.
    pub(super) fn hand_over(&self, message: Message) -> Result<(), Error> {
        if self.connection.hand_over(message.payload()) { Ok(()) } else { Err(Error::NotOpen(message)) }
    }

    /// Whether sending need not wait; a socket that is not OPEN any more lets nobody wait, since sending fails at once.
    pub(super) fn has_room(&self) -> bool {
        self.connection.has_at_most(self.choice().high_water_mark) || self.connection.ready_state() != ReadyState::Open
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
        self.poll(core, core.choice().high_water_mark, context, Core::has_room)
    }

    /// Waits until nothing is queued, or the socket is CLOSED; how much is left.
    pub(super) fn poll_drained(&mut self, core: &Core, context: &Context<'_>) -> Poll<u64> {
        let done =
            |core: &Core| core.connection.buffered_amount() == 0 || core.connection.ready_state() == ReadyState::Closed;
        self.poll(core, 0, context, done).map(|()| core.connection.buffered_amount())
    }

    fn poll(&mut self, core: &Core, mark: u64, context: &Context<'_>, done: fn(&Core) -> bool) -> Poll<()> {
        if done(core) {
            self.leave(core);
            return Poll::Ready(());
        }
        core.feed.wait_for_less(&mut self.key, mark, context.waker());
        core.connection.watch();
        // Looked at again, since it may have come true before anybody knew that it is waited for.
        if done(core) {
            self.leave(core);
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// Waits no more.
    pub(super) fn leave(&mut self, core: &Core) {
        if let Some(key) = self.key.take() {
            core.feed.forget(key);
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
