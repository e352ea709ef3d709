//! The rounds of the driver: whether it runs, and what it does beside moving bytes.

use std::time::Duration;

use super::state::ConnState;
use crate::platform::native::driver::io::{IoState as _, StreamIo};
use crate::platform::native::driver::look_requests::LookRequests;
use crate::platform::native::driver::receive_backpressure::Delivery;
use crate::platform::native::driver::run_state::{Parked, RunState};
use crate::platform::native::driver::spare_memory;
use crate::platform::native::driver::stream_slot::StreamSlot;
use crate::platform::pings::FinishedPings;
use samesocket_protocol::StreamAction;

impl ConnState {
    /// Records that the driver sees the connection as it is now; returns whether something had changed.
    pub(crate) const fn begin_round(&mut self) -> bool {
        self.policy.on_round();
        self.run.begin_round()
    }

    /// Parks the driver, unless a round was requested since its last one began; returns whether it is parked.
    pub(crate) const fn park(&mut self, parked: Parked) -> bool {
        self.run.park(parked)
    }

    /// Records that the driver is being polled; returns whether it has anything to do.
    ///
    /// It has nothing to do if it waits for the stream only, and the receiver has seen what the stream had. `is_due` says whether a
    /// deadline, a task, the dialing or unread bytes need the driver.
    pub(crate) fn begin_poll(&mut self, is_due: bool) -> bool {
        let is_left_to_receiver = !is_due
            && matches!(self.run, RunState::Parked(parked) if !parked.is_paused)
            && self.is_left_to_stream()
            && self.stream.get().is_some_and(|stream| stream.may_wake_receiver() && stream.is_quiet())
            && self.look_requests.as_ref().is_some_and(LookRequests::is_empty);
        !is_left_to_receiver && self.run.begin_poll()
    }

    /// Requests a round of the driver; returns whether its waker has to be called.
    pub(crate) const fn request_round(&mut self) -> bool {
        self.run.request_round()
    }

    /// Returns whether something has changed since [`begin_round`](Self::begin_round).
    pub(crate) const fn is_round_requested(&self) -> bool {
        self.run.is_round_requested()
    }

    /// Returns whether the driver, which is parked, has to arm the check for an idle connection, because this holds memory.
    pub(super) fn needs_idle_check(&self) -> bool {
        let (RunState::Parked(parked) | RunState::Receiving { parked, .. }) = self.run else { return false };
        !parked.idle_check_armed && self.has_spare_memory()
    }

    /// Returns whether the driver has anything to do after the receiver has read: to answer a ping, to complete one, to close, or
    /// to arm the idle check. If bytes had been pending before, the stream wakes the driver for them.
    pub(crate) fn needs_driver(&self, had_pending_bytes: bool) -> bool {
        self.needs_idle_check()
            || !had_pending_bytes && self.has_pending_bytes()
            || self.pings.as_ref().is_some_and(|pings| !pings.is_empty())
            || self.connection.stream_action() != StreamAction::Keep
    }

    /// Returns whether nothing but the stream can have anything for an open socket.
    pub(super) fn is_left_to_stream(&self) -> bool {
        self.is_open
            && self.delivery == Delivery::Bounded
            && self.files.is_empty()
            && self.feedback.is_none()
            && !self.connection.has_write_failed()
            && self.connection.stream_action() == StreamAction::Keep
    }

    /// Returns whether the driver has ended.
    pub(super) const fn has_ended(&self) -> bool {
        self.look_requests.is_none()
    }

    /// Takes the pings that were answered. `now` is called only if a ping waits.
    pub(crate) fn take_answered_pings(&mut self, now: impl FnOnce() -> Duration) -> Option<FinishedPings> {
        let pings = self.pings.as_mut().filter(|pings| !pings.is_empty())?;
        Some(pings.take_answered(self.connection.answered_pings(), now()))
    }

    /// Takes the requests for a last look at the stream.
    pub(crate) fn take_look_requests(&mut self) -> LookRequests {
        self.look_requests.as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.connection.deadline()
    }

    pub(crate) fn handle_timeout(&mut self, now: Duration) {
        self.connection.handle_timeout(now);
    }

    pub(crate) fn stream_action(&self) -> StreamAction {
        self.connection.stream_action()
    }

    /// Returns the place of the stream.
    pub(crate) const fn stream(&mut self) -> &mut StreamSlot {
        &mut self.stream
    }

    /// Returns whether there is a stream of this crate's that no sender uses.
    pub(crate) fn has_own_stream(&self) -> bool {
        self.stream.get().is_some_and(StreamIo::is_own)
    }

    /// Lends the thread's memory to read into, if the connection has none.
    pub(crate) fn lend_read_memory(&mut self) {
        self.connection.lend_read_memory(spare_memory::take_read_memory);
    }

    /// Returns the memory to read into to the thread, unless the connection still needs it.
    pub(crate) fn return_read_memory(&mut self) {
        if let Some(memory) = self.connection.take_read_memory() {
            spare_memory::keep_read_memory(memory);
        }
    }

    /// Returns the memory to write from to the thread, unless the connection still needs it.
    pub(crate) fn return_write_memory(&mut self) {
        if let Some(memory) = self.connection.take_write_memory() {
            spare_memory::keep_write_memory(memory);
        }
    }

    /// Returns whether the connection holds memory that it does not need while it is idle.
    pub(crate) fn has_spare_memory(&self) -> bool {
        self.connection.has_spare_memory()
    }

    /// Releases the memory that an idle connection does not need.
    pub(crate) fn release_memory(&mut self) {
        self.connection.release_memory();
    }
}
