//! The failures of this back end, made from errors of the system.

use std::error::Error;
use std::io;
use std::sync::Arc;

use crate::platform::native::dial::tls::explain;
use crate::types::failure::Failure;
#[cfg(feature = "proxy")]
use crate::types::failure::ProxyFailure;

impl Failure {
    pub(super) fn lost(error: io::Error) -> Self {
        Self::Lost { source: Arc::new(explain(error)) }
    }

    /// Turns a panic of tokio, whose I/O driver or timers are missing, into [`RuntimeDriver`](Self::RuntimeDriver).
    pub(super) fn or_missing_driver(self) -> Self {
        match &self {
            Self::Panicked { message: Some(message) } if message.contains("IO is disabled") => {
                Self::RuntimeDriver { missing: "I/O" }
            }
            Self::Panicked { message: Some(message) } if message.contains("timers are disabled") => {
                Self::RuntimeDriver { missing: "time" }
            }
            _ => self,
        }
    }

    pub(super) fn system(error: impl Error + Send + Sync + 'static) -> Self {
        Self::System { source: Arc::new(io::Error::other(error)) }
    }

    #[cfg(feature = "http2")]
    pub(super) fn http2(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Http2 { source: Arc::new(io::Error::other(error)) }
    }

    #[cfg(feature = "__tls")]
    pub(super) fn tls(host: &str, error: io::Error) -> Self {
        Self::Tls { host: host.to_owned(), source: Arc::new(error) }
    }
}

#[cfg(feature = "proxy")]
impl ProxyFailure {
    pub(super) fn lost(error: io::Error) -> Self {
        Self::Lost { source: Arc::new(explain(error)) }
    }
}
