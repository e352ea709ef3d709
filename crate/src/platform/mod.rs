//! What carries the Standard's algorithms: in a browser its own socket, natively our `wire` over TCP and TLS.
//!
//! This module knows about targets, and nothing above it does but the list of `wire` in `lib.rs`. A back end provides
//!
//! - `Url`, a [`UrlRecord`](crate::spec::constructor::UrlRecord) whose parser knows the API base URL, if there is one;
//! - `Options`, what a user may choose beside the interface's arguments;
//! - `Socket`, a [`Carry`]: it tells a [`Receiver`] each [`Feedback`] in a task of its own, one after the other, and lets go
//!   of everything when it is dropped; `Remains` is what it knows at its end;
//! - [`Dial`] for its `Options`, which makes a connection, to be started;
//! - `Time`, a [`Clock`], and `World`, the platform's own [`Fate`];
//! - `RECEIVE_LIMIT`, how much it is reasonable to hold of what nobody takes, and `HIGH_WATER_MARK`, how many bytes to have
//!   queued before a sender waits;
//! - `WATCH`, what looks whether bufferedAmount has fallen;
//! - `LIST`, what makes its list of subprotocols;
//! - `PAUSES`, whether its connections make use of [`Receiver::poll_room`];
//! - `pausing`, a [`Dial`] whose connections can make their peers wait, where the usual one's cannot and there is one;
//! - `promptly`, which has a future polled in the event that wakes it, where there are events;
//! - `Tasks`, where a `Task` is queued, which is taken back when it is dropped, and a future is spawned;
//! - `Batch`, what the taker of a backlog takes at once, where its feeder is on another thread;
//! - `Messages`, those that come together, made by `alone`, measured by `measure` and taken out by `next` and `drain`;
//! - `Blob`, the opaque payload that it owns, and `BLOBS`, what makes them, and `set_form`, where a message's form is not the platform's affair;
//! - `Unread`, a message that it holds, and `HOLD`, what has it do so;
//! - `Shared`, `Weak` and `Lock`, which hold what a socket's parts share, `MaybeSend`, what may be held, and `MaybeSync`,
//!   what may be shared.
//!
//! The network in memory, for tests, is a third one behind the same traits: [`testing`](crate::testing).

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::BinaryType;
use crate::backlog::Room;
use crate::message::Payload;
use crate::queued::Queued;
use crate::spec::close::CloseFrame;
use crate::spec::state::Feedback;

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
mod native;
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
mod web;

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
use self::native as carrier;
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
use self::web as carrier;

pub(crate) use self::carrier::surface;
pub(crate) use self::carrier::{
    BLOBS, Batch, Blobs, HIGH_WATER_MARK, HOLD, Hold, LIST, List, Lock, MaybeSend, MaybeSync, Messages, Options,
    PAUSES, RECEIVE_LIMIT, Remains, Shared, Task, Tasks, Url, WATCH, Watch, Weak, World, alone, append, drain,
    io_error, measure, next, pausing, promptly, set_form,
};

/// Who starts connections.
pub(crate) trait Dial: MaybeSend + MaybeSync {
    /// Makes a connection, whose feedback will be given to `receiver` once it is [started](Carry::start).
    ///
    /// The arguments have been checked, so `None` says that it cannot be made for a reason that the Standard does not
    /// know, which then fails the connection.
    fn dial(
        &self,
        url: &Url,
        protocols: Protocols<'_>,
        form: Form,
        tasks: &Tasks,
        receiver: Receiver,
    ) -> Option<Shared<dyn Carry>>;

    /// Gives the place where tasks of such a connection are queued.
    fn tasks(&self) -> Tasks;

    /// Gives the clock of such a connection.
    fn clock(&self) -> Shared<dyn Clock>;

    /// Whether such a connection makes its peer wait while there is no room for messages.
    fn pauses(&self) -> bool {
        false
    }
}

/// What carries one connection; it decides nothing.
pub(crate) trait Carry: MaybeSend + MaybeSync {
    /// Starts the connection, unless that was done; what happens is told from now on.
    fn start(&self);

    /// Whether a closing handshake has started of which no feedback tells.
    fn is_closing(&self) -> bool;

    /// What is known now, for the time after this was let go of.
    fn remains(&self) -> Remains;

    /// The payload bytes that were sent, and not yet handed to the network.
    fn buffered_amount(&self) -> u64 {
        self.remains().buffered_amount
    }

    /// Sets how binary messages arrive from the next one on.
    fn set_binary_type(&self, form: Form);

    /// Takes data to send, while the connection is OPEN, and notes what is queued then, or more.
    fn send(&self, payload: Payload<'_>, queued: &Queued) -> Handed;

    /// Sees to it that what was sent goes out; called with nothing locked where data [waits](Handed::Waits) for it.
    fn transmit(&self) {}

    /// Starts the closing handshake, or fails a connection that is not established.
    fn close(&self, frame: CloseFrame<'_>);

    /// Whether the closing handshake that was asked for has still to be started.
    fn has_waiting_close(&self) -> bool;

    /// Has [`Receive::sent`] told when bufferedAmount falls, from now on until that gives `false`.
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
    fn settle(&self) {}
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
pub(crate) struct Form {
    pub(crate) binary_type: BinaryType,
    /// What leaves messages to the platform until they are read, if that was asked for and where it can hold them.
    #[allow(dead_code, reason = "natively whatever has come is in memory")]
    pub(crate) hold: Option<Hold>,
    /// What makes blobs of them, where there is such a thing: a program that never asks for any links nothing of it.
    #[allow(dead_code, reason = "natively blobs are made of bytes that have come")]
    pub(crate) blobs: Option<Blobs>,
}

impl Form {
    pub(crate) const BYTES: Self = Self { binary_type: BinaryType::ArrayBuffer, hold: None, blobs: None };
}

impl From<BinaryType> for Form {
    fn from(binary_type: BinaryType) -> Self {
        match binary_type {
            BinaryType::ArrayBuffer => Self::BYTES,
            BinaryType::Blob => Self { binary_type, blobs: Some(BLOBS), ..Self::BYTES },
        }
    }
}

/// What became of data that was given to a platform to send.
#[derive(Clone, Copy)]
pub(crate) enum Handed {
    Taken,
    /// It was taken, and waits for [`Carry::transmit`].
    Waits,
    Refused,
}

impl Handed {
    /// Of a platform that sees to everything else itself.
    pub(crate) const fn if_taken(taken: bool) -> Self {
        if taken { Self::Taken } else { Self::Refused }
    }
}

/// Who knows how long something takes.
pub(crate) trait Clock: MaybeSend + MaybeSync {
    /// Gives a future that ends after so long; dropping it releases the timer.
    fn sleep(&self, duration: Duration) -> Sleep;

    /// What a test decides in the platform's place, if it does.
    fn fate(&self) -> Option<&dyn Fate> {
        None
    }
}

/// What befalls a program from outside.
pub(crate) trait Fate {
    /// Gives a future that ends when there is news that makes it reasonable to try again what has failed: the machine is
    /// back online, or the user looks at the page.
    fn comeback(&self) -> Sleep;

    /// Gives a number from 0 to 1, by chance.
    fn chance(&self) -> f64;
}

/// A wait of some length.
pub(crate) type Sleep = Pin<Box<dyn Timer>>;

/// Work of a user's that is under way.
pub(crate) type Boxed<T> = Pin<Box<dyn Work<T>>>;

/// What a [`Boxed`] is inside.
pub(crate) trait Work<T>: Future<Output = T> + MaybeSend {}

impl<T, F: Future<Output = T> + MaybeSend> Work<T> for F {}

/// What a [`Sleep`] is inside.
pub(crate) trait Timer: Future<Output = ()> + MaybeSend + MaybeSync {}

impl<F: Future<Output = ()> + MaybeSend + MaybeSync> Timer for F {}

/// The end of a connection at which its back end tells what happens; it does not keep the connection.
#[derive(Clone)]
pub(crate) struct Receiver(Weak<dyn Receive>);

impl Receiver {
    pub(crate) const fn new(receive: Weak<dyn Receive>) -> Self {
        Self(receive)
    }

    /// Takes the next feedback that is no message.
    pub(crate) fn take(&self, feedback: Feedback<()>) {
        if let Some(connection) = self.0.upgrade() {
            connection.take(feedback);
        }
    }

    /// Takes messages that came together, all of them.
    pub(crate) fn take_messages(&self, messages: &mut Messages) {
        if let Some(connection) = self.0.upgrade() {
            connection.take_messages(messages);
        }
        // What was not kept goes.
        drop(drain(messages));
    }

    /// Tells for how many messages there is room, and if for none has the task woken once there is some.
    ///
    /// A back end whose platform can be made to wait asks before any message.
    pub(crate) fn poll_room(&self, context: &Context<'_>) -> Poll<Room> {
        self.0.upgrade().map_or(Poll::Ready(Room::ENDLESS), |connection| connection.poll_room(context))
    }

    /// Takes the news that bufferedAmount has fallen; whether more of it is asked for.
    pub(crate) fn sent(&self) -> bool {
        self.0.upgrade().is_some_and(|connection| connection.sent())
    }
}

/// Who is told what a socket's protocol tells, by a [`Receiver`].
pub(crate) trait Receive: MaybeSend + MaybeSync + 'static {
    /// Takes the next feedback that is no message.
    fn take(self: Shared<Self>, feedback: Feedback<()>);

    /// Takes messages that came together, and leaves those that it does not keep.
    fn take_messages(&self, messages: &mut Messages);

    /// Tells for how many messages there is room, and if for none has the task woken once there is some.
    fn poll_room(&self, context: &Context<'_>) -> Poll<Room>;

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
