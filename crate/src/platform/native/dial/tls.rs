//! TLS, by rustls, with the platform's trust.

use std::io;
use std::sync::{Arc, OnceLock};

use rustls_platform_verifier::Verifier;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio_rustls::{TlsConnector, rustls};

use crate::platform::native::failure::Failure;
use crate::platform::native::options::Stream;

/// Whom to trust, and what to show.
#[derive(Clone, Default)]
pub(in crate::platform::native) struct Trust {
    roots: Vec<CertificateDer<'static>>,
    client: Option<Arc<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>>,
    any: bool,
    /// A configuration of the user's, which stands for itself.
    given: Option<Arc<ClientConfig>>,
    /// What the rest comes to, once it was needed: for all clones, so that it is made once, and sessions are resumed.
    config: Arc<OnceLock<Arc<ClientConfig>>>,
}

/// The configuration of those who choose nothing.
static DEFAULT: OnceLock<Arc<ClientConfig>> = OnceLock::new();

impl Trust {
    pub(in crate::platform::native) fn add_root(&mut self, certificate: CertificateDer<'static>) {
        self.roots.push(certificate);
        self.config = Arc::default();
    }

    pub(in crate::platform::native) fn set_client(
        &mut self,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) {
        self.client = Some(Arc::new((chain, key)));
        self.config = Arc::default();
    }

    pub(in crate::platform::native) fn accept_any(&mut self) {
        self.any = true;
        self.config = Arc::default();
    }

    /// Whether the configuration, and what of it runs while a stream is read and written, is the user's.
    pub(in crate::platform::native) const fn is_given(&self) -> bool {
        self.given.is_some()
    }

    pub(in crate::platform::native) fn set_config(&mut self, config: Arc<ClientConfig>) {
        self.given = Some(config);
    }

    /// Whether a configuration was given and something beside it, of which one would have to be left out.
    pub(in crate::platform::native) fn is_contradictory(&self) -> bool {
        self.given.is_some() && self.has_choice()
    }

    /// Whether anything of what a configuration is made of was chosen.
    const fn has_choice(&self) -> bool {
        self.any || !self.roots.is_empty() || self.client.is_some()
    }

    /// Gives the configuration, which is made of files of the platform's when it is first needed.
    fn config(&self) -> Result<Arc<ClientConfig>, Error> {
        let place = if self.has_choice() { &self.config } else { &DEFAULT };
        if let Some(config) = self.given.as_ref().or_else(|| place.get()) {
            return Ok(Arc::clone(config));
        }
        let config = self.build()?;
        Ok(Arc::clone(place.get_or_init(|| Arc::new(config))))
    }

    fn build(&self) -> Result<ClientConfig, Error> {
        // A provider of our own, so that the process need not have one, and whichever it has does not matter.
        let provider = Arc::new(ring::default_provider());
        let judges = if self.any { None } else { Some(judges(&self.roots, &provider)?) };
        let verifier = Arc::new(Judged { judges, provider: Arc::clone(&provider) });
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

/// One for the roots that were given, if there are any, and the platform's verifier.
fn judges(
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
    let given = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider));
    let mut judges: Vec<Arc<dyn ServerCertVerifier>> =
        vec![given.build().map_err(|error| Error::General(error.to_string()))?];
    // A platform without any root of its own is no hindrance here.
    if let Ok(platform) = platform {
        judges.push(Arc::new(platform));
    }
    Ok(judges)
}

/// Does the TLS handshake over a stream.
pub(in crate::platform::native) async fn connect(
    trust: &Trust,
    host: &str,
    stream: Box<dyn Stream>,
) -> Result<Box<dyn Stream>, Failure> {
    let failed = |error| Failure::tls(host, error);
    let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(io::Error::other(error)))?;
    let trust = trust.clone();
    let config = tokio::task::spawn_blocking(move || trust.config()).await;
    let config = config.map_err(|error| failed(error.into()))?.map_err(|error| failed(io::Error::other(error)))?;
    let stream = TlsConnector::from(config).connect(name, stream).await.map_err(failed)?;
    Ok(Box::new(stream))
}

/// A verifier that takes what any of its judges takes, and checks itself that the server has its key.
#[derive(Debug)]
struct Judged {
    /// They are asked in this order, and the first tells what is wrong; without judges, any certificate is good.
    judges: Option<Vec<Arc<dyn ServerCertVerifier>>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Judged {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(judges) = &self.judges else { return Ok(ServerCertVerified::assertion()) };
        let mut wrong = None;
        for judge in judges {
            match judge.verify_server_cert(end_entity, intermediates, server_name, ocsp, now) {
                Ok(verified) => return Ok(verified),
                Err(error) => wrong = wrong.or(Some(error)),
            }
        }
        Err(wrong.unwrap_or_else(|| CertificateError::UnknownIssuer.into()))
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
