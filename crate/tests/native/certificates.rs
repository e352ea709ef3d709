//! Self-signed certificates, generated for each test.

use std::sync::Arc;

use samesocket::rustls::ServerConfig;
use samesocket::rustls::crypto::ring;
use samesocket::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// A self-signed certificate for the loopback addresses, with its key.
pub(crate) struct TestCertificate(rcgen::CertifiedKey<rcgen::KeyPair>);

impl TestCertificate {
    /// Generates a certificate for `name` and the loopback addresses.
    pub(crate) fn new(name: &str) -> Self {
        let names = [name, "127.0.0.1", "::1"].map(str::to_owned);
        let mut parameters = rcgen::CertificateParams::new(names).expect("names");
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = rcgen::KeyPair::generate().expect("a key");
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
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate()], self.key())
            .expect("a key that fits");
        TlsAcceptor::from(Arc::new(config))
    }
}
