//! One echo and its time.

use std::future::poll_fn;
use std::task::ready;

use anyhow::{Result, ensure};
use tokio::time::Instant;

use crate::clients::Connection;
use crate::jobs::payload;

/// The size of a short message to echo.
pub(super) const SHORT: usize = 64;

/// A message to echo.
pub(super) struct Echo<C: Connection> {
    message: C::Message,
    size: usize,
}

impl<C: Connection> Echo<C> {
    /// Creates a binary message of this size.
    pub(super) fn new(size: usize) -> Result<Self> {
        Ok(Self { message: C::message(false, payload(false, size))?, size })
    }

    /// Sends the message and waits for its echo. Returns the time for that, in microseconds.
    pub(super) async fn round_trip(&self, connection: &mut C) -> Result<f64> {
        let start = Instant::now();
        poll_fn(|context| connection.poll_ready(context)).await?;
        connection.send(self.message.clone())?;
        let mut is_flushed = false;
        let length = poll_fn(|context| {
            if !is_flushed {
                ready!(connection.poll_flush(context))?;
                is_flushed = true;
            }
            connection.poll_receive(context)
        })
        .await?;
        ensure!(length == self.size, "a message has the wrong length");
        Ok(start.elapsed().as_secs_f64() * 1e6)
    }
}
