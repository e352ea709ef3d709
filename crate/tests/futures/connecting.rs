//! Connecting, and giving it up.

use std::error::Error as _;
use std::time::Duration;

use futures::FutureExt;
use futures::future::FusedFuture;
use samesocket::{Argument, ConnectError, Options, ReadyState, connect};
use samesocket_fault_server::Until;

use super::lines;
use super::support::Stage;

#[tokio::test]
async fn it_gives_an_open_socket_with_the_chosen_subprotocol() {
    let stage = Stage::new().await;
    let socket = connect(stage.url("a", "")).subprotocols(["chat", "other"]).await.unwrap();
    assert_eq!((socket.ready_state(), &*socket.protocol()), (ReadyState::Open, "chat"));
    assert_eq!((socket.buffered_amount(), &*socket.extensions()), (0, ""));
}

#[tokio::test]
async fn a_relative_url_is_resolved_against_the_base_url() {
    let stage = Stage::new().await;
    let socket = connect("?id=b").base_url(stage.url("a", "")).await.unwrap();
    assert!(socket.url().ends_with("/ws?id=b"), "{}", socket.url());
}

#[tokio::test]
async fn an_exception_says_which_argument_is_at_fault() {
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
async fn a_base_url_that_cannot_be_parsed_is_in_the_text() {
    let error = connect("/chat").base_url("no base").await.unwrap_err();
    assert_eq!(error.to_string(), "the URL \"/chat\" cannot be parsed against the base URL \"no base\"");
}

#[tokio::test]
async fn a_connection_that_fails_gives_its_close_event_and_the_cause() {
    let stage = Stage::new().await;
    let error = connect(stage.url("a", "status=403")).await.unwrap_err();
    assert!(error.source().is_some(), "natively the cause is known");
    let ConnectError::Failed(failed) = error else { panic!("{error:?}") };
    assert_eq!((failed.event().code, failed.event().was_clean), (1006, false));
    assert!(failed.failure().is_some());
}

#[tokio::test]
async fn out_of_time_the_connection_is_given_up() {
    let stage = Stage::new().await;
    let timeout = Duration::from_millis(30);
    match connect(stage.url("a", "handshake=nothing")).timeout(timeout).await {
        Err(ConnectError::TimedOut { after }) => assert_eq!(after, timeout),
        other => panic!("{other:?}"),
    }
    stage.store().wait_live("a", 0).await;
}

#[tokio::test]
async fn nothing_is_done_before_it_is_polled() {
    let stage = Stage::new().await;
    drop(connect(stage.url("a", "")));
    connect(stage.url("b", "")).await.unwrap();
    assert!(stage.store().record("a").is_none());
}

#[tokio::test]
async fn dropped_while_the_server_answers_it_is_gone() {
    let stage = Stage::new().await;
    let mut connecting = connect(stage.url("a", "hold=handshake"));
    assert!((&mut connecting).now_or_never().is_none());
    stage.store().wait_record("a", Until::Request).await;
    drop(connecting);
    stage.store().wait_live("a", 0).await;
    stage.store().release("a", "handshake");
}

#[tokio::test]
async fn dropped_when_it_is_open_and_nobody_knows_the_server_sees_a_close() {
    let stage = Stage::new().await;
    let mut connecting = connect(stage.url("a", ""));
    assert!((&mut connecting).now_or_never().is_none());
    stage.store().wait_record("a", Until::Handshake).await;
    drop(connecting);
    stage.store().wait_live("a", 0).await;
}

#[tokio::test]
async fn what_came_before_the_first_poll_after_the_start_is_there() {
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
fn it_needs_no_runtime() {
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
async fn options_are_those_of_the_interface() {
    let stage = Stage::new().await;
    let options = Options::new().header("X-A", "b").unwrap();
    connect(stage.url("a", "")).options(options).await.unwrap();
    let record = stage.store().wait_record("a", Until::Handshake).await;
    assert_eq!(record.headers.get("x-a").map(String::as_str), Some("b"));
}
