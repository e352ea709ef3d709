//! What is examined.

use crate::place::{Anywhere, Later};
use crate::script::{Attribute, Kind, Payload, Protocols};

/// An implementation of the interface; each method is one member's call, nothing more.
pub trait Subject: Anywhere + Sized + 'static {
    /// Its name in reports.
    const NAME: &'static str;

    /// Whether dropping the last handle closes, rather than some garbage collection to come.
    const DROP_CLOSES: bool;

    /// Whether it takes any value of a page's, and converts it as Web IDL has it; else types keep such values out.
    const WEB_IDL: bool;

    /// Constructs a socket whose events are given to `listener`, synchronously, from the first on.
    ///
    /// # Errors
    ///
    /// What the constructor throws.
    fn construct(
        url: &str,
        protocols: &Protocols,
        listener: impl Fn(Happening) + Anywhere + 'static,
    ) -> Result<Self, Thrown>;

    /// Constructs a socket as [`construct`](Self::construct) does, and sets `binaryType` before anything else.
    ///
    /// # Errors
    ///
    /// What the constructor throws.
    fn construct_with(
        url: &str,
        protocols: &Protocols,
        binary_type: &str,
        listener: impl Fn(Happening) + Anywhere + 'static,
    ) -> Result<Self, Thrown> {
        let socket = Self::construct(url, protocols, listener)?;
        socket.set_binary_type(binary_type);
        Ok(socket)
    }

    /// Tells why it has no such member now, if it has none: the script is not applicable then.
    fn lacks(&self, _: Member) -> Option<&'static str> {
        None
    }

    /// Says in the subject's words what one is to observe, where these are others than the interface's, and why.
    fn reword(_: &mut Vec<String>) -> Option<&'static str> {
        None
    }

    /// Reads an attribute as text.
    fn read(&self, attribute: Attribute) -> String;

    /// Calls `send`.
    ///
    /// # Errors
    ///
    /// What it throws.
    fn send(&self, payload: Payload) -> Result<(), Thrown>;

    /// Calls `close`.
    ///
    /// # Errors
    ///
    /// What it throws.
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
pub enum Happening {
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

impl Happening {
    /// Gives the kind of the event.
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
    Blob(Later<Vec<u8>>),
}

/// As many bytes of the pattern that the fault server sends too.
#[must_use]
pub fn pattern(count: usize) -> Vec<u8> {
    (0..=250).cycle().take(count).collect()
}
