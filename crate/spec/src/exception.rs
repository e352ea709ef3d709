//! The exceptions of the interface.

use std::error::Error;
use std::fmt;

use crate::close::{APPLICATION_CODES, MAX_REASON_BYTES};

/// What a member of `WebSocket` throws; each variant says which argument is at fault and how.
///
/// An exception is thrown before anything is touched: after one, the socket is what it was. A connection that
/// fails is no exception: it is told by `Event::Error` and
/// `Event::Close`.
///
/// [`name`](Self::name) and [`code`](Self::code) give what a page sees on the `DOMException`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exception {
    /// The URL cannot be parsed, with or without a base URL.
    InvalidUrl {
        /// The URL as it was given.
        url: String,
        /// The base URL, if one was given: that may be what cannot be parsed.
        base: Option<String>,
    },
    /// The URL's scheme is none of `ws`, `wss`, `http` and `https`.
    UnsupportedScheme {
        /// The URL as it was given.
        url: String,
        /// The scheme of the parsed URL, without the colon.
        scheme: String,
    },
    /// The URL has a fragment; an empty one counts.
    FragmentInUrl {
        /// The URL as it was given.
        url: String,
    },
    /// The URL's host holds a code point that no domain may hold.
    InvalidHost {
        /// The URL as it was given.
        url: String,
        /// The first forbidden code point of the parsed host.
        character: char,
    },
    /// A subprotocol is the empty string.
    EmptySubprotocol {
        /// Its place in the list, from zero.
        place: usize,
    },
    /// A subprotocol holds a character that a token must not hold.
    InvalidSubprotocol {
        /// The subprotocol as it was given.
        subprotocol: String,
        /// The first character at fault.
        character: char,
        /// Where that character stands: characters before it.
        position: usize,
    },
    /// A subprotocol stands in the list twice; names are compared exactly.
    RepeatedSubprotocol {
        /// The subprotocol.
        subprotocol: String,
    },
    /// The close code is neither 1000 nor in 3000..=4999.
    InvalidCloseCode {
        /// The code as it was given.
        code: u16,
    },
    /// The close reason is longer than 123 bytes of UTF-8.
    ReasonTooLong {
        /// Its length in bytes of UTF-8.
        bytes: usize,
    },
    /// `send` was called while the socket is CONNECTING.
    StillConnecting,
}

/// An argument of the interface's members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Argument {
    /// The constructor's first.
    Url,
    /// The constructor's second.
    Protocols,
    /// The first of `close`.
    Code,
    /// The second of `close`.
    Reason,
}

impl Exception {
    /// Gives the argument at fault, `None` if it is the state that is at fault.
    pub const fn argument(&self) -> Option<Argument> {
        match self {
            Self::InvalidUrl { .. }
            | Self::UnsupportedScheme { .. }
            | Self::FragmentInUrl { .. }
            | Self::InvalidHost { .. } => Some(Argument::Url),
            Self::EmptySubprotocol { .. } | Self::InvalidSubprotocol { .. } | Self::RepeatedSubprotocol { .. } => {
                Some(Argument::Protocols)
            }
            Self::InvalidCloseCode { .. } => Some(Argument::Code),
            Self::ReasonTooLong { .. } => Some(Argument::Reason),
            Self::StillConnecting => None,
        }
    }

    /// Gives the name of the `DOMException`: `"SyntaxError"`, `"InvalidAccessError"` or `"InvalidStateError"`.
    ///
    /// See <https://webidl.spec.whatwg.org/#idl-DOMException-error-names>.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::InvalidCloseCode { .. } => "InvalidAccessError",
            Self::StillConnecting => "InvalidStateError",
            _ => "SyntaxError",
        }
    }

    /// Gives the legacy code of the `DOMException`: 11, 12 or 15.
    pub const fn code(&self) -> u16 {
        match self {
            Self::StillConnecting => 11,
            Self::InvalidCloseCode { .. } => 15,
            _ => 12,
        }
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidUrl { url, base: None } => write!(f, "the URL {url:?} cannot be parsed"),
            Self::InvalidUrl { url, base: Some(base) } => {
                write!(f, "the URL {url:?} cannot be parsed against the base URL {base:?}")
            }
            Self::UnsupportedScheme { url, scheme } => {
                write!(f, "the URL {url:?} has the scheme {scheme:?}, not ws, wss, http or https")
            }
            Self::FragmentInUrl { url } => write!(f, "the URL {url:?} has a fragment"),
            Self::InvalidHost { url, character } => {
                write!(f, "the host of the URL {url:?} holds the forbidden character {character:?}")
            }
            Self::EmptySubprotocol { place } => {
                write!(f, "the subprotocol at place {place} of the list is empty")
            }
            Self::InvalidSubprotocol { subprotocol, character, position } => write!(
                f,
                "the subprotocol {subprotocol:?} is not a token: {character:?} at position {position} is not allowed"
            ),
            Self::RepeatedSubprotocol { subprotocol } => {
                write!(f, "the subprotocol {subprotocol:?} stands in the list twice")
            }
            Self::InvalidCloseCode { code } => {
                let (first, last) = (APPLICATION_CODES.start(), APPLICATION_CODES.end());
                write!(f, "the close code {code} is neither 1000 nor between {first} and {last}")
            }
            Self::ReasonTooLong { bytes } => {
                write!(f, "the close reason has {bytes} bytes of UTF-8, more than {MAX_REASON_BYTES}")
            }
            Self::StillConnecting => f.write_str("the socket is still CONNECTING"),
        }
    }
}

impl Error for Exception {}
