//! A reconnecting socket: a layer over [`connect`](crate::connect) that connects again whenever the connection is lost.
//!
//! ```no_run
//! # async fn token() -> String { String::new() }
//! # async fn example() -> Result<(), samesocket::reconnect::Cause> {
//! use samesocket::reconnect::{Outbox, reconnect};
//!
//! let mut socket = reconnect(|_failures| async {
//!     let url = format!("wss://example.com/chat?token={}", token().await);
//!     Some(samesocket::connect(url))
//! })
//! .prepare(|socket| async {
//!     socket.send("subscribe".into()).await?;
//!     Ok(socket)
//! })
//! .outbox(Outbox::Keep { messages: 100, bytes: 1 << 20 })
//! .start();
//! while let Some(message) = socket.next().await {
//!     println!("{:?}", message?);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The stream does the work: the socket connects and reconnects only while the stream is polled.

// `builder` collects the options. `driver` is the stream that connects and reconnects, and `outbox` is its sending side.
// `states` reports its states, `cause` its failures, and `backoff` computes its waits. Read them in this order.

mod backoff;
mod builder;
mod cause;
mod driver;
mod outbox;
mod states;

pub use self::backoff::Backoff;
pub use self::builder::{Reconnect, reconnect};
pub use self::cause::Cause;
pub use self::driver::Reconnecting;
pub use self::outbox::{Losses, Outbox, Sender};
pub use self::states::{State, States};
