//! The state that the interface and the driver of one socket share, and the only code that changes it.
//!
//! The interface calls `send`, `flush`, `close` and `ping` from any thread. The driver locks [`ConnState`] once a round: it
//! calls `begin_look`, `next_messages` and `park`, and borrows the stream.
//!
//! The lock is released between two writes, and between two pieces of at most 64 KiB that are masked, compressed or
//! inflated. So neither side waits for the other one's bulk work.
//!
//! No wake-up is lost: a change that the driver has to see is made under the lock, together with
//! [`RunState::request_look`]. The driver parks under the same lock, and only if no look was requested since its last one.
//! See `ARCHITECTURE.md`.

use std::io;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use bytes::buf::Limit;

use super::file_queue::{self, FileQueue};
use super::io::{IoState, Locked, StateLock, StreamIo};
use super::look_requests::LookRequests;
use super::receive_backpressure::Delivery;
use super::run_state::{Parked, RunState};
use super::scope::DriverScope;
use super::small_messages::MessageBatch;
use super::spare_memory;
use super::stream_slot::StreamSlot;
use super::waiting_receiver::WaitingReceiver;
use super::write_policy::{Decision, MAX_SENDER_WRITE, Snapshot, WritePolicy};
use crate::platform::buffered_amount_hint::BufferedAmountHint;
use crate::platform::native::catch_panic::catch_as_failure;
use crate::platform::native::dial::handshake_queue::HandshakeSlot;
use crate::platform::native::dial::tcp;
use crate::platform::native::runtime::tasks::Tasks;
use crate::platform::pings::{FinishedPings, PendingPings, PingReply};
use crate::platform::{LastLook, SendOutcome};
use crate::queue::Capacity;
use crate::sync::catch_panic::drop_caught;
use crate::sync::{Lock, LockGuard};
use crate::types::blob::Blob;
use crate::types::failure::Failure;
use crate::types::owned_message::OwnedMessage;
use crate::types::payload::{Data, MessageCompression, Payload};
use crate::types::ping::{PingError, ReceivedPings};
use samesocket_protocol::{
    BorrowedMessage, Connection, Failure as ProtocolFailure, Kind, MESSAGE_OVERHEAD, Payload as Sent, Response,
    StreamAction,
};
use samesocket_spec::RedirectFailure;
use samesocket_spec::close::CloseFrame;
use samesocket_spec::state::Feedback;

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

/// The length of a message up to which it is framed in memory that connections share, in bytes. Arbitrary: such memory has at most 4
/// KiB.
const MAX_SHARED_WRITE: u64 = 2 << 10;

/// The bytes of messages that are inflated or put together before the lock is released.
const MAX_ASSEMBLED: usize = 64 << 10;

/// The lock of a connection's state.
pub(super) struct ConnectionLock(Lock<ConnState>);

/// Access to a connection's state.
pub(super) type Guard<'a> = LockGuard<'a, ConnState>;

/// One connection, and the flags that the interface and the driver share.
#[expect(clippy::struct_excessive_bools, reason = "they change independently")]
pub(super) struct ConnState {
    connection: Connection,
    stream: StreamSlot,

    // The driver.
    run: RunState,
    /// The futures that ask for a last look at the stream. `None` once the driver has ended.
    look_requests: Option<LookRequests>,
    /// The pings that wait for their pongs. `None` once the driver has ended.
    pings: Option<PendingPings>,
    /// Whether a sender waits for bufferedAmount to fall, and is to be notified of it.
    drain_watched: bool,
    /// Whether the stream may hold bytes that it has accepted and not passed on.
    is_held: bool,
    /// Whether `drained` waits until the stream has passed them on.
    flush_watched: bool,

    // Sending.
    /// Whether the interface's socket is OPEN, for a sender that does not lock the connection.
    is_open: bool,
    policy: WritePolicy,
    files: FileQueue,
    /// The limit of the bytes that wait to be sent; see `Limits::queue`.
    queue_limit: u64,
    /// The bytes of messages that were rejected. The interface counts them itself.
    rejected: u64,

    // Receiving.
    delivery: Delivery,
    /// The feedback behind the messages that the receiver has read in place of the driver.
    feedback: Option<Feedback<()>>,
    /// Whether the receiver has read since the deadlines were looked at, or messages were gathered.
    has_received: bool,

    /// The response to the opening handshake, once it has succeeded or failed.
    response: Option<Response>,
    /// The URL of the request, after redirects.
    redirected_url: Option<Box<str>>,

    // The end.
    /// The first cause of a failure that the protocol does not know: it only sees that the stream ended.
    cause: Option<Failure>,
    /// Whether the connection has failed or closed uncleanly. Otherwise the cause is of no interest.
    has_failed: bool,
    /// The reason why a redirect was not followed, and the number of those that were.
    redirect_failure: Option<(RedirectFailure, u32)>,
}

/// The item after the messages that [`ConnState::next_messages`] returned.
pub(super) enum Next {
    /// Perhaps more messages: the capacity is used up, they have to be answered first, or one is being inflated in steps.
    More,
    /// Nothing, until more bytes are read.
    Nothing,
    /// Feedback that is no message.
    Feedback(Feedback<()>),
}

impl StateLock for ConnectionLock {
    type State = ConnState;
    type Guard<'a> = Guard<'a>;

    fn lock(&self) -> Guard<'_> {
        self.0.lock()
    }

    fn yield_to_waiters(guard: &mut Guard<'_>) {
        LockGuard::bump(guard);
    }

    /// The owner of a payload is the user's. One that panics ends the connection.
    fn drop_released_payloads(guard: &mut Guard<'_>) -> bool {
        let mut any = false;
        loop {
            // A destructor may use the socket, and so release more payloads.
            let released = guard.connection.take_released_payloads();
            if released.is_empty() {
                return any;
            }
            any = true;
            let dropped = LockGuard::unlocked(guard, || drop_each(released));
            if let Err(failure) = dropped {
                guard.connection.write_failed();
                // Such a failure owns nothing of the user's.
                drop(guard.on_stream_lost(failure));
                // A driver that is about to park has to look at the failure. A sender wakes it, because it checks for that.
                guard.run.request_look();
            }
        }
    }
}

/// Drops payloads one by one; returns the failure of the last one that panicked.
fn drop_each(payloads: impl IntoIterator<Item = Bytes>) -> Result<(), Failure> {
    payloads
        .into_iter()
        .map(|payload| catch_as_failure(|| drop(payload)))
        .filter(Result::is_err)
        .last()
        .unwrap_or(Ok(()))
}

impl SocketShared {
    pub(super) fn new(
        connection: Connection,
        policy: WritePolicy,
        queue_limit: u64,
        tasks: Tasks,
        handshake_slot: HandshakeSlot,
    ) -> Self {
        let state = ConnState {
            connection,
            stream: StreamSlot::Absent,
            run: RunState::Running { look_again: false },
            look_requests: Some(LookRequests::default()),
            pings: Some(PendingPings::default()),
            drain_watched: false,
            is_held: false,
            flush_watched: false,
            is_open: false,
            policy,
            files: FileQueue::default(),
            queue_limit,
            rejected: 0,
            delivery: Delivery::Bounded,
            feedback: None,
            has_received: false,
            response: None,
            redirected_url: None,
            cause: None,
            has_failed: false,
            redirect_failure: None,
        };
        Self {
            state: ConnectionLock(Lock::new(state)),
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
        } else if state.run.request_look() {
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
        // Once, because the driver tells the senders after each look.
        let wake = !std::mem::replace(&mut state.flush_watched, true) && state.run.request_look();
        drop(state);
        if wake {
            self.tasks.wake_driver();
        }
        false
    }

    fn write_from_sender(&self, mut state: Guard<'_>, mut stream: StreamIo) {
        let was_parked = matches!(state.run, RunState::Parked(_));
        state.policy.on_turn();
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
        // A driver that runs looks once more, because a sender may wait for bufferedAmount to fall.
        let wake = match &mut state.run {
            RunState::Running { look_again } => {
                *look_again = true;
                driver_waits || was_parked
            }
            RunState::Parked(_) if is_done && !driver_waits => false,
            run @ (RunState::Parked(_) | RunState::Receiving { .. }) => run.request_look(),
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
            (pings.push(number, now, reply), run.request_look())
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
            (state.stream.take(), state.run.request_look())
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
            (state.look_requests.as_mut()?.add(), state.run.request_look())
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

    /// Changes the state, and makes the driver look at it.
    fn change(&self, act: impl FnOnce(&mut ConnState)) {
        let wake = {
            let mut state = self.lock();
            act(&mut state);
            state.run.request_look()
        };
        if wake {
            self.tasks.wake_driver();
        }
    }
}

/// Attributes, read by the interface.
impl ConnState {
    pub(super) fn buffered_amount(&self) -> u64 {
        self.connection.buffered_amount().saturating_add(self.files.bytes()).saturating_sub(self.rejected)
    }

    /// Returns why the connection failed, if it did.
    pub(super) fn failure(&self) -> Option<Failure> {
        if !self.has_failed {
            return None;
        }
        match (self.connection.failure(), &self.response) {
            // A refusal counts even if the connection was lost within the body.
            (Some(ProtocolFailure::Status { .. }), Some(response)) => {
                let response = response.clone();
                Some(match self.redirect_failure {
                    Some((reason, followed)) => Failure::Redirect { reason, followed, response },
                    None => Failure::Refused(response),
                })
            }
            (failure, _) => self.cause.clone().or_else(|| failure.cloned().map(Failure::Protocol)),
        }
    }

    /// Returns whether the connection was given up because the server did not answer, or was not awaited.
    pub(super) const fn is_aborted(&self) -> bool {
        matches!(
            self.connection.failure(),
            Some(
                ProtocolFailure::Aborted
                    | ProtocolFailure::OpeningTimeout
                    | ProtocolFailure::ClosingTimeout
                    | ProtocolFailure::ClosedWhileConnecting
            )
        )
    }

    /// Returns whether the server has refused the opening handshake, while the body of its response is being read.
    pub(super) fn is_refused(&self) -> bool {
        self.connection.is_refused()
    }

    /// Ends a refusal without the rest of its body, and looks again, because events follow. Returns whether there was one.
    pub(super) fn end_refusal(&mut self, now: Duration) -> bool {
        let is_refused = self.connection.end_refusal(now);
        if is_refused {
            self.run.request_look();
        }
        is_refused
    }

    /// Returns the response to the opening handshake, once an event says that this has succeeded or failed.
    pub(super) const fn response(&self) -> Option<&Response> {
        self.response.as_ref()
    }

    /// Asks for a notification when bufferedAmount falls.
    pub(super) const fn watch_drain(&mut self) {
        self.drain_watched = true;
    }
}

/// Sending and closing.
impl ConnState {
    /// Queues a message, and sets `queued` to the new bufferedAmount.
    #[inline]
    fn send(&mut self, data: &Data<'_>, queued: &BufferedAmountHint) -> SendOutcome {
        let (size, before) = (data.payload.size(), self.connection.queued_bytes());
        let accepted = self.queue_message(data);
        let after = self.connection.queued_bytes();
        self.policy.on_send(size, before, after);
        queued.set(self.buffered_amount());
        let needs_flush = match &mut self.run {
            RunState::Running { look_again: look } | RunState::Receiving { look_requested: look, .. } => {
                *look = true;
                self.policy.on_driver_late();
                self.policy.is_flush_due()
            }
            RunState::Parked(_) => true,
        };
        // A stream that accepts nothing for now wakes the driver by itself.
        if accepted && needs_flush && !self.is_stream_blocked() {
            SendOutcome::NeedsFlush
        } else {
            SendOutcome::accepted_if(accepted)
        }
    }

    /// Queues a message; returns whether it was accepted.
    fn queue_message(&mut self, &Data { ref payload, compression }: &Data<'_>) -> bool {
        // Another thread's message may have been rejected, and the socket is not closed for it yet.
        if self.is_full() {
            return false;
        }
        let size = payload.size();
        let (kind, sent) = match payload {
            Payload::Text(_, Some(text)) => (Kind::Text, Sent::Shared(text.utf8())),
            Payload::Text(text, None) => (Kind::Text, Sent::Borrowed(text.as_bytes())),
            Payload::Binary(_, Some(bytes)) => (Kind::Binary, Sent::Shared(bytes)),
            Payload::Binary(bytes, None) => (Kind::Binary, Sent::Borrowed(bytes)),
            Payload::Blob(blob) => match blob.in_memory() {
                Some(bytes) => (Kind::Binary, Sent::Shared(bytes)),
                None => return self.queue_file(blob, compression),
            },
            Payload::Lazy(lazy) => match lazy.owned() {
                OwnedMessage::Text(text) => (Kind::Text, Sent::Shared(text.utf8())),
                OwnedMessage::Binary(bytes) => (Kind::Binary, Sent::Shared(bytes)),
            },
        };
        if self.files.is_empty() {
            if size <= MAX_SHARED_WRITE {
                self.connection.lend_write_memory(spare_memory::take_write_memory);
            }
            file_queue::send(&mut self.connection, kind, sent, compression);
            // A socket whose connection has failed in another way is still OPEN, until the event of that.
            let accepted = !self.is_full();
            self.rejected += if accepted { 0 } else { size };
            return accepted;
        }
        let fits = self.fits_behind_files(size);
        if fits {
            self.files.push_message(kind, sent.into_bytes(), compression);
        }
        fits
    }

    /// Returns whether a message was rejected because the queue was full.
    fn is_full(&self) -> bool {
        matches!(self.connection.failure(), Some(ProtocolFailure::QueueFull { .. }))
    }

    /// Queues a file, which is read when its turn comes. What is sent after it waits behind it.
    fn queue_file(&mut self, file: &Blob, compression: MessageCompression) -> bool {
        let fits = self.fits_behind_files(file.size());
        if fits {
            self.files.push_file(file.clone(), compression);
        }
        fits
    }

    /// Returns whether a message of `size` bytes fits into the queue. If not, the connection fails.
    fn fits_behind_files(&mut self, size: u64) -> bool {
        let queued = self.connection.queued_bytes().saturating_add(self.files.queued_bytes());
        let fits = queued.saturating_add(size).saturating_add(MESSAGE_OVERHEAD) <= self.queue_limit;
        if !fits {
            self.connection.fail_queue_full();
        }
        fits
    }

    fn close(&mut self, frame: CloseFrame<'_>, now: Duration) {
        if self.delivery == Delivery::Unbounded {
            return;
        }
        self.delivery = self.delivery.max_of(Delivery::Unbounded);
        if self.files.is_empty() {
            self.connection.close(frame, now);
        } else {
            self.connection.expect_close(now);
            self.files.push_close(frame);
        }
    }

    /// Decides who writes what was sent.
    fn decide(&self) -> Decision {
        let driver_is_parked = matches!(self.run, RunState::Parked(_));
        let writable = self.stream.get().is_some_and(|stream| stream.is_own() && stream.is_writable());
        if !writable || !self.files.is_empty() || self.connection.stream_action() != StreamAction::Keep {
            return Decision::Wake;
        }
        self.policy.decide(&Snapshot {
            pending: self.connection.buffered_amount(),
            driver_is_parked,
            driver_is_needed: self.drain_watched,
            in_callback: DriverScope::is_active(),
        })
    }

    /// Returns whether the driver has ended.
    const fn has_ended(&self) -> bool {
        self.look_requests.is_none()
    }

    /// Returns whether a sender sends without waiting for answers, and the stream accepts it.
    pub(super) fn is_flooded(&self) -> bool {
        self.policy.is_flooded() && !self.is_stream_blocked()
    }

    fn is_stream_blocked(&self) -> bool {
        self.stream.get().is_some_and(StreamIo::is_blocked)
    }
}

/// The driver's entry points.
impl ConnState {
    /// Records that the driver sees the connection as it is now; returns whether something had changed.
    pub(super) const fn begin_look(&mut self) -> bool {
        self.policy.on_turn();
        self.run.begin_look()
    }

    /// Parks the driver, unless something has changed since it looked last; returns whether it is parked.
    pub(super) const fn park(&mut self, parked: Parked) -> bool {
        self.run.park(parked)
    }

    /// Records that the driver is being polled; returns whether it has anything to do.
    ///
    /// It has nothing to do if it waits for the stream only, and the receiver has seen what the stream had. `is_due` says whether a
    /// deadline, a task, the dialing or unread bytes need the driver.
    pub(super) fn begin_poll(&mut self, is_due: bool) -> bool {
        let is_left_to_receiver = !is_due
            && matches!(self.run, RunState::Parked(parked) if !parked.is_paused)
            && self.is_left_to_stream()
            && self.stream.get().is_some_and(|stream| stream.may_wake_receiver() && stream.is_quiet())
            && self.look_requests.as_ref().is_some_and(LookRequests::is_empty);
        !is_left_to_receiver && self.run.begin_poll()
    }

    /// Lets the receiver read in place of the driver, if nothing but the stream can have anything; returns whether it may.
    pub(super) fn begin_receiving(&mut self) -> bool {
        let is_readable = |stream: &StreamIo| stream.may_wake_receiver() && stream.is_readable();
        self.is_left_to_stream() && self.stream.get().is_some_and(is_readable) && self.run.begin_receiving()
    }

    /// Returns whether there is a stream of this crate's that no sender uses.
    pub(super) fn has_own_stream(&self) -> bool {
        self.stream.get().is_some_and(StreamIo::is_own)
    }

    /// Reads from a stream of this crate's; returns whether there was anything, or the input has ended. Returns `None` if a sender
    /// uses the stream.
    pub(super) fn read(guard: &mut Guard<'_>, context: &mut Context<'_>, receiver: &WaitingReceiver) -> Option<bool> {
        let mut stream = guard.stream.borrow()?;
        guard.lend_read_memory();
        receiver.begin_read();
        let has_read = stream.read(context, &mut Locked::<ConnectionLock>(guard));
        if has_read {
            receiver.keep_news();
        }
        guard.stream.put_back(stream);
        guard.has_received |= has_read;
        Some(has_read)
    }

    /// Returns whether anything that was read may be left to decode.
    pub(super) fn may_have_event(&self) -> bool {
        self.connection.may_have_event()
    }

    /// Returns whether the next thing to decode is known to be no message, or takes several steps.
    pub(super) fn has_work_for_driver(&self) -> bool {
        self.connection.has_other_event() || self.connection.has_more_events()
    }

    /// Keeps the feedback behind the messages that the receiver has read, for the driver.
    pub(super) fn keep_feedback(&mut self, feedback: Feedback<()>) {
        self.feedback = Some(feedback);
    }

    /// Returns whether the driver, which is parked, has to arm the check for an idle connection, because this holds memory.
    fn needs_idle_check(&self) -> bool {
        let (RunState::Parked(parked) | RunState::Receiving { parked, .. }) = self.run else { return false };
        !parked.idle_check_armed && self.has_spare_memory()
    }

    /// Returns whether the driver has anything to do after the receiver has read: to answer a ping, to complete one, to close, or
    /// to arm the idle check. If bytes had been pending before, the stream wakes the driver for them.
    pub(super) fn needs_driver(&self, had_pending_bytes: bool) -> bool {
        self.needs_idle_check()
            || !had_pending_bytes && self.has_pending_bytes()
            || self.pings.as_ref().is_some_and(|pings| !pings.is_empty())
            || self.connection.stream_action() != StreamAction::Keep
    }

    /// Makes the driver look at the connection once more; returns whether its waker has to be called.
    pub(super) const fn request_look(&mut self) -> bool {
        self.run.request_look()
    }

    /// Returns the place to the driver; returns whether its waker has to be called.
    pub(super) const fn end_receiving(&mut self) -> bool {
        self.run.end_receiving()
    }

    /// Returns whether [`read`](Self::read) has brought anything since the last call.
    pub(super) const fn take_has_received(&mut self) -> bool {
        std::mem::replace(&mut self.has_received, false)
    }

    /// Returns whether nothing but the stream can have anything for an open socket.
    fn is_left_to_stream(&self) -> bool {
        self.is_open
            && self.delivery == Delivery::Bounded
            && self.files.is_empty()
            && self.feedback.is_none()
            && !self.connection.has_write_failed()
            && self.connection.stream_action() == StreamAction::Keep
    }

    /// Returns whether something has changed since [`begin_look`](Self::begin_look).
    pub(super) const fn is_look_requested(&self) -> bool {
        self.run.is_look_requested()
    }

    pub(super) const fn delivery(&self) -> Delivery {
        self.delivery
    }

    pub(super) fn stream_action(&self) -> StreamAction {
        self.connection.stream_action()
    }

    /// Moves the messages that have arrived into `batch`, as far as `capacity` goes, which they reduce; returns what follows
    /// them.
    ///
    /// After a message, only further messages are looked at: what the user answers to them is sent before a Close or a protocol
    /// error after them has its effect.
    pub(super) fn next_messages(
        &mut self,
        batch: &mut MessageBatch,
        capacity: &mut Capacity,
        now: impl FnOnce() -> Duration,
    ) -> Next {
        if let Some(feedback) = self.feedback.take() {
            return Next::Feedback(feedback);
        }
        if !self.connection.may_have_event() {
            return Next::Nothing;
        }
        let first = match self.connection.with_next_message(|message| take(batch, capacity, message)) {
            Some(()) => Some(Ok(())),
            None => self.connection.with_next_event(now(), |feedback| {
                feedback.into_message().map(|message| take(batch, capacity, message))
            }),
        };
        match first {
            // A message is being inflated in steps, each of which counts, so that other tasks of the thread have their turn.
            None if self.connection.has_more_events() => {
                capacity.remove(0, MAX_ASSEMBLED as u64);
                Next::More
            }
            None => Next::Nothing,
            Some(Err(feedback)) => {
                self.has_failed |= is_failure(&feedback);
                self.response = self.response.take().or_else(|| self.take_response());
                Next::Feedback(feedback)
            }
            Some(Ok(())) => {
                self.further_messages(batch, capacity);
                Next::More
            }
        }
    }

    /// Moves messages that precede everything else into `batch`, like [`next_messages`](Self::next_messages); returns whether there
    /// may be more, because it has stopped after 64 KiB.
    pub(super) fn further_messages(&mut self, batch: &mut MessageBatch, capacity: &mut Capacity) -> bool {
        // A copy stays in registers while messages are pushed.
        let mut rest = *capacity;
        let mut push = |message: BorrowedMessage<'_>| {
            take(batch, &mut rest, message);
            !rest.is_none()
        };
        // The lock is released after 64 KiB that had to be inflated, or put together.
        let mut assembled = 0;
        let mut has_capacity = !capacity.is_none();
        let mut is_assembled = false;
        while has_capacity {
            // Messages that lie whole in the read buffer, the most frequent ones, have the shortest loop.
            let mut borrowed = Some(true);
            while borrowed == Some(true) {
                borrowed = self.connection.with_next_message(&mut push);
            }
            let next = || {
                self.connection.next_message().map(|message| {
                    let message = BorrowedMessage::Owned(message);
                    assembled += message.len();
                    is_assembled = assembled >= MAX_ASSEMBLED;
                    push(message) && !is_assembled
                })
            };
            has_capacity = borrowed.or_else(next).unwrap_or(false);
        }
        *capacity = rest;
        is_assembled && !rest.is_none()
    }

    /// Takes the response of the connection, and adds the URL that redirects have led to.
    fn take_response(&mut self) -> Option<Response> {
        let response = self.connection.take_response()?;
        Some(match self.redirected_url.take() {
            Some(url) => response.with_url(url),
            None => response,
        })
    }

    /// Takes the head of the response to an extended CONNECT, which was sent in place of the request.
    pub(super) fn receive_connect_response(&mut self, response: Response, now: Duration) {
        self.connection.receive_connect_response(response, now);
    }

    /// Returns the redirect at which the opening handshake has paused.
    pub(super) fn redirect(&self) -> Option<&Response> {
        self.connection.redirect()
    }

    /// Treats the redirect as a refusal, because it must not be followed. `followed` is how many were.
    pub(super) fn refuse_redirect(&mut self, reason: RedirectFailure, followed: u32) {
        self.redirect_failure = Some((reason, followed));
        self.connection.refuse_redirect();
        self.run.request_look();
    }

    /// Continues with the connection to `url`, unless the socket was closed at the redirect. Returns what has to be dropped
    /// outside the lock: the former connection with the cause of its end, or this connection as the error.
    pub(super) fn redirect_to(
        &mut self,
        connection: Connection,
        url: Option<String>,
    ) -> Result<(Connection, Option<Failure>), Box<Connection>> {
        if self.redirect().is_none() {
            return Err(Box::new(connection));
        }
        self.redirected_url = url.map(Into::into);
        self.run.request_look();
        Ok((std::mem::replace(&mut self.connection, connection), self.cause.take()))
    }

    /// Fails the connection at a redirect, for a reason that the protocol does not know. Returns the former cause, to be
    /// dropped outside the lock.
    #[must_use]
    pub(super) fn fail_redirect(&mut self, failure: Failure, now: Duration) -> Option<Failure> {
        self.connection.close(None, now);
        self.run.request_look();
        self.cause.replace(failure)
    }

    /// Queues messages whose file before them has been read; returns whether there was any progress.
    ///
    /// Values that must be dropped outside the lock are moved to `unused`.
    pub(super) fn queue_read_files(&mut self, context: &mut Context<'_>, now: Duration, unused: &mut Unused) -> bool {
        if self.files.is_empty() {
            return false;
        }
        if self.connection.stream_action() != StreamAction::Keep {
            self.files.clear(&mut unused.payloads);
            return false;
        }
        match self.files.poll(context, &mut self.connection, now, &mut unused.payloads) {
            Poll::Pending => false,
            Poll::Ready(Ok(())) => true,
            Poll::Ready(Err(error)) => {
                self.files.clear(&mut unused.payloads);
                self.connection.write_failed();
                unused.failure = self.on_stream_lost(Failure::Blob(error));
                true
            }
        }
    }

    /// Returns the place of the stream.
    pub(super) const fn stream(&mut self) -> &mut StreamSlot {
        &mut self.stream
    }

    /// Returns whether the senders that wait for bufferedAmount to fall are to be notified, and clears the request.
    pub(super) const fn take_drain_watch(&mut self) -> bool {
        std::mem::replace(&mut self.drain_watched, false)
    }

    /// Takes the pings that were answered. `now` is called only if a ping waits.
    pub(super) fn take_answered_pings(&mut self, now: impl FnOnce() -> Duration) -> Option<FinishedPings> {
        let pings = self.pings.as_mut().filter(|pings| !pings.is_empty())?;
        Some(pings.take_answered(self.connection.answered_pings(), now()))
    }

    /// Takes the requests for a last look at the stream.
    pub(super) fn take_look_requests(&mut self) -> LookRequests {
        self.look_requests.as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.connection.deadline()
    }

    pub(super) fn handle_timeout(&mut self, now: Duration) {
        self.connection.handle_timeout(now);
    }

    /// Returns whether writing has failed while received messages still wait for the receiver's capacity.
    pub(super) fn waits_for_receiver(&self) -> bool {
        self.connection.has_write_failed() && self.delivery != Delivery::Discarded
    }

    /// Discards received messages from now on, because the receiver did not take them in time.
    pub(super) const fn discard_messages(&mut self) {
        self.delivery = Delivery::Discarded;
    }

    /// Lends the thread's memory to read into, if the connection has none.
    pub(super) fn lend_read_memory(&mut self) {
        self.connection.lend_read_memory(spare_memory::take_read_memory);
    }

    /// Returns the memory to write from to the thread, unless the connection still needs it.
    pub(super) fn return_write_memory(&mut self) {
        if let Some(memory) = self.connection.take_write_memory() {
            spare_memory::keep_write_memory(memory);
        }
    }

    /// Returns whether the connection holds memory that it does not need while it is idle.
    pub(super) fn has_spare_memory(&self) -> bool {
        self.connection.has_spare_memory()
    }

    /// Returns the memory to read into to the thread, unless the connection still needs it.
    pub(super) fn return_read_memory(&mut self) {
        if let Some(memory) = self.connection.take_read_memory() {
            spare_memory::keep_read_memory(memory);
        }
    }

    /// Releases the memory that an idle connection does not need.
    pub(super) fn release_memory(&mut self) {
        self.connection.release_memory();
    }

    /// Abandons what waits to be written, because the stream is gone.
    pub(super) fn write_failed(&mut self) {
        self.connection.write_failed();
    }

    /// Ends the connection because the stream was lost or never came about. Returns the failure if another one came first; it
    /// has to be dropped outside the lock.
    #[must_use]
    pub(super) fn on_stream_lost(&mut self, failure: Failure) -> Option<Failure> {
        self.connection.read_failed();
        self.record_cause(failure)
    }

    /// Fails a connection whose driver was dropped; returns what has to be dropped outside the lock.
    pub(super) fn on_driver_dropped(&mut self, failure: Failure) -> (Option<StreamIo>, Unused) {
        self.has_failed = true;
        // Moves the payloads that wait to those that are dropped outside the lock.
        self.connection.write_failed();
        let mut unused = Unused { payloads: Vec::new(), failure: self.cause.replace(failure) };
        self.files.clear(&mut unused.payloads);
        (self.stream.take(), unused)
    }

    /// Records the first cause of a failure; returns a later one.
    #[must_use]
    fn record_cause(&mut self, failure: Failure) -> Option<Failure> {
        if self.cause.is_some() {
            return Some(failure);
        }
        self.cause = Some(failure);
        None
    }
}

impl IoState for ConnState {
    #[inline]
    fn pending_bytes(&mut self) -> &[u8] {
        self.connection.pending_bytes()
    }

    fn has_pending_bytes(&self) -> bool {
        self.connection.has_pending_bytes()
    }

    fn prepare_bytes(&mut self) -> bool {
        self.connection.prepare_bytes()
    }

    #[inline]
    fn advance_written(&mut self, count: usize, now: Duration) {
        self.connection.advance_written(count, now);
        self.is_held = true;
    }

    #[inline]
    fn read_buffer(&mut self) -> Limit<&mut Vec<u8>> {
        self.connection.read_buffer()
    }

    fn receive(&mut self, bytes: &[u8]) {
        self.connection.receive(bytes);
    }

    fn on_read(&mut self) {
        self.policy.on_read();
    }

    fn set_unflushed(&mut self, unflushed: bool, now: Duration) -> bool {
        self.is_held = unflushed;
        let is_awaited = !unflushed && std::mem::take(&mut self.flush_watched);
        self.connection.set_unflushed(unflushed, now) | is_awaited
    }

    fn awaits_flush(&self) -> bool {
        self.flush_watched || self.connection.has_written_close()
    }

    fn wants_shutdown(&self) -> bool {
        self.connection.stream_action() == StreamAction::HalfClose
    }

    fn on_write_failed(&mut self, error: Option<io::Error>) -> Option<Failure> {
        self.connection.write_failed();
        // What the stream holds is not passed on any more, so that it stays held.
        self.flush_watched = false;
        error.and_then(|error| self.record_cause(Failure::lost(error)))
    }

    fn on_eof(&mut self, error: Option<io::Error>) -> Option<Failure> {
        match error {
            None => {
                self.connection.receive_eof();
                None
            }
            Some(error) => self.on_stream_lost(Failure::lost(error)),
        }
    }

    fn end_discarded_input(&mut self) -> bool {
        let discards = self.delivery == Delivery::Discarded;
        if discards {
            self.connection.receive_eof();
        }
        discards
    }
}

/// Values that were taken out of the state under its lock, to be dropped outside of it.
#[derive(Default)]
pub(super) struct Unused {
    payloads: Vec<Bytes>,
    failure: Option<Failure>,
}

impl Unused {
    pub(super) fn is_some(&self) -> bool {
        !self.payloads.is_empty() || self.failure.is_some()
    }
}

impl Drop for Unused {
    fn drop(&mut self) {
        let _ = drop_each(self.payloads.drain(..));
    }
}

/// Moves a message into `batch`, and reduces `capacity` by it.
#[inline]
fn take(batch: &mut MessageBatch, capacity: &mut Capacity, message: BorrowedMessage<'_>) {
    capacity.remove(1, message.len() as u64);
    batch.push(message);
}

/// Returns whether the feedback says that the connection has failed or did not close cleanly.
const fn is_failure(feedback: &Feedback<()>) -> bool {
    match feedback {
        Feedback::Failed => true,
        Feedback::Closed(event) => !event.was_clean,
        _ => false,
    }
}
