//! Certificates that are made at each start.

use std::sync::Arc;

use samesocket::rustls::ServerConfig;
use samesocket::rustls::crypto::ring;
use samesocket::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// A certificate for the loopback addresses, which is its own root, with its key.
pub(crate) struct Identity(rcgen::CertifiedKey<rcgen::KeyPair>);

impl Identity {
    /// Makes one that has this name beside those of the addresses, and in which nothing else is told.
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

    /// What a server has that shows it, and asks for none.
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
