//! The network in memory of `samesocket::testing`.

use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use futures::{FutureExt, SinkExt, StreamExt};
use samesocket::testing::{self, Network, Peer, Received, pair};
use samesocket::{
    BinaryType, Blob, ConnectError, Control, Error, Failure, Message, Options, PingError, ReadyState, RedirectFailure,
    Remote, Response, connect,
};

use super::support::Stage;
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
        assert!(peer.is_over(), "the connection was given up");
        assert_eq!(socket.closed().await.code, 1006);
        let again = socket.close(None, None).await;
        assert!(matches!(again, Err(Error::CloseTimedOut { after }) if after == Duration::from_secs(10)));
    });
}

#[test]
fn close_timeout_starts_again_with_progress() {
    testing::run(|network| async move {
        let connecting = network.connect("ws://a.example").close_timeout(Duration::from_secs(5));
        let (socket, peer) = futures::join!(connecting, async { network.accept().await.open() });
        let socket = socket.unwrap();
        peer.pause();
        peer.hold_close();
        socket.send("slow".into()).await.unwrap();
        let clock = network.clock();
        let server = async {
            clock.sleep(Duration::from_secs(4)).await;
            peer.resume();
            clock.sleep(Duration::from_secs(4)).await;
            peer.answer_close();
        };
        let (closed, ()) = futures::join!(socket.close(Some(1000), None), server);
        assert_eq!((closed.unwrap().code, clock.now()), (1000, Duration::from_secs(8)));
    });
}

#[test]
fn idle_timeout_takes_no_real_time() {
    testing::run(|network| async move {
        let hour = Duration::from_secs(3600);
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
    assert!(network.accept_any().await.is_gone());
}

#[test]
fn abort_ends_the_connection_for_both_ends() {
    testing::run(|network| async move {
        let (mut socket, mut peer) = pair();
        peer.send("before");
        socket.send("read".into()).await.unwrap();
        peer.pause();
        socket.send("lost".into()).await.unwrap();
        socket.abort();
        socket.abort();
        assert_eq!(lines(&mut socket).await, ["text \"before\"", "failed 1006 false"]);
        assert_eq!(received(peer.receive().await), "text \"read\"");
        assert!(peer.receive().await.is_none() && peer.is_over());
        socket.abort();
        assert_eq!(socket.closed().await.code, 1006);

        let (socket, mut peer) = pair();
        peer.hold_close();
        let closing = socket.close(Some(1000), None);
        socket.abort();
        let event = closing.await.unwrap();
        assert_eq!((event.code, event.was_clean), (1006, false));
        assert_eq!(received(peer.receive().await), "close Some(1000) \"\"");
        assert!(peer.receive().await.is_none());
        drop(network);
    });
}

#[tokio::test]
async fn options_and_network_apply_in_either_order() {
    let stage = Stage::new().await;
    let network = Network::new();
    let options = || Options::new().origin("https://o.example").unwrap().header("X-Token", "secret").unwrap();
    let url = stage.url("a", "").replace("ws://", "ws://u:p@");
    for connect in
        [connect(&*url).network(&network).options(options()), connect(&*url).options(options()).network(&network)]
    {
        let mut connecting = pin!(connect);
        assert!(connecting.as_mut().now_or_never().is_none());
        let incoming = network.accept().await;
        let host = format!("{}", stage.address());
        let headers: Vec<_> = incoming.headers().collect();
        let expected =
            [("Host", &*host), ("Origin", "https://o.example"), ("X-Token", "secret"), ("Authorization", "Basic dTpw")];
        assert_eq!(headers, expected);
        assert_eq!((incoming.header("x-token"), incoming.header("Cookie")), (Some("secret"), None));
        assert!(!format!("{incoming:?}").contains("secret"));
        let _peer = incoming.open();
        connecting.await.unwrap();
    }
    assert!(stage.store().record("a").is_none(), "the server was not reached");
}

/// A store that records what it is given.
#[cfg(feature = "cookies")]
#[derive(Clone, Default)]
struct Store(Arc<std::sync::Mutex<Vec<String>>>);

#[cfg(feature = "cookies")]
impl samesocket::CookieStore for Store {
    fn cookies(&self, url: &str) -> Option<String> {
        Some(format!("for={url}"))
    }

    fn set_cookies(&self, url: &str, values: &[&[u8]]) {
        let values: Vec<_> = values.iter().map(|value| String::from_utf8_lossy(value)).collect();
        self.0.lock().unwrap().push(format!("{url} {}", values.join("; ")));
    }
}

#[cfg(feature = "cookies")]
#[test]
fn cookies_of_the_store_are_seen_by_the_test() {
    testing::run(|network| async move {
        let connecting = network.connect("wss://a.example/b").options(Options::new().cookies(Store::default()));
        let accepting = async {
            let incoming = network.accept().await;
            assert_eq!(incoming.header("Cookie"), Some("for=https://a.example/b"));
        };
        assert!(futures::join!(connecting, accepting).0.is_err());
    });
}

#[cfg(feature = "cookies")]
#[test]
fn cookies_of_each_response_of_the_test_reach_the_store() {
    testing::run(|network| async move {
        let store = Store::default();
        let connect = network.connect("wss://u:p@a.example/b").options(Options::new().cookies(store.clone()));
        let accepting = async {
            let response = Response::new(403).with_header("set-cookie", "a=1").with_header("X-Other", "x");
            network.accept().await.refuse_with(response.with_header("Set-Cookie", "b=2"));
            network.accept().await.with_header("Set-Cookie", "c=3").open()
        };
        let connecting = async {
            assert!(connect.clone().await.is_err());
            assert_eq!(*store.0.lock().unwrap(), ["https://a.example/b a=1; b=2"], "before the error");
            connect.clone().await.unwrap()
        };
        let (_socket, _peer) = futures::join!(connecting, accepting);
        // Without a cookie, or without a client, the store is not called.
        let (_socket, _peer) = futures::join!(connect.clone(), async { network.accept().await.open() });
        assert!(connect.timeout(Duration::ZERO).await.is_err());
        drop(network.accept_any().await.with_header("Set-Cookie", "d=4").open());
        assert_eq!(*store.0.lock().unwrap(), ["https://a.example/b a=1; b=2", "https://a.example/b c=3"]);
    });
}

/// Bytes that use a socket when they are dropped.
struct UsesSocket(Control);

impl AsRef<[u8]> for UsesSocket {
    fn as_ref(&self) -> &[u8] {
        b"bytes"
    }
}

impl Drop for UsesSocket {
    fn drop(&mut self) {
        let _ = (self.0.buffered_amount(), self.0.received_pings(), self.0.ready_state());
    }
}

#[test]
fn payload_of_a_peer_may_use_the_socket_when_dropped() {
    let (done, finished) = mpsc::channel();
    // Another thread, because a deadlock would block this one as well.
    drop(thread::spawn(move || {
        testing::run(|network| async move {
            for binary_type in [BinaryType::Blob, BinaryType::ArrayBuffer] {
                let connecting = network.connect("ws://a.example").binary_type(binary_type);
                let (socket, peer) = futures::join!(connecting, async { network.accept().await.open() });
                let mut socket = socket.unwrap();
                let payload = || Bytes::from_owner(UsesSocket(socket.control()));
                let payloads = [payload(), payload(), payload()];
                for payload in payloads {
                    peer.send(payload);
                }
                assert_eq!(socket.next().await.unwrap().unwrap().size(), 5);
                // The others are dropped with the connection, by either end.
                if binary_type == BinaryType::Blob {
                    peer.fail();
                } else {
                    socket.abort();
                }
                drop(socket);
            }
        });
        done.send(()).unwrap();
    }));
    finished.recv_timeout(Duration::from_secs(10)).expect("the destructor waits for a lock, or the test has failed");
}

#[test]
fn refusal_of_the_test_has_status_headers_and_body() {
    testing::run(|network| async move {
        let response = Response::new(401).with_header("WWW-Authenticate", "Basic").with_body("log in");
        let refusing = async { network.accept().await.refuse_with(response.clone()) };
        let (refused, ()) = futures::join!(network.connect("ws://a.example"), refusing);
        let error = refused.unwrap_err();
        assert_eq!(error.response(), Some(&response));
        assert!(matches!(error.failure(), Some(Failure::Refused(found)) if *found == response));
        let (refused, ()) =
            futures::join!(network.connect("ws://a.example"), async { network.accept().await.refuse() });
        assert_eq!(refused.unwrap_err().response(), None);
    });
}

#[test]
fn redirect_of_the_test_is_followed_as_over_tcp() {
    testing::run(|network| async move {
        let options = Options::new()
            .max_redirects(2)
            .header("Authorization", "a")
            .and_then(|options| options.header("X-Key", "k"));
        let connect = || network.connect("ws://a.example/1").options(options.clone().unwrap()).subprotocols("chat");
        let to = |location: &str| Response::new(302).with_header("Location", location);
        let next = async |path: &str, authorization: Option<&str>| {
            let incoming = network.accept().await;
            assert_eq!((incoming.url(), incoming.header("Authorization")), (path, authorization));
            assert_eq!((incoming.header("X-Key"), incoming.protocols()), (Some("k"), &["chat".to_owned()][..]));
            incoming
        };
        let serving = async {
            next("ws://a.example/1", Some("a")).await.refuse_with(to("2#top"));
            next("ws://a.example/2", Some("a")).await.refuse_with(to("https://b.example/3"));
            next("wss://b.example/3", None).await.open()
        };
        let (socket, _peer) = futures::join!(connect(), serving);
        let socket = socket.unwrap();
        assert_eq!((socket.url(), socket.protocol()), ("ws://a.example/1", "chat".to_owned()));
        assert_eq!(socket.response().unwrap().url(), Some("wss://b.example/3"));

        let serving = async {
            next("ws://a.example/1", Some("a")).await.refuse_with(to("https://b.example/3"));
            next("wss://b.example/3", None).await.refuse_with(to("http://b.example/"));
        };
        let (refused, ()) = futures::join!(connect(), serving);
        let error = refused.unwrap_err();
        let Some(Failure::Redirect { reason: RedirectFailure::Downgrade, followed: 1, response }) = error.failure()
        else {
            panic!("{error:?}")
        };
        assert_eq!((response.status(), response.url()), (302, Some("wss://b.example/3")));
        let serving = async { next("ws://a.example/1", Some("a")).await.refuse_with(Response::new(304)) };
        let (refused, ()) = futures::join!(connect(), serving);
        assert!(matches!(refused.unwrap_err().failure(), Some(Failure::Refused(_))));
        // A client that has given up does not come back.
        let connecting = connect().timeout(Duration::from_secs(1));
        let serving = async {
            let incoming = network.accept().await;
            network.clock().sleep(Duration::from_secs(2)).await;
            incoming.refuse_with(to("2"));
        };
        let (connected, ()) = futures::join!(connecting, serving);
        assert!(matches!(connected, Err(ConnectError::TimedOut { .. })));
        assert!(network.accept().now_or_never().is_none());
    });
}

#[test]
fn accepting_response_has_the_fields_of_the_test() {
    testing::run(|network| async move {
        let accepting = async { network.accept().await.with_header("X-Session", "7").open() };
        let (socket, peer) = futures::join!(network.connect("ws://a.example").subprotocols("x"), accepting);
        let mut socket = socket.unwrap();
        let response = socket.response().unwrap();
        let value = |name| response.header(name);
        assert_eq!(
            (response.status(), value("X-Session"), value("Sec-WebSocket-Protocol")),
            (101, Some("7"), Some("x"))
        );
        drop(peer);
        let error = socket.next().await.unwrap().unwrap_err();
        assert_eq!((error.failure(), socket.next().await.is_none()), (None, true));
        assert_eq!(socket.response(), Some(response));
    });
}

#[test]
fn accept_skips_clients_that_have_given_up() {
    testing::run(|network| async move {
        for name in ["a", "b"] {
            let connect = network.connect(format!("ws://{name}.example")).timeout(Duration::from_secs(1));
            assert!(matches!(connect.await, Err(ConnectError::TimedOut { .. })));
        }
        let connecting = network.connect("ws://c.example");
        let accepting = async {
            let incoming = network.accept().await;
            assert_eq!((incoming.url(), incoming.is_gone()), ("ws://c.example/", false));
            incoming.open()
        };
        let (socket, _peer) = futures::join!(connecting, accepting);
        socket.unwrap();
    });
}

/// Returns the message of the panic of a test that never ends.
fn panic_of(run: impl FnOnce() + std::panic::UnwindSafe) -> String {
    *std::panic::catch_unwind(run).unwrap_err().downcast().unwrap()
}

#[test]
fn run_ends_a_program_that_retries_for_ever() {
    let text = panic_of(|| {
        testing::run(|network| async move {
            let mut socket = reconnecting_over(&network, |connect| connect).start();
            network.spawn(async { std::future::pending().await });
            while socket.next().await.is_some() {}
        });
    });
    assert!(text.starts_with("the test did not end within 86400s of the network's clock"), "{text}");
    assert!(text.contains("the test and 1 spawned tasks wait; ") && text.contains("ws://a.example/"), "{text}");
}

#[test]
fn run_ends_a_program_that_retries_without_a_wait() {
    let text = panic_of(|| {
        testing::run(|network| async move {
            let server = network.clone();
            network.spawn(async move {
                loop {
                    server.accept().await.refuse();
                }
            });
            while network.connect("ws://u:secret@a.example").await.is_err() {}
        });
    });
    assert!(text.starts_with("the tasks wake each other without an end") && !text.contains("secret"), "{text}");
}

#[test]
fn run_with_limit_allows_exactly_the_limit() {
    let limit = Duration::from_secs(100 * 60 * 60);
    testing::run_with_limit(limit, |network| async move { network.clock().sleep(limit).await });
    let longer = limit + Duration::from_nanos(1);
    let text = panic_of(move || {
        testing::run_with_limit(limit, |network| async move { network.clock().sleep(longer).await });
    });
    assert!(text.starts_with("the test did not end within 360000s"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn network_with_tokio_clock_shares_the_time_of_the_program() {
    let second = Duration::from_secs(1);
    let network = Network::with_tokio_clock();
    let server = network.clone();
    network.spawn(async move {
        let mut peer = server.accept().await.open();
        peer.hold_pongs();
        while let Some(Received::Message(message)) = peer.receive().await {
            tokio::time::sleep(3600 * second).await;
            peer.send(message);
        }
    });
    let mut socket = network.connect("ws://a.example").idle_timeout(7200 * second).await.unwrap();
    socket.send("a".into()).await.unwrap();
    assert_eq!(socket.try_next().await.unwrap(), Some("a".into()));
    assert_eq!(network.clock().now(), 3600 * second);
    network.clock().sleep(second).await;
    tokio::time::advance(second).await;
    assert!(matches!(socket.try_next().await, Err(Error::Idle { .. })));
    assert_eq!(socket.try_next().await.unwrap(), None);
    assert!(network.clock().now() >= (3600 + 7200) * second);
    let late = network.connect("ws://b.example").timeout(5 * second).await;
    assert!(matches!(late, Err(ConnectError::TimedOut { .. })));
}

#[test]
fn try_next_works_in_select_and_ends_after_the_error() {
    testing::run(|_| async {
        let (mut socket, peer) = pair();
        peer.send("a");
        let first = futures::select! {
            message = socket.try_next() => message.unwrap(),
            () = futures::future::pending() => None,
        };
        assert_eq!(first, Some("a".into()));
        drop(peer);
        assert!(matches!(socket.try_next().await, Err(Error::Failed(_))));
        assert_eq!(socket.try_next().await.unwrap(), None);
    });
}

/// Sends over a remote and receives the answer of its peer, several times.
async fn converse_remotely(mut remote: Remote, mut peer: Peer, clock: testing::Clock) {
    for number in 0..20 {
        remote.send(number.to_string().as_str().into()).await.unwrap();
        let Some(Received::Message(message)) = peer.receive().await else { panic!("no message") };
        clock.sleep(Duration::from_secs(1)).await;
        peer.send(message);
        assert_eq!(remote.next().await.unwrap().unwrap().as_text(), Some(&*number.to_string()));
    }
    assert_eq!(remote.close(Some(1000), None).await.unwrap().code, 1000);
}

#[test]
fn remote_within_run_is_driven_by_the_test() {
    // The background thread, or no thread, would leave the test waiting.
    for _ in 0..20 {
        testing::run(|network| async move {
            let (socket, peer) = pair();
            converse_remotely(socket.into_remote(), peer, network.clock()).await;
            let connecting = network.connect("ws://a.example");
            let (socket, peer) = futures::join!(connecting, async { network.accept().await.open() });
            // A test within the test has tasks of its own.
            testing::run(|_| async { drop(pair().0.into_remote().send("a".into()).await) });
            let (tasks, clock) = (network.clone(), network.clock());
            let (done, is_done) = futures::channel::oneshot::channel();
            tasks.spawn(async move {
                converse_remotely(socket.unwrap().into_remote(), peer, clock).await;
                done.send(()).unwrap();
            });
            is_done.await.unwrap();
            assert_eq!(network.clock().now(), Duration::from_secs(40));
        });
    }
}

#[test]
fn remote_outside_run_has_a_thread() {
    let (socket, peer) = pair();
    peer.send("a");
    let mut remote = socket.into_remote();
    let received = futures::executor::block_on(remote.next());
    assert!(matches!(received, Some(Ok(message)) if message.as_text() == Some("a")));
}

#[tokio::test(start_paused = true)]
async fn remote_with_tokio_clock_runs_on_the_runtime() {
    let network = Network::with_tokio_clock();
    let connecting = network.connect("ws://a.example");
    let (socket, peer) = futures::join!(connecting, async { network.accept().await.open() });
    let conversation = converse_remotely(socket.unwrap().into_remote(), peer, network.clock());
    // With a task on another thread, the clock would advance while it runs.
    tokio::time::timeout(Duration::from_secs(60), conversation).await.unwrap();
    assert_eq!(network.clock().now(), Duration::from_secs(20));
}

#[test]
fn paused_peer_receives_what_a_dropped_socket_sent() {
    testing::run(|_| async {
        let (socket, mut peer) = pair();
        peer.pause();
        socket.send("a".into()).await.unwrap();
        drop(socket);
        assert!(peer.is_over());
        assert!(peer.receive().now_or_never().is_none(), "the rest is in transit");
        peer.resume();
        assert_eq!(received(peer.receive().await), "text \"a\"");
        assert_eq!(received(peer.receive().await), "close None \"\"");
        assert!(peer.receive().await.is_none());
    });
}

#[test]
fn paused_peer_that_closes_receives_what_was_sent_before_after_it_resumes() {
    testing::run(|_| async {
        let (socket, mut peer) = pair();
        peer.pause();
        socket.send("a".into()).await.unwrap();
        peer.close(Some(1000), "");
        assert_eq!(socket.closed().await.code, 1000);
        assert!(peer.receive().now_or_never().is_none());
        peer.resume();
        assert!(matches!(peer.receive().await, Some(Received::Message(message)) if message.as_text() == Some("a")));
        assert!(peer.receive().await.is_none());
    });
}

/// A value whose destructor spawns a task that owns another one.
struct SpawnsOnDrop(Option<(Network, Arc<()>)>);

impl Drop for SpawnsOnDrop {
    fn drop(&mut self) {
        if let Some((network, owned)) = self.0.take() {
            network.clone().spawn(async move { drop((network, owned)) });
        }
    }
}

#[test]
fn tasks_of_a_test_are_dropped_at_its_end() {
    let owned = Arc::new(());
    let run = |owned: Arc<()>, panics: bool| {
        testing::run(|network| async move {
            let (in_task, late) = (SpawnsOnDrop(Some((network.clone(), Arc::clone(&owned)))), network.clone());
            network.spawn(async move {
                let _in_task = in_task;
                std::future::pending::<()>().await;
            });
            network.clock().sleep(Duration::from_secs(1)).await;
            // It is never polled.
            network.spawn(async move { drop((late, owned)) });
            assert!(!panics, "an intentional panic");
        });
    };
    run(Arc::clone(&owned), false);
    assert_eq!(Arc::strong_count(&owned), 1);
    let in_panic = Arc::clone(&owned);
    assert!(std::panic::catch_unwind(move || run(in_panic, true)).is_err());
    assert_eq!(Arc::strong_count(&owned), 1);
}

#[test]
fn close_of_a_peer_has_what_a_close_frame_can_have() {
    for (code, reason, expected) in [
        (Some(999), "", "a Close frame cannot have the code 999"),
        (Some(1004), "", "the code 1004"),
        (Some(1005), "", "the code 1005"),
        (Some(1006), "", "the code 1006"),
        (Some(1015), "", "the code 1015"),
        (Some(2999), "", "the code 2999"),
        (Some(5000), "", "the code 5000"),
        (None, "a", "a Close frame without a code has no reason"),
        (Some(1000), &*"a".repeat(124), "the reason of a Close frame has at most 123 bytes"),
    ] {
        let closed = std::panic::catch_unwind(|| pair().1.close(code, reason)).unwrap_err();
        let text = closed.downcast_ref::<String>().map(String::as_str).or_else(|| closed.downcast_ref().copied());
        assert!(text.is_some_and(|text| text.contains(expected)), "{text:?}");
    }
    for (code, reason) in [(None, ""), (Some(1001), "bye"), (Some(1014), ""), (Some(4999), &*"a".repeat(123))] {
        let (socket, peer) = pair();
        peer.close(code, reason);
        let event = socket.closed().now_or_never().unwrap();
        assert_eq!((event.code, &*event.reason, event.was_clean), (code.unwrap_or(1005), reason, true));
    }
}

#[test]
fn refusal_of_the_test_has_a_status_that_refuses() {
    let refuse = |status| {
        testing::run(|network| async move {
            let refusing = async { network.accept().await.refuse_with(Response::new(status)) };
            futures::join!(network.connect("ws://a.example"), refusing).0.unwrap_err()
        })
    };
    for status in [0, 99, 100, 101, 199, 1000] {
        let expected = format!("a response with the status {status} does not refuse: see `Incoming::refuse_with`");
        assert_eq!(panic_of(|| drop(refuse(status))), expected);
    }
    for status in [200, 404, 999] {
        assert_eq!(refuse(status).response().map(Response::status), Some(status));
    }
}

#[test]
fn pings_after_the_close_of_the_peer_are_refused() {
    testing::run(|_| async {
        let (socket, peer) = pair();
        assert_eq!(socket.ping().await, Ok(Duration::ZERO));
        peer.start_closing();
        assert_eq!(socket.ping().await, Err(PingError::NotOpen));
        assert_eq!(peer.pings(), 1);
    });
}

#[test]
fn clock_stands_still_while_a_file_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "content").unwrap();
    testing::run(|network| async move {
        let (socket, mut peer) =
            futures::join!(network.connect("ws://a.example"), async { network.accept().await.open() });
        let timer = network.clock().sleep(Duration::from_secs(1));
        socket.unwrap().send(Blob::from_file(&path).unwrap().into()).await.unwrap();
        let Some(Received::Message(Message::Blob(blob))) = peer.receive().await else { panic!("no blob arrived") };
        for _ in 0..100 {
            assert_eq!(blob.bytes().await.unwrap(), "content");
        }
        assert_eq!(network.clock().now(), Duration::ZERO);
        // A read whose future was dropped ends, too.
        assert!(blob.bytes().now_or_never().is_none());
        timer.await;
        assert_eq!(network.clock().now(), Duration::from_secs(1));
    });
}
