//! Leak tests: a socket that is dropped in any state leaves nothing alive.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

mod support;

use std::future::Future;

use samesocket::{Blob, ReadyState, WebSocket};
use support::{Alive, Fixture, Token, until};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// Brings a socket with a callback into a state, drops it, and checks that nothing of it stays alive.
async fn drop_leaves_nothing<F: Future<Output = WebSocket>>(
    name: &str,
    query: &str,
    bring: impl FnOnce(WebSocket) -> F,
) {
    let fixture = Fixture::new(name).await;
    // Promises of the platform free their closures in a later task.
    fixture.settle().await;
    let before = Alive::now();
    let token = Token::default();
    let socket = fixture.connect(query);
    let with_it = Alive::now();
    assert_eq!(with_it.listeners, before.listeners + 4, "one listener for each kind of event");
    assert!(with_it.closures >= before.closures + 4, "each with its closure");
    let kept = token.clone();
    socket
        .subscribe(move |_, _| {
            let _ = &kept;
        })
        .detach();
    assert_eq!(token.others(), 1);
    let socket = bring(socket).await;
    drop(socket);
    assert_eq!(token.others(), 0, "callbacks are freed at once");
    assert_eq!(Alive::now().listeners, before.listeners, "listeners are freed at once");
    // One script of the server waits for this gate.
    fixture.server.release(&fixture.id, "now").await;
    if query != "handshake=nothing" {
        fixture.ended().await;
    }
    fixture.settle().await;
    assert_eq!(Alive::now(), before, "nothing is left");
}

#[wasm_bindgen_test]
async fn dropping_while_connecting_leaves_nothing() {
    drop_leaves_nothing("connecting", "handshake=nothing", |socket| async { socket }).await;
}

#[wasm_bindgen_test]
async fn dropping_while_open_leaves_nothing() {
    drop_leaves_nothing("open", "", |socket| async {
        until(&mut socket.events(), "open").await;
        socket
    })
    .await;
}

#[wasm_bindgen_test]
async fn dropping_with_messages_under_way_leaves_nothing() {
    drop_leaves_nothing("busy", "do=flood:1000:1000,echo", |socket| async {
        until(&mut socket.events(), "1000 bytes").await;
        socket.send("more").unwrap();
        socket
    })
    .await;
}

#[wasm_bindgen_test]
async fn dropping_while_closing_leaves_nothing() {
    drop_leaves_nothing("closing", "do=await-close,gate:now,answer", |socket| async {
        until(&mut socket.events(), "open").await;
        socket.close(None, None).unwrap();
        assert_eq!(socket.ready_state(), ReadyState::Closing);
        socket
    })
    .await;
}

#[wasm_bindgen_test]
async fn dropping_when_closed_leaves_nothing() {
    drop_leaves_nothing("closed", "do=close:1000", |socket| async {
        socket.closed().await;
        socket
    })
    .await;
}

#[wasm_bindgen_test]
async fn dropping_after_a_failure_leaves_nothing() {
    drop_leaves_nothing("failed", "status=403", |socket| async {
        socket.closed().await;
        socket
    })
    .await;
}

#[wasm_bindgen_test]
async fn closed_socket_with_handle_holds_nothing() {
    let fixture = Fixture::new("held").await;
    fixture.settle().await;
    let before = Alive::now();
    let socket = fixture.connect("do=text:a,close:1000");
    fixture.settle().await;
    // A late subscriber is served by a task, which must be freed too.
    let token = Token::default();
    let kept = token.clone();
    socket
        .subscribe(move |_, _| {
            let _ = &kept;
        })
        .detach();
    socket.closed().await;
    fixture.settle().await;
    assert_eq!(token.others(), 0);
    assert_eq!(Alive::now(), before);
    drop(socket);
}

#[wasm_bindgen_test]
async fn sent_blob_arrives_after_drop() {
    let fixture = Fixture::new("blob").await;
    fixture.settle().await;
    let before = Alive::now();
    let socket = fixture.connect("");
    until(&mut socket.events(), "open").await;
    socket.send(&Blob::new(&vec![7; 100_000])).unwrap();
    socket.send("after").unwrap();
    drop(socket);
    let record = fixture.ended().await;
    let lengths: Vec<_> = record.messages.iter().map(|message| message.length).collect();
    assert_eq!(lengths, [100_000, 5]);
    assert_eq!(record.close.unwrap().code, None);
    fixture.settle().await;
    assert_eq!(Alive::now(), before, "nothing is left");
}

#[wasm_bindgen_test]
async fn hundred_sockets_leave_nothing() {
    let fixture = Fixture::new("hundred").await;
    fixture.settle().await;
    let before = Alive::now();
    for _ in 0..10 {
        let sockets: Vec<_> = (0..10).map(|_| fixture.connect("do=text:a,echo")).collect();
        for socket in &sockets {
            until(&mut socket.events(), "a").await;
        }
        drop(sockets);
        fixture.server.all_gone(&fixture.id).await;
    }
    fixture.settle().await;
    assert_eq!(Alive::now(), before);
}
