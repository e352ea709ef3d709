//! The chat over a reconnecting socket of `samesocket`, which keeps messages while there is no connection.

use futures::StreamExt as _;
use samesocket::reconnect::{Outbox, Status};
use samesocket::{Message, connect};
use samesocket_bench_apps::{URL, show};
use wasm_bindgen_futures::spawn_local;

fn main() {
    show(|chat| {
        let outbox = Outbox::Keep { messages: 100, bytes: 1 << 20 };
        let mut socket = connect(URL).reconnect().outbox(outbox).start();
        let (sender, mut changes) = (socket.sender(), socket.status_changes());
        spawn_local(async move {
            while let Some(status) = changes.next().await {
                chat.set_status(match status {
                    Status::Connecting { .. } => "connecting",
                    Status::Open => "open",
                    Status::Waiting { .. } => "waiting",
                    _ => "closed",
                });
            }
        });
        spawn_local(async move {
            while let Some(Ok(message)) = socket.next().await {
                if let Message::Text(text) = message {
                    chat.received(text.into());
                }
            }
        });
        move |text| drop(sender.try_send(text.into()))
    });
}
