//! The root certificates that are trusted.

/// The root certificates that a socket trusts, for [`Options::trust_store`](crate::Options::trust_store).
///
/// ```
/// use samesocket::{Options, TrustStore};
///
/// let options = Options::new().trust_store(TrustStore::None);
/// # drop(options);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrustStore {
    /// The root certificates that the platform trusts. It is the default if the feature `tls-platform-roots` is
    /// enabled.
    #[cfg(feature = "tls-platform-roots")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls-platform-roots")))]
    Platform,
    /// The root certificates of Mozilla, which are compiled into the program. It is the default if `tls-webpki-roots` is
    /// enabled and `tls-platform-roots` is not.
    ///
    /// They are as current as the crate `webpki-roots` that the program was built with.
    #[cfg(feature = "tls-webpki-roots")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls-webpki-roots")))]
    WebPki,
    /// No root certificate but those of [`root_certificate`](crate::Options::root_certificate).
    None,
}
