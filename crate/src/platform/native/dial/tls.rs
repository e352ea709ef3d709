//! TLS by rustls, with the trust store of the platform.

use std::io;
use std::sync::{Arc, OnceLock};

use rustls_platform_verifier::Verifier;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio_rustls::{TlsConnector, rustls};

use crate::platform::native::dial::io_stream::IoStream;
use crate::platform::native::failure::Failure;

/// The TLS settings of a socket. The configuration that they make is built once and shared by all clones.
#[derive(Clone, Default)]
pub(in crate::platform::native) struct TlsSettings {
    roots: Vec<CertificateDer<'static>>,
    client: Option<Arc<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>>,
    accept_any: bool,
    /// The user's own configuration, which replaces all other settings.
    custom: Option<Arc<ClientConfig>>,
    /// The configuration built from the other settings. Sockets that share it resume each other's TLS sessions.
    built: Arc<OnceLock<Arc<ClientConfig>>>,
}

/// The configuration of all sockets with default settings.
static DEFAULT: OnceLock<Arc<ClientConfig>> = OnceLock::new();

impl TlsSettings {
    /// Trusts one more root certificate.
    pub(in crate::platform::native) fn add_root(&mut self, certificate: CertificateDer<'static>) {
        self.roots.push(certificate);
        self.built = Arc::default();
    }

    /// Sets the certificate chain and key of the client.
    pub(in crate::platform::native) fn set_client(
        &mut self,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) {
        self.client = Some(Arc::new((chain, key)));
        self.built = Arc::default();
    }

    /// Accepts any certificate of any server.
    pub(in crate::platform::native) fn accept_any(&mut self) {
        self.accept_any = true;
        self.built = Arc::default();
    }

    /// Sets the user's own configuration.
    pub(in crate::platform::native) fn set_custom(&mut self, config: Arc<ClientConfig>) {
        self.custom = Some(config);
    }

    /// Returns whether the configuration is the user's own. Its parts run the user's code while a stream is read and
    /// written.
    pub(in crate::platform::native) const fn is_custom(&self) -> bool {
        self.custom.is_some()
    }

    /// Returns whether there is a configuration of the user's and another setting, one of which would be ignored.
    pub(super) fn is_contradictory(&self) -> bool {
        self.custom.is_some() && !self.is_default()
    }

    /// Returns whether no setting but the user's own configuration was changed.
    const fn is_default(&self) -> bool {
        !self.accept_any && self.roots.is_empty() && self.client.is_none()
    }

    /// Returns the configuration without a blocking thread if it exists; otherwise builds it on one.
    async fn config(&self) -> io::Result<Arc<ClientConfig>> {
        if let Some(config) = self.custom.as_ref().or_else(|| self.cache().get()) {
            return Ok(Arc::clone(config));
        }
        let settings = self.clone();
        // The platform's trust store is read from files.
        tokio::task::spawn_blocking(move || settings.build_cached().map_err(io::Error::other)).await?
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
        if self.is_default() { &DEFAULT } else { &self.built }
    }

    fn build(&self) -> Result<ClientConfig, Error> {
        // The socket brings its own provider, so that it neither needs nor depends on the default of the process.
        let provider = Arc::new(ring::default_provider());
        let verifiers = if self.accept_any { None } else { Some(verifiers(&self.roots, &provider)?) };
        let verifier = Arc::new(AnyOfVerifier { verifiers, provider: Arc::clone(&provider) });
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match self.client.as_deref() {
            Some((chain, key)) => builder.with_client_auth_cert(chain.clone(), key.clone_key())?,
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// Returns a verifier for `roots`, if there are any, and the platform's verifier.
fn verifiers(
    roots: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<Vec<Arc<dyn ServerCertVerifier>>, Error> {
    let platform = Verifier::new(Arc::clone(provider));
    if roots.is_empty() {
        return Ok(vec![Arc::new(platform?)]);
    }
    let mut store = rustls::RootCertStore::empty();
    for root in roots {
        store.add(root.clone())?;
    }
    let by_roots = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider));
    let by_roots = by_roots.build().map_err(|error| Error::General(error.to_string()))?;
    let mut verifiers: Vec<Arc<dyn ServerCertVerifier>> = vec![by_roots];
    // A platform without root certificates is no error, because the user has given some.
    if let Ok(platform) = platform {
        verifiers.push(Arc::new(platform));
    }
    Ok(verifiers)
}

/// Performs the TLS handshake over `stream`. The certificate of the server has to be valid for `host`.
pub(super) async fn connect(
    settings: &TlsSettings,
    host: &str,
    stream: Box<dyn IoStream>,
) -> Result<Box<dyn IoStream>, Failure> {
    let failed = |error| Failure::tls(host, error);
    let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(io::Error::other(error)))?;
    let config = settings.config().await.map_err(failed)?;
    let stream = TlsConnector::from(config).connect(name, stream).await.map_err(failed)?;
    Ok(Box::new(stream))
}

/// A verifier that accepts a certificate if any of its inner verifiers does.
///
/// It checks itself that the server owns the key of its certificate.
#[derive(Debug)]
struct AnyOfVerifier {
    /// The inner verifiers in the order in which they are asked. The first one's error is reported.
    ///
    /// `None` accepts any certificate.
    verifiers: Option<Vec<Arc<dyn ServerCertVerifier>>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyOfVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(verifiers) = &self.verifiers else { return Ok(ServerCertVerified::assertion()) };
        let mut first_error = None;
        for verifier in verifiers {
            match verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp, now) {
                Ok(verified) => return Ok(verified),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        Err(first_error.unwrap_or_else(|| CertificateError::UnknownIssuer.into()))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
