//! The hook in a page, over the network in memory.

#![cfg(target_family = "wasm")]

mod greeter;

use std::any::Any;
use std::cell::RefCell;

use futures::StreamExt;
use futures::channel::mpsc;
use leptos::mount::{hydrate_from, mount_to};
use leptos::prelude::*;
use leptos::reactive::diagnostics::SpecialNonReactiveZone;
use leptos::wasm_bindgen::JsCast;
use samesocket::OwnedMessage;
use samesocket::reconnect::Status;
use samesocket::testing::{Network, Received};
use samesocket_leptos::{UseWebsocket, connect, use_websocket_with};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

use crate::greeter::{SERVER_HTML, greeter};

wasm_bindgen_test_configure!(run_in_browser);

/// A mounted component, and what it shares with the test.
struct Mounted {
    room: RwSignal<u32>,
    socket: UseWebsocket,
    /// The messages that the component has received.
    received: mpsc::UnboundedReceiver<OwnedMessage>,
    /// Dropping it unmounts the component.
    _unmount: Box<dyn Any>,
}

/// Mounts a component whose URL has the number of a room.
fn mount(network: &Network) -> Mounted {
    let (sender, received) = mpsc::unbounded();
    let (room, network) = (RwSignal::new(1), network.clone());
    let (share, shared) = std::sync::mpsc::channel();
    let component = move || {
        let url = Signal::derive(move || format!("ws://a.example/{}", room.get()));
        let network = StoredValue::new_local(network);
        let configure = move |url: String| network.with_value(|network| connect(url).network(network).reconnect());
        let on_message = move |message| {
            sender.unbounded_send(message).expect("the test receives");
        };
        share.send(use_websocket_with(url, configure, on_message)).expect("the test waits");
    };
    let parent = document().create_element("div").expect("a div").unchecked_into();
    let unmount = Box::new(mount_to(parent, component));
    Mounted { room, socket: shared.recv().expect("it was mounted"), received, _unmount: unmount }
}

/// Waits until the status is that of an open socket.
async fn wait_until_open(status: Signal<Status>) {
    let statuses = status.to_stream().filter(|status| std::future::ready(status.is_open()));
    std::pin::pin!(statuses).next().await.expect("the component is mounted");
}

#[wasm_bindgen_test]
async fn change_of_the_url_closes_the_old_socket_and_shows_only_the_new_one() {
    let network = Network::new();
    let mut component = mount(&network);
    let incoming = network.accept().await;
    assert_eq!(incoming.url(), "ws://a.example/1");
    let mut first = incoming.open();
    wait_until_open(component.socket.status).await;

    // Such a handle keeps the old socket, whose updates are for nobody.
    let kept = component.socket.socket().expect("it is mounted");
    component.room.set(2);
    let incoming = network.accept().await;
    assert_eq!(incoming.url(), "ws://a.example/2");
    assert!(matches!(first.receive().await, Some(Received::Close { .. })));
    assert!(matches!(kept.status(), Status::Ended { .. }));
    let second = incoming.open();
    wait_until_open(component.socket.status).await;
    first.send("old");
    second.send("new");
    assert_eq!(component.received.next().await, Some("new".into()));
}

#[wasm_bindgen_test]
async fn message_after_a_change_of_the_url_is_for_the_new_one() {
    let network = Network::new();
    let component = mount(&network);
    let mut first = network.accept().await.open();
    wait_until_open(component.socket.status).await;
    component.room.set(2);
    component.socket.send("hello room 2").unwrap();
    let incoming = network.accept().await;
    assert_eq!(incoming.url(), "ws://a.example/2");
    assert!(matches!(first.receive().await, Some(Received::Close { .. })));
    let received = incoming.open().receive().await;
    assert!(matches!(received, Some(Received::Message(message)) if message.as_text() == Some("hello room 2")));
}

#[wasm_bindgen_test]
async fn same_url_again_keeps_the_socket() {
    let network = Network::new();
    let mut component = mount(&network);
    let mut peer = network.accept().await.open();
    wait_until_open(component.socket.status).await;
    component.room.set(1);
    leptos::task::tick().await;
    component.socket.send("still here").unwrap();
    assert!(
        matches!(peer.receive().await, Some(Received::Message(message)) if message.as_text() == Some("still here"))
    );
    peer.send("answer");
    assert_eq!(component.received.next().await, Some("answer".into()));
}

#[wasm_bindgen_test]
async fn unmounting_closes_the_socket() {
    let network = Network::new();
    let component = mount(&network);
    let mut peer = network.accept().await.open();
    wait_until_open(component.socket.status).await;
    let socket = component.socket;
    drop(component);
    assert!(matches!(peer.receive().await, Some(Received::Close { .. })));
    assert!(socket.send("late").is_err());
}

#[wasm_bindgen_test]
async fn callback_runs_with_the_owner_of_the_component() {
    let network = Network::new();
    let (sender, mut received) = mpsc::unbounded();
    let tasks = StoredValue::new_local(network.clone());
    let component = move || {
        let configure = move |url: String| tasks.with_value(|network| connect(url).network(network).reconnect());
        provide_context("a context of the component");
        let on_message = move |_| {
            // The guard shows whether its zone was entered before, in which reading a signal warns of nothing.
            let zone = format!("{:?}", SpecialNonReactiveZone::enter());
            let created = RwSignal::new(());
            sender.unbounded_send((use_context::<&str>(), zone, created)).expect("the test receives");
        };
        use_websocket_with("ws://a.example/1", configure, on_message);
    };
    let parent = document().create_element("div").expect("a div").unchecked_into();
    let unmount = mount_to(parent, component);
    network.accept().await.open().send("hello");
    let (context, zone, created) = received.next().await.expect("the component is mounted");
    assert_eq!(context, Some("a context of the component"));
    assert_eq!(zone, "SpecialNonReactiveZoneGuard(true)");
    assert!(!created.is_disposed());
    drop(unmount);
    assert!(created.is_disposed());
    // The callback is gone, and with it the sender.
    assert!(received.next().await.is_none());
}

#[wasm_bindgen_test]
async fn signal_of_a_closure_around_the_component_starts_another_socket() {
    let network = Network::new();
    let tasks = StoredValue::new_local(network.clone());
    let token = RwSignal::new(1);
    let chat = move |token: u32| {
        let configure = move |url: String| {
            tasks.with_value(|network| connect(format!("{url}?token={token}")).network(network).reconnect())
        };
        let socket = use_websocket_with("ws://a.example/", configure, |_| ());
        view! { <p>{move || socket.status.get().to_string()}</p> }
    };
    let parent = document().create_element("div").expect("a div").unchecked_into();
    let _unmount = mount_to(parent, move || view! { {move || chat(token.get())} });
    let incoming = network.accept().await;
    assert_eq!(incoming.url(), "ws://a.example/?token=1");
    let mut first = incoming.open();
    token.set(2);
    assert!(matches!(first.receive().await, Some(Received::Close { .. })));
    assert_eq!(network.accept().await.url(), "ws://a.example/?token=2");
}

#[wasm_bindgen_test]
async fn page_of_a_server_is_hydrated_and_then_connects() {
    thread_local! {
        static NETWORK: RefCell<Option<Network>> = const { RefCell::new(None) };
    }
    let network = Network::new();
    NETWORK.set(Some(network.clone()));
    let parent: leptos::web_sys::HtmlElement = document().create_element("div").expect("a div").unchecked_into();
    parent.set_inner_html(SERVER_HTML);
    let paragraph = parent.first_element_child().expect("the server has rendered it");
    let configure =
        |url: String| NETWORK.with_borrow(|network| connect(url).network(network.as_ref().unwrap()).reconnect());
    let unmount = hydrate_from(parent.clone(), move || greeter(configure));
    assert_eq!(parent.inner_html(), SERVER_HTML);

    let mut peer = network.accept().await.open();
    assert!(matches!(peer.receive().await, Some(Received::Message(message)) if message.as_text() == Some("hello")));
    leptos::task::tick().await;
    assert_eq!(paragraph.text_content(), Some(Status::Open.to_string()));
    assert_eq!(parent.first_element_child(), Some(paragraph));
    drop(unmount);
    assert!(matches!(peer.receive().await, Some(Received::Close { .. })));
}
