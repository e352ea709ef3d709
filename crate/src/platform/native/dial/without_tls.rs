//! TLS in a build without it: a `wss:` URL fails, and there are no settings.

use std::io;

use crate::platform::native::dial::http_versions::HttpVersions;
use crate::platform::native::dial::io_stream::IoStream;
use crate::types::failure::Failure;

const MISSING: Failure = Failure::MissingFeature { feature: "tls" };

/// The TLS settings, of which there are none.
#[derive(Clone, Default, PartialEq, Eq)]
pub(in crate::platform::native) struct TlsSettings(());

#[allow(clippy::unused_self, reason = "the methods are those of a build with the feature")]
impl TlsSettings {
    pub(in crate::platform::native) const fn forget_client(&mut self) {}

    pub(in crate::platform::native) const fn is_custom(&self) -> bool {
        false
    }

    pub(super) const fn is_contradictory(&self) -> bool {
        false
    }

    #[cfg(feature = "proxy")]
    pub(super) const fn is_default(&self) -> bool {
        true
    }

    pub(super) const fn check_features(&self) -> Result<(), Failure> {
        Err(MISSING)
    }
}

/// Fails: there is no TLS.
#[allow(clippy::unused_async, reason = "the function is that of a build with the feature")]
pub(super) async fn connect(
    _: &TlsSettings,
    _: &str,
    _: Box<dyn IoStream>,
    _: HttpVersions,
) -> Result<(Box<dyn IoStream>, bool), Failure> {
    Err(MISSING)
}

/// Returns the error as it is, because it does not come from TLS.
pub(in crate::platform::native) const fn explain(error: io::Error) -> io::Error {
    error
}
