//! A server whose bytes are the test's.

use samesocket::wire::handshake::accept_of;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server of one connection, whose bytes are the test's.
pub(crate) struct Raw(TcpListener);

impl Raw {
    pub(crate) async fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.expect("a free port"))
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/", self.0.local_addr().unwrap())
    }

    /// Accepts a connection and its opening handshake.
    pub(crate) async fn accept(&self) -> TcpStream {
        let (mut stream, _) = self.0.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(&answer_to(&request)).await.unwrap();
        stream
    }
}

/// The head that accepts an opening handshake.
pub(crate) fn answer_to(request: &[u8]) -> Vec<u8> {
    let request = String::from_utf8_lossy(request);
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
    let fields = format!("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}", accept_of(key));
    format!("HTTP/1.1 101 Switching Protocols\r\n{fields}\r\n\r\n").into_bytes()
}
