//! An echo on `ws_stream_wasm`.

use futures::{SinkExt as _, StreamExt as _};
use wasm_bindgen::prelude::*;
use ws_stream_wasm::WsMeta;

fn main() {
    wasm_bindgen_futures::spawn_local(async {
        let (_meta, mut stream) = WsMeta::connect("ws://localhost/echo", None).await.unwrap_throw();
        while let Some(message) = stream.next().await {
            stream.send(message).await.unwrap_throw();
        }
    });
}
