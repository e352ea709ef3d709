//! A client on a raw socket: it writes and reads single frames and HTTP heads.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use samesocket_fault_server::{Record, Server, Until};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::CertificateDer};

/// The `Sec-WebSocket-Accept` value for the key that every request sends.
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The longest time that one wait may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A client connection with a read buffer.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    buffer: Vec<u8>,
}

/// Starts a server without static files.
pub(crate) async fn start() -> Server {
    Server::builder().start().await.unwrap()
}

/// Returns the TLS configuration of a client that trusts the server.
pub(crate) fn trusting(server: &Server) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(server.certificate().to_vec())).unwrap();
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// Awaits a future and panics after [`TIMEOUT`].
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(TIMEOUT, future).await.expect("the wait timed out")
}

/// Waits for a record.
pub(crate) async fn record(server: &Server, id: &str, until: Until) -> Record {
    within(server.store().wait_record(id, until)).await
}

/// Sends an HTTP request and returns the response's head and body.
pub(crate) async fn http(server: &Server, method: &str, target: &str, body: &str) -> (String, String) {
    let mut client = Client::connect(server.addresses().plain).await;
    let length = body.len();
    let request = format!("{method} {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n{body}");
    client.write(request.as_bytes()).await;
    let head = client.head().await;
    let body = client.rest().await.unwrap();
    (head, String::from_utf8(body).unwrap())
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = within(TcpStream::connect(address)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: Vec::new() }
    }

    /// Sends an opening handshake with these additional header lines.
    pub(crate) async fn request(server: &Server, target: &str, lines: &[&str]) -> Self {
        let mut client = Self::connect(server.addresses().plain).await;
        let extra = lines.iter().flat_map(|line| [*line, "\r\n"]).collect::<String>();
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{extra}\r\n"
        );
        client.write(request.as_bytes()).await;
        client
    }

    /// Completes an opening handshake.
    pub(crate) async fn open(server: &Server, target: &str) -> Self {
        let mut client = Self::request(server, target, &[]).await;
        let head = client.head().await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        client
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        within(self.stream.write_all(bytes)).await.unwrap();
    }

    /// Sends a masked frame with FIN.
    pub(crate) async fn send(&mut self, opcode: u8, payload: &[u8]) {
        self.send_with(0x80 | opcode, payload).await;
    }

    /// Sends a masked frame with this first byte.
    pub(crate) async fn send_with(&mut self, first: u8, payload: &[u8]) {
        let length = u8::try_from(payload.len()).unwrap();
        assert!(length < 126);
        let mut frame = vec![first, 0x80 | length, 1, 2, 3, 4];
        frame.extend(payload.iter().zip([1, 2, 3, 4].iter().cycle()).map(|(a, b)| a ^ b));
        self.write(&frame).await;
    }

    /// Returns the buffered bytes, or the bytes of one read if none are buffered.
    pub(crate) async fn chunk(&mut self) -> std::io::Result<Vec<u8>> {
        if self.buffer.is_empty() {
            self.fill().await?;
        }
        Ok(std::mem::take(&mut self.buffer))
    }

    /// Reads an HTTP head.
    pub(crate) async fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = self.buffer.drain(..end + 4).collect();
                return String::from_utf8(head).unwrap();
            }
            assert!(self.fill().await.unwrap() > 0, "the head is incomplete");
        }
    }

    /// Reads a frame. Returns its first byte and its payload.
    pub(crate) async fn frame(&mut self) -> (u8, Vec<u8>) {
        let [first, second] = self.read_array().await;
        let length = match second {
            126 => u16::from_be_bytes(self.read_array().await).into(),
            127 => usize::try_from(u64::from_be_bytes(self.read_array().await)).unwrap(),
            length => length.into(),
        };
        while self.buffer.len() < length {
            assert!(self.fill().await.unwrap() > 0, "the frame is incomplete");
        }
        (first, self.buffer.drain(..length).collect())
    }

    /// Reads until the server closes the connection.
    pub(crate) async fn rest(&mut self) -> std::io::Result<Vec<u8>> {
        while self.fill().await? > 0 {}
        Ok(std::mem::take(&mut self.buffer))
    }

    async fn read_array<const N: usize>(&mut self) -> [u8; N] {
        while self.buffer.len() < N {
            assert!(self.fill().await.unwrap() > 0, "the frame is incomplete");
        }
        let taken: Vec<u8> = self.buffer.drain(..N).collect();
        taken.try_into().unwrap()
    }

    async fn fill(&mut self) -> std::io::Result<usize> {
        self.buffer.reserve(64 * 1024);
        within(self.stream.read_buf(&mut self.buffer)).await
    }
}
