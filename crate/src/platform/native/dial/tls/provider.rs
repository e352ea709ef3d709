//! The cryptography of TLS.

use std::sync::Arc;

use tokio_rustls::rustls::crypto::CryptoProvider;

/// Whether the default provider is one of this build. Otherwise it is that of the process, which may be the program's own.
pub(super) const IS_DEFAULT_BUILTIN: bool = cfg!(any(feature = "tls-aws-lc-rs", feature = "tls-ring"));

/// Returns the provider of sockets whose options name none: ring, aws-lc, or that of the process.
///
/// A socket brings its own provider if it can, so that it neither needs nor depends on the default of the process. With
/// ring, another crate of the program that enables the feature for aws-lc changes nothing.
pub(super) fn default_provider() -> Option<Arc<CryptoProvider>> {
    #[cfg(feature = "tls-ring")]
    let provider = Some(Arc::new(tokio_rustls::rustls::crypto::ring::default_provider()));
    #[cfg(all(feature = "tls-aws-lc-rs", not(feature = "tls-ring")))]
    let provider = Some(Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider()));
    #[cfg(not(any(feature = "tls-aws-lc-rs", feature = "tls-ring")))]
    let provider = CryptoProvider::get_default().cloned();
    provider
}
