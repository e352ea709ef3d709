//! The exceptions of the interface.

use std::error::Error;
use std::fmt;

use crate::close_frame::{APPLICATION_CODES, MAX_REASON_BYTES};
use crate::quoted::{Escaped, Quoted};
use crate::redacted_url::RedactedUrl;

/// An exception of the `WebSocket` interface. Each variant says which argument is invalid and why.
///
/// All arguments are checked before the first change, so the socket stays as it was. A connection that fails throws no
/// exception: it fires `error` and `close`.
///
/// `Display` and `Debug` leave out what can be secret: a URL is shown as a [`RedactedUrl`], and a subprotocol not at all,
/// because some programs pass tokens in it. The fields hold the whole values.
///
/// [`name`](Self::name) and [`code`](Self::code) return the properties that a page sees on the `DOMException`.
///
/// ```
/// use samesocket_spec::{Argument, close};
///
/// let exception = close::check(Some(999), None).unwrap_err();
/// assert_eq!(exception.argument(), Some(Argument::Code));
/// assert_eq!((exception.name(), exception.code()), ("InvalidAccessError", 15));
/// assert_eq!(exception.to_string(), "the close code 999 is neither 1000 nor between 3000 and 4999");
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exception {
    /// The URL cannot be parsed, with or without a base URL.
    InvalidUrl {
        /// The URL as passed by the caller.
        url: String,
        /// The base URL, if there is one. It may itself be the part that cannot be parsed.
        base: Option<String>,
    },
    /// The URL's scheme is none of `ws`, `wss`, `http` and `https`.
    UnsupportedScheme {
        /// The URL as passed by the caller.
        url: String,
        /// The scheme of the parsed URL, without the colon.
        scheme: String,
    },
    /// The URL has a fragment, which may be empty.
    FragmentInUrl {
        /// The URL as passed by the caller.
        url: String,
    },
    /// The URL's host contains a forbidden domain code point.
    InvalidHost {
        /// The URL as passed by the caller.
        url: String,
        /// The first forbidden code point of the parsed host.
        character: char,
    },
    /// A subprotocol is the empty string.
    EmptySubprotocol {
        /// The index in the list, starting at zero.
        place: usize,
    },
    /// A subprotocol contains a character that is not allowed in a token.
    InvalidSubprotocol {
        /// The subprotocol as passed by the caller.
        subprotocol: String,
        /// The first invalid character.
        character: char,
        /// The number of characters before the invalid one.
        position: usize,
    },
    /// A subprotocol occurs twice in the list. Names are compared case-sensitively.
    RepeatedSubprotocol {
        /// The repeated subprotocol.
        subprotocol: String,
    },
    /// The close code is neither 1000 nor in 3000..=4999.
    InvalidCloseCode {
        /// The code as passed by the caller.
        code: u16,
    },
    /// The close reason is longer than 123 bytes of UTF-8.
    ReasonTooLong {
        /// The length of the reason in bytes of UTF-8.
        bytes: usize,
    },
    /// `send` was called while the socket is CONNECTING.
    StillConnecting,
}

/// An argument of the interface's constructor or methods.
///
/// ```
/// use samesocket_spec::{Argument, close};
///
/// let exception = close::check(Some(1001), None).unwrap_err();
/// assert_eq!(exception.argument(), Some(Argument::Code));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Argument {
    /// The first argument of the constructor.
    Url,
    /// The second argument of the constructor.
    Protocols,
    /// The first argument of `close`.
    Code,
    /// The second argument of `close`.
    Reason,
}

impl Exception {
    /// Returns the invalid argument, or `None` if the state of the socket caused the exception.
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

    /// Returns the name of the `DOMException`: `"SyntaxError"`, `"InvalidAccessError"` or `"InvalidStateError"`.
    ///
    /// See <https://webidl.spec.whatwg.org/#idl-DOMException-error-names>.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::InvalidCloseCode { .. } => "InvalidAccessError",
            Self::StillConnecting => "InvalidStateError",
            _ => "SyntaxError",
        }
    }

    /// Returns the legacy code of the `DOMException`: 11, 12 or 15.
    ///
    /// See <https://webidl.spec.whatwg.org/#dfn-error-names-table>.
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
            Self::InvalidUrl { url, base: None } => {
                let problem = if has_scheme(url) {
                    "has no host, or an invalid host or port"
                } else {
                    "has no scheme; it begins with wss:// or ws://"
                };
                write!(f, "the URL {:?} {problem}", RedactedUrl(url))
            }
            Self::InvalidUrl { url, base: Some(base) } => {
                let (url, base) = (RedactedUrl(url), RedactedUrl(base));
                write!(f, "the URL {url:?} cannot be parsed against the base URL {base:?}")
            }
            Self::UnsupportedScheme { url, scheme } => {
                let (url, scheme) = (RedactedUrl(url), shown_scheme(url, scheme));
                write!(f, "the URL {url:?} has the scheme {}, not ws, wss, http or https", Quoted(scheme))
            }
            Self::FragmentInUrl { url } => write!(f, "the URL {:?} has a fragment", RedactedUrl(url)),
            Self::InvalidHost { url, character } => {
                let url = RedactedUrl(url);
                write!(f, "the host of the URL {url:?} contains the forbidden character '{}'", Escaped(character))
            }
            Self::EmptySubprotocol { place } => {
                write!(f, "the subprotocol at index {place} of the list is empty")
            }
            Self::InvalidSubprotocol { character, position, .. } => {
                write!(
                    f,
                    "a subprotocol is not a token: '{}' at position {position} is not allowed",
                    Escaped(character)
                )
            }
            Self::RepeatedSubprotocol { .. } => f.write_str("a subprotocol occurs twice in the list"),
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

/// Returns whether a URL begins with a scheme; see <https://url.spec.whatwg.org/#scheme-state>.
fn has_scheme(url: &str) -> bool {
    let mut bytes = url.bytes().skip_while(|&byte| byte <= b' ');
    let follows = |byte: &u8| !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic()) && bytes.find(follows) == Some(b':')
}

/// Returns the scheme of a URL, or `…` if it may be a user name.
fn shown_scheme<'a>(url: &str, scheme: &'a str) -> &'a str {
    if RedactedUrl(url).shows_scheme() { scheme } else { "…" }
}

impl fmt::Debug for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidUrl { url, base } => f
                .debug_struct("InvalidUrl")
                .field("url", &RedactedUrl(url))
                .field("base", &base.as_deref().map(RedactedUrl))
                .finish(),
            Self::UnsupportedScheme { url, scheme } => f
                .debug_struct("UnsupportedScheme")
                .field("url", &RedactedUrl(url))
                .field("scheme", &shown_scheme(url, scheme))
                .finish(),
            Self::FragmentInUrl { url } => f.debug_struct("FragmentInUrl").field("url", &RedactedUrl(url)).finish(),
            Self::InvalidHost { url, character } => {
                f.debug_struct("InvalidHost").field("url", &RedactedUrl(url)).field("character", character).finish()
            }
            Self::EmptySubprotocol { place } => f.debug_struct("EmptySubprotocol").field("place", place).finish(),
            Self::InvalidSubprotocol { character, position, .. } => f
                .debug_struct("InvalidSubprotocol")
                .field("character", character)
                .field("position", position)
                .finish_non_exhaustive(),
            Self::RepeatedSubprotocol { .. } => f.debug_struct("RepeatedSubprotocol").finish_non_exhaustive(),
            Self::InvalidCloseCode { code } => f.debug_struct("InvalidCloseCode").field("code", code).finish(),
            Self::ReasonTooLong { bytes } => f.debug_struct("ReasonTooLong").field("bytes", bytes).finish(),
            Self::StillConnecting => f.write_str("StillConnecting"),
        }
    }
}

impl Error for Exception {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns each exception with its invalid argument, its legacy code and its text.
    fn all() -> Vec<(Exception, Option<Argument>, u16, &'static str)> {
        let (url, subprotocol) = ("u\"".to_owned(), "a/b".to_owned());
        let (url_argument, protocols) = (Some(Argument::Url), Some(Argument::Protocols));
        let base = Some("b".to_owned());
        vec![
            (
                Exception::InvalidUrl { url: url.clone(), base: None },
                url_argument,
                12,
                r#"the URL "u\"" has no scheme; it begins with wss:// or ws://"#,
            ),
            (
                Exception::InvalidUrl { url: url.clone(), base },
                url_argument,
                12,
                r#"the URL "u\"" cannot be parsed against the base URL "b""#,
            ),
            (
                Exception::UnsupportedScheme { url: url.clone(), scheme: "ftp".to_owned() },
                url_argument,
                12,
                r#"the URL "u\"" has the scheme "ftp", not ws, wss, http or https"#,
            ),
            (Exception::FragmentInUrl { url: url.clone() }, url_argument, 12, r#"the URL "u\"" has a fragment"#),
            (
                Exception::InvalidHost { url, character: '%' },
                url_argument,
                12,
                r#"the host of the URL "u\"" contains the forbidden character '%'"#,
            ),
            (
                Exception::EmptySubprotocol { place: 1 },
                protocols,
                12,
                "the subprotocol at index 1 of the list is empty",
            ),
            (
                Exception::InvalidSubprotocol { subprotocol: subprotocol.clone(), character: '/', position: 1 },
                protocols,
                12,
                "a subprotocol is not a token: '/' at position 1 is not allowed",
            ),
            (Exception::RepeatedSubprotocol { subprotocol }, protocols, 12, "a subprotocol occurs twice in the list"),
            (
                Exception::InvalidCloseCode { code: 999 },
                Some(Argument::Code),
                15,
                "the close code 999 is neither 1000 nor between 3000 and 4999",
            ),
            (
                Exception::ReasonTooLong { bytes: 124 },
                Some(Argument::Reason),
                12,
                "the close reason has 124 bytes of UTF-8, more than 123",
            ),
            (Exception::StillConnecting, None, 11, "the socket is still CONNECTING"),
        ]
    }

    #[crate::test]
    fn debug_names_the_variant_and_hides_secrets() {
        let texts: Vec<_> = all().iter().map(|(exception, ..)| format!("{exception:?}")).collect();
        assert_eq!(
            texts,
            [
                r#"InvalidUrl { url: "u\"", base: None }"#,
                r#"InvalidUrl { url: "u\"", base: Some("b") }"#,
                r#"UnsupportedScheme { url: "u\"", scheme: "ftp" }"#,
                r#"FragmentInUrl { url: "u\"" }"#,
                r#"InvalidHost { url: "u\"", character: '%' }"#,
                "EmptySubprotocol { place: 1 }",
                "InvalidSubprotocol { character: '/', position: 1, .. }",
                "RepeatedSubprotocol { .. }",
                "InvalidCloseCode { code: 999 }",
                "ReasonTooLong { bytes: 124 }",
                "StillConnecting",
            ]
        );
        let exception = Exception::InvalidUrl { url: "ws://a:secret@h/?secret".to_owned(), base: None };
        assert_eq!(format!("{exception:?}"), r#"InvalidUrl { url: "ws://…@h/?…", base: None }"#);
    }

    #[crate::test]
    fn exception_names_the_argument_and_what_is_wrong() {
        for (exception, argument, code, text) in all() {
            let name = match code {
                11 => "InvalidStateError",
                15 => "InvalidAccessError",
                _ => "SyntaxError",
            };
            let described = (exception.argument(), exception.code(), exception.name(), exception.to_string());
            assert_eq!(described, (argument, code, name, text.to_owned()));
        }
    }
}
