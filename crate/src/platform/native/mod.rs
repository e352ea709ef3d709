//! The native back end: one task a socket, which feeds `wire` bytes and time.
//!
//! [`socket`] is the end that the interface holds, [`driver`] the task at the other one; the [`line`] is between them, since
//! who sends at times writes in the driver's place, as the [`pace`] is. Before there are bytes,
//! [`connect`] makes a stream: [`tcp`], perhaps through a [`proxy`], perhaps under [`tls`], one at a time to each server, by
//! [`admission`].

mod catch_panic;
mod dial;
mod driver;
mod failure;
mod options;
mod runtime;
mod url;

use std::collections::VecDeque;

pub(crate) use self::driver::shared::FinalState;
pub(crate) use self::options::Options;
pub(crate) use self::runtime::clock::{PlatformEnvironment, Time};
pub(crate) use self::runtime::tasks::{Task, Tasks};
pub(crate) use self::url::Url;
use crate::platform::Backend;
use crate::queue::{BoundedQueue, Capacity};
use crate::sync::Shared;
use crate::types::binary_type::BinaryType;
use crate::types::message::Message;

/// The part of the crate's public API that only native targets have.
pub(crate) mod api {
    pub use super::dial::proxy::Proxy;
    pub use super::failure::{Failure, ProxyFailure};
    pub use super::options::{Connecting, Connector, CookieStore, InvalidOption, Options, Stream, Target};
    pub use samesocket_protocol::error::Failure as ProtocolFailure;
    pub use tokio_rustls::rustls;
}

/// Gives a received message the form that this binary type asks for.
pub(crate) fn apply_binary_type(message: &mut Message, binary_type: BinaryType) {
    match (&mut *message, binary_type) {
        (Message::Binary(bytes), BinaryType::Blob) => *message = Message::Blob(std::mem::take(bytes).into()),
        (Message::Blob(blob), BinaryType::ArrayBuffer) => {
            if let Some(bytes) = blob.take_bytes() {
                *message = Message::Binary(bytes);
            }
        }
        _ => {}
    }
}

/// Gives who makes connections that can make their peers wait, where others cannot; here all can.
pub(crate) fn backpressure_backend() -> Option<Shared<dyn Backend>> {
    None
}

/// Gives the future as it is: a runtime polls what was woken soon enough.
pub(crate) const fn poll_in_event<F: Future>(future: F) -> F {
    future
}

/// Messages that come together, as one read may bring many.
pub(crate) type Messages = VecDeque<Message>;

/// Gives a message that comes by itself.
pub(crate) fn single_message(message: Message) -> Messages {
    VecDeque::from([message])
}

/// Tells how much they are, since there may be many.
#[expect(clippy::unnecessary_wraps, reason = "in a browser there is nothing to tell")]
pub(crate) fn measure_messages(messages: &Messages) -> Option<Capacity> {
    Some(Capacity { messages: messages.len(), bytes: messages.iter().map(Message::queued_size).sum() })
}

/// Moves them all behind what is in a backlog at once, if there is room for them; whether there was.
pub(crate) fn append_messages(backlog: &mut BoundedQueue<Message>, messages: &mut Messages) -> bool {
    measure_messages(messages).is_some_and(|measured| backlog.append_items(messages, measured))
}

/// Takes out the first of them.
pub(crate) fn next_message(messages: &mut Messages) -> Option<Message> {
    messages.pop_front()
}

/// Takes the messages out; those that are left when this is dropped are dropped, too.
pub(crate) fn drain_messages(messages: &mut Messages) -> impl Iterator<Item = Message> {
    messages.drain(..)
}

/// How many messages, and how many bytes of them, may wait to be taken before the peer is made to wait.
///
/// Enough to keep a reader on another thread busy, and little for a server of ten thousand sockets.
pub(crate) const RECEIVE_LIMIT: Capacity = Capacity { messages: 1024, bytes: 1 << 20 };

/// How many bytes may be queued before a sender waits.
///
/// It is woken as soon as there are less, so that little has to be there for the time that it takes.
pub(crate) const HIGH_WATER_MARK: u64 = 1 << 20;

/// What there is of a thing that only a browser has.
#[derive(Clone, Copy)]
pub(crate) struct Nothing;

/// MakeBlob are made of bytes that have come.
pub(crate) type MakeBlob = Nothing;
pub(crate) const MAKE_BLOB: MakeBlob = Nothing;

/// Whatever has come is in memory.
pub(crate) type MakeLazy = Nothing;
pub(crate) const MAKE_LAZY: MakeLazy = Nothing;

/// A list is a list.
pub(crate) type MakeSubprotocolList = Nothing;
pub(crate) const MAKE_SUBPROTOCOL_LIST: MakeSubprotocolList = Nothing;

/// The driver itself tells of what was sent.
pub(crate) type WatchBufferedAmount = Nothing;
pub(crate) const WATCH_BUFFERED_AMOUNT: WatchBufferedAmount = Nothing;

/// Whether connections ask for room as they usually are.
pub(crate) const SUPPORTS_BACKPRESSURE: bool = true;
