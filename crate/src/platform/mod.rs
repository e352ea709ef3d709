//! What carries the Standard's algorithms: in a browser its own socket, natively our `wire` over TCP and TLS.
//!
//! This module knows about targets, and nothing above it does but the list of `wire` in `lib.rs`. A back end provides
//!
//! - `Url`, a [`UrlRecord`](samesocket_spec::constructor::UrlRecord) whose parser knows the API base URL, if there is one;
//! - `Options`, what a user may choose beside the interface's arguments;
//! - `Socket`, a [`Transport`]: it tells a [`EventSink`] each [`Feedback`] in a task of its own, one after the other, and lets go
//!   of everything when it is dropped; `FinalState` is what it knows at its end;
//! - [`Backend`] for its `Options`, which makes a connection, to be started;
//! - `Time`, a [`Clock`], and `PlatformEnvironment`, the platform's own [`Environment`];
//! - `RECEIVE_LIMIT`, how much it is reasonable to hold of what nobody takes, and `HIGH_WATER_MARK`, how many bytes to have
//!   queued before a sender waits;
//! - `WATCH`, what looks whether bufferedAmount has fallen;
//! - `LIST`, what makes its list of subprotocols;
//! - `SUPPORTS_BACKPRESSURE`, whether its connections make use of [`EventSink::poll_capacity`];
//! - `backpressure_backend`, a [`Backend`] whose connections can make their peers wait, where the usual one's cannot and there is one;
//! - `poll_in_event`, which has a future polled in the event that wakes it, where there are events;
//! - `Tasks`, where a `Task` is queued, which is taken back when it is dropped, and a future is spawned;
//! - `LocalBatch`, what the taker of a backlog takes at once, where its feeder is on another thread;
//! - `Messages`, those that come together, made by `alone`, measured by `measure` and taken out by `next` and `drain`;
//! - `Blob`, the opaque payload that it owns, and `BLOBS`, what makes them, and `set_form`, where a message's form is not the platform's affair;
//! - `LazyMessage`, a message that it holds, and `HOLD`, what has it do so;
//! - `Shared`, `Weak` and `Lock`, which hold what a socket's parts share, `MaybeSend`, what may be held, and `MaybeSync`,
//!   what may be shared.
//!
//! The network in memory, for tests, is a third one behind the same traits: [`testing`](crate::testing).

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::queue::Capacity;
use crate::sync::{MaybeSend, MaybeSync, Shared, Weak};
use crate::types::binary_type::BinaryType;
use crate::types::payload::Payload;
use samesocket_spec::close::CloseFrame;
use samesocket_spec::state::Feedback;

pub(crate) mod buffered_amount_hint;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
mod native;
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
mod web;

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
use self::native as backend;
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
use self::web as backend;

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub(crate) use self::backend::api;
pub(crate) use self::backend::{
    BLOBS, Blobs, FinalState, HIGH_WATER_MARK, HOLD, Hold, LIST, List, Messages, Options, PlatformEnvironment,
    RECEIVE_LIMIT, SUPPORTS_BACKPRESSURE, Task, Tasks, Url, WATCH, Watch, alone, append, backpressure_backend, drain,
    measure, next, poll_in_event, set_form,
};
use self::buffered_amount_hint::BufferedAmountHint;

/// Who starts connections.
pub(crate) trait Backend: MaybeSend + MaybeSync {
    /// Makes a connection, whose feedback will be given to `receiver` once it is [started](Carry::start).
    ///
    /// The arguments have been checked, so `None` says that it cannot be made for a reason that the Standard does not
    /// know, which then fails the connection.
    fn dial(
        &self,
        url: &Url,
        protocols: Protocols<'_>,
        form: ReceiveMode,
        tasks: &Tasks,
        receiver: EventSink,
    ) -> Option<Shared<dyn Transport>>;

    /// Gives the place where tasks of such a connection are queued.
    fn tasks(&self) -> Tasks;

    /// Gives the clock of such a connection.
    fn clock(&self) -> Shared<dyn Clock>;

    /// Whether such a connection makes its peer wait while there is no room for messages.
    fn has_backpressure(&self) -> bool {
        false
    }
}

/// What carries one connection; it decides nothing.
pub(crate) trait Transport: MaybeSend + MaybeSync {
    /// Starts the connection, unless that was done; what happens is told from now on.
    fn start(&self);

    /// Whether a closing handshake has started of which no feedback tells.
    fn is_closing(&self) -> bool;

    /// What is known now, for the time after this was let go of.
    fn final_state(&self) -> FinalState;

    /// The payload bytes that were sent, and not yet handed to the network.
    fn buffered_amount(&self) -> u64 {
        self.final_state().buffered_amount
    }

    /// Sets how binary messages arrive from the next one on.
    fn set_binary_type(&self, form: ReceiveMode);

    /// Takes data to send, while the connection is OPEN, and notes what is queued then, or more.
    fn send(&self, payload: Payload<'_>, queued: &BufferedAmountHint) -> SendOutcome;

    /// Sees to it that what was sent goes out; called with nothing locked where data [waits](Handed::Waits) for it.
    fn transmit(&self) {}

    /// Starts the closing handshake, or fails a connection that is not established.
    fn close(&self, frame: CloseFrame<'_>);

    /// Whether the closing handshake that was asked for has still to be started.
    fn has_waiting_close(&self) -> bool;

    /// Has [`OnEvent::sent`] told when bufferedAmount falls, from now on until that gives `false`.
    fn watch(&self, watch: Watch);

    /// Sends a ping of the protocol, where that is possible; whether it is.
    fn ping(&self) -> bool {
        false
    }

    /// Whether a pong came since this was asked last.
    fn take_pong(&self) -> bool {
        false
    }

    /// Tells, after what was done to it and with nothing locked, what can be told at once.
    fn pump(&self) {}
}

/// The subprotocols to offer, which have been checked.
#[derive(Clone, Copy)]
pub(crate) struct Protocols<'a> {
    pub(crate) names: &'a [String],
    /// What makes the platform's list of them, if there are any: a program that offers none links nothing of it.
    #[allow(dead_code, reason = "natively a list is a list")]
    pub(crate) list: Option<List>,
}

/// How messages are to come.
#[derive(Clone, Copy)]
pub(crate) struct ReceiveMode {
    pub(crate) binary_type: BinaryType,
    /// What leaves messages to the platform until they are read, if that was asked for and where it can hold them.
    #[allow(dead_code, reason = "natively whatever has come is in memory")]
    pub(crate) hold: Option<Hold>,
    /// What makes blobs of them, where there is such a thing: a program that never asks for any links nothing of it.
    #[allow(dead_code, reason = "natively blobs are made of bytes that have come")]
    pub(crate) blobs: Option<Blobs>,
}

impl ReceiveMode {
    pub(crate) const BYTES: Self = Self { binary_type: BinaryType::ArrayBuffer, hold: None, blobs: None };
}

impl From<BinaryType> for ReceiveMode {
    fn from(binary_type: BinaryType) -> Self {
        match binary_type {
            BinaryType::ArrayBuffer => Self::BYTES,
            BinaryType::Blob => Self { binary_type, blobs: Some(BLOBS), ..Self::BYTES },
        }
    }
}

/// What became of data that was given to a platform to send.
#[derive(Clone, Copy)]
pub(crate) enum SendOutcome {
    Accepted,
    /// It was taken, and waits for [`Transport::transmit`].
    NeedsFlush,
    Rejected,
}

impl SendOutcome {
    /// Of a platform that sees to everything else itself.
    pub(crate) const fn accepted_if(accepted: bool) -> Self {
        if accepted { Self::Accepted } else { Self::Rejected }
    }
}

/// Who knows how long something takes.
pub(crate) trait Clock: MaybeSend + MaybeSync {
    /// Gives a future that ends after so long; dropping it releases the timer.
    fn sleep(&self, duration: Duration) -> Sleep;

    /// What a test decides in the platform's place, if it does.
    fn fate(&self) -> Option<&dyn Environment> {
        None
    }
}

/// What befalls a program from outside.
pub(crate) trait Environment {
    /// Gives a future that ends when there is news that makes it reasonable to try again what has failed: the machine is
    /// back online, or the user looks at the page.
    fn retry_hint(&self) -> Sleep;

    /// Gives a number from 0 to 1, by chance.
    fn chance(&self) -> f64;
}

/// A wait of some length.
pub(crate) type Sleep = Pin<Box<dyn Timer>>;

/// Work of a user's that is under way.
pub(crate) type BoxFuture<T> = Pin<Box<dyn MaybeSendFuture<T>>>;

/// What a [`BoxFuture`] is inside.
pub(crate) trait MaybeSendFuture<T>: Future<Output = T> + MaybeSend {}

impl<T, F: Future<Output = T> + MaybeSend> MaybeSendFuture<T> for F {}

/// What a [`Sleep`] is inside.
pub(crate) trait Timer: Future<Output = ()> + MaybeSend + MaybeSync {}

impl<F: Future<Output = ()> + MaybeSend + MaybeSync> Timer for F {}

/// The end of a connection at which its back end tells what happens; it does not keep the connection.
#[derive(Clone)]
pub(crate) struct EventSink(Weak<dyn OnEvent>);

impl EventSink {
    pub(crate) const fn new(receive: Weak<dyn OnEvent>) -> Self {
        Self(receive)
    }

    /// Takes the next feedback that is no message.
    pub(crate) fn handle_event(&self, feedback: Feedback<()>) {
        if let Some(connection) = self.0.upgrade() {
            connection.handle_event(feedback);
        }
    }

    /// Takes messages that came together, all of them.
    pub(crate) fn handle_messages(&self, messages: &mut Messages) {
        if let Some(connection) = self.0.upgrade() {
            connection.handle_messages(messages);
        }
        // What was not kept goes.
        drop(drain(messages));
    }

    /// Tells for how many messages there is room, and if for none has the task woken once there is some.
    ///
    /// A back end whose platform can be made to wait asks before any message.
    pub(crate) fn poll_capacity(&self, context: &Context<'_>) -> Poll<Capacity> {
        self.0.upgrade().map_or(Poll::Ready(Capacity::UNLIMITED), |connection| connection.poll_capacity(context))
    }

    /// Takes the news that bufferedAmount has fallen; whether more of it is asked for.
    pub(crate) fn sent(&self) -> bool {
        self.0.upgrade().is_some_and(|connection| connection.sent())
    }
}

/// Who is told what a socket's protocol tells, by a [`EventSink`].
pub(crate) trait OnEvent: MaybeSend + MaybeSync + 'static {
    /// Takes the next feedback that is no message.
    fn handle_event(self: Shared<Self>, feedback: Feedback<()>);

    /// Takes messages that came together, and leaves those that it does not keep.
    fn handle_messages(&self, messages: &mut Messages);

    /// Tells for how many messages there is room, and if for none has the task woken once there is some.
    fn poll_capacity(&self, context: &Context<'_>) -> Poll<Capacity>;

    /// Takes the news that bufferedAmount has fallen; whether more of it is asked for.
    fn sent(&self) -> bool;
}

/// The attribute of a unit test that runs natively and on wasm.
#[cfg(all(test, not(target_family = "wasm")))]
pub(crate) use core::prelude::v1::test;
#[cfg(all(test, target_family = "wasm"))]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);
#[cfg(all(test, target_family = "wasm"))]
pub(crate) use wasm_bindgen_test::wasm_bindgen_test as test;
