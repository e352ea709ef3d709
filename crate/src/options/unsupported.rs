//! The errors for options that a target does not support.

use std::error::Error;
use std::fmt;

use samesocket_spec::Exception;

/// The error for an option that the target cannot apply, and must not ignore. Nothing was sent.
///
/// In a page these are the options that are marked in the table of [`Options`](crate::Options). On native targets there
/// is no such option.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use samesocket::{ConnectError, Options, connect};
///
/// let options = Options::new().header("Authorization", "Bearer 2a")?;
/// match connect("wss://example.com/chat").options(options).await {
///     Err(ConnectError::Unsupported(unsupported)) => println!("without {}", unsupported.option()),
///     other => drop(other?),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsupportedOption {
    option: &'static str,
}

impl UnsupportedOption {
    pub(super) const fn new(option: &'static str) -> Self {
        Self { option }
    }

    /// Returns the name of the method of [`Options`](crate::Options) that set the option, such as `header`.
    pub const fn option(&self) -> &'static str {
        self.option
    }
}

impl fmt::Display for UnsupportedOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a page cannot connect with the option `{}`", self.option)
    }
}

impl Error for UnsupportedOption {}

/// The error of [`WebSocket::with_options`](crate::WebSocket::with_options). No connection was started.
///
/// ```
/// use samesocket::{Options, StartError, WebSocket};
///
/// let error = WebSocket::with_options("ftp://example.com", (), &Options::new()).unwrap_err();
/// assert!(matches!(error, StartError::Exception(_)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartError {
    /// An argument is invalid.
    Exception(Exception),
    /// The target does not support an option.
    Unsupported(UnsupportedOption),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exception(exception) => exception.fmt(f),
            Self::Unsupported(unsupported) => unsupported.fmt(f),
        }
    }
}

// `Display` shows the text of the inner error, which has no source.
impl Error for StartError {}

impl From<Exception> for StartError {
    fn from(exception: Exception) -> Self {
        Self::Exception(exception)
    }
}

impl From<UnsupportedOption> for StartError {
    fn from(unsupported: UnsupportedOption) -> Self {
        Self::Unsupported(unsupported)
    }
}
