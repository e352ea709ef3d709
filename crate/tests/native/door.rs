//! A server whose every answer the test gives itself, and what a socket makes of it.

use std::io::ErrorKind;
use std::net::SocketAddr;

use futures::StreamExt;
use samesocket::{Failure, Options, WebSocket};
use sha1::{Digest, Sha1};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{line, lines};

/// A listener that answers nobody unless it is told to.
pub(crate) struct Doorkeeper {
    listener: TcpListener,
}

/// A connection whose request has been read.
pub(crate) struct Caller<S = TcpStream> {
    stream: S,
    /// What is asked for: the path, or the authority.
    pub(crate) path: String,
    head: String,
}

impl Doorkeeper {
    pub(crate) async fn new() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.expect("a free port") }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("an address")
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("ws://{}/{path}", self.address())
    }

    pub(crate) async fn accept(&self) -> TcpStream {
        self.listener.accept().await.expect("a connection").0
    }

    pub(crate) async fn next(&self) -> Caller {
        Caller::read(self.accept().await).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Caller<S> {
    pub(crate) async fn read(mut stream: S) -> Self {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a head"));
        }
        let head = String::from_utf8(head).expect("ASCII");
        let path = head.split(' ').nth(1).expect("a target").to_owned();
        Self { stream, path, head }
    }

    /// The value of a field of the request, whose name is given as it stands there.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(crate) async fn answer(mut self, bytes: &str) -> S {
        self.stream.write_all(bytes.as_bytes()).await.expect("a client that reads");
        self.stream
    }

    /// Does the opening handshake.
    pub(crate) async fn welcome(self) -> Caller<S> {
        let key = format!("{}258EAFA5-E914-47DA-95CA-C5AB0DC85B11", self.field("Sec-WebSocket-Key").expect("a key"));
        let accept = data_encoding::BASE64.encode(&Sha1::digest(key));
        let (path, head) = (self.path.clone(), self.head.clone());
        let stream = self
            .answer(&format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
            ))
            .await;
        Caller { stream, path, head }
    }

    /// What comes after the request, and the way back.
    pub(crate) fn into_stream(self) -> S {
        self.stream
    }

    /// Waits until the client goes; whether it has said nothing more.
    pub(crate) async fn is_left(&mut self) -> bool {
        matches!(self.stream.read_u8().await, Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset))
    }

    /// Does as if there were a tunnel, and reads the request that comes through.
    pub(crate) async fn tunnel(self) -> Caller<S> {
        Caller::read(self.answer("HTTP/1.1 200 OK\r\n\r\n").await).await
    }
}

/// The first event of a socket that has had none.
pub(crate) async fn first_line(socket: &WebSocket) -> String {
    line(&socket.events().next().await.expect("an event"))
}

/// Why a connection fails that never opens.
pub(crate) async fn failure_of(url: &str, options: &Options) -> Failure {
    let socket = WebSocket::with_options(url, (), options).expect("a URL");
    assert_eq!(lines(&socket).await, ["error", "close 1006 \"\" unclean"], "{url}");
    socket.failure().expect("a failed connection has a cause")
}
