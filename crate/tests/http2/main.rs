//! WebSockets over HTTP/2, against a server that each test controls.
#![cfg(not(target_family = "wasm"))]

mod buffers;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../native/certificates.rs"]
mod certificates;
mod failures;
mod flow_control;
mod giving_up;
mod leaving;
mod lifecycle;
mod limits;
mod misbehaviour;
mod pooling;
mod raw_server;
mod server;
mod slow_paths;
#[path = "../native/streams.rs"]
mod streams;
mod tls;

use std::future::Future;
use std::time::Duration;

use futures::StreamExt;
use samesocket::{Event, Events, Http2, Options, Socket, WebSocket, connect};

/// Runs a test on a runtime of its own, with a limit on its time.
fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    // Arbitrary; a test takes less than a second.
    runtime
        .block_on(async { tokio::time::timeout(Duration::from_secs(60), test).await.expect("the test ends in time") });
}

/// Runs a test on a clock that advances when all tasks wait.
fn run_paused(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(test);
}

fn options() -> Options {
    Options::new().http2(Http2::prior_knowledge())
}

async fn open(url: String) -> Socket {
    connect(url).options(options()).await.unwrap()
}

/// Returns the events of a socket as text, once it is closed.
async fn events(socket: &WebSocket) -> Vec<String> {
    rest_of(socket.events()).await
}

/// Returns the events that are left, likewise.
async fn rest_of(list: Events) -> Vec<String> {
    let shown = |event: Event| match event {
        Event::Open => "open".to_owned(),
        Event::Message(message) => format!("text {}", message.data.as_text().unwrap_or_default()),
        Event::Error => "error".to_owned(),
        Event::Close(event) => format!("close {} {}", event.code, event.was_clean),
        other => format!("{other:?}"),
    };
    list.map(shown).collect().await
}

/// Sends a text, and checks that it comes back.
async fn check_echo(socket: &mut Socket, text: &str) {
    socket.send(text.into()).await.unwrap();
    let message = socket.next().await.expect("a message").unwrap();
    assert_eq!(message.into_text().ok().as_deref(), Some(text));
}
