//! TLS by rustls.
//!
//! [`provider`] has the cryptography, and [`trust`] the root certificates. [`verifiers`] verifies certificates, and
//! [`validity`] reads the time in which one is valid. [`reasons`] puts errors into plain words.

mod provider;
mod reasons;
mod trust;
mod validity;
mod verifiers;

use std::io;
use std::panic;
use std::sync::{Arc, OnceLock};

use tokio_rustls::rustls::client::{ResolvesClientCert, Resumption};
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ClientConfig, Error, ProtocolVersion, SignatureScheme};
use tokio_rustls::{TlsConnector, rustls};

pub(in crate::platform::native) use self::reasons::explain;
use crate::platform::native::dial::http_versions::HttpVersions;
use crate::platform::native::dial::io_stream::IoStream;
use crate::platform::native::dial::tls::verifiers::{AnyOfVerifier, CertificateCheck};
use crate::sync::same_arc;
use crate::trace::event;
use crate::types::failure::Failure;
use crate::types::invalid_option::InvalidOption;
use crate::types::trust_store::TrustStore;

/// The TLS settings of a connection with a server or a proxy.
///
/// The configuration that they make is built once and shared by all clones.
#[derive(Clone, Default)]
pub(in crate::platform::native) struct TlsSettings {
    roots: Vec<CertificateDer<'static>>,
    /// The only certificates that are accepted, unless there are none.
    pinned: Vec<CertificateDer<'static>>,
    client: Option<Arc<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>>,
    accept_any: bool,
    /// The root certificates to trust beside `roots`, unless they are the default ones.
    trust: Option<TrustStore>,
    /// The cryptography, unless it is the default one.
    provider: Option<Arc<CryptoProvider>>,
    /// The protocols to offer by ALPN, unless they are the default.
    alpn: Option<Vec<Vec<u8>>>,
    /// Whether the name of the server is left out of the `ClientHello`.
    without_sni: bool,
    /// The user's own configuration, which replaces all other settings.
    custom: Option<Arc<ClientConfig>>,
    /// The configuration built from the other settings. Sockets that share it resume each other's TLS sessions.
    built: Arc<OnceLock<Arc<ClientConfig>>>,
}

/// The protocol that is offered by default. A WebSocket starts with a request of HTTP/1.1.
const DEFAULT_ALPN: &[u8] = b"http/1.1";

/// The most bytes of the name of a protocol, by [RFC 7301, section 3.1](https://www.rfc-editor.org/rfc/rfc7301#section-3.1).
const MAX_ALPN_LEN: usize = 255;

/// The configuration of all sockets with default settings.
static DEFAULT: OnceLock<Arc<ClientConfig>> = OnceLock::new();

impl TlsSettings {
    /// Trusts one more root certificate.
    pub(in crate::platform::native) fn add_root(&mut self, certificate: &[u8]) {
        self.roots.push(CertificateDer::from(certificate.to_vec()));
        self.built = Arc::default();
    }

    /// Trusts exactly this certificate of the server.
    pub(in crate::platform::native) fn add_pinned(&mut self, certificate: &[u8]) {
        self.pinned.push(CertificateDer::from(certificate.to_vec()));
        self.built = Arc::default();
    }

    /// Sets the certificate chain and key of the client.
    pub(in crate::platform::native) fn set_client(
        &mut self,
        chain: Vec<Vec<u8>>,
        key: &[u8],
    ) -> Result<(), InvalidOption> {
        let key = PrivateKeyDer::try_from(key.to_vec())
            .map_err(|_| InvalidOption::new("the private key is not the DER of PKCS #8, PKCS #1 or SEC 1"))?;
        self.client = Some(Arc::new((chain.into_iter().map(CertificateDer::from).collect(), key)));
        self.built = Arc::default();
        Ok(())
    }

    /// Removes the certificate of the client, because it is meant for another server. The rules by which the certificate
    /// of the server is judged stay the same.
    pub(in crate::platform::native) fn forget_client(&mut self) {
        if self.client.take().is_some() {
            self.built = Arc::default();
        }
        if let Some(config) = &mut self.custom {
            let config = Arc::make_mut(config);
            config.client_auth_cert_resolver = Arc::new(NoClientCertificate);
            // A session could stand for the certificate with which it was made.
            config.resumption = Resumption::disabled();
        }
    }

    /// Accepts any certificate of any server.
    pub(in crate::platform::native) fn accept_any(&mut self) {
        self.accept_any = true;
        self.built = Arc::default();
    }

    /// Sets the root certificates to trust beside those that were added.
    pub(in crate::platform::native) fn set_trust(&mut self, store: TrustStore) {
        self.trust = Some(store);
        self.built = Arc::default();
    }

    /// Sets the cryptography.
    pub(in crate::platform::native) fn set_provider(&mut self, provider: Arc<CryptoProvider>) {
        self.provider = Some(provider);
        self.built = Arc::default();
    }

    /// Sets the protocols to offer by ALPN. None at all is valid, an empty name is not.
    pub(in crate::platform::native) fn set_alpn(&mut self, protocols: Vec<Vec<u8>>) -> Result<(), InvalidOption> {
        if protocols.iter().any(|name| name.is_empty() || name.len() > MAX_ALPN_LEN) {
            return Err(InvalidOption::new("the name of an ALPN protocol has 1 to 255 bytes"));
        }
        self.alpn = Some(protocols);
        self.built = Arc::default();
        Ok(())
    }

    /// Sets whether the name of the server is sent unencrypted, for servers with several certificates.
    pub(in crate::platform::native) fn set_sni(&mut self, is_sent: bool) {
        self.without_sni = !is_sent;
        self.built = Arc::default();
    }

    /// Sets the user's own configuration.
    pub(in crate::platform::native) fn set_custom(&mut self, config: Arc<ClientConfig>) {
        self.custom = Some(config);
    }

    /// Returns whether the configuration or its cryptography may be the user's own. Its parts run the user's code while a
    /// stream is read and written.
    pub(in crate::platform::native) const fn is_custom(&self) -> bool {
        self.custom.is_some() || self.provider.is_some() || !provider::IS_DEFAULT_BUILTIN
    }

    /// Returns whether there are two settings, one of which would be ignored.
    pub(super) fn is_contradictory(&self) -> bool {
        let is_pinned = !self.pinned.is_empty();
        self.custom.is_some() && !self.has_default_parts()
            || is_pinned && (self.accept_any || self.trust.is_some() || !self.roots.is_empty())
    }

    /// Returns whether no setting was changed.
    #[cfg(feature = "proxy")]
    pub(super) fn is_default(&self) -> bool {
        self.custom.is_none() && self.has_default_parts()
    }

    /// Returns whether no setting but the user's own configuration was changed.
    fn has_default_parts(&self) -> bool {
        !self.accept_any
            && self.roots.is_empty()
            && self.pinned.is_empty()
            && self.client.is_none()
            && self.trust.is_none()
            && self.provider.is_none()
            && self.alpn.is_none()
            && !self.without_sni
    }

    /// Checks that a configuration can be made with the features of this build.
    pub(super) fn check_features(&self) -> Result<(), Failure> {
        if self.custom.is_some() {
            return Ok(());
        }
        if self.provider.is_none() && provider::default_provider().is_none() {
            return Err(Failure::MissingFeature { feature: "tls-ring" });
        }
        let needs_roots = !self.accept_any && self.pinned.is_empty() && self.roots.is_empty() && self.trust.is_none();
        if needs_roots && trust::default_store() == TrustStore::None {
            return Err(Failure::MissingFeature { feature: "tls-platform-roots" });
        }
        Ok(())
    }

    /// Returns the configuration without a blocking thread if it exists; otherwise builds it on one.
    async fn config(&self) -> io::Result<Arc<ClientConfig>> {
        if let Some(config) = self.custom.as_ref().or_else(|| self.cache().get()) {
            return Ok(Arc::clone(config));
        }
        let settings = self.clone();
        // The platform's trust store is read from files.
        match tokio::task::spawn_blocking(move || settings.build_cached()).await {
            Ok(built) => built.map_err(io::Error::other),
            Err(error) => match error.try_into_panic() {
                // The user's cryptography has panicked. The driver catches it as it does on this thread.
                Ok(payload) => panic::resume_unwind(payload),
                Err(error) => Err(error.into()),
            },
        }
    }

    fn build_cached(&self) -> Result<Arc<ClientConfig>, Error> {
        // Another socket may have built it while this one waited for a thread.
        if let Some(config) = self.cache().get() {
            return Ok(Arc::clone(config));
        }
        let config = self.build()?;
        Ok(Arc::clone(self.cache().get_or_init(|| Arc::new(config))))
    }

    fn cache(&self) -> &OnceLock<Arc<ClientConfig>> {
        if self.has_default_parts() { &DEFAULT } else { &self.built }
    }

    fn build(&self) -> Result<ClientConfig, Error> {
        let provider = self.provider.clone().or_else(provider::default_provider);
        let provider = provider.ok_or_else(|| Error::General("there is no provider of cryptography".to_owned()))?;
        let checks = match (self.accept_any, &*self.pinned) {
            (true, _) => None,
            (false, []) => Some(self.root_checks(&provider)?),
            (false, pinned) => Some(vec![CertificateCheck::Pinned(pinned.to_vec())]),
        };
        let verifier = Arc::new(AnyOfVerifier { checks, provider: Arc::clone(&provider) });
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match self.client.as_deref() {
            Some((chain, key)) => builder.with_client_auth_cert(chain.clone(), key.clone_key())?,
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = self.alpn.clone().unwrap_or_else(|| vec![DEFAULT_ALPN.to_vec()]);
        config.enable_sni = !self.without_sni;
        Ok(config)
    }

    /// Returns a verifier for the added root certificates, if there are any, and one for the trust store.
    fn root_checks(&self, provider: &Arc<CryptoProvider>) -> Result<Vec<CertificateCheck>, Error> {
        let store = trust::verifier(self.trust.unwrap_or(trust::default_store()), provider);
        if self.roots.is_empty() {
            return Ok(store?.map(CertificateCheck::Roots).into_iter().collect());
        }
        let mut roots = rustls::RootCertStore::empty();
        for root in &self.roots {
            roots.add(root.clone())?;
        }
        let mut checks = vec![CertificateCheck::Roots(trust::verifier_by(roots, provider)?)];
        // A platform without root certificates is no error, because the user has given some.
        checks.extend(store.ok().flatten().map(CertificateCheck::Roots));
        Ok(checks)
    }
}

/// The absence of a certificate of the client.
#[derive(Debug)]
struct NoClientCertificate;

impl ResolvesClientCert for NoClientCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// The name of HTTP/2 in ALPN.
const HTTP2: &[u8] = b"h2";

/// Settings are equal if a connection made with one could have been made with the other.
impl PartialEq for TlsSettings {
    fn eq(&self, other: &Self) -> bool {
        let same_parts = self.roots == other.roots
            && self.pinned == other.pinned
            && self.client == other.client
            && self.accept_any == other.accept_any
            && self.trust == other.trust
            && self.alpn == other.alpn
            && self.without_sni == other.without_sni;
        same_parts
            && same_arc(self.provider.as_ref(), other.provider.as_ref())
            && same_arc(self.custom.as_ref(), other.custom.as_ref())
    }
}

impl Eq for TlsSettings {}

/// Sets the protocols that the configuration offers.
fn offer(config: Arc<ClientConfig>, versions: HttpVersions) -> Arc<ClientConfig> {
    let offered = offered_protocols(&config.alpn_protocols, versions);
    if offered == config.alpn_protocols {
        return config;
    }
    let mut config = Arc::unwrap_or_clone(config);
    config.alpn_protocols = offered;
    Arc::new(config)
}

/// Returns the protocols to offer, if these are the ones of the settings. HTTP/2 is offered only if it would be spoken.
fn offered_protocols(names: &[Vec<u8>], versions: HttpVersions) -> Vec<Vec<u8>> {
    let mut others: Vec<_> = names.iter().filter(|name| *name != HTTP2).cloned().collect();
    // A server ends the handshake if it has none of the protocols that are offered.
    if others.is_empty() {
        others.push(DEFAULT_ALPN.to_vec());
    }
    match versions {
        HttpVersions::Http1 if names.is_empty() => Vec::new(),
        HttpVersions::Http1 | HttpVersions::Http1Instead => others,
        HttpVersions::Http2 => vec![HTTP2.to_vec()],
        HttpVersions::Either => [vec![HTTP2.to_vec()], others].concat(),
    }
}

/// Performs the TLS handshake over `stream`. The certificate of the server has to be valid for `host`. Returns the stream,
/// and whether the server has chosen HTTP/2.
pub(super) async fn connect(
    settings: &TlsSettings,
    host: &str,
    stream: Box<dyn IoStream>,
    versions: HttpVersions,
) -> Result<(Box<dyn IoStream>, bool), Failure> {
    let failed = |error| Failure::tls(host, error);
    let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(io::Error::other(error)))?;
    let config = offer(settings.config().await.map_err(failed)?, versions);
    let stream = TlsConnector::from(config).connect(name, stream).await;
    let stream = stream.map_err(|error| failed(reasons::explain_handshake(error)))?;
    let version = stream.get_ref().1.protocol_version();
    let version = version.as_ref().and_then(ProtocolVersion::as_str);
    event!(current, DEBUG, "TLS established", host = host, version = version);
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP2);
    Ok((Box::new(stream), is_http2 && matches!(versions, HttpVersions::Http2 | HttpVersions::Either)))
}

/// Checks that `name` is a name or an address that a certificate can be valid for.
pub(in crate::platform::native) fn check_server_name(name: &str) -> Result<(), InvalidOption> {
    match ServerName::try_from(name) {
        Ok(_) => Ok(()),
        Err(_) => Err(InvalidOption::new("the server name for TLS is neither a DNS name nor an address")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offered_protocols_always_have_one_for_each_version() {
        let offered = |names: &[&[u8]], versions| {
            let names: Vec<_> = names.iter().map(|name| name.to_vec()).collect();
            let offered = offered_protocols(&names, versions);
            offered.into_iter().map(|name| String::from_utf8(name).unwrap()).collect::<Vec<_>>().join(",")
        };
        let all = |names: &[&[u8]]| {
            use HttpVersions::{Either, Http1, Http1Instead, Http2};
            [Http1, Http1Instead, Http2, Either].map(|versions| offered(names, versions))
        };
        assert_eq!(all(&[b"http/1.1"]), ["http/1.1", "http/1.1", "h2", "h2,http/1.1"]);
        assert_eq!(all(&[b"h2", b"http/1.1"]), ["http/1.1", "http/1.1", "h2", "h2,http/1.1"]);
        assert_eq!(all(&[b"x", b"h2"]), ["x", "x", "h2", "h2,x"]);
        // A configuration of rustls offers none by default.
        assert_eq!(all(&[]), ["", "http/1.1", "h2", "h2,http/1.1"]);
    }
}
