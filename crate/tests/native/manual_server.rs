//! A server whose responses the test sends itself.

use std::io::ErrorKind;
use std::net::SocketAddr;

use futures::StreamExt;
use samesocket::{Failure, Options, WebSocket};
use sha1::{Digest, Sha1};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{event_line, event_lines};

/// A listener whose connections the test handles itself.
pub(crate) struct ManualServer {
    listener: TcpListener,
}

/// A connection of a client whose request has been read.
pub(crate) struct ManualConnection<S = TcpStream> {
    stream: S,
    /// The target of the request: a path, or the authority of a CONNECT request.
    pub(crate) path: String,
    head: String,
}

impl ManualServer {
    pub(crate) async fn new() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.expect("a free port") }
    }

    /// Creates a server on the loopback address of IPv6, which the machine must have.
    pub(crate) async fn on_ipv6() -> Self {
        let listener = TcpListener::bind("[::1]:0").await;
        Self { listener: listener.expect("the address ::1; enable IPv6 on the loopback interface") }
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

    /// Accepts the next connection and reads its request.
    pub(crate) async fn next(&self) -> ManualConnection {
        ManualConnection::read(self.accept().await).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> ManualConnection<S> {
    /// Reads a request from `stream`.
    pub(crate) async fn read(mut stream: S) -> Self {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a head"));
        }
        let head = String::from_utf8(head).expect("ASCII");
        let path = head.split(' ').nth(1).expect("a target").to_owned();
        Self { stream, path, head }
    }

    /// Returns the value of a field of the request. The name is case-sensitive.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// Returns the values of all fields of this name. The name is not case-sensitive.
    pub(crate) fn fields(&self, name: &str) -> Vec<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    /// Writes these bytes and returns the stream.
    pub(crate) async fn respond(mut self, bytes: &str) -> S {
        self.stream.write_all(bytes.as_bytes()).await.expect("a client that reads");
        self.stream
    }

    /// Accepts the opening handshake.
    pub(crate) async fn accept_upgrade(self) -> ManualConnection<S> {
        let key = format!("{}258EAFA5-E914-47DA-95CA-C5AB0DC85B11", self.field("Sec-WebSocket-Key").expect("a key"));
        let accept = data_encoding::BASE64.encode(&Sha1::digest(key));
        let (path, head) = (self.path.clone(), self.head.clone());
        let stream = self
            .respond(&format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
            ))
            .await;
        ManualConnection { stream, path, head }
    }

    /// Reads this number of bytes from the client.
    pub(crate) async fn read_exact(&mut self, count: usize) {
        self.stream.read_exact(&mut vec![0; count]).await.expect("a client that sends");
    }

    pub(crate) fn into_stream(self) -> S {
        self.stream
    }

    /// Waits until the client closes the connection. Returns whether it sent nothing before.
    pub(crate) async fn is_closed_by_client(&mut self) -> bool {
        matches!(self.stream.read_u8().await, Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset))
    }

    /// Accepts a CONNECT request, and reads the request that comes through the tunnel.
    pub(crate) async fn open_tunnel(self) -> ManualConnection<S> {
        ManualConnection::read(self.respond("HTTP/1.1 200 OK\r\n\r\n").await).await
    }
}

/// Returns the first event of a socket, which must not have fired any.
pub(crate) async fn first_event(socket: &WebSocket) -> String {
    event_line(&socket.events().next().await.expect("an event"))
}

/// Returns the failure of a connection that never opens.
pub(crate) async fn failure_of(url: &str, options: &Options) -> Failure {
    let socket = WebSocket::with_options(url, (), options).expect("a URL");
    assert_eq!(event_lines(&socket).await, ["error", "close 1006 \"\" unclean"], "{url}");
    socket.failure().expect("a failed connection has a cause")
}
