//! The options for TLS with the server.

use std::sync::Arc;

use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::Options;

impl Options {
    /// Trusts one more root certificate, in DER, beside those of the platform. The default is none beside them.
    ///
    /// It verifies the certificates that this issuer has signed. It does not verify the certificate itself if a server
    /// presents it and it is marked as that of an issuer (CA:TRUE), as `openssl req -x509` makes it. For such a server use
    /// [`pinned_certificate`](Self::pinned_certificate).
    ///
    /// It is also trusted for an `https` proxy without TLS settings of its own. It cannot be combined with
    /// [`tls_config`](Self::tls_config) or [`pinned_certificate`](Self::pinned_certificate).
    ///
    /// ```no_run
    /// use samesocket::Options;
    ///
    /// let options = Options::new().root_certificate(std::fs::read("root.der")?.into());
    /// # drop(options);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn root_certificate(mut self, certificate: CertificateDer<'static>) -> Self {
        self.tls_with_proxies.add_root(certificate.clone());
        self.tls.add_root(certificate);
        self
    }

    /// Trusts exactly this certificate of the server, in DER, and no other. The default is to verify the issuer.
    ///
    /// It is for a server with a self-signed certificate, such as one that `openssl req -x509` has made. It does not
    /// matter who has issued the certificate, or whether it is marked as that of an issuer. Called several times, the
    /// server may have any of the certificates, so that one can be replaced.
    ///
    /// - The server has to own the key of the certificate, as with any certificate.
    /// - The certificate has to be the same byte for byte. Another one with the same key or name is refused, even one that
    ///   the platform trusts.
    /// - It has to be an X.509 certificate of version 3, as `openssl req -x509` makes it.
    /// - The current time has to be within its validity.
    /// - The host of the URL has to be one of its names. A certificate without any name (subjectAltName) is trusted for
    ///   each host, because `openssl req -x509` makes such certificates unless told otherwise.
    ///
    /// It cannot be combined with [`tls_config`](Self::tls_config), [`root_certificate`](Self::root_certificate) or
    /// [`dangerous_accept_any_certificate`](Self::dangerous_accept_any_certificate).
    ///
    /// ```no_run
    /// use samesocket::Options;
    ///
    /// let options = Options::new().pinned_certificate(std::fs::read("server.der")?.into());
    /// # drop(options);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn pinned_certificate(mut self, certificate: CertificateDer<'static>) -> Self {
        self.tls.add_pinned(certificate);
        self
    }

    /// Sets the certificate for servers that demand one. The default is none.
    ///
    /// The chain begins with the client's own certificate. A proxy does not get it; see
    /// [`Proxy::client_certificate`](crate::Proxy::client_certificate). It cannot be combined with
    /// [`tls_config`](Self::tls_config).
    ///
    /// ```no_run
    /// use samesocket::Options;
    /// use samesocket::rustls::pki_types::PrivatePkcs8KeyDer;
    ///
    /// let key = PrivatePkcs8KeyDer::from(std::fs::read("client-key.der")?);
    /// let options = Options::new().client_certificate(vec![std::fs::read("client.der")?.into()], key.into());
    /// # drop(options);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn client_certificate(mut self, chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Self {
        self.tls.set_client(chain, key);
        self
    }

    /// Sets the whole TLS configuration for the server. The default is made from the other TLS options.
    ///
    /// It is not used for a proxy; see [`Proxy::tls_config`](crate::Proxy::tls_config). It cannot be combined with
    /// [`root_certificate`](Self::root_certificate), [`pinned_certificate`](Self::pinned_certificate),
    /// [`client_certificate`](Self::client_certificate) or
    /// [`dangerous_accept_any_certificate`](Self::dangerous_accept_any_certificate), in any order. A socket with both
    /// fails with [`Failure::ContradictoryTls`](crate::Failure::ContradictoryTls) before it connects, even for a `ws:`
    /// URL.
    ///
    /// ```
    /// use samesocket::Options;
    /// use samesocket::rustls::crypto::ring;
    /// use samesocket::rustls::{ClientConfig, RootCertStore};
    /// use std::sync::Arc;
    ///
    /// let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
    ///     .with_safe_default_protocol_versions()?
    ///     .with_root_certificates(RootCertStore::empty())
    ///     .with_no_client_auth();
    /// let options = Options::new().tls_config(Arc::new(config));
    /// # drop(options);
    /// # Ok::<(), samesocket::rustls::Error>(())
    /// ```
    #[must_use]
    pub fn tls_config(mut self, config: Arc<ClientConfig>) -> Self {
        self.tls.set_custom(config);
        self
    }

    /// Accepts any certificate of any server. By default, certificates are verified.
    ///
    /// An attacker on the network can then read and change all messages. To trust a self-signed certificate, use
    /// [`pinned_certificate`](Self::pinned_certificate) instead.
    ///
    /// The certificate of a proxy is still verified; see
    /// [`Proxy::dangerous_accept_any_certificate`](crate::Proxy::dangerous_accept_any_certificate). It cannot be combined
    /// with [`tls_config`](Self::tls_config) or [`pinned_certificate`](Self::pinned_certificate).
    ///
    /// ```
    /// let options = samesocket::Options::new().dangerous_accept_any_certificate();
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn dangerous_accept_any_certificate(mut self) -> Self {
        self.tls.accept_any();
        self
    }
}
