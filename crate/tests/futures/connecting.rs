//! Connecting, and cancelling it.

use std::time::Duration;

use futures::FutureExt;
use futures::future::FusedFuture;
use samesocket::{
    Argument, Connect, ConnectError, Error, IoStream, Options, ReadyState, Socket, Target, connect, testing,
};
use samesocket_fault_server::Until;
use tokio::runtime::Handle;

use super::lines;
use super::support::Stage;

#[tokio::test]
async fn connect_returns_an_open_socket_with_the_subprotocol() {
    let stage = Stage::new().await;
    let socket = connect(stage.url("a", "")).subprotocols(["chat", "other"]).await.unwrap();
    assert_eq!((socket.ready_state(), &*socket.protocol()), (ReadyState::Open, "chat"));
    assert_eq!((socket.buffered_amount(), &*socket.extensions()), (0, ""));
}

#[tokio::test]
async fn relative_url_is_resolved_against_the_base_url() {
    let stage = Stage::new().await;
    let socket = connect("?id=b").base_url(stage.url("a", "")).await.unwrap();
    assert!(socket.url().ends_with("/ws?id=b"), "{}", socket.url());
}

#[tokio::test]
async fn exception_names_the_invalid_argument() {
    for (connect, argument) in [
        (connect("nothing"), Argument::Url),
        (connect("ftp://example.com"), Argument::Url),
        (connect("ws://example.com").base_url("nothing"), Argument::Url),
        (connect("ws://example.com").subprotocols(["a", "a"]), Argument::Protocols),
    ] {
        match connect.await {
            Err(ConnectError::Exception(exception)) => assert_eq!(exception.argument(), Some(argument)),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn exception_text_has_the_invalid_base_url() {
    let error = connect("/chat").base_url("no base").await.unwrap_err();
    assert_eq!(error.to_string(), "the URL \"/chat\" cannot be parsed against the base URL \"no base\"");
}

#[tokio::test]
async fn failed_connection_returns_close_event_and_cause() {
    let stage = Stage::new().await;
    let error = connect(stage.url("a", "status=403")).await.unwrap_err();
    assert_eq!(error.to_string(), "the server answered 403 Forbidden");
    let ConnectError::Failed(failed) = error else { panic!("{error:?}") };
    assert_eq!((failed.event().code, failed.event().was_clean), (1006, false));
    assert!(failed.failure().is_some());
}

#[tokio::test]
async fn timeout_gives_up_the_connection() {
    let stage = Stage::new().await;
    let timeout = Duration::from_millis(30);
    match connect(stage.url("a", "handshake=nothing")).timeout(timeout).await {
        Err(ConnectError::TimedOut { after }) => assert_eq!(after, timeout),
        other => panic!("{other:?}"),
    }
    stage.store().wait_live("a", 0).await;
}

#[tokio::test]
async fn connect_does_nothing_before_the_first_poll() {
    let stage = Stage::new().await;
    drop(connect(stage.url("a", "")));
    connect(stage.url("b", "")).await.unwrap();
    assert!(stage.store().record("a").is_none());
}

#[tokio::test]
async fn drop_during_the_handshake_ends_the_connection() {
    let stage = Stage::new().await;
    let mut connecting = connect(stage.url("a", "hold=handshake"));
    assert!((&mut connecting).now_or_never().is_none());
    stage.store().wait_record("a", Until::Request).await;
    drop(connecting);
    stage.store().wait_live("a", 0).await;
    stage.store().release("a", "handshake");
}

#[tokio::test]
async fn drop_of_an_open_unpolled_connect_ends_the_connection() {
    let stage = Stage::new().await;
    let mut connecting = connect(stage.url("a", ""));
    assert!((&mut connecting).now_or_never().is_none());
    stage.store().wait_record("a", Until::Handshake).await;
    drop(connecting);
    stage.store().wait_live("a", 0).await;
}

#[tokio::test]
async fn messages_before_connect_completes_are_received() {
    let stage = Stage::new().await;
    let mut connecting = connect(stage.url("a", "packet=1&do=text:a,text:b,close:1000"));
    assert!((&mut connecting).now_or_never().is_none());
    stage.store().wait_record("a", Until::End).await;
    let mut socket = (&mut connecting).await.unwrap();
    assert!(connecting.is_terminated());
    assert_eq!(lines(&mut socket).await, ["text \"a\"", "text \"b\""]);
    assert_eq!(socket.closed().await.code, 1000);
}

#[test]
fn connect_works_without_a_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stage = runtime.block_on(Stage::new());
    let timeout = Duration::from_millis(30);
    futures::executor::block_on(async {
        let mut socket = connect(stage.url("a", "do=text:a,close:1000")).await.unwrap();
        assert_eq!(lines(&mut socket).await, ["text \"a\""]);
        let late = connect(stage.url("b", "handshake=nothing")).timeout(timeout).await;
        assert!(matches!(late, Err(ConnectError::TimedOut { .. })));
    });
}

#[tokio::test]
async fn options_set_request_headers() {
    let stage = Stage::new().await;
    let options = Options::new().header("X-A", "b").unwrap();
    connect(stage.url("a", "")).options(options).await.unwrap();
    let record = stage.store().wait_record("a", Until::Handshake).await;
    assert_eq!(record.headers.get("x-a").map(String::as_str), Some("b"));
}

#[test]
fn clone_connects_anew_with_the_same_options() {
    testing::run(|network| async move {
        let mut connect = network.connect("chat").base_url("ws://a.example").subprotocols(["x", "y"]);
        connect = connect.idle_timeout(Duration::from_secs(1));
        let before = connect.clone();
        assert!((&mut connect).now_or_never().is_none(), "it was started");
        let after = connect.clone();
        let server = async {
            let first = network.accept().await.open();
            let second = network.accept().await.open_with("y", "");
            let third = network.accept().await;
            assert_eq!(
                (third.url(), third.protocols()),
                ("ws://a.example/chat", &["x".to_owned(), "y".to_owned()][..])
            );
            (first, second, third.open())
        };
        let ((first, second, third), peers) =
            futures::join!(async { (connect.await, before.await, after.await) }, server);
        let sockets = [first.unwrap(), second.unwrap(), third.unwrap()];
        assert_eq!(sockets.each_ref().map(Socket::protocol), ["x", "y", "x"]);
        for mut socket in sockets {
            assert!(matches!(socket.next().await, Some(Err(Error::Idle { .. }))));
        }
        drop(peers);
    });
}

#[tokio::test]
async fn opening_timeout_is_one_clock_and_one_error() {
    let stage = Stage::new().await;
    let (short, long) = (Duration::from_millis(50), Duration::from_secs(60));
    let set: [fn(Connect, Duration, Duration) -> Connect; 4] = [
        |connect, short, _| connect.timeout(short),
        |connect, short, _| connect.options(Options::new().opening_timeout(short)),
        |connect, short, long| connect.options(Options::new().opening_timeout(long)).timeout(short),
        |connect, short, long| connect.timeout(long).options(Options::new().opening_timeout(short)),
    ];
    for set in set {
        let connecting = set(connect(stage.url("a", "handshake=nothing")), short, long);
        assert_eq!(connecting.await.unwrap_err(), ConnectError::TimedOut { after: short });
    }
}

#[tokio::test]
async fn options_without_a_timeout_leave_that_of_the_builder() {
    let stage = Stage::new().await;
    let short = Duration::from_millis(50);
    let connecting = connect(stage.url("a", "handshake=nothing")).timeout(short).options(Options::new());
    assert_eq!(connecting.await.unwrap_err(), ConnectError::TimedOut { after: short });
}

/// A function that sets options of a connection.
type Set<'a> = &'a dyn Fn(Connect) -> Connect;

#[test]
fn later_options_replace_the_timeouts_of_earlier_ones() {
    let seconds = Duration::from_secs;
    let both = move |number| Options::new().opening_timeout(seconds(number)).closing_timeout(seconds(number));
    let own = move |connect: Connect, number| connect.timeout(seconds(number)).close_timeout(seconds(number));
    let sets: [(Set<'_>, u64, u64); 5] = [
        (&|connect| connect.options(both(5)).options(Options::new()), 60, 10),
        (&|connect| connect.options(both(5)).options(both(6)), 6, 6),
        (&|connect| own(connect, 7).options(both(5)).options(Options::new()), 7, 7),
        (&|connect| own(connect.options(both(5)), 7).options(Options::new()), 7, 7),
        (&|connect| own(own(connect.options(both(5)), 8), 7).options(both(5)), 5, 5),
    ];
    for (number, (set, opening, closing)) in sets.into_iter().enumerate() {
        testing::run(|network| async move {
            let connect = set(network.connect("ws://a.example"));
            let error = connect.clone().await.unwrap_err();
            assert_eq!(error, ConnectError::TimedOut { after: seconds(opening) }, "{number}");

            let (socket, peer) = futures::join!(connect, async { network.accept().await.open() });
            peer.hold_close();
            let start = network.clock().now();
            assert_eq!(
                socket.unwrap().close(None, None).await.unwrap_err(),
                Error::CloseTimedOut { after: seconds(closing) },
                "{number}"
            );
            assert_eq!(network.clock().now(), start + seconds(closing), "{number}");
        });
    }
}

#[tokio::test(start_paused = true)]
async fn timeout_above_the_default_is_not_cut_short() {
    let runtime = Handle::current();
    // A stream on which nothing happens, so that the paused clock jumps from timer to timer.
    let connector = |_: &Target| async {
        let (near, far) = tokio::io::duplex(1 << 16);
        std::mem::forget(far);
        Ok(Box::new(near) as Box<dyn IoStream>)
    };
    for timeout in [90, 3600].map(Duration::from_secs) {
        let options = Options::new().runtime(runtime.clone()).connector(connector);
        let start = tokio::time::Instant::now();
        let connecting = connect("ws://a.example").options(options).timeout(timeout);
        assert_eq!(connecting.await.unwrap_err(), ConnectError::TimedOut { after: timeout });
        assert!(start.elapsed() >= timeout, "{:?}", start.elapsed());
    }
}
