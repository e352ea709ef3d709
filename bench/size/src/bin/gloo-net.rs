//! An echo on `gloo-net`.

use futures::{SinkExt as _, StreamExt as _};
use gloo_net::websocket::futures::WebSocket;
use wasm_bindgen::prelude::*;

fn main() {
    wasm_bindgen_futures::spawn_local(async {
        let mut socket = WebSocket::open("ws://localhost/echo").unwrap_throw();
        while let Some(message) = socket.next().await {
            socket.send(message.unwrap_throw()).await.unwrap_throw();
        }
    });
}
