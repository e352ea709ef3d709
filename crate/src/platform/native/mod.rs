//! The native back end: one task a socket, which moves bytes and time between a stream and the protocol core.
//!
//! Read in this order:
//!
//! 1. [`settings`]: the settings of a socket.
//! 2. [`runtime`]: the background thread, the clock, and the queue of a socket's tasks.
//! 3. [`dial`]: from a URL to a stream: names, TCP, proxies, TLS, and the queue of opening handshakes.
//! 4. [`driver`]: the task of an open socket. Its `shared` is the state behind the lock.
//! 5. [`failure`] makes the causes of failed connections, and [`diagnosis`] holds one with the response. [`catch_panic`] turns a panic of user code into one.
//!
//! [`url`] parses URLs.

mod catch_panic;
mod diagnosis;
mod dial;
mod driver;
mod failure;
mod runtime;
mod settings;
mod url;

use std::collections::VecDeque;

use futures::channel::oneshot;

pub(crate) use self::diagnosis::Diagnosis;
pub(crate) use self::dial::proxy::ProxyServer;
pub(crate) use self::dial::redirects::Redirects;
pub(crate) use self::driver::direct_transport::DirectTransport;
pub(crate) use self::driver::shared::SocketShared;
pub(crate) use self::driver::transport::backpressure_backend;
pub(crate) use self::driver::waiting_receiver::ReceiverTurn;
pub(crate) use self::runtime::clock::{PlatformEnvironment, now};
pub(crate) use self::runtime::tasks::{Task, Tasks};
pub(crate) use self::settings::PlatformSettings;
pub(crate) use self::settings::PlatformSettings as DefaultBackend;
pub(crate) use self::url::Url;
use crate::queue::{BoundedQueue, Capacity};
use crate::types::binary_type::BinaryType;
use crate::types::message::Message;

/// The public items that exist on native targets only.
pub(crate) mod api {
    pub use super::dial::connector::{Connecting, Connector};
    #[cfg(all(fuzzing, feature = "proxy"))]
    pub use super::dial::fuzzing;
    pub use super::dial::io_stream::IoStream;
    pub use super::dial::target::Target;
    #[cfg(feature = "__tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    pub use tokio_rustls::rustls;
}

/// A future that completes when a transport has looked at the network once more. Its result has no meaning.
pub(crate) type LastLook = oneshot::Receiver<()>;

/// Converts a received binary message to the form that `binary_type` asks for.
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

/// Returns the future as it is. A native runtime polls a woken task soon enough.
pub(crate) const fn poll_in_event<F: Future>(future: F) -> F {
    future
}

/// The messages that arrived together. One read from the stream may bring many.
pub(crate) type Messages = VecDeque<Message>;

/// Returns a single message as [`Messages`].
pub(crate) fn single_message(message: Message) -> Messages {
    VecDeque::from([message])
}

/// Returns the number and total size of the messages.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the browser's back end returns None, because its messages arrive one by one"
)]
pub(crate) fn measure_messages(messages: &Messages) -> Option<Capacity> {
    Some(Capacity { messages: messages.len(), bytes: messages.iter().map(Message::queued_size).sum() })
}

/// Moves all messages to the end of a queue if it has capacity for them. Returns whether it had.
pub(crate) fn append_messages(backlog: &mut BoundedQueue<Message>, messages: &mut Messages) -> bool {
    measure_messages(messages).is_some_and(|measured| backlog.append_items(messages, measured))
}

/// Removes and returns the first message.
pub(crate) fn next_message(messages: &mut Messages) -> Option<Message> {
    messages.pop_front()
}

/// Removes and returns all messages. Dropping the iterator drops the rest.
pub(crate) fn drain_messages(messages: &mut Messages) -> impl Iterator<Item = Message> {
    messages.drain(..)
}

/// The messages that may wait to be received before the socket stops reading from TCP.
///
/// Arbitrary: enough to keep a reader on another thread busy, and little for a server with ten thousand sockets.
pub(crate) const RECEIVE_LIMIT: Capacity = Capacity { messages: 1024, bytes: 1 << 20 };

/// The bytes that may be queued before a sender waits.
///
/// Arbitrary: the driver wakes the sender as soon as fewer are queued, so they only have to last until the sender runs.
pub(crate) const HIGH_WATER_MARK: u64 = 1 << 20;

/// The value of a hook that only the browser's back end needs.
#[derive(Clone, Copy)]
pub(crate) struct NoHook;

// Code size: hooks of the browser's back end, so that a page links only the features that it uses. Here they do
// nothing.

/// The hook that makes blobs of received messages.
pub(crate) type MakeBlob = NoHook;
pub(crate) const MAKE_BLOB: MakeBlob = NoHook;

/// The hook that leaves received messages to the platform until they are read.
pub(crate) type MakeLazy = NoHook;
pub(crate) const MAKE_LAZY: MakeLazy = NoHook;

/// The hook that makes the platform's list of subprotocols.
pub(crate) type MakeSubprotocolList = NoHook;
pub(crate) const MAKE_SUBPROTOCOL_LIST: MakeSubprotocolList = NoHook;

/// The hook that polls bufferedAmount. The driver reports here when it falls.
pub(crate) type WatchBufferedAmount = NoHook;
pub(crate) const WATCH_BUFFERED_AMOUNT: WatchBufferedAmount = NoHook;

/// Whether several threads can use a socket at a time.
pub(crate) const HAS_THREADS: bool = true;

/// Whether a [`LastLook`] exists.
pub(crate) const MAY_LOOK_AGAIN: bool = true;

/// Whether the connections of the default back end ask for capacity before they deliver messages.
pub(crate) const SUPPORTS_BACKPRESSURE: bool = true;
