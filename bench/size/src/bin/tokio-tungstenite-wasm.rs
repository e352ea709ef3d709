//! An echo on `tokio-tungstenite-wasm`.

use futures::{SinkExt as _, StreamExt as _};
use wasm_bindgen::prelude::*;

fn main() {
    wasm_bindgen_futures::spawn_local(async {
        let mut stream = tokio_tungstenite_wasm::connect("ws://localhost/echo").await.unwrap_throw();
        while let Some(message) = stream.next().await {
            stream.send(message.unwrap_throw()).await.unwrap_throw();
        }
    });
}
