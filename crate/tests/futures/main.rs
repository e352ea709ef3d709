//! Tests of the futures API on native targets: over loopback against the fault server, and on the network in memory.
#![cfg(not(target_family = "wasm"))]

mod bytes;
mod cancelling;
mod connecting;
mod half_close;
mod handles;
mod heartbeat;
mod live;
mod outbox;
mod random_orders;
mod receiving;
mod reconnecting;
mod reconnecting_control;
mod remote;
mod sending;
#[allow(dead_code, reason = "the tests in `native` use the rest")]
#[path = "../native/support.rs"]
mod support;
mod testing;
mod wakers;

use samesocket::reconnect::Reconnect;
use samesocket::testing::{Network, Peer, pair};
use samesocket::{Connect, Error, Message, Remote, RemoteDriver, Socket};

/// Builds a reconnecting socket over a network in memory. `configure` sets the options of its connections.
fn reconnecting_over(network: &Network, configure: fn(Connect) -> Connect) -> Reconnect {
    configure(network.connect("ws://a.example")).reconnect()
}

/// Creates a remote whose driver the test polls, and its peer.
fn remote_and_driver() -> (Remote, RemoteDriver, Peer) {
    let (socket, peer) = pair();
    let mut driver = None;
    let remote = socket.into_remote_by(|remote_driver| driver = Some(remote_driver));
    (remote, driver.unwrap(), peer)
}

/// Describes an item of a stream.
fn line(item: &Result<Message, Error>) -> String {
    match item {
        Ok(Message::Text(text)) => format!("text {text:?}"),
        Ok(Message::Binary(bytes)) => format!("binary {}", bytes.len()),
        Ok(other) => format!("{other:?}"),
        Err(Error::Failed(failed)) => format!("failed {} {}", failed.event().code, failed.event().was_clean),
        Err(error) => format!("error {error}"),
    }
}

/// Describes all items of a stream.
async fn lines(socket: &mut Socket) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(item) = socket.next().await {
        lines.push(line(&item));
    }
    lines
}
