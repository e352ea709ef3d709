//! Deadlines while nobody reads: the peer's Close waits behind what is not taken, and no deadline may pass for that.

use std::time::Duration;

use futures::StreamExt;
use samesocket::{Events, Failure, Options, ProtocolFailure, WebSocket};
use samesocket_fault_server::Until;

use crate::door::{Doorkeeper, failure_of};
use crate::support::{Stage, line};

/// For what may not misfire.
const DEADLINE: Duration = Duration::from_millis(50);

/// For what has to be in time, on a busy machine too.
const LONG: Duration = Duration::from_secs(2);

/// Waits until a deadline of another socket has passed that begins now and is as long.
async fn passes(deadline: Duration) {
    let door = Doorkeeper::new().await;
    let failure = failure_of(&door.url("held"), &Options::new().opening_timeout(deadline)).await;
    assert!(matches!(failure, Failure::Protocol(ProtocolFailure::OpeningTimeout)));
}

async fn open(url: &str, options: &Options) -> (WebSocket, Events) {
    let socket = WebSocket::with_options(url, (), options).unwrap();
    let mut events = socket.events();
    assert_eq!(events.next().await.map(|event| line(&event)).as_deref(), Some("open"));
    (socket, events)
}

#[tokio::test]
async fn a_close_that_nobody_reads_for_longer_than_every_deadline_is_as_clean() {
    let stage = Stage::new().await;
    let options = Options::new().opening_timeout(LONG).closing_timeout(DEADLINE).fin_timeout(DEADLINE);
    let (_socket, events) = open(&stage.url("a", "do=flood:64:1048576,close:1000"), &options).await;
    passes(LONG).await;
    assert_eq!(stage.store().record("a").and_then(|record| record.close), None, "the peer's Close has not been read");
    let mut all: Vec<_> = events.map(|event| line(&event)).collect().await;
    assert_eq!(all.pop().as_deref(), Some("close 1000 \"\" clean"));
    assert_eq!(all, vec!["blob 1048576"; 64]);
}

#[tokio::test]
async fn who_closes_without_having_read_is_told_what_had_come_by_then_and_of_the_answer() {
    let stage = Stage::new().await;
    let options = Options::new().fin_timeout(DEADLINE);
    let (socket, events) = open(&stage.url("a", "do=flood:64:1048576,answer"), &options).await;
    passes(DEADLINE * 3).await;
    socket.close(Some(3000), Some("enough")).unwrap();
    let mut all: Vec<_> = events.map(|event| line(&event)).collect().await;
    assert_eq!(all.pop().as_deref(), Some("close 3000 \"enough\" clean"));
    // The stream holds 16 MiB; what followed was read and discarded.
    assert!(all.len() <= 16 && all.iter().all(|line| line == "blob 1048576"), "{all:?}");
    let record = stage.store().wait_record("a", Until::End).await;
    assert_eq!(record.close.and_then(|close| close.code), Some(3000));
}
