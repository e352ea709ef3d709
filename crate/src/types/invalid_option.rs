//! The error of a setter of the options.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use samesocket_spec::header_field::InvalidField;

/// An invalid option value, refused by a setter such as [`Options::header`](crate::Options::header), or by
/// [`Proxy::new`](crate::Proxy::new).
///
/// It says what is wrong with the value, and does not contain the value, which may be secret.
///
/// ```
/// use samesocket::Options;
///
/// let error = Options::new().header("Upgrade", "websocket").unwrap_err();
/// assert_eq!(error.to_string(), "the header name cannot be \"Upgrade\"");
/// let error = Options::new().header("Authorization", "Bearer 2a\n").unwrap_err();
/// assert_eq!(error.to_string(), "the value of Authorization cannot contain '\\n', as at position 9");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidOption {
    problem: Cow<'static, str>,
}

impl InvalidOption {
    /// Creates an error with this text, which must not contain secrets.
    #[cfg_attr(
        all(target_family = "wasm", target_os = "unknown"),
        expect(dead_code, reason = "a page does not parse proxy URLs and keys")
    )]
    pub(crate) fn new(problem: impl Into<Cow<'static, str>>) -> Self {
        Self { problem: problem.into() }
    }

    /// Creates an error with this text.
    pub(crate) const fn of_static(problem: &'static str) -> Self {
        Self { problem: Cow::Borrowed(problem) }
    }

    /// Describes that the value of the header field `name`, which is valid, is not UTF-8 from byte `position` on.
    pub(crate) fn of_encoding(name: &str, position: usize) -> Self {
        Self { problem: format!("the value of {name} is not UTF-8, as at position {position}").into() }
    }

    /// Describes why the header field `name` is invalid.
    pub(crate) fn of_field(name: &str, invalid: InvalidField) -> Self {
        let problem = match invalid {
            InvalidField::EmptyName => "the header name cannot be empty".to_owned(),
            InvalidField::Name { character, position } => {
                format!("the header name cannot contain {character:?}, as at position {position}")
            }
            InvalidField::Value { character, position } => {
                format!("the value of {name} cannot contain {character:?}, as at position {position}")
            }
            InvalidField::Address => format!("the value of {name} has no IPv6 address in its brackets"),
            InvalidField::Port => format!("the port in the value of {name} is above 65535"),
            InvalidField::End { position } => format!("the value of {name} cannot end at position {position}"),
            InvalidField::EmptyValue => format!("the value of {name} cannot be empty"),
            // Only a reserved name is left.
            _ => format!("the header name cannot be {name:?}"),
        };
        Self { problem: problem.into() }
    }
}

impl fmt::Display for InvalidOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl Error for InvalidOption {}
