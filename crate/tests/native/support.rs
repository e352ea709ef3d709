//! A fault server for each test, events as text, and a waker that notifies.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Wake;

use futures::StreamExt;
use samesocket::{CloseEvent, Event, Message, WebSocket};
use samesocket_fault_server::{Server, Store};
use tokio::net::TcpSocket;
use tokio::sync::Notify;

/// The fault server of one test.
pub(crate) struct TestServer {
    server: Server,
}

impl TestServer {
    pub(crate) async fn new() -> Self {
        Self { server: Server::builder().start().await.expect("a free port") }
    }

    /// Returns the URL of a connection with this id. The query scripts the server.
    pub(crate) fn url(&self, id: &str, query: &str) -> String {
        format!("ws://{}/ws?id={id}&{query}", self.server.addresses().plain)
    }

    /// Returns the same URL over TLS.
    pub(crate) fn secure_url(&self, id: &str, query: &str) -> String {
        format!("wss://{}/ws?id={id}&{query}", self.server.addresses().tls)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.addresses().plain
    }

    /// Returns the self-signed certificate of the server, in DER.
    pub(crate) fn certificate(&self) -> &[u8] {
        self.server.certificate()
    }

    pub(crate) fn store(&self) -> &Store {
        self.server.store()
    }
}

/// An address at which nobody listens. It stays bound, so that no other test gets its port.
pub(crate) struct UnusedAddress(TcpSocket);

impl UnusedAddress {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        Self(socket)
    }

    pub(crate) fn get(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }
}

/// Returns an event as a line of text.
pub(crate) fn event_line(event: &Event) -> String {
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

/// Returns all events of a socket as lines of text, once it is closed.
pub(crate) async fn event_lines(socket: &WebSocket) -> Vec<String> {
    socket.events().map(|event| event_line(&event)).collect().await
}

/// A waker that notifies the test.
#[derive(Default)]
pub(crate) struct NotifyWaker(pub(crate) Notify);

impl Wake for NotifyWaker {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

// Former names, until the tests in `futures` use the new ones.
#[allow(unused_imports, reason = "the tests in `native` use the new names")]
pub(crate) use self::{NotifyWaker as Noting, TestServer as Stage};
