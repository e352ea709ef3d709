//! Connections of a runtime whose blocking pool is exhausted.

use std::sync::mpsc;
use std::time::Duration;

use futures::join;
use samesocket::rustls::pki_types::CertificateDer;
use samesocket::{Blob, Error, Message, Options, WebSocket, connect};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::manual_server::ManualServer;
use crate::support::{TestServer, event_lines};

/// A runtime with one blocking thread.
struct OneBlockingThread(Runtime);

impl OneBlockingThread {
    fn new() -> Self {
        Self(Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap())
    }

    fn options(&self) -> Options {
        Options::new().runtime(self.0.handle().clone())
    }

    /// Runs `work` while the blocking thread is busy.
    fn block_on_while_busy<T>(&self, work: impl Future<Output = T>) -> T {
        let (release, released) = mpsc::channel::<()>();
        // The join handle is not needed: the thread is free when `release` is dropped.
        drop(self.0.spawn_blocking(move || released.recv()));
        let done = self.0.block_on(async { timeout(Duration::from_secs(10), work).await });
        drop(release);
        done.expect("no blocking thread is needed")
    }
}

#[test]
fn cached_tls_config_needs_no_blocking_thread() {
    let servers = Runtime::new().unwrap();
    let test_server = servers.block_on(TestServer::new());
    let runtime = OneBlockingThread::new();
    let certificate = CertificateDer::from(test_server.certificate().to_vec());
    let options = runtime.options().root_certificate(certificate);
    let url = test_server.secure_url("a", "do=text:a,close:1000");
    let connect = || WebSocket::with_options(&url, (), &options).unwrap();
    let expected = ["open", "text \"a\"", "close 1000 \"\" clean"];
    assert_eq!(runtime.0.block_on(event_lines(&connect())), expected);
    assert_eq!(runtime.block_on_while_busy(event_lines(&connect())), expected);
}

#[test]
fn name_resolution_needs_no_blocking_thread() {
    let servers = Runtime::new().unwrap();
    let server = servers.block_on(ManualServer::new());
    let runtime = OneBlockingThread::new();
    let url = format!("ws://localhost:{}/a", server.address().port());
    let socket = WebSocket::with_options(&url, (), &runtime.options()).unwrap();
    assert_eq!(runtime.block_on_while_busy(server.next()).path, "/a");
    drop(socket);
}

#[test]
fn closing_timeout_counts_while_a_file_is_read() {
    let servers = Runtime::new().unwrap();
    let server = servers.block_on(ManualServer::new());
    let runtime = OneBlockingThread::new();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "a file").unwrap();
    let options = runtime.options().closing_timeout(Duration::from_millis(50));
    let closing = async {
        let connecting = async { connect(server.url("")).options(options).await.unwrap() };
        let (socket, connection) = join!(connecting, async { server.next().await.accept_upgrade().await });
        socket.send(Message::Blob(Blob::from_file(file.path()).unwrap())).await.unwrap();
        let closed = socket.close(Some(1000), None).await;
        drop(connection);
        closed
    };
    let closed = runtime.block_on_while_busy(closing);
    assert!(matches!(closed, Err(Error::CloseTimedOut { .. })), "{closed:?}");
}
