//! Blobs of files: their order among messages, their part of bufferedAmount, and files that changed.

use std::sync::mpsc;

use samesocket::{Blob, Event, Failure, Options, ProtocolFailure, ReadyState, WebSocket};
use samesocket_fault_server::Until;

use crate::support::{TestServer, event_lines};

/// Calls `act` in the `open` event, and returns all events.
async fn within_open(url: &str, act: impl Fn(&WebSocket) + Send + 'static) -> (WebSocket, Vec<String>) {
    let socket = WebSocket::new(url, ()).unwrap();
    let open = move |socket: &WebSocket, event: &Event| {
        if matches!(event, Event::Open) {
            act(socket);
        }
    };
    socket.subscribe(open).detach();
    let seen = event_lines(&socket).await;
    (socket, seen)
}

#[tokio::test]
async fn file_is_sent_in_order_before_texts_and_the_close() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, vec![7; 300_000]).unwrap();
    let file = Blob::from_file(&path).unwrap();
    let test_server = TestServer::new().await;
    // The library catches panics of callbacks, so the amounts are checked outside.
    let (sender, amounts) = mpsc::channel();
    let (socket, seen) = within_open(&test_server.url("a", "do=echo"), move |socket| {
        socket.send("first").unwrap();
        socket.send(&file).unwrap();
        socket.send(&file.slice(0..3)).unwrap();
        socket.send("then").unwrap();
        sender.send(socket.buffered_amount()).unwrap();
        socket.close(Some(3000), None).unwrap();
        socket.send("late").unwrap();
        sender.send(socket.buffered_amount()).unwrap();
    })
    .await;
    let amount = 5 + 300_000 + 3 + 4;
    assert_eq!(amounts.try_iter().collect::<Vec<_>>(), [amount, amount + 4]);
    assert_eq!(seen, ["open", "close 3000 \"\" clean"]);
    assert_eq!(socket.buffered_amount(), 4);
    let record = test_server.store().wait_record("a", Until::End).await;
    assert_eq!(record.messages.iter().map(|message| message.length).collect::<Vec<_>>(), [5, 300_000, 3, 4]);
}

#[tokio::test]
async fn changed_file_fails_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, b"as it was").unwrap();
    let file = Blob::from_file(&path).unwrap();
    std::fs::write(&path, b"no more as it was").unwrap();
    let test_server = TestServer::new().await;
    let (socket, seen) = within_open(&test_server.url("a", "do=echo"), move |socket| {
        socket.send(&file).unwrap();
        socket.send("never").unwrap();
    })
    .await;
    assert_eq!(seen, ["open", "error", "close 1006 \"\" unclean"]);
    assert_eq!(socket.buffered_amount(), 9 + 5);
    assert!(matches!(socket.failure(), Some(Failure::Blob(error)) if error.name() == "NotReadableError"));
    assert_eq!(test_server.store().wait_record("a", Until::End).await.message_count, 0);
}

#[tokio::test]
async fn messages_behind_a_file_count_towards_the_queue_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, b"1").unwrap();
    let file = Blob::from_file(&path).unwrap();
    let test_server = TestServer::new().await;
    let options = Options::new().max_queued_bytes(1000);
    let socket = WebSocket::with_options(&test_server.url("a", "do=echo"), (), &options).unwrap();
    // The library catches panics of callbacks, so the states are checked outside.
    let (sender, states) = mpsc::channel();
    let open = move |socket: &WebSocket, event: &Event| {
        if !matches!(event, Event::Open) {
            return;
        }
        socket.send(&file).unwrap();
        for _ in 0..6 {
            socket.send("").unwrap();
            sender.send(socket.ready_state()).unwrap();
        }
    };
    socket.subscribe(open).detach();
    assert_eq!(event_lines(&socket).await, ["open", "error", "close 1006 \"\" unclean"]);
    // The file counts 161 bytes, and each message without a payload 160, which is `MESSAGE_OVERHEAD` of the protocol.
    let (open, closing) = (ReadyState::Open, ReadyState::Closing);
    assert_eq!(states.try_iter().collect::<Vec<_>>(), [open, open, open, open, open, closing]);
    assert!(matches!(socket.failure(), Some(Failure::Protocol(ProtocolFailure::QueueFull { limit: 1000 }))));
}
