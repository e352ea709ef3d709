//! The state that the interface and the driver of one socket share, and the only code that changes it.
//!
//! The interface calls `send`, `flush`, `close` and `ping` from any thread. The driver locks [`ConnState`] once a round: it
//! calls `begin_round`, `next_messages` and `park`, and borrows the stream.
//!
//! - [`state`] has the state and its lock.
//! - [`rounds`]: whether the driver runs, and what it does in a round beside moving bytes.
//! - [`opening`]: the response to the opening handshake, and redirects.
//! - [`sending`], [`receiving`]: messages.
//! - [`ending`]: why a connection has ended.
//! - [`stream_access`]: the bytes that [`io`](super::io) moves.
//!
//! The lock is released between two writes, and between two pieces of at most 64 KiB that are masked, compressed or
//! inflated. So neither side waits for the other one's bulk work.
//!
//! No wake-up is lost: a change that the driver has to see is made under the lock, together with
//! [`RunState::request_round`]. The driver parks under the same lock, and only if no round was requested since its last one began.
//! See `ARCHITECTURE.md`.

mod ending;
mod opening;
mod receiving;
mod rounds;
mod sending;
mod state;
mod stream_access;

use std::task::Context;
use std::time::{Duration, Instant};

use super::io::{Locked, StateLock, StreamIo};
use super::receive_backpressure::Delivery;
use super::run_state::RunState;
use super::waiting_receiver::WaitingReceiver;
use super::write_policy::{Decision, MAX_SENDER_WRITE, WritePolicy};
use crate::platform::buffered_amount_hint::BufferedAmountHint;
use crate::platform::native::catch_panic::catch_as_failure;
use crate::platform::native::dial::handshake_queue::HandshakeSlot;
use crate::platform::native::dial::tcp;
use crate::platform::native::runtime::tasks::Tasks;
use crate::platform::pings::PingReply;
use crate::platform::{LastLook, SendOutcome};
use crate::sync::catch_panic::drop_caught;
use crate::types::payload::Data;
use crate::types::ping::{PingError, ReceivedPings};
use samesocket_protocol::Connection;
use samesocket_spec::close::CloseFrame;

pub(super) use self::ending::Unused;
pub(super) use self::receiving::Next;
pub(super) use self::state::{ConnState, ConnectionLock, Guard};

/// The state that the interface's end of a socket and its driver share.
pub(crate) struct SocketShared {
    state: ConnectionLock,
    tasks: Tasks,
    waiting_receiver: WaitingReceiver,
    /// Whether the user's tasks most likely share the thread of the driver.
    shares_thread: bool,
    /// The places of this socket in the queues of opening handshakes.
    handshake_slot: HandshakeSlot,
    start: Instant,
}

impl SocketShared {
    pub(super) fn new(
        connection: Connection,
        policy: WritePolicy,
        queue_limit: u64,
        tasks: Tasks,
        handshake_slot: HandshakeSlot,
    ) -> Self {
        Self {
            state: ConnectionLock::new(ConnState::new(connection, policy, queue_limit)),
            shares_thread: tasks.shares_thread(),
            tasks,
            waiting_receiver: WaitingReceiver::default(),
            handshake_slot,
            start: Instant::now(),
        }
    }

    pub(super) const fn connection_lock(&self) -> &ConnectionLock {
        &self.state
    }

    pub(super) fn lock(&self) -> Guard<'_> {
        self.state.lock()
    }

    pub(super) const fn handshake_slot(&self) -> &HandshakeSlot {
        &self.handshake_slot
    }

    pub(super) const fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    pub(super) const fn waiting_receiver(&self) -> &WaitingReceiver {
        &self.waiting_receiver
    }

    /// Returns whether the user's tasks most likely share the thread of the driver.
    pub(super) const fn shares_thread(&self) -> bool {
        self.shares_thread
    }

    /// Returns the time since the socket was made, the clock of its protocol connection.
    pub(super) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Converts a time of the protocol connection's clock.
    pub(super) fn instant(&self, time: Duration) -> Instant {
        // An instant that the clock cannot represent is as good as one in some years.
        self.start.checked_add(time).unwrap_or_else(|| self.start + Duration::from_secs(3600 << 16))
    }

    /// Queues a message, and sets `queued` to the new bufferedAmount.
    pub(super) fn send(&self, data: &Data<'_>, queued: &BufferedAmountHint) -> SendOutcome {
        self.lock().send(data, queued)
    }

    /// Queues a message like [`send`](Self::send) if the interface's socket is OPEN. Otherwise returns `None`.
    pub(super) fn send_if_open(&self, data: &Data<'_>, queued: &BufferedAmountHint) -> Option<SendOutcome> {
        let mut state = self.lock();
        state.is_open.then(|| state.send(data, queued))
    }

    /// Records whether the interface's socket is OPEN.
    pub(super) fn set_open(&self, is_open: bool) {
        self.lock().is_open = is_open;
    }

    /// Returns bufferedAmount, and sets `queued` to it under the lock.
    pub(super) fn measure(&self, queued: &BufferedAmountHint) -> u64 {
        let state = self.lock();
        let amount = state.buffered_amount();
        queued.set(amount);
        amount
    }

    /// Writes what was sent, or wakes the driver for it.
    pub(super) fn flush(&self) {
        let mut state = self.lock();
        let stream = (state.decide() == Decision::Write).then(|| state.stream.borrow()).flatten();
        if let Some(stream) = stream {
            self.write_from_sender(state, stream);
        } else if state.run.request_round() {
            drop(state);
            self.tasks.wake_driver();
        }
    }

    /// Returns whether the stream has passed on what it has accepted. If not, the driver waits for that, and tells the senders.
    pub(super) fn is_flushed(&self) -> bool {
        let mut state = self.lock();
        if !state.is_held {
            return true;
        }
        state.drain_watched = true;
        // Once, because the driver tells the senders after each round.
        let wake = !std::mem::replace(&mut state.flush_watched, true) && state.run.request_round();
        drop(state);
        if wake {
            self.tasks.wake_driver();
        }
        false
    }

    fn write_from_sender(&self, mut state: Guard<'_>, mut stream: StreamIo) {
        let was_parked = matches!(state.run, RunState::Parked(_));
        state.policy.on_round();
        let now = self.now();
        // The stream wakes the driver when it accepts more.
        let waker = self.tasks.driver_waker();
        let mut context = Context::from_waker(&waker);
        let written = catch_as_failure(|| {
            stream.write_from_sender(&mut context, &mut Locked::<ConnectionLock>(&mut state), MAX_SENDER_WRITE, now)
        });
        let (is_done, unused) = match written {
            Ok(is_done) => (is_done, None),
            Err(failure) => {
                state.connection.write_failed();
                (false, state.on_stream_lost(failure))
            }
        };
        ConnectionLock::drop_released_payloads(&mut state);
        state.return_write_memory();
        // A waiter for bufferedAmount may have come between two writes.
        let is_done =
            is_done && !state.connection.has_write_failed() && !state.drain_watched && !state.needs_idle_check();
        let driver_waits = state.stream.put_back(stream);
        // A driver that was dropped meanwhile has left the stream to this sender.
        let abandoned = if state.has_ended() { state.stream.take() } else { None };
        // A driver that runs does another round, because a sender may wait for bufferedAmount to fall.
        let wake = match &mut state.run {
            RunState::Running { round_requested } => {
                *round_requested = true;
                driver_waits || was_parked
            }
            RunState::Parked(_) if is_done && !driver_waits => false,
            run @ (RunState::Parked(_) | RunState::Receiving { .. }) => run.request_round(),
        };
        drop(state);
        // Drop outside the lock: the stream, and an error of it, may be the user's.
        drop_caught((abandoned, unused));
        if wake {
            self.tasks.wake_driver();
        }
    }

    /// Starts the closing handshake, or fails a connection that is not open.
    ///
    /// The place among the opening handshakes with the server is free at once, even if the driver is never polled again.
    pub(super) fn close(&self, frame: CloseFrame<'_>) {
        self.handshake_slot.release();
        let now = self.now();
        self.change(|state| state.close(frame, now));
    }

    /// Sends a ping, whose pong completes `reply`.
    pub(super) fn ping(&self, reply: PingReply) -> Result<(), PingError> {
        let now = self.now();
        let (finished, wake) = {
            let mut state = self.lock();
            let ConnState { pings: Some(pings), connection, run, .. } = &mut *state else {
                return Err(PingError::NotOpen);
            };
            let number = connection.ping().ok_or(PingError::NotOpen)?;
            (pings.push(number, now, reply), run.request_round())
        };
        // Drop outside the lock: a future that is being dropped may still be woken.
        drop(finished);
        if wake {
            self.tasks.wake_driver();
        }
        Ok(())
    }

    /// Returns the pings of the server.
    pub(super) fn received_pings(&self) -> ReceivedPings {
        let (count, last) = self.lock().connection.received_pings();
        let mut pings = ReceivedPings::default();
        (pings.count, pings.since_last) = (count, last.map(|last| self.now().saturating_sub(last)));
        pings
    }

    /// Ends the connection at once. TCP is reset before this returns, unless another thread uses the stream at the
    /// moment, or the connection is being dialed. In these cases the driver resets it. The driver always reports the
    /// end.
    pub(super) fn abort(&self) {
        self.handshake_slot.release();
        let (stream, wake) = {
            let mut state = self.lock();
            state.delivery = state.delivery.max_of(Delivery::Unbounded);
            state.connection.abort();
            (state.stream.take(), state.run.request_round())
        };
        // Drop outside the lock: the stream may be the user's.
        tcp::abort(|| drop_caught(stream));
        if wake {
            self.tasks.wake_driver();
        }
    }

    /// Asks the driver for a last look at the stream. Returns `None` if the driver has ended.
    pub(super) fn request_last_look(&self) -> Option<LastLook> {
        let ((looked, unused), wake) = {
            let mut state = self.lock();
            (state.look_requests.as_mut()?.add(), state.run.request_round())
        };
        // Drop outside the lock: a future that is being dropped may still be woken.
        drop(unused);
        if wake {
            self.tasks.wake_driver();
        }
        Some(looked)
    }

    /// Completes the futures that wait for a last look or for a pong, and releases what the connection still holds, because the
    /// driver has ended. A handle that is kept holds no more than the state itself.
    pub(super) fn end(&self) {
        let mut unused = Unused::default();
        let (requests, pings, stream) = {
            let mut state = self.lock();
            state.files.clear(&mut unused.payloads);
            state.connection.release_memory();
            let pings = state.pings.take().map(|mut pings| pings.take_all());
            // A sender may have put it back after the driver was dropped.
            (state.look_requests.take(), pings, state.stream.take())
        };
        self.waiting_receiver.forget();
        // Drop outside the lock: this wakes tasks, and the stream and a payload may be the user's.
        drop((requests, pings));
        drop_caught(stream);
        drop_caught(unused);
    }

    /// Changes the state, and requests a round of the driver.
    fn change(&self, act: impl FnOnce(&mut ConnState)) {
        let wake = {
            let mut state = self.lock();
            act(&mut state);
            state.run.request_round()
        };
        if wake {
            self.tasks.wake_driver();
        }
    }
}
