//! Two runtimes: one for the sockets, which the test drives, and one for the server.

use futures::StreamExt;
use samesocket::{Events, Options, WebSocket};

use crate::support::{TestServer, event_line};

/// A runtime for sockets, which runs only while the test blocks on it, and a server on another runtime.
pub(crate) struct SeparateRuntimes {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) test_server: TestServer,
    pub(crate) servers: tokio::runtime::Runtime,
}

impl SeparateRuntimes {
    pub(crate) fn new() -> Self {
        let servers = tokio::runtime::Runtime::new().unwrap();
        let test_server = servers.block_on(TestServer::new());
        Self {
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
            test_server,
            servers,
        }
    }

    /// Connects a socket to the server, which sends a message and then echoes.
    pub(crate) fn open(&self, id: &str) -> WebSocket {
        let options = Options::new().runtime(self.runtime.handle().clone());
        WebSocket::with_options(&self.test_server.url(id, "do=text:a,echo"), (), &options).unwrap()
    }

    /// Receives the two events that come before the test sends.
    pub(crate) fn skip_opening_events(&self, events: &mut Events) {
        let both: Vec<_> = self.runtime.block_on(events.take(2).map(|event| event_line(&event)).collect());
        assert_eq!(both, ["open", "text \"a\""]);
    }
}
