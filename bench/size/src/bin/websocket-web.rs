//! An echo on `websocket-web`.

use futures::{SinkExt as _, StreamExt as _};
use wasm_bindgen::prelude::*;
use websocket_web::WebSocket;

fn main() {
    wasm_bindgen_futures::spawn_local(async {
        let mut socket = WebSocket::connect("ws://localhost/echo").await.unwrap_throw();
        while let Some(message) = socket.next().await {
            socket.send(message.unwrap_throw()).await.unwrap_throw();
        }
    });
}
