//! Connecting, and cancelling it.

use std::error::Error as _;
use std::time::Duration;

use futures::FutureExt;
use futures::future::FusedFuture;
use samesocket::{Argument, ConnectError, Options, ReadyState, connect};
use samesocket_fault_server::Until;

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
async fn failed_connection_returns_close_event_and_source() {
    let stage = Stage::new().await;
    let error = connect(stage.url("a", "status=403")).await.unwrap_err();
    assert!(error.source().is_some(), "native targets know the cause");
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
