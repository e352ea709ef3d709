//! The root certificates that are trusted.

use std::sync::Arc;

use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::ServerCertVerifier;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::{Error, RootCertStore};

use crate::types::trust_store::TrustStore;

/// Returns the store of sockets whose options name none: the platform's, Mozilla's, or none.
pub(super) const fn default_store() -> TrustStore {
    #[cfg(feature = "tls-platform-roots")]
    let store = TrustStore::Platform;
    #[cfg(all(feature = "tls-webpki-roots", not(feature = "tls-platform-roots")))]
    let store = TrustStore::WebPki;
    #[cfg(not(any(feature = "tls-platform-roots", feature = "tls-webpki-roots")))]
    let store = TrustStore::None;
    store
}

/// Returns a verifier that trusts the root certificates of the store. Returns `None` for [`TrustStore::None`].
#[cfg_attr(
    not(any(feature = "tls-platform-roots", feature = "tls-webpki-roots")),
    allow(unused_variables, clippy::unnecessary_wraps, reason = "there is no store")
)]
pub(super) fn verifier(
    store: TrustStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ServerCertVerifier>>, Error> {
    Ok(match store {
        #[cfg(feature = "tls-platform-roots")]
        TrustStore::Platform => Some(Arc::new(rustls_platform_verifier::Verifier::new(Arc::clone(provider))?)),
        #[cfg(feature = "tls-webpki-roots")]
        TrustStore::WebPki => {
            Some(verifier_by(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }, provider)?)
        }
        TrustStore::None => None,
    })
}

/// Returns a verifier that trusts `roots`.
pub(super) fn verifier_by(
    roots: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    verifier.build().map(|verifier| verifier as _).map_err(|error| Error::General(error.to_string()))
}
