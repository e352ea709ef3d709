//! A network in memory for tests of programs that use sockets, under plain `cargo test`.
//!
//! The test is the server, and it controls the clock. The sockets are the real ones; only the transport under them differs.
//!
//! [`pair`] returns an open socket and its peer. [`run()`] runs a test on a [`Network`] of its own, whose clock advances
//! whenever all tasks wait. So a test of an hour takes no time:
//!
//! ```
//! use samesocket::testing::{self, Received};
//! use std::time::Duration;
//!
//! testing::run(|network| async move {
//!     let server = network.clone();
//!     network.spawn(async move {
//!         let mut peer = server.accept().await.open();
//!         while let Some(Received::Message(message)) = peer.receive().await {
//!             server.clock().sleep(Duration::from_secs(3600)).await;
//!             peer.send(message);
//!         }
//!     });
//!     let mut socket = network.connect("ws://example.com").await.unwrap();
//!     socket.send("hello".into()).await.unwrap();
//!     assert_eq!(socket.next().await.unwrap().unwrap().size(), 5);
//!     assert_eq!(network.clock().now(), Duration::from_secs(3600));
//! });
//! ```
//!
//! A program that connects by itself receives the network through [`Connect::network`](crate::Connect::network).

// `network` is the back end, and `transport` the client's end of a `connection` in memory. `incoming` and `peer` are the
// server's end, `clock` is the time, and `run` the executor. Read them in this order.

mod clock;
mod connection;
mod incoming;
mod network;
mod peer;
mod received;
mod run;
mod transport;

pub use self::clock::Clock;
pub use self::incoming::Incoming;
pub use self::network::Network;
pub use self::peer::Peer;
pub use self::received::Received;
pub use self::run::{run, run_with_limit};

use futures::FutureExt;

use crate::socket::Socket;

/// Returns an open socket and its peer, on a network of their own.
///
/// ```
/// # futures::executor::block_on(async {
/// let (mut socket, peer) = samesocket::testing::pair();
/// peer.send("hello");
/// assert_eq!(socket.next().await.unwrap().unwrap().size(), 5);
/// # });
/// ```
///
/// # Panics
///
/// Never: the peer accepts the connection at once.
pub fn pair() -> (Socket, Peer) {
    let network = Network::new();
    let mut connecting = network.connect("ws://example.com/");
    let started = (&mut connecting).now_or_never();
    debug_assert!(started.is_none(), "the peer has not accepted yet");
    let peer = network.accept().now_or_never().expect("the connection waits to be accepted").open();
    let socket = connecting.now_or_never().expect("the connection is open").expect("the peer accepted it");
    (socket, peer)
}
