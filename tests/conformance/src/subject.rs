//! The interface of an implementation under test.

use crate::script::{Attribute, Kind, Payload, Protocols};
use crate::target::{BoxFuture, MaybeSendSync};

/// An implementation under test; each method calls one member of the interface and nothing else.
pub trait Subject: MaybeSendSync + Sized + 'static {
    /// The name in reports.
    const NAME: &'static str;

    /// Whether dropping the last handle closes the connection, without waiting for garbage collection.
    const DROP_CLOSES: bool;

    /// Whether the subject accepts any JavaScript value and converts it by Web IDL.
    const WEB_IDL: bool;

    /// Constructs a socket that calls `listener` synchronously with each event, from the first on.
    ///
    /// # Errors
    ///
    /// Returns the exception that the constructor throws.
    fn construct(
        url: &str,
        protocols: &Protocols,
        listener: impl Fn(SubjectEvent) + MaybeSendSync + 'static,
    ) -> Result<Self, Thrown>;

    /// Constructs a socket as [`construct`](Self::construct) does, and sets `binaryType` before anything else.
    ///
    /// # Errors
    ///
    /// Returns the exception that the constructor throws.
    fn construct_with(
        url: &str,
        protocols: &Protocols,
        binary_type: &str,
        listener: impl Fn(SubjectEvent) + MaybeSendSync + 'static,
    ) -> Result<Self, Thrown> {
        let socket = Self::construct(url, protocols, listener)?;
        socket.set_binary_type(binary_type);
        Ok(socket)
    }

    /// Returns the reason why the subject lacks a member in its current state; the script is then not applicable.
    fn lacks(&self, _: Member) -> Option<&'static str> {
        None
    }

    /// Changes the expected lines to those of the subject, if its API differs, and returns the reason.
    fn reword(_: &mut Vec<String>) -> Option<&'static str> {
        None
    }

    /// Reads an attribute as text.
    fn read(&self, attribute: Attribute) -> String;

    /// Calls `send`.
    ///
    /// # Errors
    ///
    /// Returns the exception that it throws.
    fn send(&self, payload: Payload) -> Result<(), Thrown>;

    /// Calls `close`.
    ///
    /// # Errors
    ///
    /// Returns the exception that it throws.
    fn close(&self, code: Option<f64>, reason: Option<&str>) -> Result<(), Thrown>;

    /// Sets `binaryType`.
    fn set_binary_type(&self, value: &str);
}

/// A member of the interface.
#[derive(Clone, Copy, Debug)]
pub enum Member {
    /// An attribute, to be read.
    Attribute(Attribute),
    /// `send`
    Send,
    /// `close`
    Close,
    /// `binaryType`, to be set.
    SetBinaryType,
}

/// An exception: the name and the legacy code of a `DOMException`, or another error's name and zero.
#[derive(Debug)]
pub struct Thrown {
    /// The name.
    pub name: String,
    /// The legacy code.
    pub code: u16,
}

/// An event.
pub enum SubjectEvent {
    /// `open`
    Open,
    /// `message`
    Message {
        /// The data.
        data: Received,
        /// The origin.
        origin: String,
    },
    /// `error`
    Error,
    /// `close`
    Close {
        /// The code.
        code: u16,
        /// The reason.
        reason: String,
        /// Whether it was clean.
        was_clean: bool,
    },
}

impl SubjectEvent {
    /// Returns the kind of the event.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Open => Kind::Open,
            Self::Message { .. } => Kind::Message,
            Self::Error => Kind::Error,
            Self::Close { .. } => Kind::Close,
        }
    }
}

/// The data of a message.
pub enum Received {
    /// A string.
    Text(String),
    /// An `ArrayBuffer`, or bytes.
    Binary(Vec<u8>),
    /// A blob, to be read.
    Blob(BoxFuture<Vec<u8>>),
}

/// Returns the first `count` bytes of the pattern that the fault server sends too.
#[must_use]
pub fn pattern(count: usize) -> Vec<u8> {
    (0..=250).cycle().take(count).collect()
}
