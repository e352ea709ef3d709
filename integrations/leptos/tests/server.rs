//! Rendering on a server: nothing connects.

#![cfg(not(target_family = "wasm"))]

use leptos::prelude::*;
use samesocket::reconnect::{Sent, Status};
use samesocket_leptos::typed::Json;
use samesocket_leptos::{use_typed_websocket, use_websocket};

#[component]
fn Chat() -> impl IntoView {
    let socket = use_websocket("/chat", |_| panic!("nothing connects"));
    assert_eq!(socket.status.get_untracked(), Status::Idle);
    assert_eq!(socket.send("hello").unwrap(), Sent::Kept);
    view! { <p>{move || socket.status.get().to_string()}</p> }
}

#[test]
fn component_on_server_renders_the_idle_status() {
    let owner = Owner::new();
    let html = owner.with(|| view! { <Chat/> }.to_html());
    assert!(html.contains(&Status::Idle.to_string()), "{html}");
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

#[test]
fn message_after_a_change_of_the_url_is_for_the_new_one() {
    let owner = Owner::new();
    owner.with(|| {
        let room = RwSignal::new(1);
        let url = Signal::derive(move || format!("/chat/{}", room.get()));
        let socket = use_websocket(url, |_| panic!("nothing connects"));
        socket.send("hello room 1").unwrap();
        let old = socket.socket().expect("the component is mounted");
        room.set(2);
        socket.send("hello room 2").unwrap();
        let new = socket.socket().expect("the component is mounted");
        assert!(old != new);
        assert_eq!(new.take_kept(), ["hello room 2".into()]);
    });
}
