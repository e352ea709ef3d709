//! The options for TLS with the server.

use super::Options;
use crate::platform::TlsSetters;
use crate::types::invalid_option::InvalidOption;
use crate::types::trust_store::TrustStore;

#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
impl Options {
    /// Trusts one more root certificate, in DER, beside those of the platform. The default is none beside them.
    ///
    /// It verifies the certificates that this issuer has signed. It does not verify a server that presents this
    /// certificate itself, if the certificate is marked as that of an issuer (CA:TRUE). `openssl req -x509` makes such
    /// certificates. For such a server use [`pinned_certificate`](Self::pinned_certificate).
    ///
    /// It is also trusted for an `https` proxy without TLS settings of its own. It cannot be combined with
    /// `tls_config` or [`pinned_certificate`](Self::pinned_certificate).
    ///
    /// ```no_run
    /// use samesocket::Options;
    ///
    /// let options = Options::new().root_certificate(std::fs::read("root.der")?);
    /// # drop(options);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn root_certificate(mut self, certificate: impl AsRef<[u8]>) -> Self {
        self.0.add_root(certificate.as_ref());
        self
    }

    /// Sets the root certificates to trust beside those of [`root_certificate`](Self::root_certificate).
    ///
    /// The default is `TrustStore::Platform`, or else `TrustStore::WebPki`, as far as the Cargo features allow. It also
    /// applies to an `https` proxy without TLS settings of its own. It cannot be combined with `tls_config` or
    /// [`pinned_certificate`](Self::pinned_certificate).
    ///
    /// ```no_run
    /// use samesocket::{Options, TrustStore};
    ///
    /// // Trusts what the company's issuer has signed, and nothing else.
    /// let options = Options::new().trust_store(TrustStore::None).root_certificate(std::fs::read("root.der")?);
    /// # drop(options);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn trust_store(mut self, store: TrustStore) -> Self {
        self.0.set_trust_store(store);
        self
    }

    /// Trusts exactly this certificate of the server, in DER, and no other. The default is to verify the issuer.
    ///
    /// It is for a server with a self-signed certificate, such as one that `openssl req -x509` has made. It does not
    /// matter who has issued the certificate, or whether it is marked as that of an issuer. After several calls, any of
    /// the certificates is accepted, so that one can be replaced.
    ///
    /// - The server has to own the key of the certificate, as with any certificate.
    /// - The certificate has to be the same byte for byte. Another one with the same key or name is refused, even one that
    ///   the platform trusts.
    /// - It has to be an X.509 certificate of version 3, as `openssl req -x509` makes it.
    /// - The current time has to be within its validity.
    /// - The host of the URL has to be one of its names. A certificate without any name (subjectAltName) is trusted for
    ///   each host, because `openssl req -x509` makes such certificates unless told otherwise.
    ///
    /// It cannot be combined with `tls_config`, [`root_certificate`](Self::root_certificate) or
    /// [`dangerous_accept_any_certificate`](Self::dangerous_accept_any_certificate).
    ///
    /// ```no_run
    /// use samesocket::Options;
    ///
    /// let options = Options::new().pinned_certificate(std::fs::read("server.der")?);
    /// # drop(options);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn pinned_certificate(mut self, certificate: impl AsRef<[u8]>) -> Self {
        self.0.add_pinned(certificate.as_ref());
        self
    }

    /// Sets the certificate for servers that demand one. The default is none.
    ///
    /// The chain begins with the client's own certificate, each in DER. The key is the DER of PKCS #8, PKCS #1 or SEC 1.
    /// A proxy does not get the certificate; see [`Proxy::client_certificate`](crate::Proxy::client_certificate). It
    /// cannot be combined with `tls_config`.
    ///
    /// ```no_run
    /// use samesocket::Options;
    ///
    /// let chain = [std::fs::read("client.der")?, std::fs::read("intermediate.der")?];
    /// let options = Options::new().client_certificate(chain, std::fs::read("client-key.der")?)?;
    /// # drop(options);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`InvalidOption`] if `key` is none of these forms. A page does not check it.
    pub fn client_certificate(
        mut self,
        chain: impl IntoIterator<Item = impl AsRef<[u8]>>,
        key: impl AsRef<[u8]>,
    ) -> Result<Self, InvalidOption> {
        let chain = chain.into_iter().map(|certificate| certificate.as_ref().to_vec()).collect();
        self.0.set_client(chain, key.as_ref())?;
        Ok(self)
    }

    /// Accepts any certificate of any server. By default, certificates are verified.
    ///
    /// An attacker on the network can then read and change all messages. To trust a self-signed certificate, use
    /// [`pinned_certificate`](Self::pinned_certificate) instead.
    ///
    /// The certificate of a proxy is still verified; see
    /// [`Proxy::dangerous_accept_any_certificate`](crate::Proxy::dangerous_accept_any_certificate). It cannot be combined
    /// with `tls_config` or [`pinned_certificate`](Self::pinned_certificate).
    ///
    /// ```
    /// let options = samesocket::Options::new().dangerous_accept_any_certificate();
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn dangerous_accept_any_certificate(mut self) -> Self {
        self.0.accept_any_certificate();
        self
    }

    /// Sets the protocols that TLS offers to the server ([ALPN](https://www.rfc-editor.org/rfc/rfc7301)). The default is
    /// `http/1.1` alone.
    ///
    /// Without any, the extension is left out, for servers that reject it. `h2` is offered only with [HTTP/2](crate::guide::http2), also if
    /// it is in the list. It is not used for a proxy, and cannot be combined with `tls_config`. A page refuses it.
    ///
    /// ```
    /// let options = samesocket::Options::new().alpn_protocols(["http/1.1", "x-amzn-mqtt-ca"])?;
    /// # drop(options);
    /// # Ok::<(), samesocket::InvalidOption>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`InvalidOption`] if a name is empty or has more than 255 bytes. A page does not check it.
    pub fn alpn_protocols(
        mut self,
        protocols: impl IntoIterator<Item = impl AsRef<[u8]>>,
    ) -> Result<Self, InvalidOption> {
        self.0.set_alpn_protocols(protocols.into_iter().map(|name| name.as_ref().to_vec()).collect())?;
        Ok(self)
    }

    /// Sets whether TLS sends the name of the server in clear text
    /// ([SNI](https://www.rfc-editor.org/rfc/rfc6066#section-3)). The default is `true`.
    ///
    /// Servers with several certificates need it. The certificate has to be valid for the name in any case. It is not used
    /// for a proxy, and `false` cannot be combined with `tls_config`. A page refuses `false`.
    ///
    /// ```
    /// let options = samesocket::Options::new().tls_sni(false);
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn tls_sni(mut self, is_sent: bool) -> Self {
        self.0.set_tls_sni(is_sent);
        self
    }

    /// Sets the name that TLS sends to the server, and that its certificate has to be valid for. The default is the host
    /// of the URL.
    ///
    /// It is for a server that is reached by an address or another name. An address is not sent, only verified. It is not
    /// used for a proxy. A page refuses it.
    ///
    /// ```
    /// let options = samesocket::Options::new().tls_server_name("internal.example")?;
    /// # drop(options);
    /// # Ok::<(), samesocket::InvalidOption>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`InvalidOption`] if `name` is neither a DNS name in ASCII nor an address. A page does not check it.
    pub fn tls_server_name(mut self, name: &str) -> Result<Self, InvalidOption> {
        self.0.set_tls_server_name(name)?;
        Ok(self)
    }
}
