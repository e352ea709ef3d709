//! The chat over `gloo-net`.

use futures::channel::mpsc::unbounded;
use futures::{SinkExt as _, StreamExt as _};
use gloo_net::websocket::{Message, futures::WebSocket};
use samesocket_bench_apps::{URL, show};
use wasm_bindgen_futures::spawn_local;

fn main() {
    show(|chat| {
        let (outgoing, mut texts) = unbounded();
        match WebSocket::open(URL) {
            Err(_) => chat.set_status("invalid URL"),
            Ok(socket) => {
                let (mut sender, mut receiver) = socket.split();
                spawn_local(async move {
                    while let Some(text) = texts.next().await {
                        if sender.send(Message::Text(text)).await.is_err() {
                            break;
                        }
                    }
                });
                spawn_local(async move {
                    chat.set_status("open");
                    while let Some(message) = receiver.next().await {
                        match message {
                            Ok(Message::Text(text)) => chat.received(text),
                            Ok(Message::Bytes(_)) => {}
                            Err(_) => return chat.set_status("failed"),
                        }
                    }
                    chat.set_status("closed");
                });
            }
        }
        move |text| drop(outgoing.unbounded_send(text))
    });
}
