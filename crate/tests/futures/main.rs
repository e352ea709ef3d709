//! The futures API natively, over loopback, against the fault server.
#![cfg(not(target_family = "wasm"))]

mod bytes;
mod cancelling;
mod connecting;
mod handles;
mod heartbeat;
mod receiving;
mod reconnecting;
mod remote;
mod sending;
#[allow(dead_code, reason = "the other tests use the rest")]
#[path = "../native/support.rs"]
mod support;
mod testing;
mod wakers;

use samesocket::reconnect::{Reconnect, reconnect};
use samesocket::testing::Network;
use samesocket::{Connect, Error, Message, Socket};

/// A socket that comes back over a network in memory, by connections for which this is chosen.
fn coming_back(network: &Network, choose: fn(Connect) -> Connect) -> Reconnect {
    let network = network.clone();
    reconnect(move |_| {
        let connect = choose(network.connect("ws://a.example"));
        async { Some(connect) }
    })
}

/// What a stream gives, in a line.
fn line(item: &Result<Message, Error>) -> String {
    match item {
        Ok(Message::Text(text)) => format!("text {text:?}"),
        Ok(Message::Binary(bytes)) => format!("binary {}", bytes.len()),
        Ok(other) => format!("{other:?}"),
        Err(Error::Failed(failed)) => format!("failed {} {}", failed.event().code, failed.event().was_clean),
        Err(error) => format!("error {error}"),
    }
}

/// All that a stream gives.
async fn lines(socket: &mut Socket) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(item) = socket.next().await {
        lines.push(line(&item));
    }
    lines
}
