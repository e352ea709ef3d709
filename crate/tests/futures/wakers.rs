//! Wakers that panic: nobody else sleeps on for it, and no socket ends.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use samesocket::testing::{Network, pair};
use samesocket::{Error, Event, WebSocket, connect};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::support::{Noting, Stage};
use super::{coming_back, line, lines};

/// A waker that panics, and tells before that it was woken.
#[derive(Default)]
struct Panicking(Notify);

impl Wake for Panicking {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
        panic!("a waker, on purpose");
    }
}

/// Has a future wait with a waker that panics.
fn poll_badly(future: Pin<&mut impl Future>) -> Arc<Panicking> {
    let panicking = Arc::new(Panicking::default());
    let waker = Waker::from(Arc::clone(&panicking));
    assert!(future.poll(&mut Context::from_waker(&waker)).is_pending());
    panicking
}

async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(30), work).await.expect("somebody is woken")
}

#[tokio::test]
async fn one_that_waits_for_a_deadline_does_not_end_the_thread_of_all_sockets() {
    let (silent, stage) = (Stage::new().await, Stage::new().await);
    let mut connecting = pin!(connect(silent.url("a", "handshake=nothing")).timeout(Duration::from_millis(10)));
    soon(poll_badly(connecting.as_mut()).0.notified()).await;
    let mut socket = soon(connect(stage.url("b", "do=text:a,close:1000"))).await.unwrap();
    assert_eq!(soon(lines(&mut socket)).await, ["text \"a\""]);
}

#[tokio::test]
async fn one_that_waits_for_a_message_has_the_socket_go_on() {
    let stage = Stage::new().await;
    let mut socket = connect(stage.url("a", "do=gate:go,text:a,text:b,close:1000")).await.unwrap();
    let panicking = poll_badly(pin!(socket.next()));
    stage.store().release("a", "go");
    soon(panicking.0.notified()).await;
    assert_eq!(soon(lines(&mut socket)).await, ["text \"a\"", "text \"b\""]);
}

#[tokio::test]
async fn one_that_waits_for_an_event_has_other_streams_go_on_to_the_end() {
    let stage = Stage::new().await;
    let socket = WebSocket::new(&stage.url("a", "do=gate:go,close:1000"), ()).unwrap();
    let (mut bad, mut good) = (socket.events(), socket.events());
    assert!(matches!((bad.next().await, good.next().await), (Some(Event::Open), Some(Event::Open))));
    poll_badly(pin!(bad.next()));
    let mut ends = [socket.closed(), socket.closed()];
    poll_badly(pin!(&mut ends[0]));
    assert!(futures::poll!(&mut ends[1]).is_pending());
    stage.store().release("a", "go");
    assert!(matches!(soon(good.next()).await, Some(Event::Close(_))));
    assert!(soon(good.next()).await.is_none());
    assert_eq!(soon(&mut ends[1]).await.code, 1000);
}

#[tokio::test]
async fn one_that_waits_for_room_has_others_sent_and_one_that_waits_for_the_end_has_others_told() {
    let stage = Stage::new().await;
    let socket = connect(stage.url("a", "do=read-gate:go,await:2,drop")).high_water_mark(0).await.unwrap();
    socket.send(Bytes::from(vec![7; 32 << 20]).into()).await.unwrap();
    let (sender, mut receiver) = socket.split();
    let mut bad = pin!(sender.send("bad".into()));
    poll_badly(bad.as_mut());
    let mut good = pin!(sender.send("good".into()));
    assert!(futures::poll!(&mut good).is_pending());
    poll_badly(pin!(receiver.next()));
    let mut ends = [sender.control().closed(), sender.control().closed()];
    poll_badly(pin!(&mut ends[0]));
    assert!(futures::poll!(&mut ends[1]).is_pending());
    stage.store().release("a", "go");
    soon(good).await.unwrap();
    assert_eq!(soon(&mut ends[1]).await.code, 1006);
    assert_eq!(receiver.next().await.as_ref().map(line).as_deref(), Some("failed 1006 false"));
}

#[test]
fn one_that_waits_for_the_end_has_who_waits_for_room_woken() {
    let (socket, peer) = pair();
    peer.pause();
    let (sender, mut receiver) = socket.split();
    sender.try_send(Bytes::from(vec![7; 2 << 20]).into()).unwrap();
    poll_badly(pin!(receiver.next()));
    let mut waiting = pin!(sender.send("mine".into()));
    assert!(waiting.as_mut().now_or_never().is_none());
    let woken = Arc::new(Noting::default());
    assert!(waiting.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&woken)))).is_pending());
    peer.fail();
    assert!(woken.0.notified().now_or_never().is_some());
    assert!(matches!(waiting.now_or_never(), Some(Err(Error::NotOpen(_)))));
}

#[test]
fn one_that_waits_for_a_state_has_the_socket_come_back_all_the_same() {
    let network = Network::new();
    let mut socket = coming_back(&network, |connect| connect).start();
    let mut states = [socket.states(), socket.states()];
    poll_badly(pin!(states[0].next()));
    assert!(socket.next().now_or_never().is_none());
    let peer = network.accept().now_or_never().unwrap().open();
    peer.send("a");
    assert!(matches!(socket.next().now_or_never(), Some(Some(Ok(_)))));
    drop(socket);
    assert_eq!(states[1].by_ref().collect::<Vec<_>>().now_or_never().map(|states| states.len()), Some(3));
}
