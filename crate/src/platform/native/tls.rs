//! TLS, by rustls, with the platform's trust.

use std::io;
use std::sync::{Arc, OnceLock};

use rustls_platform_verifier::Verifier;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio_rustls::{TlsConnector, rustls};

use super::Failure;
use super::options::Stream;

/// Whom to trust, and what to show.
#[derive(Clone, Default)]
pub(super) struct Trust {
    roots: Vec<CertificateDer<'static>>,
    client: Option<Arc<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>>,
    any: bool,
    /// What all this comes to, once it was needed: for all clones, so that it is made once, and sessions are resumed.
    config: Arc<OnceLock<Arc<ClientConfig>>>,
}

/// The configuration of those who choose nothing.
static DEFAULT: OnceLock<Arc<ClientConfig>> = OnceLock::new();

impl Trust {
    pub(super) fn add_root(&mut self, certificate: CertificateDer<'static>) {
        self.roots.push(certificate);
        self.config = Arc::default();
    }

    pub(super) fn set_client(&mut self, chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) {
        self.client = Some(Arc::new((chain, key)));
        self.config = Arc::default();
    }

    pub(super) fn accept_any(&mut self) {
        self.any = true;
        self.config = Arc::default();
    }

    pub(super) fn set_config(&mut self, config: Arc<ClientConfig>) {
        self.config = Arc::new(OnceLock::from(config));
    }

    /// Gives the configuration, which is made of files of the platform's when it is first needed.
    fn config(&self) -> Result<Arc<ClientConfig>, Error> {
        let chosen = self.any || !self.roots.is_empty() || self.client.is_some() || self.config.get().is_some();
        let place = if chosen { &self.config } else { &DEFAULT };
        if let Some(config) = place.get() {
            return Ok(Arc::clone(config));
        }
        let config = self.build()?;
        Ok(Arc::clone(place.get_or_init(|| Arc::new(config))))
    }

    fn build(&self) -> Result<ClientConfig, Error> {
        // A provider of our own, so that the process need not have one, and whichever it has does not matter.
        let provider = Arc::new(ring::default_provider());
        let verifier: Arc<dyn ServerCertVerifier> =
            if self.any { Arc::new(AnyCertificate(Arc::clone(&provider))) } else { platform(&self.roots, &provider)? };
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

/// The platform's verifier, which is asked first, and one of the roots that were given.
fn platform(
    roots: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    if roots.is_empty() {
        return Ok(Arc::new(Verifier::new(Arc::clone(provider))?));
    }
    let mut store = rustls::RootCertStore::empty();
    for root in roots {
        store.add(root.clone())?;
    }
    let given = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider));
    let given = given.build().map_err(|error| Error::General(error.to_string()))?;
    // A platform without any root of its own is no hindrance here.
    let platform = Verifier::new(Arc::clone(provider)).ok();
    Ok(Arc::new(Either { given, platform }))
}

/// Does the TLS handshake over a stream.
pub(super) async fn connect(trust: &Trust, host: &str, stream: Box<dyn Stream>) -> Result<Box<dyn Stream>, Failure> {
    let failed = |error| Failure::tls(host, error);
    let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(io::Error::other(error)))?;
    let trust = trust.clone();
    let config = tokio::task::spawn_blocking(move || trust.config()).await;
    let config = config.map_err(|error| failed(error.into()))?.map_err(|error| failed(io::Error::other(error)))?;
    let stream = TlsConnector::from(config).connect(name, stream).await.map_err(failed)?;
    Ok(Box::new(stream))
}

/// A verifier that takes what either of two takes.
#[derive(Debug)]
struct Either {
    given: Arc<WebPkiServerVerifier>,
    platform: Option<Verifier>,
}

impl ServerCertVerifier for Either {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let given = self.given.verify_server_cert(end_entity, intermediates, server_name, ocsp, now);
        match (&given, &self.platform) {
            (Err(_), Some(platform)) => {
                platform.verify_server_cert(end_entity, intermediates, server_name, ocsp, now).or(given)
            }
            _ => given,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.given.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.given.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.given.supported_verify_schemes()
    }
}

/// A verifier that takes any certificate, and checks only that the server has its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
