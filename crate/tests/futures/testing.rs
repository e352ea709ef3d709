//! The network in memory of `samesocket::testing`.

use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use futures::{FutureExt, SinkExt, StreamExt};
use samesocket::testing::{self, Network, Peer, Received, pair};
use samesocket::{BinaryType, ConnectError, Control, Error, Message, ReadyState, connect};

use super::{line, lines, reconnecting_over};

/// Describes an item that the peer received.
fn received(received: Option<Received>) -> String {
    match received {
        Some(Received::Message(message)) => line(&Ok(message)),
        Some(Received::Close { code, reason }) => format!("close {code:?} {reason:?}"),
        other => format!("{other:?}"),
    }
}

#[test]
fn pair_exchanges_messages_and_closes_cleanly() {
    testing::run(|_| async {
        let (mut socket, mut peer) = pair();
        peer.send("a");
        socket.send("b".into()).await.unwrap();
        assert_eq!(received(peer.receive().await), "text \"b\"");
        assert_eq!(line(&socket.next().await.unwrap()), "text \"a\"");
        let event = socket.close(Some(3000), Some("done")).await.unwrap();
        assert_eq!((event.code, &*event.reason, event.was_clean), (3000, "done", true));
        assert_eq!(received(peer.receive().await), "close Some(3000) \"done\"");
        assert!(peer.receive().await.is_none());
    });
}

#[test]
fn network_accepts_refuses_and_times_out() {
    testing::run(|network| async move {
        let server = network.clone();
        network.spawn(async move {
            let incoming = server.accept().await;
            assert_eq!(
                (incoming.url(), incoming.protocols()),
                ("ws://a.example/", &["x".to_owned(), "y".to_owned()][..])
            );
            let peer = incoming.open_with("y", "magic");
            server.accept().await.refuse();
            let _wrong = server.accept().await.open_with("other", "");
            let late = server.accept().await;
            server.clock().sleep(Duration::from_secs(61)).await;
            assert!(late.is_gone());
            peer.close(Some(1012), "late");
        });
        let mut socket = network.connect("http://a.example").subprotocols(["x", "y"]).await.unwrap();
        assert_eq!((&*socket.protocol(), &*socket.extensions()), ("y", "magic"));
        for _ in 0..2 {
            assert!(matches!(network.connect("ws://b.example").await, Err(ConnectError::Failed(_))));
        }
        match network.connect("ws://c.example").await {
            Err(ConnectError::TimedOut { after }) => assert_eq!(after, network.clock().now()),
            other => panic!("{other:?}"),
        }
        assert!(socket.next().await.is_none());
        assert_eq!(socket.closed().await.code, 1012);
    });
}

#[test]
fn connect_on_a_dropped_network_fails() {
    let network = Network::new();
    let mut connecting = pin!(network.connect("ws://a.example/"));
    assert!(connecting.as_mut().now_or_never().is_none());
    drop(network);
    assert!(matches!(connecting.now_or_never(), Some(Err(ConnectError::Failed(_)))));
}

#[test]
fn repeated_polls_register_one_waker() {
    struct NoopWaker;
    impl Wake for NoopWaker {
        fn wake(self: Arc<Self>) {}
    }
    let network = Network::new();
    let mut socket = reconnecting_over(&network, |connect| connect).start();
    assert!(socket.next().now_or_never().is_none());
    network.accept().now_or_never().unwrap().refuse();
    let noop = Arc::new(NoopWaker);
    let waker = Waker::from(Arc::clone(&noop));
    let mut context = Context::from_waker(&waker);
    let mut accepting = pin!(network.accept());
    for _ in 0..100 {
        assert!(accepting.as_mut().poll(&mut context).is_pending());
        assert!(socket.poll_next_unpin(&mut context).is_pending(), "the socket waits before it reconnects");
    }
    let registered = Arc::strong_count(&noop);
    assert!(registered < 10, "{registered}");
}

/// A waker that uses the socket whose peer it wakes.
struct SocketUsingWaker(Control);

impl Wake for SocketUsingWaker {
    fn wake(self: Arc<Self>) {
        let _ = (self.0.ready_state(), self.0.buffered_amount());
    }
}

#[test]
fn waker_of_the_peer_can_use_the_socket() {
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        let (socket, mut peer) = pair();
        let waker = Waker::from(Arc::new(SocketUsingWaker(socket.control())));
        let sleep = |peer: &mut Peer| {
            assert!(pin!(peer.receive()).poll(&mut Context::from_waker(&waker)).is_pending());
        };
        sleep(&mut peer);
        socket.try_send("a".into()).unwrap();
        assert_eq!(received(peer.receive().now_or_never().unwrap()), "text \"a\"");
        sleep(&mut peer);
        drop(socket.close(None, None));
        assert_eq!(received(peer.receive().now_or_never().unwrap()), "close None \"\"");
        done.send(()).unwrap();
    });
    is_done.recv_timeout(Duration::from_secs(30)).expect("no thread deadlocks");
}

#[test]
fn lost_connection_is_one_error() {
    testing::run(|_| async {
        let (mut socket, peer) = pair();
        peer.send(vec![1]);
        drop(peer);
        assert_eq!(lines(&mut socket).await, ["binary 1", "failed 1006 false"]);
    });
}

#[test]
fn dropped_socket_closes_without_a_code() {
    testing::run(|_| async {
        let (socket, mut peer) = pair();
        drop(socket);
        assert_eq!(received(peer.receive().await), "close None \"\"");
        assert!(peer.receive().await.is_none() && peer.is_over());
    });
}

#[test]
fn close_timeout_takes_no_real_time() {
    testing::run(|network| async move {
        let connecting = network.connect("ws://a.example");
        let (socket, peer) = futures::join!(connecting, async { network.accept().await.open() });
        let mut socket = socket.unwrap();
        peer.hold_close();
        let error = SinkExt::close(&mut socket).await.unwrap_err();
        assert!(matches!(error, Error::CloseTimedOut { .. }));
        assert_eq!(network.clock().now(), Duration::from_secs(10));
        peer.answer_close();
        assert_eq!(socket.closed().await.code, 1005);
    });
}

#[test]
fn idle_timeout_takes_no_real_time() {
    testing::run(|network| async move {
        let hour = Duration::from_hours(1);
        let connecting = network.connect("ws://a.example").idle_timeout(hour);
        let (socket, mut peer) = futures::join!(connecting, async { network.accept().await.open() });
        assert_eq!(lines(&mut socket.unwrap()).await, ["error no message arrived for 3600s"]);
        assert_eq!(received(peer.receive().await), "close Some(4008) \"nothing came for too long\"");
        assert_eq!(network.clock().now(), hour);
    });
}

#[test]
fn unread_socket_pauses_the_peer_and_loses_nothing() {
    testing::run(|network| async move {
        let connecting = network.connect("ws://a.example").receive_limit(3, 1000);
        let (socket, peer) = futures::join!(connecting, async { network.accept().await.open() });
        let mut socket = socket.unwrap();
        for number in 0..100_u8 {
            peer.send(vec![number]);
        }
        peer.close(Some(1000), "");
        assert_eq!(futures::Stream::size_hint(&socket).0, 3);
        assert_eq!(socket.ready_state(), ReadyState::Open, "the Close frame is behind the messages");
        let all = socket.by_ref().map(|item| item.unwrap()).collect::<Vec<_>>().await;
        let number = |message: &Message| match message {
            Message::Binary(bytes) => bytes[0],
            other => panic!("{other:?}"),
        };
        let numbers: Vec<_> = all.iter().map(number).collect();
        assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    });
}

#[test]
fn close_of_an_unread_socket_keeps_delivered_messages() {
    testing::run(|network| async move {
        let connecting = network.connect("ws://a.example").receive_limit(3, 1000);
        let (socket, peer) = futures::join!(connecting, async { network.accept().await.open() });
        let mut socket = socket.unwrap();
        for _ in 0..100 {
            peer.send("a");
        }
        let event = socket.close(Some(3000), None).await.unwrap();
        assert_eq!((event.code, event.was_clean, network.clock().now()), (3000, true, Duration::ZERO));
        assert_eq!(lines(&mut socket).await, ["text \"a\""; 3]);
    });
}

#[test]
fn receive_limit_without_backpressure_is_one_error() {
    testing::run(|_| async {
        let network = Network::without_backpressure();
        for (messages, bytes) in [(3, 1000), (1000, 3)] {
            let connecting = network.connect("ws://a.example").receive_limit(messages, bytes);
            let (socket, mut peer) = futures::join!(connecting, async { network.accept().await.open() });
            let mut socket = socket.unwrap();
            for _ in 0..5 {
                peer.send("x");
            }
            let mut expected = vec!["text \"x\"".to_owned(); 3];
            expected.push("error a message exceeded the receive limit behind 3 messages of 3 bytes".to_owned());
            assert_eq!(lines(&mut socket).await, expected);
            assert_eq!(received(peer.receive().await), "close Some(4009) \"too many messages wait to be read\"");
            assert_eq!(socket.closed().await.code, 4009);
        }
    });
}

#[test]
fn paused_peer_makes_senders_wait() {
    testing::run(|network| async move {
        let connecting = network.connect("ws://a.example").high_water_mark(4);
        let (socket, mut peer) = futures::join!(connecting, async { network.accept().await.open() });
        let socket = socket.unwrap();
        peer.pause();
        socket.send("12345".into()).await.unwrap();
        assert_eq!(socket.buffered_amount(), 5);
        assert!(matches!(socket.try_send("x".into()), Err(Error::Full(_))));
        {
            let mut send = pin!(socket.send("6".into()));
            let mut drained = pin!(socket.drained());
            assert!((&mut send).now_or_never().is_none() && (&mut drained).now_or_never().is_none());
            peer.resume();
            send.await.unwrap();
            drained.await.unwrap();
        }
        assert_eq!(received(peer.receive().await), "text \"12345\"");
        assert_eq!(received(peer.receive().await), "text \"6\"");
        peer.pause();
        socket.send("12345".into()).await.unwrap();
        let mut send = pin!(socket.send("7".into()));
        assert!((&mut send).now_or_never().is_none());
        peer.start_closing();
        assert!(matches!(send.await, Err(Error::NotOpen(_))), "CLOSING ends the wait");
        drop(peer);
        assert!(matches!(socket.drained().await, Err(Error::Undelivered { bytes: 5 })));
    });
}

#[test]
fn binary_type_blob_yields_blobs() {
    testing::run(|network| async move {
        let connecting = network.connect("ws://a.example").binary_type(BinaryType::Blob);
        let (socket, peer) = futures::join!(connecting, async { network.accept().await.open() });
        peer.send(vec![1, 2, 3]);
        assert!(matches!(socket.unwrap().next().await, Some(Ok(Message::Blob(blob))) if blob.size() == 3));
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn run_panics_on_a_deadlock() {
    testing::run(|network| async move { network.accept().await.refuse() });
}

#[tokio::test]
async fn network_works_under_any_executor_with_a_manual_clock() {
    let network = Network::new();
    let mut connecting = connect("ws://a.example").network(&network).timeout(Duration::from_secs(5));
    assert!((&mut connecting).now_or_never().is_none());
    network.clock().advance(Duration::from_secs(4));
    assert!((&mut connecting).now_or_never().is_none());
    network.clock().advance(Duration::from_secs(1));
    assert!(matches!(connecting.await, Err(ConnectError::TimedOut { .. })));
    assert!(network.accept().await.is_gone());
}
