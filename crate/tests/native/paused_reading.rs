//! Timeouts while reading is paused. The server's Close waits behind unread messages, so no timeout may expire for it.

use std::time::Duration;

use futures::StreamExt;
use samesocket::{Events, Failure, Options, ProtocolFailure, WebSocket};
use samesocket_fault_server::Until;

use crate::manual_server::{ManualServer, failure_of};
use crate::support::{TestServer, event_line};

/// A short timeout, which must not expire while messages are unread.
const DEADLINE: Duration = Duration::from_millis(50);

/// A timeout for steps that must finish in time even on a busy machine.
const LONG: Duration = Duration::from_secs(2);

/// Waits until a timeout of the same length has expired on another socket.
async fn expires_elsewhere(deadline: Duration) {
    let manual_server = ManualServer::new().await;
    let failure = failure_of(&manual_server.url("held"), &Options::new().opening_timeout(deadline)).await;
    assert!(matches!(failure, Failure::Protocol(ProtocolFailure::OpeningTimeout)));
}

async fn open(url: &str, options: &Options) -> (WebSocket, Events) {
    let socket = WebSocket::with_options(url, (), options).unwrap();
    let mut events = socket.events();
    assert_eq!(events.next().await.map(|event| event_line(&event)).as_deref(), Some("open"));
    (socket, events)
}

#[tokio::test]
async fn close_unread_for_longer_than_all_timeouts_is_clean() {
    let test_server = TestServer::new().await;
    let options = Options::new().opening_timeout(LONG).closing_timeout(DEADLINE);
    let (_socket, events) = open(&test_server.url("a", "do=flood:64:1048576,close:1000"), &options).await;
    expires_elsewhere(LONG).await;
    assert_eq!(
        test_server.store().record("a").and_then(|record| record.close),
        None,
        "the server's Close has not been read"
    );
    let mut all: Vec<_> = events.map(|event| event_line(&event)).collect().await;
    assert_eq!(all.pop().as_deref(), Some("close 1000 \"\" clean"));
    assert_eq!(all, vec!["blob 1048576"; 64]);
}

#[tokio::test]
async fn close_with_unread_messages_delivers_those_that_had_arrived() {
    let test_server = TestServer::new().await;
    // The timeout begins with the close. It must suffice for reading what is left.
    let options = Options::new().closing_timeout(LONG);
    let (socket, events) = open(&test_server.url("a", "do=flood:32:1048576,answer"), &options).await;
    expires_elsewhere(LONG).await;
    socket.close(Some(3000), Some("enough")).unwrap();
    let mut all: Vec<_> = events.map(|event| event_line(&event)).collect().await;
    assert_eq!(all.pop().as_deref(), Some("close 3000 \"enough\" clean"));
    // The event stream holds 16 MiB. The socket read and discarded the rest.
    assert!(all.len() <= 16 && all.iter().all(|event_line| event_line == "blob 1048576"), "{all:?}");
    let record = test_server.store().wait_record("a", Until::End).await;
    assert_eq!(record.close.and_then(|close| close.code), Some(3000));
}
