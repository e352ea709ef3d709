//! The TLS certificate for the loopback addresses, generated at each start.

use std::{io, sync::Arc};

use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

/// The subject names of the certificate.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The name of HTTP/2 in ALPN ([RFC 9113, section 3.2](https://www.rfc-editor.org/rfc/rfc9113#section-3.2)).
pub(crate) const H2: &[u8] = b"h2";

/// Generates a self-signed certificate, and returns it after two TLS acceptors for it: for HTTP/1.1, and for HTTP/2, too.
pub(crate) fn acceptors() -> io::Result<(TlsAcceptor, TlsAcceptor, CertificateDer<'static>)> {
    let names = NAMES.map(str::to_owned);
    let certified = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
    let certificate = certified.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], PrivateKeyDer::Pkcs8(key))
        .map_err(io::Error::other)?;
    let mut with_h2 = config.clone();
    with_h2.alpn_protocols = vec![H2.to_vec(), b"http/1.1".to_vec()];
    Ok((TlsAcceptor::from(Arc::new(config)), TlsAcceptor::from(Arc::new(with_h2)), certificate))
}
