//! A server whose bytes are the test's.

use samesocket::wire::handshake::accept_of;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
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
        answer(&mut stream).await;
        stream
    }
}

/// Takes a request for a WebSocket and accepts it.
pub(crate) async fn answer(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.unwrap());
    }
    let request = String::from_utf8(request).unwrap();
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
    let fields = format!("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}", accept_of(key));
    let head = format!("HTTP/1.1 101 Switching Protocols\r\n{fields}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
}
