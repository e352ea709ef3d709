//! Self-signed certificates, generated for each test.

use std::sync::Arc;

use rcgen::CertificateParams;
use samesocket::rustls::crypto::ring;
use samesocket::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use samesocket::rustls::server::WebPkiClientVerifier;
use samesocket::rustls::sign::{CertifiedKey, SingleCertAndKey};
use samesocket::rustls::version::{TLS12, TLS13};
use samesocket::rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::TlsAcceptor;

/// A self-signed certificate, with its key.
pub(crate) struct TestCertificate(rcgen::CertifiedKey<rcgen::KeyPair>);

impl TestCertificate {
    /// Generates a certificate for `name` and the loopback addresses.
    pub(crate) fn new(name: &str) -> Self {
        Self::with(&[name, "127.0.0.1", "::1"], |parameters| {
            parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        })
    }

    /// Generates a certificate for these names, as `change` changes it.
    pub(crate) fn with(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Self {
        Self::of_key(rcgen::KeyPair::generate().expect("a key"), names, change)
    }

    /// Generates another certificate with the same key.
    pub(crate) fn reissued(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = PrivatePkcs8KeyDer::from(self.0.signing_key.serialize_der());
        let key = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&key, &rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
        Self::of_key(key, names, change)
    }

    fn of_key(key: rcgen::KeyPair, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Self {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut parameters = CertificateParams::new(names).expect("names");
        change(&mut parameters);
        let cert = parameters.self_signed(&key).expect("a certificate");
        Self(rcgen::CertifiedKey { cert, signing_key: key })
    }

    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        self.0.cert.der().clone()
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.0.signing_key.serialize_der()).into()
    }

    /// Returns the acceptor of a server that has this certificate and demands none of its clients.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor_of(&[&TLS12, &TLS13])
    }

    /// Returns an acceptor with these versions of TLS.
    pub(crate) fn acceptor_of(&self, versions: &[&'static SupportedProtocolVersion]) -> TlsAcceptor {
        TlsAcceptor::from(self.config_of(versions))
    }

    /// Returns the configuration of a server that has this certificate and demands none of its clients.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.config_of(&[&TLS12, &TLS13])
    }

    fn config_of(&self, versions: &[&'static SupportedProtocolVersion]) -> Arc<ServerConfig> {
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate()], self.key())
            .expect("a key that fits");
        Arc::new(config)
    }

    /// Returns the acceptor of a server that takes the certificate of this client. It may also have none.
    pub(crate) fn acceptor_of_client(&self, client: &Self) -> TlsAcceptor {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(client.certificate()).expect("a certificate");
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()
            .expect("a root");
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![self.certificate()], self.key())
            .expect("a key that fits");
        TlsAcceptor::from(Arc::new(config))
    }

    /// Returns the acceptor of a server that presents the certificate of another, without having its key.
    pub(crate) fn acceptor_presenting(&self, other: &Self, version: &'static SupportedProtocolVersion) -> TlsAcceptor {
        let provider = ring::default_provider();
        let key = provider.key_provider.load_private_key(self.key()).expect("a key");
        let stolen = CertifiedKey::new(vec![other.certificate()], key);
        let config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(stolen)));
        TlsAcceptor::from(Arc::new(config))
    }
}
