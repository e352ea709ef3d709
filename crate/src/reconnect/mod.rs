//! A socket that comes back: a layer over [`connect`](crate::connect) that connects anew whenever the connection is lost.
//!
//! ```no_run
//! # async fn token() -> String { String::new() }
//! # async fn example() -> Result<(), samesocket::reconnect::Cause> {
//! use samesocket::reconnect::{Outbox, reconnect};
//!
//! let mut socket = reconnect(|_attempt| async {
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
//! The stream does the work: it has to be polled for the socket to connect and to come back.

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
