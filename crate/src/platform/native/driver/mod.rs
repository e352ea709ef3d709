//! The driver of one socket on a native target: a task that connects, moves bytes between a stream and the protocol, watches
//! the deadlines, and delivers what has arrived.
//!
//! Read [`shared`] first: it owns the state that the driver and the interface share, with [`run_state`] and
//! [`stream_slot`]. Then read this file, which has the loop, and [`transport`], the interface's end.
//!
//! - [`io`] moves bytes.
//! - [`receive_backpressure`] stops decoding and reading while the receiver is full.
//! - [`gathering`] delivers messages of several reads together on the background thread.
//! - [`write_policy`] decides which thread writes.
//! - [`deadlines`] has the one timer. It looks at the stream once more before a deadline has its effect, and
//!   [`look_requests`] does so for deadlines elsewhere.
//! - [`file_queue`] holds messages that wait for a file to be read.
//! - [`direct_transport`] sends while the socket is OPEN, without the lock of the interface's connection.
//! - [`direct_receiving`] reads on the receiver's task, if that shares the driver's thread, with [`waiting_receiver`].
//! - [`small_messages`] coalesces short messages.
//! - [`spare_memory`] has the memory to read into and to write from, which the connections of a thread share.
//! - [`redirects`] dials again when the server redirects the opening handshake.
//! - [`scope`] marks a thread on which a driver is polled.

mod deadlines;
mod direct_receiving;
pub(super) mod direct_transport;
mod file_queue;
mod gathering;
mod io;
mod look_requests;
#[cfg(all(test, shuttle))]
mod model;
mod receive_backpressure;
mod redirects;
mod run_state;
mod scope;
pub(super) mod shared;
mod small_messages;
mod spare_memory;
mod stream_slot;
pub(super) mod transport;
pub(super) mod waiting_receiver;
mod write_policy;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::task::waker_ref;
use tokio::task::yield_now;

use self::deadlines::Deadlines;
use self::gathering::gather;
use self::io::{Locked, StateLock, StreamIo, StreamOrigin, Unlocked};
use self::look_requests::LookRequests;
use self::receive_backpressure::Delivery;
use self::run_state::Parked;
use self::scope::DriverScope;
use self::shared::{ConnectionLock, Guard, Next, SocketShared, Unused};
use self::small_messages::MessageBatch;
use super::catch_panic::catch_as_failure;
use super::dial;
use super::dial::handshake_queue::HandshakePermit;
use super::dial::redirects::Redirects;
use super::dial::route::Dialed;
use super::dial::tcp::abort;
use super::runtime::background;
use super::{PlatformSettings, Url};
use crate::platform::EventSink;
use crate::platform::pings::FinishedPings;
use crate::queue::Capacity;
use crate::sync::catch_panic::drop_caught;
use crate::trace::{Edge, event};
use crate::types::failure::Failure;
use crate::types::response_cookies::ResponseCookies;
use samesocket_protocol::{Request, StreamAction};
use samesocket_spec::state::Feedback;
use samesocket_spec::{CloseEvent, Response};

/// The rounds of one poll, after which the task yields to others of its thread. Arbitrary.
const MAX_ROUNDS: usize = 32;

/// The task of one socket, a future that ends with its connection.
pub(super) struct Driver {
    shared: Arc<SocketShared>,
    receiver: EventSink,
    /// Connecting to the server, until there is a stream or a failure.
    dialing: Option<Dialing>,
    /// The right to perform an opening handshake with this server, while that is under way.
    permit: Option<HandshakePermit>,
    /// Whether the stream belongs to this crate, so that no code of the user's runs when it is polled.
    has_own_stream: bool,
    /// Whether the driver runs on the background thread.
    in_background: bool,
    /// Whether the stream is one of an HTTP/2 connection.
    over_http2: bool,
    deadlines: Deadlines,
    /// The store for the cookies of the response.
    cookies: Option<ResponseCookies>,
    /// The redirects, if they are followed and the opening handshake is not over.
    redirects: Option<Box<Redirects>>,
    /// The treatment of received messages, as of the last round.
    delivery: Delivery,
    stage: Stage,
    /// Whether the opening handshake is over, and subscribers know the response.
    answered: Edge,
    /// Whether reading has paused because the receiver is full.
    paused: Edge,
}

type Dialing = Pin<Box<dyn Future<Output = Result<Dialed, Failure>> + Send>>;

/// The stage of a driver, which decides the failure that its drop reports.
enum Stage {
    Waiting,
    /// It is being polled.
    Polled,
    Done,
}

/// The result of one round.
struct Round {
    /// Whether anything was done, so that there may be more to do.
    progress: bool,
    /// The item after the messages in the batch; `None` if the receiver has no capacity.
    next: Option<Next>,
    /// The capacity that the messages in the batch use.
    used: Capacity,
    /// Whether senders wait for bufferedAmount to fall, and bytes were written.
    notify_senders: bool,
    action: StreamAction,
    /// The pings whose pongs have arrived.
    answered: Option<FinishedPings>,
    /// The futures whose last look at the stream is over.
    looked: Option<LookRequests>,
    /// Whether the driver has parked or deferred its next poll, so that this poll is over.
    parked: bool,
    /// The right to perform an opening handshake, if the server has refused it.
    permit: Option<HandshakePermit>,
    /// The redirect at which the opening handshake has paused.
    redirect: Option<Response>,
}

impl Driver {
    fn new(
        shared: Arc<SocketShared>,
        url: Url,
        options: PlatformSettings,
        request: Option<Request>,
        redirects: Option<Redirects>,
        receiver: EventSink,
    ) -> Self {
        let has_own_stream = options.has_builtin_stream();
        let in_background = shared.tasks().is_in_background();
        let slot = shared.handshake_slot().clone();
        let deadlines = Deadlines::new(options.limits.drain);
        let cookies = options.response_cookies(&url);
        Self {
            shared,
            receiver,
            dialing: Some(Box::pin(dial::connect(url, options, request, slot))),
            permit: None,
            has_own_stream,
            in_background,
            over_http2: false,
            deadlines,
            cookies,
            redirects: redirects.map(Box::new),
            delivery: Delivery::Bounded,
            stage: Stage::Waiting,
            answered: Edge::default(),
            paused: Edge::default(),
        }
    }

    /// Makes the driver fail when it is started.
    fn fail(&mut self, failure: Failure) {
        self.dialing = Some(Box::pin(std::future::ready(Err(failure))));
    }

    /// Returns `false` if only the stream woke the driver, and the receiver has emptied that.
    fn begin_poll(&self) -> bool {
        let is_due = self.dialing.is_some() || self.deadlines.is_due() || self.shared.tasks().has_queued();
        let mut state = self.shared.lock();
        // Under the lock: a receiver that is reading changes it for a moment.
        let has_news = self.shared.waiting_receiver().has_news();
        state.begin_poll(is_due || has_news)
    }

    /// Drives the connection until it is idle. Returns `Ready` when it has ended.
    fn drive(&mut self, context: &mut Context<'_>) -> Poll<()> {
        spare_memory::with_batch(|batch| self.drive_rounds(context, batch))
    }

    fn drive_rounds(&mut self, context: &mut Context<'_>, batch: &mut MessageBatch) -> Poll<()> {
        let mut budget = receive_backpressure::budget(self.in_background, self.over_http2);
        let mut active = false;
        for _ in 0..MAX_ROUNDS {
            self.shared.tasks().run_queued();
            let dialed = self.poll_dialing(context);
            let capacity = receive_backpressure::capacity(self.delivery, &self.receiver, context, budget);
            receive_backpressure::report(&mut self.paused, &self.receiver, capacity);
            let mut round = self.round(context, batch, capacity, dialed, active);
            active |= round.progress;
            // Outside the lock: this wakes tasks. Pongs come first, because a last look may be for one.
            drop(round.answered.take());
            drop(round.looked.take());
            drop(round.permit.take());
            if let Some(response) = round.redirect.take() {
                self.follow_redirect(context, &response);
                continue;
            }
            if round.parked {
                return Poll::Pending;
            }
            let delivered_all = matches!(round.next, Some(Next::Nothing));
            budget.remove(round.used.messages, round.used.bytes);
            // Before the end is delivered, so that the connection is gone from the system by then.
            let is_gone = round.action == StreamAction::Close && self.drop_stream(context);
            self.deliver(batch, &mut round);
            if round.notify_senders && self.receiver.handle_sent() {
                self.shared.lock().watch_drain();
            }
            if round.action == StreamAction::Close && delivered_all && !round.progress {
                if is_gone {
                    self.end();
                    return Poll::Ready(());
                }
                // The sender that still uses the stream wakes this task.
                let parked = Parked { idle_check_armed: self.deadlines.is_idle_check_armed(), is_paused: false };
                if self.shared.lock().park(parked) {
                    return Poll::Pending;
                }
            }
            if budget.is_none() {
                break;
            }
        }
        // A deadline is acted on however much there is to read.
        let now = self.shared.now();
        let looked = self.deadlines.poll(context, &self.shared, &mut self.shared.lock(), now);
        // Outside the lock: this wakes tasks.
        drop(looked);
        // Yield, so that the receiver, which may share the thread, takes what there is before more is read. If this task only
        // woke itself, it would run before the future that a runtime blocks on.
        let _ = pin!(yield_now()).poll(context);
        Poll::Pending
    }

    /// Writes what is pending, reads if everything that was read has been decoded, and decodes messages into the batch. Parks
    /// if there is nothing to do.
    ///
    /// `active` says whether an earlier round of this poll has made progress.
    fn round(
        &mut self,
        context: &mut Context<'_>,
        batch: &mut MessageBatch,
        capacity: Option<Capacity>,
        dialed: bool,
        active: bool,
    ) -> Round {
        let Self { shared, deadlines, permit, redirects, .. } = self;
        let now = shared.now();
        let mut unused = Unused::default();
        let mut state = shared.lock();
        let mut progress = state.begin_round() | dialed;
        progress |= state.queue_read_files(context, now, &mut unused);
        let mut rest = capacity;
        let mut next = decode(&mut state, batch, &mut rest, now);
        let may_read = matches!(next, Some(Next::Nothing));
        let (mut state, moved) = exchange(shared, state, context, may_read, now);
        if moved && may_read {
            next = decode(&mut state, batch, &mut rest, now);
            if self.in_background && !batch.is_empty() {
                if let (Some(first), Some(rest)) = (capacity, &mut rest) {
                    gather(shared, &mut state, context, batch, first, rest);
                }
            }
        }
        // Without redirects to follow, no handshake pauses.
        let redirect = redirects.as_ref().and_then(|_| state.redirect().cloned());
        progress |= moved | redirect.is_some();
        if progress {
            deadlines.on_activity(now);
        }
        ConnectionLock::drop_released_payloads(&mut state);
        // The connection may have been changed while it was unlocked, after the last decoding.
        progress |= self.delivery != state.delivery();
        progress |= state.is_round_requested() || matches!(next, Some(Next::More | Next::Feedback(_)));
        let action = state.stream_action();
        let notify_senders = progress && state.take_drain_watch();
        let is_over = action == StreamAction::Close && matches!(next, Some(Next::Nothing));
        let (mut parked, mut looked) = (false, None);
        if !progress && !is_over {
            state.return_read_memory();
            if shared.shares_thread() {
                // On another thread, it would be missing where messages are sent.
                state.return_write_memory();
            }
            looked = deadlines.poll(context, shared, &mut state, now);
            if looked.is_none() {
                if active && self.in_background && state.is_flooded() {
                    // Stay awake: a sender that goes on need not wake this task for each batch.
                    background::defer_repoll(context.waker());
                    parked = true;
                } else {
                    let is_paused = capacity.is_none();
                    parked = state.park(Parked { idle_check_armed: deadlines.is_idle_check_armed(), is_paused });
                }
            }
        }
        // The next handshake with the server need not wait for the body of a refusal.
        let permit = if permit.is_some() && state.is_refused() { permit.take() } else { None };
        self.delivery = state.delivery();
        let answered = state.take_answered_pings(|| shared.now());
        drop(state);
        // Drop outside the lock: payloads, and errors of a stream, may be the user's.
        if unused.is_some() {
            drop_caught(unused);
        }
        let used = capacity.unwrap_or(Capacity::NONE).minus(rest.unwrap_or(Capacity::NONE));
        Round { progress, next, used, notify_senders, action, answered, looked, parked, permit, redirect }
    }

    /// Delivers the messages of the batch, and the feedback that follows them.
    fn deliver(&mut self, batch: &mut MessageBatch, round: &mut Round) {
        let messages = batch.messages();
        if !messages.is_empty() {
            if self.delivery == Delivery::Discarded {
                messages.clear();
            } else {
                self.deadlines.on_activity(self.shared.now());
                self.receiver.handle_messages(messages);
            }
        }
        let feedback = match round.next.take() {
            Some(Next::Feedback(feedback)) => feedback,
            other => {
                round.next = other;
                return;
            }
        };
        if self.answered.changes_to(true) {
            let status = self.shared.lock().response().map(Response::status);
            if let Some(status) = status {
                event!(self.receiver.span(), DEBUG, "response", status = status);
            }
        }
        if self.redirects.is_some() {
            // Drop outside the lock: the options own values of the user.
            drop_caught(self.redirects.take());
        }
        let established = matches!(feedback, Feedback::Established { .. });
        if established {
            self.permit = None;
        }
        match self.keep_cookies() {
            Err(failure) if established => self.break_off(failure),
            _ => self.receiver.handle_event(feedback),
        }
    }

    /// Hands the cookies of the response to the store, before any event is delivered.
    fn keep_cookies(&mut self) -> Result<(), Failure> {
        if self.cookies.is_none() {
            return Ok(());
        }
        let Some(response) = self.shared.lock().response().cloned() else { return Ok(()) };
        self.store_cookies(&response)
    }

    /// Hands the cookies of this response to the store, which is not needed any more.
    fn store_cookies(&mut self, response: &Response) -> Result<(), Failure> {
        let Some(cookies) = &self.cookies else { return Ok(()) };
        let kept = catch_as_failure(|| cookies.keep(response));
        drop_caught(self.cookies.take());
        kept
    }

    /// Polls the dial; returns whether there is a stream or a failure now.
    fn poll_dialing(&mut self, context: &mut Context<'_>) -> bool {
        let Self { dialing: Some(dialing), receiver, .. } = self else { return false };
        let polled = catch_as_failure(|| receiver.span().in_scope(|| dialing.as_mut().poll(context)))
            .unwrap_or_else(|panic| Poll::Ready(Err(panic.or_missing_driver())));
        let Poll::Ready(dialed) = polled else { return false };
        drop_caught(self.dialing.take());
        match dialed {
            Ok(Dialed { stream, permit, response, .. }) => {
                self.permit = permit;
                // The task of an HTTP/2 connection polls the stream of the user below it.
                self.over_http2 = response.is_some();
                let origin = match (self.over_http2, self.has_own_stream) {
                    (true, _) => StreamOrigin::Http2,
                    (false, true) => StreamOrigin::Crate,
                    (false, false) => StreamOrigin::User,
                };
                if !self.over_http2 {
                    event!(self.receiver.span(), DEBUG, "sending the request");
                }
                let now = self.shared.now();
                let mut state = self.shared.lock();
                if let Some(response) = response {
                    state.receive_connect_response(response, now);
                }
                state.stream().set(StreamIo::new(stream, origin));
            }
            Err(failure) => {
                let unused = self.shared.lock().on_stream_lost(failure);
                drop(unused);
            }
        }
        true
    }

    /// Abandons the stream.
    fn break_off(&self, failure: Failure) {
        let unused = {
            let mut state = self.shared.lock();
            state.write_failed();
            state.on_stream_lost(failure)
        };
        drop(unused);
    }

    /// Ends what waits for the driver, and releases what the connection still holds.
    fn end(&mut self) {
        self.shared.end();
        self.deadlines.end_last_look();
    }

    /// Drops the stream, or the pending dial, and the permit for the opening handshake. Returns whether the stream is gone: a
    /// sender may still be using it.
    ///
    /// If the server did not answer in time, TCP is reset. Otherwise TLS says farewell, if that does not block.
    fn drop_stream(&mut self, context: &mut Context<'_>) -> bool {
        let (stream, is_borrowed, is_aborted) = {
            let mut state = self.shared.lock();
            (state.stream().take(), state.stream().wait(), state.is_aborted())
        };
        let dialing = self.dialing.take();
        if is_aborted {
            abort(|| drop_caught((dialing, stream)));
        } else {
            drop_caught(dialing);
            if let Some(mut stream) = stream {
                let _ = catch_as_failure(|| stream.shut_down(context));
                drop_caught(stream);
            }
        }
        self.permit = None;
        !is_borrowed
    }
}

/// Decodes messages into the batch, as far as the receiver has capacity.
fn decode(
    state: &mut Guard<'_>,
    batch: &mut MessageBatch,
    capacity: &mut Option<Capacity>,
    now: Duration,
) -> Option<Next> {
    let next = state.next_messages(batch, capacity.as_mut()?, || now);
    ConnectionLock::yield_to_waiters(state);
    Some(next)
}

/// Moves bytes between the stream and the connection; returns whether any were moved.
fn exchange<'a>(
    shared: &'a Arc<SocketShared>,
    mut state: Guard<'a>,
    context: &mut Context<'_>,
    read: bool,
    now: Duration,
) -> (Guard<'a>, bool) {
    if state.stream_action() == StreamAction::Close {
        return (state, false);
    }
    let Some(mut stream) = state.stream().borrow() else {
        state.stream().wait();
        return (state, false);
    };
    if read {
        state.lend_read_memory();
    }
    let stream_waker = waker_ref(shared);
    let is_shared = read && stream.may_wake_receiver() && shared.shares_thread();
    if is_shared {
        shared.waiting_receiver().begin_read();
    }
    let mut reading = Context::from_waker(if is_shared { &stream_waker } else { context.waker() });
    let reading = read.then_some(&mut reading);
    if stream.is_own() {
        let moved = stream.exchange(context, &mut Locked::<ConnectionLock>(&mut state), reading, now);
        state.stream().put_back(stream);
        return (state, moved);
    }
    drop(state);
    match catch_as_failure(|| stream.exchange(context, &mut Unlocked(shared.connection_lock()), reading, now)) {
        Ok(moved) => {
            let mut state = shared.lock();
            state.stream().put_back(stream);
            (state, moved)
        }
        Err(failure) => {
            let unused = {
                let mut state = shared.lock();
                state.stream().forget();
                state.write_failed();
                state.on_stream_lost(failure)
            };
            // Drop outside the lock: the stream is the user's.
            drop_caught((stream, unused));
            (shared.lock(), true)
        }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let _scope = DriverScope::enter();
        if self.in_background {
            background::count_poll();
        }
        self.shared.tasks().register_driver(context.waker());
        let shares_thread = self.shared.shares_thread();
        if shares_thread {
            self.shared.waiting_receiver().begin_driver_poll();
        }
        let mut driven = Poll::Pending;
        if !shares_thread || self.begin_poll() {
            self.stage = Stage::Polled;
            driven = self.drive(context);
            self.stage = if driven.is_ready() { Stage::Done } else { Stage::Waiting };
        }
        if shares_thread {
            self.shared.waiting_receiver().end_driver_poll();
        }
        ready!(driven);
        self.shared.tasks().detach_driver();
        Poll::Ready(())
    }
}

impl Drop for Driver {
    /// A runtime that ends drops its tasks, and so it does with a task that panics: the connection has failed then.
    fn drop(&mut self) {
        let failure = match self.stage {
            Stage::Done => return,
            Stage::Polled => Failure::Panicked { message: None },
            Stage::Waiting => Failure::Runtime,
        };
        let _scope = DriverScope::enter();
        drop_caught((self.dialing.take(), self.redirects.take(), self.cookies.take()));
        let (stream, unused) = {
            let mut state = self.shared.lock();
            let dropped = state.on_driver_dropped(failure);
            ConnectionLock::drop_released_payloads(&mut state);
            dropped
        };
        // Drop outside the lock: the stream, and the payloads, may be the user's.
        drop_caught(stream);
        drop_caught(unused);
        for feedback in [Feedback::Failed, Feedback::Closed(CloseEvent::abnormal())] {
            // The panic may come from a waker of the user's.
            let _ = catch_as_failure(|| self.receiver.handle_event(feedback));
        }
        self.end();
        self.shared.tasks().detach_driver();
    }
}
