//! An echo on samesocket's futures API.

use wasm_bindgen::prelude::*;

fn main() {
    wasm_bindgen_futures::spawn_local(async {
        let mut socket = samesocket::connect("ws://localhost/echo").await.unwrap_throw();
        while let Some(message) = socket.next().await {
            socket.send(message.unwrap_throw()).await.unwrap_throw();
        }
    });
}
