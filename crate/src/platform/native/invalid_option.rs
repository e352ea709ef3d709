//! The error of a setter of the options.

use std::error::Error;
use std::fmt;

/// An invalid option value, refused by [`Options::origin`](crate::Options::origin),
/// [`Options::header`](crate::Options::header) or [`Proxy::new`](crate::Proxy::new).
///
/// ```
/// use samesocket::Options;
///
/// let error = Options::new().header("Host", "example.com").unwrap_err();
/// assert_eq!(error.to_string(), "the header name cannot be \"Host\"");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidOption {
    /// The part of the options that cannot have the value.
    part: String,
    value: String,
}

impl InvalidOption {
    pub(super) fn new(part: impl Into<String>, value: impl Into<String>) -> Self {
        Self { part: part.into(), value: value.into() }
    }
}

impl fmt::Display for InvalidOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} cannot be {:?}", self.part, self.value)
    }
}

impl Error for InvalidOption {}
