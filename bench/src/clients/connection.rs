//! The interface of the clients in this bench.

use std::task::{Context, Poll};

use anyhow::Result;
use bytes::Bytes;

/// The message size limit of all clients that have a lower default. No job reaches it.
pub(super) const LIMIT: usize = 128 << 20;

/// The level of compression of all clients: that of samesocket's default.
pub(super) const LEVEL: u8 = 1;

/// A connection of some client.
pub(crate) trait Connection {
    /// A message in the client's type. Cloning it does not copy the payload.
    type Message: Clone;

    /// Creates a text message from UTF-8, or a binary message.
    fn message(text: bool, payload: Bytes) -> Result<Self::Message>;

    /// Waits until the client accepts a message.
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>>;

    /// Sends a message after `poll_ready`.
    fn send(&mut self, message: Self::Message) -> Result<()>;

    /// Waits until the client has written everything.
    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<()>>;

    /// Waits for a message and returns its length.
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Result<usize>>;
}

/// A measurement that every client can do.
pub(crate) trait Measurement {
    /// The result.
    type Sample;

    /// Measures a client. `connect` opens a connection with a path.
    async fn measure<'a, C: Connection>(&'a self, connect: impl AsyncFn(&'a str) -> Result<C>) -> Result<Self::Sample>;
}
