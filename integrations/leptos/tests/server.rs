//! Rendering on a server: nothing connects.

#![cfg(not(target_family = "wasm"))]

mod greeter;

use std::sync::Arc;

use leptos::prelude::*;
use samesocket::reconnect::{Sent, Status, TypedLiveSocket};
use samesocket_leptos::typed::Json;
use samesocket_leptos::{UseWebsocket, connect, use_typed_websocket, use_websocket, use_websocket_with};

use crate::greeter::{SERVER_HTML, greeter};

/// A handle can be copied into each closure, and can be a context.
const _: fn() = || {
    fn is_shareable<T: Copy + Send + Sync + 'static>() {}
    is_shareable::<UseWebsocket>();
    is_shareable::<UseWebsocket<TypedLiveSocket<Box<dyn FnOnce()>, Box<dyn FnOnce()>>>>();
};

#[test]
fn component_on_server_renders_the_idle_status() {
    let owner = Owner::new();
    let configure = |url: String| connect(url).reconnect().executor(|_| panic!("nothing connects"));
    let html = owner.with(|| greeter(configure).to_html());
    assert_eq!(html, SERVER_HTML);
}

#[test]
fn handle_after_the_unmount_returns_the_message() {
    let owner = Owner::new();
    let socket = owner.with(|| use_websocket("/chat", |_| ()));
    owner.unset_with_forced_cleanup();
    let error = socket.send("hello").unwrap_err();
    assert_eq!(error.into_message(), Some("hello".into()));
}

#[test]
fn closures_are_dropped_with_the_owner() {
    let owner = Owner::new();
    let counted = Arc::new(());
    let (in_configure, in_callback) = (Arc::clone(&counted), Arc::clone(&counted));
    let configure = move |url: String| {
        let _ = &in_configure;
        connect(url).reconnect()
    };
    let socket = owner.with(|| use_websocket_with("/chat", configure, move |_| drop(Arc::clone(&in_callback))));
    assert_eq!(Arc::strong_count(&counted), 3);
    let kept = socket.socket().expect("it is mounted");
    drop(owner);
    assert!(socket.socket().is_none());
    // A handle keeps the task of its socket, and with it the callback.
    assert_eq!(Arc::strong_count(&counted), 2);
    drop(kept);
    assert_eq!(Arc::strong_count(&counted), 1);
}

#[test]
fn value_before_hydration_is_kept_and_after_the_unmount_is_an_error() {
    let owner = Owner::new();
    let socket = owner.with(|| use_typed_websocket("/sum", Json, |_: Result<u32, _>| panic!("nothing connects")));
    owner.with(|| assert_eq!(socket.status.get_untracked(), Status::Idle));
    assert_eq!(socket.send(&vec![6, 7]).unwrap(), Sent::Kept);
    let kept = socket.socket().expect("the component is mounted").socket().take_kept();
    assert_eq!(kept, ["[6,7]".into()]);
    owner.unset_with_forced_cleanup();
    let error = socket.send(&vec![8]).unwrap_err();
    assert_eq!(error.to_string(), "a value could not be encoded: the component was unmounted");
    assert!(socket.socket().is_none());
}

/// Returns the number of a room, and the URL of that room.
fn rooms() -> (RwSignal<u32>, Signal<String>) {
    let room = RwSignal::new(1);
    (room, Signal::derive(move || format!("/chat/{}", room.get())))
}

#[test]
fn message_after_a_change_of_the_url_is_for_the_new_one() {
    let owner = Owner::new();
    owner.with(|| {
        let (room, url) = rooms();
        let configure = |url: String| connect(url).reconnect().executor(|_| panic!("nothing connects"));
        let socket = use_websocket_with(url, configure, |_| panic!("nothing connects"));
        socket.send("hello room 1").unwrap();
        let old = socket.socket().expect("the component is mounted");
        room.set(2);
        socket.send("hello room 2").unwrap();
        let new = socket.socket().expect("the component is mounted");
        assert!(old != new);
        assert_eq!(new.take_kept(), ["hello room 2".into()]);
    });
}

#[test]
fn request_after_a_change_of_the_url_is_for_the_new_one() {
    let owner = Owner::new();
    owner.with(|| {
        let (room, url) = rooms();
        let socket = use_websocket(url, |_| panic!("nothing connects"));
        let values = use_typed_websocket(url, Json, |_: Result<u32, _>| panic!("nothing connects"));
        values.send(&vec![1]).unwrap();
        let (old, old_values) = (socket.socket().expect("it is mounted"), values.socket().expect("it is mounted"));
        room.set(2);
        let new = socket.socket().expect("it is mounted");
        assert!(old != new);
        let new_values = values.socket().expect("it is mounted");
        assert!(old_values.socket() != new_values.socket());
        assert_eq!(new_values.socket().kept(), 0);

        room.set(3);
        // Those of the URL before were closed, so that this would not be an exception there.
        socket.close(Some(1000), None).unwrap();
        let newest = socket.socket().expect("it is mounted");
        assert!(new != newest);
        let error = newest.send("after the close").unwrap_err();
        assert_eq!(error.into_message(), Some("after the close".into()));

        // Another URL starts a socket that is not closed.
        room.set(4);
        assert_eq!(socket.send("hello room 4").unwrap(), Sent::Kept);
    });
}

#[test]
fn configure_that_uses_the_socket_has_the_old_one() {
    let owner = Owner::new();
    owner.with(|| {
        let (room, url) = rooms();
        let slot = StoredValue::new(None::<UseWebsocket>);
        let configure = move |url: String| {
            if let Some(socket) = slot.get_value() {
                socket.send(format!("next is {url}")).expect("the old one is not closed yet");
            }
            connect(url).reconnect()
        };
        let socket = use_websocket_with(url, configure, |_| panic!("nothing connects"));
        slot.set_value(Some(socket));
        let old = socket.socket().expect("it is mounted");
        room.set(2);
        socket.send("hello room 2").unwrap();
        assert_eq!(old.take_kept(), ["next is /chat/2".into()]);
        let kept = socket.socket().expect("it is mounted").take_kept();
        assert_eq!(kept, ["hello room 2".into()]);
    });
}

#[test]
fn panic_in_configure_leaves_the_next_url_alone() {
    let owner = Owner::new();
    owner.with(|| {
        let (room, url) = rooms();
        let configure = |url: String| {
            assert_ne!(url, "/chat/2", "a fault of the program");
            connect(url).reconnect()
        };
        let socket = use_websocket_with(url, configure, |_| panic!("nothing connects"));
        let old = socket.socket();
        room.set(2);
        assert!(std::panic::catch_unwind(|| socket.send("lost")).is_err());
        room.set(3);
        socket.send("hello room 3").unwrap();
        assert!(socket.socket() != old);
        let kept = socket.socket().expect("it is mounted").take_kept();
        assert_eq!(kept, ["hello room 3".into()]);
    });
}

#[test]
fn signal_that_configure_reads_subscribes_nothing() {
    let owner = Owner::new();
    owner.with(|| {
        let token = RwSignal::new(1);
        let configured = StoredValue::new(0);
        let configure = move |url: String| {
            let _ = token.get();
            configured.update_value(|count| *count += 1);
            connect(url).reconnect()
        };
        // A reactive scope, such as a closure of a view.
        let scope = Memo::new(move |_| {
            use_websocket_with("/chat", configure, |_| panic!("nothing connects"));
        });
        scope.get();
        token.set(2);
        scope.get();
        assert_eq!(configured.get_value(), 1);
    });
}
