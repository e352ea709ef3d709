//! What the tests share.

use std::sync::Arc;
use std::task::Wake;

use futures::StreamExt;
use samesocket::{CloseEvent, Event, Message, WebSocket};
use samesocket_fault_server::{Server, Store};
use tokio::sync::Notify;

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

    pub(crate) fn address(&self) -> std::net::SocketAddr {
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

/// A waker that tells that it was woken.
#[derive(Default)]
pub(crate) struct Noting(pub(crate) Notify);

impl Wake for Noting {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}
