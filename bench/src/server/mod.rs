//! The bench's server: one thread for each TCP connection, the same work for every client.
//!
//! `work` is what the server does on a WebSocket, and `websocket_frames` parses for it. `http1` and `http2` carry it.

mod http1;
mod http2;
mod websocket_frames;
mod work;

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The size of reads and writes.
const BUFFER: usize = 256 << 10;

/// The size of reads and writes in jobs with many connections.
const SMALL_BUFFER: usize = 4 << 10;

/// The stack size of a connection's thread.
const STACK: usize = 256 << 10;

/// The version of HTTP that carries a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Http {
    One,
    Two,
}

/// The server's ports and its certificate, in hexadecimal digits.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) plain: u16,
    pub(crate) tls: u16,
    /// HTTP/2 with prior knowledge.
    pub(crate) http2: u16,
    /// HTTP/2, chosen by TLS.
    pub(crate) http2_tls: u16,
    certificate: String,
}

impl Address {
    /// Returns the URL of a path.
    pub(crate) fn url(&self, http: Http, tls: bool, path: &str) -> String {
        let port = self.port(http, tls);
        if tls { format!("wss://localhost:{port}{path}") } else { format!("ws://127.0.0.1:{port}{path}") }
    }

    /// Returns the port of a kind of connection.
    pub(crate) const fn port(&self, http: Http, tls: bool) -> u16 {
        match (http, tls) {
            (Http::One, false) => self.plain,
            (Http::One, true) => self.tls,
            (Http::Two, false) => self.http2,
            (Http::Two, true) => self.http2_tls,
        }
    }

    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        let digits = self.certificate.as_bytes().as_chunks().0.iter();
        let byte = |[high, low]: &[u8; 2]| {
            let digit = |letter: u8| char::from(letter).to_digit(16).unwrap_or_default();
            u8::try_from(digit(*high) << 4 | digit(*low)).unwrap_or_default()
        };
        CertificateDer::from(digits.map(byte).collect::<Vec<u8>>())
    }
}

/// Listens, prints the addresses to standard output, and serves until the process ends.
pub(crate) fn serve() -> Result<()> {
    let (plain, tls, http2, http2_tls) = (listen()?, listen()?, listen()?, listen()?);
    let (config, certificate) = tls_config()?;
    let mut http2_config = config.clone();
    http2_config.alpn_protocols = vec![b"h2".to_vec()];
    let port = |listener: &TcpListener| listener.local_addr().map(|address| address.port());
    let address = Address {
        plain: port(&plain)?,
        tls: port(&tls)?,
        http2: port(&http2)?,
        http2_tls: port(&http2_tls)?,
        certificate: certificate.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat(),
    };
    thread::spawn(move || accept_tls(&tls, config, http1::serve));
    thread::spawn(move || accept(&http2, http2::serve));
    thread::spawn(move || accept_tls(&http2_tls, http2_config, http2::serve));
    // Afterwards, only connections start threads.
    println!("{}", serde_json::to_string(&address)?);
    accept(&plain, http1::serve)
}

fn listen() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
}

/// Creates a self-signed certificate for the loopback, and a TLS configuration.
fn tls_config() -> Result<(ServerConfig, CertificateDer<'static>)> {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let certificate = certified.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.into())?;
    Ok((config, certificate))
}

fn accept_tls(
    listener: &TcpListener,
    config: ServerConfig,
    serve: fn(StreamOwned<ServerConnection, TcpStream>) -> Result<()>,
) -> Result<()> {
    let config = Arc::new(config);
    accept(listener, move |stream| serve(StreamOwned::new(ServerConnection::new(Arc::clone(&config))?, stream)))
}

fn accept(listener: &TcpListener, serve: impl Fn(TcpStream) -> Result<()> + Clone + Send + 'static) -> Result<()> {
    for stream in listener.incoming() {
        let (stream, serve) = (stream?, serve.clone());
        stream.set_nodelay(true)?;
        // An error on one connection does not affect the others.
        thread::Builder::new().stack_size(STACK).spawn(move || serve(stream))?;
    }
    Ok(())
}
