//! Runtimes that shut down, or that lack a driver.

use std::time::Duration;

use futures::StreamExt;
use futures::executor::block_on;
use samesocket::reconnect::{Backoff, Cause, Status, reconnect};
use samesocket::{ConnectError, Event, Failure, IoStream, Message, Options, ReadyState, Target, WebSocket, connect};
use samesocket_fault_server::Until;
use tokio::io::duplex;
use tokio::runtime::{Builder, Runtime};

use crate::manual_server::{ManualServer, failure_of};
use crate::support::{TestServer, event_line, event_lines};

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn on(runtime: &Runtime, url: &str) -> WebSocket {
    WebSocket::with_options(url, (), &Options::new().runtime(runtime.handle().clone())).unwrap()
}

#[tokio::test]
async fn socket_on_the_background_thread_outlives_a_runtime() {
    let test_server = TestServer::new().await;
    let short_lived = runtime();
    let url = test_server.url("a", "do=text:a,echo");
    let options = Options::new().background_thread();
    let creating = async move { WebSocket::with_options(&url, (), &options).unwrap() };
    let socket = short_lived.spawn(creating).await.unwrap();
    let mut events = socket.events();
    let opened = short_lived.spawn(async move {
        let event = events.next().await.map(|event| event_line(&event));
        (events, event)
    });
    let (events, event) = opened.await.unwrap();
    assert_eq!(event.as_deref(), Some("open"));
    short_lived.shutdown_background();
    socket.send("b").unwrap();
    let rest: Vec<_> = events
        .inspect(|event| {
            if event_line(event) == "text \"b\"" {
                socket.close(Some(1000), None).unwrap();
            }
        })
        .map(|event| event_line(&event))
        .collect()
        .await;
    assert_eq!(rest, ["text \"a\"", "text \"b\"", "close 1000 \"\" clean"]);
}

#[tokio::test]
async fn runtime_without_a_driver_fails_the_connection() {
    let test_server = TestServer::new().await;
    let builder = || {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1);
        builder
    };
    let in_memory = |_: &Target| async { Ok(Box::new(duplex(1).0) as Box<dyn IoStream>) };
    for (runtime, has_connector, missing) in [
        (builder().enable_io().build(), false, "time"),
        (builder().enable_io().build(), true, "time"),
        (builder().enable_time().build(), false, "I/O"),
    ] {
        let runtime = runtime.unwrap();
        let mut options = Options::new().runtime(runtime.handle().clone());
        if has_connector {
            options = options.connector(in_memory);
        }
        let failure = failure_of(&test_server.url("a", ""), &options).await;
        assert!(matches!(failure, Failure::RuntimeDriver { missing: found } if found == missing), "{failure:?}");
        let text = format!("the runtime of the socket has no {missing} driver; build it with `enable_all`");
        assert_eq!(failure.to_string(), text);
        runtime.shutdown_background();
    }
}

#[tokio::test]
async fn runtime_shutdown_while_connecting_fails_the_connection() {
    let manual_server = ManualServer::new().await;
    let short_lived = runtime();
    let socket = on(&short_lived, &manual_server.url("a"));
    let mut connection = manual_server.next().await;
    short_lived.shutdown_background();
    assert_eq!(event_lines(&socket).await, ["error", "close 1006 \"\" unclean"]);
    assert!(matches!(socket.failure(), Some(Failure::Runtime)));
    assert_eq!(socket.ready_state(), ReadyState::Closed);
    assert!(connection.is_closed_by_client().await, "the stream stays open");
}

#[tokio::test]
async fn runtime_shutdown_while_closing_fails_the_connection() {
    let test_server = TestServer::new().await;
    let short_lived = runtime();
    let socket = on(&short_lived, &test_server.url("a", "do=await-close,end"));
    let mut events = socket.events();
    assert!(matches!(events.next().await, Some(Event::Open)));
    socket.close(Some(1000), None).unwrap();
    test_server.store().wait_record("a", Until::CloseFrame).await;
    assert_eq!(socket.ready_state(), ReadyState::Closing);
    short_lived.shutdown_background();
    let rest: Vec<_> = events.map(|event| event_line(&event)).collect().await;
    assert_eq!(rest, ["error", "close 1006 \"\" unclean"]);
    assert!(matches!(socket.failure(), Some(Failure::Runtime)));
    test_server.store().wait_live("a", 0).await;
}

#[test]
fn reconnecting_socket_retries_after_its_runtime_has_shut_down() {
    let servers = Runtime::new().unwrap();
    let test_server = servers.block_on(TestServer::new());
    let runtime = Runtime::new().unwrap();
    let (url, handle) = (test_server.url("a", "do=text:a,echo"), runtime.handle().clone());
    let ms = Duration::from_millis(1);
    let mut socket = reconnect(move |_| {
        let connect = connect(url.clone()).options(Options::new().runtime(handle.clone()));
        async move { Some(connect) }
    })
    .backoff(Backoff { first: ms, longest: ms, ..Backoff::default() })
    .retry_while(|_, failures| failures < 4)
    .start();
    let states = socket.status_changes();
    assert!(matches!(block_on(socket.next()), Some(Ok(Message::Text(text))) if &*text == "a"));
    runtime.shutdown_background();
    let end = block_on(socket.next());
    let Some(Err(Cause::NotConnected(error))) = end else { panic!("{end:?}") };
    assert!(matches!(*error, ConnectError::Failed(_)), "{error:?}");
    let waits = block_on(states.filter(|state| std::future::ready(matches!(state, Status::Waiting { .. }))).count());
    assert_eq!(waits, 3);
}
