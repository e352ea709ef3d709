//! What the tests share.

use std::net::SocketAddr;

use futures::StreamExt;
use samesocket::{CloseEvent, Event, Message, WebSocket};
use samesocket_fault_server::{Server, Store};
use sha1::{Digest, Sha1};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The fault server of one test.
pub(crate) struct Stage {
    server: Server,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self { server: Server::builder().start().await.expect("a free port") }
    }

    /// The URL of a connection with this id, to which this is to happen.
    pub(crate) fn url(&self, id: &str, query: &str) -> String {
        format!("ws://{}/ws?id={id}&{query}", self.server.addresses().plain)
    }

    /// The same over TLS.
    pub(crate) fn secure_url(&self, id: &str, query: &str) -> String {
        format!("wss://{}/ws?id={id}&{query}", self.server.addresses().tls)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.addresses().plain
    }

    /// The certificate of the server, which is its own root; DER.
    pub(crate) fn certificate(&self) -> &[u8] {
        self.server.certificate()
    }

    pub(crate) fn store(&self) -> &Store {
        self.server.store()
    }
}

/// What an event is, in a line.
pub(crate) fn line(event: &Event) -> String {
    match event {
        Event::Open => "open".to_owned(),
        Event::Message(message) => match &message.data {
            Message::Text(text) => format!("text {text:?}"),
            Message::Binary(bytes) => format!("binary {}", bytes.len()),
            Message::Blob(blob) => format!("blob {}", blob.size()),
            other => format!("{other:?}"),
        },
        Event::Error => "error".to_owned(),
        Event::Close(CloseEvent { code, reason, was_clean, .. }) => {
            format!("close {code} {reason:?} {}", if *was_clean { "clean" } else { "unclean" })
        }
        other => format!("{other:?}"),
    }
}

/// All events of a socket.
pub(crate) async fn lines(socket: &WebSocket) -> Vec<String> {
    socket.events().map(|event| line(&event)).collect().await
}

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

    /// Does as if there were a tunnel, and reads the request that comes through.
    pub(crate) async fn tunnel(self) -> Caller<S> {
        Caller::read(self.answer("HTTP/1.1 200 OK\r\n\r\n").await).await
    }
}
