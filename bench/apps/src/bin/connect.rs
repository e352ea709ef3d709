//! The chat over `samesocket::connect`.

use futures::StreamExt as _;
use futures::channel::mpsc::unbounded;
use samesocket::{Message, connect};
use samesocket_bench_apps::{URL, show};
use wasm_bindgen_futures::spawn_local;

fn main() {
    show(|chat| {
        let (outgoing, mut texts) = unbounded::<String>();
        spawn_local(async move {
            let Ok(socket) = connect(URL).await else { return chat.set_status("no connection") };
            let (sender, mut receiver) = socket.split();
            spawn_local(async move {
                while let Some(text) = texts.next().await {
                    if sender.send(text.into()).await.is_err() {
                        break;
                    }
                }
            });
            chat.set_status("open");
            while let Some(message) = receiver.next().await {
                match message {
                    Ok(Message::Text(text)) => chat.received(text.into()),
                    Ok(_) => {}
                    Err(_) => return chat.set_status("failed"),
                }
            }
            chat.set_status("closed");
        });
        move |text| drop(outgoing.unbounded_send(text))
    });
}
