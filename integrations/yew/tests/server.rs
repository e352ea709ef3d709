//! Rendering on a server: nothing connects.

#![cfg(not(target_family = "wasm"))]

use std::rc::Rc;

use futures::executor::block_on;
use samesocket::reconnect::Sent;
use samesocket_yew::{connect, use_websocket_with};
use yew::LocalServerRenderer;
use yew::prelude::*;

#[component]
fn Greeter() -> Html {
    // A task would be an error. The hook closes nothing when the component is dropped, because that would start one.
    let configure = |url: AttrValue| connect(url.to_string()).reconnect().executor(|_| panic!("nothing connects"));
    let stays_here = Rc::new(());
    let socket = use_websocket_with("/greeter", configure, move |_| drop(Rc::clone(&stays_here)));
    assert_eq!(socket.send("hello").unwrap(), Sent::Kept);
    html! { <p>{ socket.status().to_string() }</p> }
}

#[test]
fn component_on_server_renders_the_idle_status() {
    let html = block_on(LocalServerRenderer::<Greeter>::new().hydratable(false).render());
    assert_eq!(html, "<p>not connected</p>");
}
