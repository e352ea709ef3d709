//! TLS by rustls, with the trust store of the platform.
//!
//! [`verifiers`] judges certificates, and [`validity`] reads the time in which one is valid.

mod validity;
mod verifiers;

use std::io;
use std::sync::{Arc, OnceLock};

use rustls_platform_verifier::Verifier;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, Error};
use tokio_rustls::{TlsConnector, rustls};

use crate::platform::native::dial::io_stream::IoStream;
use crate::platform::native::dial::tls::verifiers::{AnyOfVerifier, Judge};
use crate::platform::native::failure::Failure;

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

    /// Trusts exactly this certificate of the server.
    pub(in crate::platform::native) fn add_pinned(&mut self, certificate: CertificateDer<'static>) {
        self.pinned.push(certificate);
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

    /// Returns whether there are two settings, one of which would be ignored.
    pub(super) const fn is_contradictory(&self) -> bool {
        let is_pinned = !self.pinned.is_empty();
        self.custom.is_some() && !self.has_default_parts() || is_pinned && (self.accept_any || !self.roots.is_empty())
    }

    /// Returns whether no setting was changed.
    pub(super) const fn is_default(&self) -> bool {
        self.custom.is_none() && self.has_default_parts()
    }

    /// Returns whether no setting but the user's own configuration was changed.
    const fn has_default_parts(&self) -> bool {
        !self.accept_any && self.roots.is_empty() && self.pinned.is_empty() && self.client.is_none()
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
        if self.has_default_parts() { &DEFAULT } else { &self.built }
    }

    fn build(&self) -> Result<ClientConfig, Error> {
        // The socket brings its own provider, so that it neither needs nor depends on the default of the process.
        let provider = Arc::new(ring::default_provider());
        let judges = match (self.accept_any, &*self.pinned) {
            (true, _) => None,
            (false, []) => Some(judges_by(&self.roots, &provider)?),
            (false, pinned) => Some(vec![Judge::Pinned(pinned.to_vec())]),
        };
        let verifier = Arc::new(AnyOfVerifier { judges, provider: Arc::clone(&provider) });
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

/// Returns a judge by `roots`, if there are any, and one by the platform's trust store.
fn judges_by(roots: &[CertificateDer<'static>], provider: &Arc<CryptoProvider>) -> Result<Vec<Judge>, Error> {
    let platform = Verifier::new(Arc::clone(provider));
    if roots.is_empty() {
        return Ok(vec![Judge::Roots(Arc::new(platform?))]);
    }
    let mut store = rustls::RootCertStore::empty();
    for root in roots {
        store.add(root.clone())?;
    }
    let by_roots = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider));
    let by_roots = by_roots.build().map_err(|error| Error::General(error.to_string()))?;
    let mut judges = vec![Judge::Roots(by_roots)];
    // A platform without root certificates is no error, because the user has given some.
    if let Ok(platform) = platform {
        judges.push(Judge::Roots(Arc::new(platform)));
    }
    Ok(judges)
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
    let stream = TlsConnector::from(config).connect(name, stream).await;
    let stream = stream.map_err(|error| failed(verifiers::explain(error)))?;
    Ok(Box::new(stream))
}
