//! Wakers that panic: other tasks are still woken, and sockets stay alive.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use samesocket::reconnect::Status;
use samesocket::testing::{Network, Received, pair};
use samesocket::{CloseEvent, Error, Event, PingError, ReadyState, RemoteDriver, WebSocket, connect};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::support::{Noting, Stage};
use super::{line, lines, reconnecting_over, remote_and_driver};

/// A waker that records that it was woken, and then panics.
#[derive(Default)]
struct PanickingWaker(Notify);

impl Wake for PanickingWaker {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
        panic!("an intentional panic of a waker");
    }
}

/// Polls a future once with a waker that panics. Returns the waker.
fn poll_with_panicking_waker(future: Pin<&mut impl Future>) -> Arc<PanickingWaker> {
    let panicking = Arc::new(PanickingWaker::default());
    let waker = Waker::from(Arc::clone(&panicking));
    assert!(future.poll(&mut Context::from_waker(&waker)).is_pending());
    panicking
}

async fn within_30_seconds<T>(work: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(30), work).await.expect("the task is woken")
}

#[tokio::test]
async fn panic_on_timeout_keeps_other_sockets_alive() {
    let (silent, stage) = (Stage::new().await, Stage::new().await);
    let mut connecting = pin!(connect(silent.url("a", "handshake=nothing")).timeout(Duration::from_millis(10)));
    within_30_seconds(poll_with_panicking_waker(connecting.as_mut()).0.notified()).await;
    let mut socket = within_30_seconds(connect(stage.url("b", "do=text:a,close:1000"))).await.unwrap();
    assert_eq!(within_30_seconds(lines(&mut socket)).await, ["text \"a\""]);
}

#[tokio::test]
async fn panic_on_message_keeps_the_socket_alive() {
    let stage = Stage::new().await;
    let mut socket = connect(stage.url("a", "do=gate:go,text:a,text:b,close:1000")).await.unwrap();
    let panicking = poll_with_panicking_waker(pin!(socket.next()));
    stage.store().release("a", "go");
    within_30_seconds(panicking.0.notified()).await;
    assert_eq!(within_30_seconds(lines(&mut socket)).await, ["text \"a\"", "text \"b\""]);
}

#[tokio::test]
async fn panic_on_event_keeps_other_event_streams_alive() {
    let stage = Stage::new().await;
    let socket = WebSocket::new(&stage.url("a", "do=gate:go,close:1000"), ()).unwrap();
    let (mut bad, mut good) = (socket.events(), socket.events());
    assert!(matches!((bad.next().await, good.next().await), (Some(Event::Open), Some(Event::Open))));
    poll_with_panicking_waker(pin!(bad.next()));
    let mut ends = [socket.closed(), socket.closed()];
    poll_with_panicking_waker(pin!(&mut ends[0]));
    assert!(futures::poll!(&mut ends[1]).is_pending());
    stage.store().release("a", "go");
    assert!(matches!(within_30_seconds(good.next()).await, Some(Event::Close(_))));
    assert!(within_30_seconds(good.next()).await.is_none());
    assert_eq!(within_30_seconds(&mut ends[1]).await.code, 1000);
}

#[tokio::test]
async fn panic_of_one_waiter_still_wakes_the_others() {
    let stage = Stage::new().await;
    let socket = connect(stage.url("a", "do=read-gate:go,await:2,drop")).high_water_mark(0).await.unwrap();
    socket.send(Bytes::from(vec![7; 32 << 20]).into()).await.unwrap();
    let (sender, mut receiver) = socket.split();
    let mut bad = pin!(sender.send("bad".into()));
    poll_with_panicking_waker(bad.as_mut());
    let mut good = pin!(sender.send("good".into()));
    assert!(futures::poll!(&mut good).is_pending());
    poll_with_panicking_waker(pin!(receiver.next()));
    let mut ends = [sender.control().closed(), sender.control().closed()];
    poll_with_panicking_waker(pin!(&mut ends[0]));
    assert!(futures::poll!(&mut ends[1]).is_pending());
    stage.store().release("a", "go");
    within_30_seconds(good).await.unwrap();
    assert_eq!(within_30_seconds(&mut ends[1]).await.code, 1006);
    assert_eq!(receiver.next().await.as_ref().map(line).as_deref(), Some("failed 1006 false"));
}

#[test]
fn panic_on_close_still_wakes_waiting_sends() {
    let (socket, peer) = pair();
    peer.pause();
    let (sender, mut receiver) = socket.split();
    sender.try_send(Bytes::from(vec![7; 2 << 20]).into()).unwrap();
    poll_with_panicking_waker(pin!(receiver.next()));
    let mut waiting = pin!(sender.send("mine".into()));
    assert!(waiting.as_mut().now_or_never().is_none());
    let woken = Arc::new(Noting::default());
    assert!(waiting.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&woken)))).is_pending());
    peer.fail();
    assert!(woken.0.notified().now_or_never().is_some());
    assert!(matches!(waiting.now_or_never(), Some(Err(Error::NotOpen(_)))));
}

#[test]
fn panic_on_state_keeps_reconnecting() {
    let network = Network::new();
    let mut socket = reconnecting_over(&network, |connect| connect).start();
    let mut states = [socket.status_changes(), socket.status_changes()];
    assert_eq!(states[0].next().now_or_never(), Some(Some(Status::Connecting { attempt: 1 })));
    poll_with_panicking_waker(pin!(states[0].next()));
    assert!(socket.next().now_or_never().is_none());
    let peer = network.accept().now_or_never().unwrap().open();
    peer.send("a");
    assert!(matches!(socket.next().now_or_never(), Some(Some(Ok(_)))));
    drop(socket);
    assert_eq!(states[1].by_ref().collect::<Vec<_>>().now_or_never().map(|states| states.len()), Some(3));
}

/// Polls a driver once, whose connection has not ended.
fn drive(driver: &mut RemoteDriver) {
    assert!(driver.now_or_never().is_none());
}

#[test]
fn panic_on_a_reply_keeps_the_remote_alive() {
    let (mut remote, mut driver, mut peer) = remote_and_driver();
    let mut sends = [Box::pin(remote.send("a".into())), Box::pin(remote.send("b".into()))];
    poll_with_panicking_waker(sends[0].as_mut());
    assert!((&mut sends[1]).now_or_never().is_none());
    drive(&mut driver);
    assert_eq!(sends.map(FutureExt::now_or_never), [Some(Ok(())), Some(Ok(()))]);
    for expected in ["text \"a\"", "text \"b\""] {
        let Some(Some(Received::Message(message))) = peer.receive().now_or_never() else { panic!("no message") };
        assert_eq!(line(&Ok(message)), expected);
    }

    let sender = remote.sender();
    let mut states = [Box::pin(sender.ready_state()), Box::pin(sender.ready_state())];
    let mut pings = [Box::pin(remote.ping()), Box::pin(remote.ping())];
    poll_with_panicking_waker(states[0].as_mut());
    poll_with_panicking_waker(pings[0].as_mut());
    assert!((&mut states[1]).now_or_never().is_none());
    drive(&mut driver);
    assert_eq!(states.map(FutureExt::now_or_never), [Some(ReadyState::Open); 2]);
    assert_eq!(pings.map(FutureExt::now_or_never), [Some(Ok(Duration::ZERO)); 2]);

    poll_with_panicking_waker(pin!(remote.next()));
    peer.send("c");
    drive(&mut driver);
    assert!(matches!(remote.next().now_or_never(), Some(Some(Ok(message))) if message.as_text() == Some("c")));
}

/// A payload whose destructor panics.
struct PanickingPayload;

impl AsRef<[u8]> for PanickingPayload {
    fn as_ref(&self) -> &[u8] {
        b"payload"
    }
}

impl Drop for PanickingPayload {
    fn drop(&mut self) {
        assert!(thread::panicking(), "an intentional panic of a destructor");
    }
}

#[test]
fn panic_of_a_cancelled_payload_keeps_the_remote_alive() {
    let (remote, mut driver, mut peer) = remote_and_driver();
    for _ in 0..10 {
        let message = Bytes::from_owner(PanickingPayload).into();
        assert!(remote.send(message).now_or_never().is_none());
    }
    let mut sent = pin!(remote.send("a".into()));
    assert!((&mut sent).now_or_never().is_none());
    drive(&mut driver);
    assert_eq!(sent.now_or_never(), Some(Ok(())));
    assert!(matches!(peer.receive().now_or_never(), Some(Some(Received::Message(message))) if message.size() == 1));
}

#[test]
fn panic_on_the_end_of_a_remote_reaches_no_other_task() {
    let (remote, mut driver, peer) = remote_and_driver();
    let mut ends = [Box::pin(remote.closed()), Box::pin(remote.closed())];
    poll_with_panicking_waker(ends[0].as_mut());
    assert!((&mut ends[1]).now_or_never().is_none());
    peer.close(Some(1000), "");
    drive(&mut driver);
    let code = |event: Option<CloseEvent>| event.map(|event| event.code);
    assert_eq!(ends.map(|end| code(end.now_or_never())), [Some(1000); 2]);
    assert_eq!(code(remote.closed().now_or_never()), Some(1000));
}

#[test]
fn panic_on_the_drop_of_a_driver_reaches_no_other_task() {
    let (mut remote, mut driver, peer) = remote_and_driver();
    peer.hold_pongs();
    let mut pings = [Box::pin(remote.ping()), Box::pin(remote.ping())];
    poll_with_panicking_waker(pings[0].as_mut());
    drive(&mut driver);
    let sender = remote.sender();
    let mut sends = [Box::pin(sender.send("a".into())), Box::pin(sender.send("b".into()))];
    let mut ends = [Box::pin(remote.closed()), Box::pin(remote.closed())];
    poll_with_panicking_waker(sends[0].as_mut());
    poll_with_panicking_waker(ends[0].as_mut());
    assert!((&mut sends[1]).now_or_never().is_none() && (&mut ends[1]).now_or_never().is_none());
    poll_with_panicking_waker(pin!(remote.next()));
    drop(driver);
    assert_eq!(pings.map(FutureExt::now_or_never), [Some(Err(PingError::Closed)); 2]);
    assert!(sends.into_iter().all(|send| matches!(send.now_or_never(), Some(Err(Error::NotOpen(_))))));
    assert!(ends.into_iter().all(|end| end.now_or_never().is_some_and(|event| event.code == 1006)));
    assert!(matches!(remote.next().now_or_never(), Some(Some(Err(Error::Failed(_))))));
}

/// A waker that runs a function once.
struct FunctionWaker(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Wake for FunctionWaker {
    fn wake(self: Arc<Self>) {
        let function = self.0.lock().unwrap().take();
        if let Some(function) = function {
            function();
        }
    }
}

#[test]
fn waker_of_the_end_of_a_remote_may_use_other_futures_of_it() {
    let (done, is_done) = mpsc::channel();
    // Another thread, because a deadlock would block this one as well.
    drop(thread::spawn(move || {
        for drops_driver in [false, true] {
            let (remote, mut driver, peer) = remote_and_driver();
            let (mut first, mut second, mut third) = (remote.closed(), remote.closed(), remote.closed());
            assert!((&mut second).now_or_never().is_none() && (&mut third).now_or_never().is_none());
            let inner_done = done.clone();
            let waker = FunctionWaker(Mutex::new(Some(Box::new(move || {
                drop(second);
                inner_done.send(third.now_or_never()).unwrap();
            }))));
            let waker = Waker::from(Arc::new(waker));
            assert!(pin!(&mut first).poll(&mut Context::from_waker(&waker)).is_pending());
            peer.close(Some(1000), "");
            if drops_driver { drop(driver) } else { drive(&mut driver) }
        }
    }));
    for code in [1000, 1006] {
        let event = is_done.recv_timeout(Duration::from_secs(30)).expect("no thread deadlocks");
        assert_eq!(event.map(|event| event.code), Some(code));
    }
}
