//! The streams under the clients: tokio's, with or without TLS. For samesocket: its options.

use std::sync::Arc;

use anyhow::Result;
use samesocket::{Compression, Http2, Options};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::connection::LIMIT;
use crate::server::{Address, Http};

/// A connected stream.
pub(crate) trait ClientStream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> ClientStream for S {}

pub(super) async fn plain(port: u16) -> Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A connector for TLS that trusts the server's certificate.
pub(super) struct Tls {
    connector: TlsConnector,
    port: u16,
}

impl Tls {
    pub(super) fn new(address: &Address, http: Http) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(address.certificate())?;
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        if http == Http::Two {
            config.alpn_protocols = vec![b"h2".to_vec()];
        }
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), port: address.port(http, true) })
    }

    pub(super) async fn connect(&self) -> Result<TlsStream<TcpStream>> {
        Ok(self.connector.connect(ServerName::try_from("localhost")?, plain(self.port).await?).await?)
    }
}

/// Returns samesocket's options, with limits that nothing here reaches. It compresses every message if the server agrees. The socket runs on the caller's runtime, which is the
/// default, or on the background thread. `handshakes` may be under way at a time.
pub(super) fn options(address: &Address, http: Http, on_caller_runtime: bool, handshakes: usize) -> Options {
    let limit = LIMIT as u64;
    let options = Options::new().max_frame_bytes(limit).max_message_bytes(limit).max_queued_bytes(u64::MAX);
    let options = options.compression(Compression::new().min_bytes(0));
    let options = options.root_certificate(address.certificate()).max_concurrent_handshakes(handshakes);
    let options = if http == Http::Two { options.http2(Http2::prior_knowledge()) } else { options };
    if on_caller_runtime { options } else { options.background_thread() }
}
