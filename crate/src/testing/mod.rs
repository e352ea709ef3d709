//! A network in memory, with a peer that does what it is told and a clock that is wound by hand: for tests of programs
//! that use sockets, under plain `cargo test`.
//!
//! [`pair`] gives an open socket and its peer. [`run`] runs a test on a [`Network`] of its own whose clock goes on by
//! itself, so that an hour takes no time:
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
//! A program that makes its connections itself is given the network by [`Connect::network`](crate::Connect::network).
//! The sockets are the real ones: only what carries them is another.

mod clock;
mod link;
mod network;
mod peer;
mod run;

pub use self::clock::Clock;
pub use self::network::{Incoming, Network};
pub use self::peer::{Peer, Received};
pub use self::run::run;

use futures::FutureExt;

use crate::socket::Socket;

/// Gives an open socket and its peer, on a network of their own.
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
/// Never: nothing in memory refuses a connection.
pub fn pair() -> (Socket, Peer) {
    let network = Network::new();
    let mut connecting = network.connect("ws://example.com/");
    let started = (&mut connecting).now_or_never();
    debug_assert!(started.is_none(), "nobody has answered");
    let peer = network.accept().now_or_never().expect("somebody knocks").open();
    let socket = connecting.now_or_never().expect("it is open").expect("it was accepted");
    (socket, peer)
}
