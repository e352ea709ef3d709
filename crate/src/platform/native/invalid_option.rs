//! The error of a setter of the options.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use samesocket_protocol::InvalidRequest;
use samesocket_spec::subprotocol::first_outside_token;

/// An invalid option value, refused by [`Options::origin`](crate::Options::origin),
/// [`Options::header`](crate::Options::header) or [`Proxy::new`](crate::Proxy::new).
///
/// It says what is wrong with the value, and does not contain the value, which may be secret.
///
/// ```
/// use samesocket::Options;
///
/// let error = Options::new().header("Host", "example.com").unwrap_err();
/// assert_eq!(error.to_string(), "the header name cannot be \"Host\"");
/// let error = Options::new().header("Authorization", "Bearer 2a\n").unwrap_err();
/// assert_eq!(error.to_string(), "the value of Authorization cannot contain '\\n', as at position 9");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidOption {
    problem: Cow<'static, str>,
}

impl InvalidOption {
    /// Creates an error with this text, which must not contain secrets.
    pub(super) fn new(problem: impl Into<Cow<'static, str>>) -> Self {
        Self { problem: problem.into() }
    }

    /// Describes the origin or header that made a request invalid.
    pub(super) fn of_request(invalid: &InvalidRequest) -> Self {
        let InvalidRequest { part, value } = invalid;
        let is_name = part == "header name";
        let is_forbidden = |character: char| character.is_ascii_control() && character != '\t';
        let position = if is_name { first_outside_token(value) } else { value.chars().position(is_forbidden) };
        let part = if is_name { "the header name".to_owned() } else { format!("the value of {part}") };
        Self::new(match position.and_then(|position| Some((position, value.chars().nth(position)?))) {
            Some((position, character)) => format!("{part} cannot contain {character:?}, as at position {position}"),
            None if value.is_empty() => format!("{part} cannot be empty"),
            // All that is left is the name of a field that the handshake itself sends.
            None => format!("{part} cannot be {value:?}"),
        })
    }
}

impl fmt::Display for InvalidOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl Error for InvalidOption {}
