//! The native back end: one task a socket, which feeds `wire` bytes and time.
//!
//! [`socket`] is the end that the interface holds, [`driver`] the task at the other one. Before there are bytes,
//! [`connect`] makes a stream: [`tcp`], perhaps through a [`proxy`], perhaps under [`tls`].

mod batch;
mod blob;
mod burst;
mod clock;
mod connect;
mod driver;
mod failure;
mod options;
mod outbox;
mod ports;
mod proxy;
mod runtime;
mod share;
mod socket;
mod task;
mod tcp;
mod tls;
mod unread;
mod url;
mod websocket;

use std::collections::VecDeque;

pub(crate) use self::batch::Batch;
pub(crate) use self::blob::set_form;
pub(crate) use self::clock::{Time, World};
pub(crate) use self::options::Options;
pub(crate) use self::share::{Lock, Shared, Weak, io_error};
pub(crate) use self::socket::Remains;
pub(crate) use self::task::{Task, Tasks};
pub(crate) use self::url::Url;

/// What this back end adds to the crate's surface.
pub(crate) mod surface {
    pub use super::blob::{Blob, BlobError};
    pub use super::failure::{Failure, ProxyFailure};
    pub use super::options::{Connecting, Connector, CookieStore, InvalidOption, Options, Stream, Target};
    pub use super::proxy::Proxy;
    pub use super::share::MaybeSend;
    pub use super::unread::Unread;
    pub use crate::wire::failure::Failure as ProtocolFailure;
    pub use tokio_rustls::rustls;
}
pub(crate) use self::share::MaybeSync;
pub(crate) use self::surface::MaybeSend;
use self::surface::{Blob, BlobError, Failure};
use crate::Message;
use crate::platform::Dial;

/// Gives who makes connections that can make their peers wait, where others cannot; here all can.
pub(crate) fn pausing() -> Option<Shared<dyn Dial>> {
    None
}

/// Messages that come together, as one read may bring many.
pub(crate) type Messages = VecDeque<Message>;

/// Gives a message that comes by itself.
pub(crate) fn alone(message: Message) -> Messages {
    VecDeque::from([message])
}

/// Takes the messages out; those that are left when this is dropped are dropped, too.
pub(crate) fn drain(messages: &mut Messages) -> impl Iterator<Item = Message> {
    messages.drain(..)
}

/// How many messages, and how many bytes of them, may wait to be taken before the peer is made to wait.
///
/// Enough to keep a reader on another thread busy, and little for a server of ten thousand sockets.
pub(crate) const RECEIVE_LIMIT: (usize, u64) = (1024, 1 << 20);
