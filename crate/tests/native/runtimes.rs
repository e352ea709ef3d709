//! The end of a runtime, and what it ends.

use futures::StreamExt;
use samesocket::{ConnectError, Event, Failure, Options, ReadyState, WebSocket, connect};
use samesocket_fault_server::Until;
use tokio::runtime::{Builder, Runtime};

use crate::door::Doorkeeper;
use crate::support::{Stage, line, lines};

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn on(runtime: &Runtime, url: &str) -> WebSocket {
    WebSocket::with_options(url, (), &Options::new().runtime(runtime.handle().clone())).unwrap()
}

#[tokio::test]
async fn a_socket_that_was_made_within_a_runtime_outlives_it() {
    let stage = Stage::new().await;
    let mortal = runtime();
    let url = stage.url("a", "do=text:a,echo");
    let socket = mortal.spawn(async move { WebSocket::new(&url, ()).unwrap() }).await.unwrap();
    let mut events = socket.events();
    let opened = mortal.spawn(async move {
        let event = events.next().await.map(|event| line(&event));
        (events, event)
    });
    let (events, event) = opened.await.unwrap();
    assert_eq!(event.as_deref(), Some("open"));
    mortal.shutdown_background();
    socket.send("b").unwrap();
    let rest: Vec<_> = events
        .inspect(|event| {
            if line(event) == "text \"b\"" {
                socket.close(Some(1000), None).unwrap();
            }
        })
        .map(|event| line(&event))
        .collect()
        .await;
    assert_eq!(rest, ["text \"a\"", "text \"b\"", "close 1000 \"\" clean"]);
}

#[tokio::test]
async fn a_runtime_without_a_clock_or_without_streams_is_a_failure_and_no_panic_of_the_caller() {
    let stage = Stage::new().await;
    let poor = || {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1);
        builder
    };
    for (runtime, missing) in [(poor().enable_io().build(), "timers"), (poor().enable_time().build(), "IO")] {
        let runtime = runtime.unwrap();
        let options = Options::new().runtime(runtime.handle().clone());
        let error = connect(stage.url("a", "")).options(options).await.unwrap_err();
        let ConnectError::Failed(failed) = error else { panic!("{error:?}") };
        assert!(
            matches!(failed.failure(), Some(Failure::Panicked { message: Some(text) }) if text.contains(missing)),
            "{failed:?}"
        );
        runtime.shutdown_background();
    }
}

#[tokio::test]
async fn a_runtime_that_ends_while_a_socket_of_it_is_connecting() {
    let door = Doorkeeper::new().await;
    let mortal = runtime();
    let socket = on(&mortal, &door.url("a"));
    let mut caller = door.next().await;
    mortal.shutdown_background();
    assert_eq!(lines(&socket).await, ["error", "close 1006 \"\" unclean"]);
    assert!(matches!(socket.failure(), Some(Failure::Runtime)));
    assert_eq!(socket.ready_state(), ReadyState::Closed);
    assert!(caller.is_left().await, "its stream is closed");
}

#[tokio::test]
async fn a_runtime_that_ends_while_a_socket_of_it_is_closing() {
    let stage = Stage::new().await;
    let mortal = runtime();
    let socket = on(&mortal, &stage.url("a", "do=await-close,end"));
    let mut events = socket.events();
    assert!(matches!(events.next().await, Some(Event::Open)));
    socket.close(Some(1000), None).unwrap();
    stage.store().wait_record("a", Until::CloseFrame).await;
    assert_eq!(socket.ready_state(), ReadyState::Closing);
    mortal.shutdown_background();
    let rest: Vec<_> = events.map(|event| line(&event)).collect().await;
    assert_eq!(rest, ["error", "close 1006 \"\" unclean"]);
    assert!(matches!(socket.failure(), Some(Failure::Runtime)));
    stage.store().wait_live("a", 0).await;
}
