//! What is alive after a socket was dropped, in every state: nothing.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

mod support;

use std::future::Future;

use samesocket::{Blob, ReadyState, WebSocket};
use support::{Alive, Place, Token, until};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// Brings a socket with a callback into a state, drops it, and checks that nothing of it is alive at once, nor later.
async fn drop_leaves_nothing<F: Future<Output = WebSocket>>(
    name: &str,
    query: &str,
    bring: impl FnOnce(WebSocket) -> F,
) {
    let place = Place::new(name).await;
    // Futures of the platform's leave their closures to a later task.
    place.settle().await;
    let before = Alive::now();
    let token = Token::default();
    let socket = place.connect(query);
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
    // For the script that waits; the others do not.
    place.server.release(&place.id, "now").await;
    if query != "handshake=nothing" {
        place.ended().await;
    }
    place.settle().await;
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
async fn a_socket_that_has_closed_holds_nothing_though_a_handle_does() {
    let place = Place::new("held").await;
    place.settle().await;
    let before = Alive::now();
    let socket = place.connect("do=text:a,close:1000");
    place.settle().await;
    // A late subscriber is served by a task, which has to go too.
    let token = Token::default();
    let kept = token.clone();
    socket
        .subscribe(move |_, _| {
            let _ = &kept;
        })
        .detach();
    socket.closed().await;
    place.settle().await;
    assert_eq!(token.others(), 0);
    assert_eq!(Alive::now(), before);
    drop(socket);
}

#[wasm_bindgen_test]
async fn a_blob_that_was_sent_arrives_though_the_socket_is_dropped_at_once() {
    let place = Place::new("blob").await;
    place.settle().await;
    let before = Alive::now();
    let socket = place.connect("");
    until(&mut socket.events(), "open").await;
    socket.send(&Blob::new(&vec![7; 100_000])).unwrap();
    socket.send("after").unwrap();
    drop(socket);
    let record = place.ended().await;
    let lengths: Vec<_> = record.messages.iter().map(|message| message.length).collect();
    assert_eq!(lengths, [100_000, 5]);
    assert_eq!(record.close.unwrap().code, None);
    place.settle().await;
    assert_eq!(Alive::now(), before, "nothing is left");
}

#[wasm_bindgen_test]
async fn a_hundred_sockets_leave_nothing() {
    let place = Place::new("hundred").await;
    place.settle().await;
    let before = Alive::now();
    for _ in 0..10 {
        let sockets: Vec<_> = (0..10).map(|_| place.connect("do=text:a,echo")).collect();
        for socket in &sockets {
            until(&mut socket.events(), "a").await;
        }
        drop(sockets);
        place.server.all_gone(&place.id).await;
    }
    place.settle().await;
    assert_eq!(Alive::now(), before);
}
