//! Remotes: handles that any thread can use.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use futures::{FutureExt, SinkExt, StreamExt, executor::block_on, stream};
use samesocket::testing::{self, Peer, Received};
use samesocket::{Error, Message, OwnedMessage, PingError, ReadyState, Remote, RemoteSender, Response, connect};
use samesocket_fault_server::Until;

use super::remote_and_driver;
use super::support::{NotifyWaker, Stage};

/// Describes an item of a stream.
fn line(item: &Result<OwnedMessage, Error<OwnedMessage>>) -> String {
    match item {
        Ok(OwnedMessage::Text(text)) => format!("text {text:?}"),
        Ok(OwnedMessage::Binary(bytes)) => format!("binary {}", bytes.len()),
        Err(Error::Failed(failed)) => format!("failed {}", failed.event().code),
        Err(error) => format!("error {error}"),
    }
}

/// Creates a remote whose driver runs beside the test, and its peer.
fn pair(network: &testing::Network) -> impl Future<Output = (Remote, Peer)> + use<> {
    let network = network.clone();
    async move {
        let server = network.clone();
        let (socket, peer) = futures::join!(network.connect("ws://a.example"), async { server.accept().await.open() });
        (socket.unwrap().into_remote_by(|driver| network.spawn(driver)), peer)
    }
}

#[test]
fn remote_works_from_another_thread() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stage = runtime.block_on(Stage::new());
    let url = stage.url("a", "subprotocol=chat&do=text:a,bin:0102,echo");
    let mut remote = block_on(connect(url).subprotocols("chat")).unwrap().into_remote();
    let held = thread::spawn(move || {
        block_on(async {
            assert_eq!((remote.sender().protocol(), remote.sender().extensions()), ("chat", ""));
            assert!(remote.sender().url().contains("subprotocol=chat"));
            assert_eq!(remote.sender().ready_state().await, ReadyState::Open);
            remote.send("hello".into()).await.unwrap();
            for expected in ["text \"a\"", "binary 2", "text \"hello\""] {
                assert_eq!(line(&remote.next().await.unwrap()), expected);
            }
            remote.drained().await.unwrap();
            assert_eq!(remote.sender().buffered_amount().await, 0);
            let event = remote.close(Some(3000), Some("done")).await.unwrap();
            assert_eq!((event.code, &*event.reason, event.was_clean), (3000, "done", true));
            assert!(remote.next().await.is_none());
            assert!(
                matches!(remote.send("late".into()).await, Err(Error::NotOpen(OwnedMessage::Text(text))) if text == "late")
            );
            assert_eq!(remote.sender().ready_state().await, ReadyState::Closed);
            assert_eq!(remote.closed().await, remote.sender().closed().await);
        });
    });
    held.join().unwrap();
}

/// A payload that is counted as long as it exists.
struct CountedPayload {
    _counted: Arc<()>,
}

impl AsRef<[u8]> for CountedPayload {
    fn as_ref(&self) -> &[u8] {
        &[0; 64]
    }
}

/// Creates a message that `counter` counts as long as it exists.
fn counted_message(counter: &Arc<()>) -> OwnedMessage {
    OwnedMessage::Binary(Bytes::from_owner(CountedPayload { _counted: Arc::clone(counter) }))
}

#[test]
fn cancelled_sends_are_pruned() {
    testing::run(|network| async move {
        let server = network.clone();
        let (socket, peer) = futures::join!(network.connect("ws://a.example").high_water_mark(0), async {
            server.accept().await.open()
        });
        peer.pause();
        let executor = network.clone();
        let remote = socket.unwrap().into_remote_by(|driver| executor.spawn(driver));
        remote.send("exceeds the mark".into()).await.unwrap();
        let mut first = pin!(remote.send("waits for capacity".into()));
        assert!(futures::poll!(&mut first).is_pending());
        let kept = Arc::new(());
        for _ in 0..1000 {
            assert!(remote.send(counted_message(&kept)).now_or_never().is_none());
            // Lets the driver run.
            assert_eq!(remote.sender().ready_state().await, ReadyState::Open);
        }
        assert!(Arc::strong_count(&kept) < 40, "{} messages are kept", Arc::strong_count(&kept));
        peer.resume();
        first.await.unwrap();
    });
}

#[test]
fn cancelled_requests_are_pruned_while_the_driver_is_not_polled() {
    let (remote, mut driver, mut peer) = remote_and_driver();
    let (kept, sender) = (Arc::new(()), remote.sender());
    let mut first = pin!(remote.send("first".into()));
    assert!((&mut first).now_or_never().is_none());
    for _ in 0..1000 {
        assert!(remote.send(counted_message(&kept)).now_or_never().is_none());
        assert!(sender.ready_state().now_or_never().is_none());
        assert!(sender.drained().now_or_never().is_none());
        assert!(sender.received_pings().now_or_never().is_none());
    }
    assert!(Arc::strong_count(&kept) < 40, "{} messages are kept", Arc::strong_count(&kept));
    assert!((&mut driver).now_or_never().is_none());
    assert_eq!(first.now_or_never(), Some(Ok(())));
    assert_eq!(Arc::strong_count(&kept), 1);
    assert!(matches!(peer.receive().now_or_never(), Some(Some(Received::Message(message))) if message.size() == 5));
    assert!(peer.receive().now_or_never().is_none());
}

#[test]
fn sends_after_a_close_or_an_abort_fail() {
    testing::run(|network| async move {
        let ends: [fn(&Remote); 2] = [|remote| drop(remote.close(Some(1000), None)), Remote::abort];
        for (end, closes) in ends.into_iter().zip([true, false]) {
            let (remote, mut peer) = pair(&network).await;
            let mut earlier = pin!(remote.send("earlier".into()));
            assert!(futures::poll!(&mut earlier).is_pending());
            // An invalid request changes nothing.
            assert!(matches!(remote.close(Some(1001), None).await, Err(Error::Exception(_))));
            end(&remote);
            let late = remote.send("late".into()).await;
            assert!(matches!(late, Err(Error::NotOpen(OwnedMessage::Text(text))) if text == "late"));
            assert_eq!(earlier.await, Ok(()));
            assert!(matches!(peer.receive().await, Some(Received::Message(message)) if message.size() == 7));
            if closes {
                assert!(matches!(peer.receive().await, Some(Received::Close { code: Some(1000), .. })));
            }
            assert!(peer.receive().await.is_none());
        }
    });
}

/// A waker that sends another message as soon as the last one was sent, up to a number of messages.
struct RefillingWaker {
    sender: Mutex<RemoteSender>,
    sent: AtomicUsize,
}

/// The number of messages after which [`RefillingWaker`] ends, so that a driver without a bound ends, too.
const MOST_REFILLS: usize = 10_000;

impl Wake for RefillingWaker {
    fn wake(self: Arc<Self>) {
        if self.sent.fetch_add(1, Ordering::Relaxed) < MOST_REFILLS {
            let mut sender = self.sender.lock().unwrap();
            sender.start_send_unpin("again".into()).unwrap();
            let waker = Waker::from(Arc::clone(&self));
            assert!(sender.poll_flush_unpin(&mut Context::from_waker(&waker)).is_pending());
        }
    }
}

#[test]
fn sends_without_an_end_leave_a_turn_to_others() {
    let (remote, mut driver, mut peer) = remote_and_driver();
    let (sender, mut receiver) = remote.split();
    let refilling = Arc::new(RefillingWaker { sender: Mutex::new(sender.clone()), sent: AtomicUsize::new(0) });
    Arc::clone(&refilling).wake();
    let woken = Arc::new(NotifyWaker::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut drive = || {
        let polled = Pin::new(&mut driver).poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending() && woken.0.notified().now_or_never().is_some(), "the driver wakes itself");
    };
    drive();
    assert!(refilling.sent.load(Ordering::Relaxed) < 1000);
    peer.send("a");
    let mut state = pin!(sender.ready_state());
    assert!((&mut state).now_or_never().is_none());
    drive();
    drive();
    assert_eq!(line(&receiver.next().now_or_never().unwrap().unwrap()), "text \"a\"");
    assert_eq!(state.now_or_never(), Some(ReadyState::Open));
    drop(sender.close(Some(1000), None));
    drive();
    let sent = std::iter::from_fn(|| peer.receive().now_or_never().flatten());
    assert!(matches!(sent.last(), Some(Received::Close { code: Some(1000), .. })));
}

#[test]
fn drop_of_the_last_handle_closes_the_socket() {
    testing::run(|network| async move {
        let (remote, mut peer) = pair(&network).await;
        let (sender, receiver) = remote.split();
        let (second, closed) = (sender.clone(), sender.closed());
        drop((sender, receiver));
        second.send("still".into()).await.unwrap();
        assert!(matches!(peer.receive().await, Some(Received::Message(message)) if message.size() == 5));
        drop(second);
        assert!(matches!(peer.receive().await, Some(Received::Close { code: None, .. })));
        assert_eq!(closed.await.code, 1005);
    });
}

#[test]
fn close_completes_after_all_handles_were_dropped() {
    testing::run(|network| async move {
        let (remote, mut peer) = pair(&network).await;
        peer.hold_close();
        let closing = remote.close(Some(4000), Some("bye"));
        drop(remote);
        let answering = async {
            assert!(matches!(peer.receive().await, Some(Received::Close { code: Some(4000), .. })));
            network.clock().sleep(Duration::from_secs(1)).await;
            peer.answer_close();
        };
        let (event, ()) = futures::join!(closing, answering);
        let event = event.unwrap();
        assert_eq!((event.code, &*event.reason, event.was_clean), (4000, "bye", true));
    });
}

#[test]
fn receiver_alone_keeps_the_socket_open() {
    testing::run(|network| async move {
        let (remote, peer) = pair(&network).await;
        let (sender, mut receiver) = remote.split();
        drop(sender);
        peer.send("a");
        assert_eq!(line(&receiver.next().await.unwrap()), "text \"a\"");
        peer.close(Some(1000), "bye");
        assert!(receiver.next().await.is_none());
    });
}

#[test]
fn failure_is_one_error_and_the_end() {
    testing::run(|network| async move {
        let (remote, peer) = pair(&network).await;
        peer.send("a");
        peer.fail();
        let lines: Vec<_> = remote.map(|item| line(&item)).collect().await;
        assert_eq!(lines, ["text \"a\"", "failed 1006"]);
    });
}

#[test]
fn remote_pings_and_counts_the_pings_of_the_server() {
    testing::run(|network| async move {
        let (remote, peer) = pair(&network).await;
        let sender = remote.sender();
        assert_eq!(remote.ping().await, Ok(Duration::ZERO));
        peer.hold_pongs();
        drop(remote.ping());
        let held = remote.ping();
        network.clock().sleep(Duration::from_secs(3)).await;
        assert_eq!(peer.pings(), 3, "a ping is sent though its future is dropped or not polled");
        peer.send_pongs();
        assert_eq!(held.await, Ok(Duration::from_secs(3)));

        assert_eq!(sender.received_pings().await.unwrap().count, 0);
        peer.ping();
        network.clock().sleep(Duration::from_secs(2)).await;
        let pings = sender.received_pings().await.unwrap();
        assert_eq!((pings.count, pings.since_last), (1, Some(Duration::from_secs(2))));

        peer.hold_pongs();
        let unanswered = sender.ping();
        network.clock().sleep(Duration::from_secs(1)).await;
        remote.abort();
        assert_eq!(unanswered.await, Err(PingError::Closed));
        assert_eq!(remote.ping().await, Err(PingError::NotOpen));
        assert_eq!(sender.received_pings().await, None);
    });
    testing::run(|network| async move {
        let (remote, _peer) = pair(&network.without_pings()).await;
        assert_eq!(remote.ping().await, Err(PingError::Unsupported));
        assert_eq!(remote.sender().received_pings().await, None);
        assert_eq!(remote.sender().response().map(Response::status), Some(101));
    });
}

#[test]
fn dropped_driver_is_a_failure() {
    let (socket, _peer) = testing::pair();
    let mut remote = socket.into_remote_by(drop);
    block_on(async {
        assert_eq!(line(&remote.next().await.unwrap()), "failed 1006");
        assert!(remote.next().await.is_none());
        assert!(matches!(remote.send("a".into()).await, Err(Error::NotOpen(_))));
        assert_eq!(remote.closed().await.code, 1006);
        assert_eq!(remote.close(None, None).await.unwrap().code, 1006);
        assert_eq!(
            (remote.sender().ready_state().await, remote.sender().buffered_amount().await),
            (ReadyState::Closed, 0)
        );
        assert!(matches!(remote.close(Some(1001), None).await, Err(Error::Exception(_))));
        assert_eq!(remote.ping().await, Err(PingError::Closed));
        assert_eq!(remote.sender().received_pings().await, None);
    });
}

#[test]
fn send_waits_for_capacity_and_returns_message_on_close() {
    testing::run(|network| async move {
        let (remote, mut peer) = pair(&network).await;
        peer.pause();
        remote.send(vec![7; 2 << 20].into()).await.unwrap();
        let (sender, cancelled) = (remote.sender(), remote.sender());
        // A send that is cancelled while it waits is never sent.
        let mut cancelled = Box::pin(cancelled.send("never".into()));
        assert!(cancelled.as_mut().now_or_never().is_none());
        drop(cancelled);
        let mut waiting = Box::pin(sender.send("mine".into()));
        assert!(waiting.as_mut().now_or_never().is_none());
        assert_eq!(remote.sender().buffered_amount().await, 2 << 20);
        drop(remote.close(Some(1000), None));
        assert!(matches!(waiting.await, Err(Error::NotOpen(OwnedMessage::Text(text))) if text == "mine"));
        peer.resume();
        assert!(matches!(peer.receive().await, Some(Received::Message(message)) if message.size() == 2 << 20));
        assert!(matches!(peer.receive().await, Some(Received::Close { code: Some(1000), .. })));
    });
}

#[test]
fn forward_sends_in_order_and_closes() {
    testing::run(|network| async move {
        let (remote, mut peer) = pair(&network).await;
        let closed = remote.closed();
        let messages = (0..100).map(|number| Ok(OwnedMessage::from(number.to_string().as_str())));
        let receiving = async {
            let mut received = Vec::new();
            loop {
                match peer.receive().await {
                    Some(Received::Message(Message::Text(text))) => received.push(text.to_string()),
                    last => return (received, last),
                }
            }
        };
        let (forwarded, (received, last)) = futures::join!(stream::iter(messages).forward(remote), receiving);
        forwarded.unwrap();
        assert_eq!(received, (0..100).map(|number| number.to_string()).collect::<Vec<_>>());
        assert!(matches!(last, Some(Received::Close { code: None, .. })));
        assert_eq!(closed.await.code, 1005);
    });
}

#[test]
fn sink_pipelines_16_sends_and_returns_the_unsent() {
    testing::run(|network| async move {
        let (mut remote, mut peer) = pair(&network).await;
        peer.pause();
        remote.send(vec![7; 2 << 20].into()).await.unwrap();
        let mut fed = 0;
        while let Some(queued) = remote.feed(fed.to_string().as_str().into()).now_or_never() {
            queued.unwrap();
            fed += 1;
        }
        assert_eq!(fed, 16);
        assert!(SinkExt::<OwnedMessage>::flush(&mut remote).now_or_never().is_none());
        drop(remote.close(Some(1000), None));
        for number in 0..fed {
            let error = SinkExt::<OwnedMessage>::flush(&mut remote).await.unwrap_err();
            assert!(matches!(error, Error::NotOpen(OwnedMessage::Text(text)) if text == number.to_string().as_str()));
        }
        SinkExt::<OwnedMessage>::flush(&mut remote).await.unwrap();
        peer.resume();
        assert!(matches!(peer.receive().await, Some(Received::Message(message)) if message.size() == 2 << 20));
        assert!(matches!(peer.receive().await, Some(Received::Close { code: Some(1000), .. })));
    });
}

#[test]
fn slow_receiver_pauses_the_server() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let stage = Stage::new().await;
        let messages = 200;
        let socket = connect(stage.url("a", &format!("do=flood:{messages}:1048576,close:1000"))).await.unwrap();
        let mut remote = socket.into_remote();
        let mut count = 0;
        while let Some(item) = remote.next().await {
            assert_eq!(line(&item), "binary 1048576");
            count += 1;
            if count == 1 {
                // The server cannot finish its flood while the receiver does not read.
                let ended =
                    tokio::time::timeout(Duration::from_millis(300), stage.store().wait_record("a", Until::End));
                assert!(ended.await.is_err());
            }
        }
        assert_eq!(count, messages);
    });
}

#[test]
fn unreadable_blob_error_has_the_text_of_the_system() {
    let missing = tempfile::tempdir().unwrap().path().join("missing");
    let error: Error = Error::Unreadable(samesocket::Blob::from_file(&missing).unwrap_err());
    let reason = std::fs::metadata(&missing).unwrap_err();
    assert_eq!(error.to_string(), format!("the blob cannot be read from {}: {reason}", missing.display()));
}
