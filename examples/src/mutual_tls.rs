//! A client that shows the server a certificate, and reaches it through an HTTP proxy.

use std::path::Path;

use samesocket::rustls::pki_types::pem::PemObject as _;
use samesocket::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use samesocket::{Options, Proxy, Socket, connect};

use crate::BoxError;

/// The files of a client, in PEM.
pub struct Identity<'a> {
    /// The client's certificate, followed by those of its issuers.
    pub certificates: &'a Path,
    /// The private key of the client's certificate.
    pub key: &'a Path,
}

/// Connects through the proxy. The server must have a certificate of `authority`.
///
/// # Errors
///
/// Returns an error if a file cannot be read or there is no connection.
pub async fn connect_through(
    proxy: &str,
    url: &str,
    authority: &Path,
    identity: Option<Identity<'_>>,
) -> Result<Socket, BoxError> {
    let mut options =
        Options::new().proxy(Proxy::new(proxy)?).root_certificate(CertificateDer::from_pem_file(authority)?);
    if let Some(Identity { certificates, key }) = identity {
        let chain = CertificateDer::pem_file_iter(certificates)?.collect::<Result<Vec<_>, _>>()?;
        options = options.client_certificate(chain, PrivateKeyDer::from_pem_file(key)?.secret_der())?;
    }
    Ok(connect(url).options(options).await?)
}
