//! A reconnecting socket: a layer over [`connect`](crate::connect) that connects again whenever the connection is lost.
//!
//! ```no_run
//! # async fn example() -> Result<(), samesocket::reconnect::Cause> {
//! use samesocket::connect;
//! use samesocket::reconnect::Outbox;
//!
//! let mut socket = connect("wss://example.com/chat")
//!     .reconnect()
//!     .prepare(|socket| async {
//!         socket.send("subscribe".into()).await?;
//!         Ok(socket)
//!     })
//!     .outbox(Outbox::Keep { messages: 100, bytes: 1 << 20 })
//!     .start();
//! while let Some(message) = socket.next().await {
//!     println!("{:?}", message?);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`reconnect`](reconnect()) calls a function for each attempt, which can fetch a new token:
//!
//! ```no_run
//! # async fn token() -> String { String::new() }
//! # async fn example() {
//! use samesocket::connect;
//! use samesocket::reconnect::reconnect;
//!
//! let attempt = |_failures| async { Some(connect(format!("wss://example.com/chat?token={}", token().await))) };
//! let socket = reconnect(attempt).start();
//! # drop(socket);
//! # }
//! ```
//!
//! There are two ways to use it:
//!
//! - [`start`](Reconnect::start) returns a [`Reconnecting`] socket, a `Stream` and `Sink` of messages. The stream does the
//!   work: the socket connects and reconnects only while the stream is polled.
//! - [`drive`](Reconnect::drive) returns a [`LiveSocket`], a handle whose socket drives itself. It is for user
//!   interfaces: it is `Clone`, `Send` and `Sync` on every target, and dropping the last one ends the socket.
//!
//! ```no_run
//! use samesocket::reconnect::Update;
//!
//! let live = samesocket::connect("wss://example.com/chat").reconnect().drive(|update| match update {
//!     Update::Status(status) => println!("{status}"),
//!     Update::Message(message) => println!("{message:?}"),
//!     _ => {}
//! });
//! live.send("hello").unwrap();
//! ```

// `builder` collects the options, and `reconnecting` is the socket of the program. `driver` connects and reconnects,
// `outgoing` is its sending side with an `outbox`, and `sender` has the handles. `status` reports what it does, `cause` its
// failures, and `backoff` computes its waits. `live` is a layer over it. Read them in this order.

mod backoff;
mod builder;
mod cause;
mod driver;
mod live;
#[cfg(all(test, shuttle))]
mod model;
mod outbox;
mod outgoing;
mod reconnecting;
mod sender;
mod status;

pub use self::backoff::Backoff;
pub use self::builder::{Reconnect, reconnect};
pub use self::cause::{Cause, Limit};
pub use self::live::{
    DecodeError, LiveDriver, LiveSocket, Sent, TypedLiveSocket, TypedReconnect, TypedUpdates, Update, Updates,
    WeakLiveSocket,
};
pub use self::outbox::{Losses, Outbox};
pub use self::reconnecting::Reconnecting;
pub use self::sender::Sender;
pub use self::status::{Status, StatusChanges};
