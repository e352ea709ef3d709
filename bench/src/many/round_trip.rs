//! One echo and its time.

use std::future::poll_fn;
use std::task::ready;

use anyhow::{Result, ensure};
use tokio::time::Instant;

use crate::clients::Connection;
use crate::jobs::payload;

/// The size of an echoed message.
pub(super) const SIZE: usize = 64;

/// Creates a message to echo.
pub(super) fn message<C: Connection>() -> Result<C::Message> {
    C::message(false, payload(false, SIZE))
}

/// Sends a message and waits for its echo. Returns the time for that, in microseconds.
pub(super) async fn round_trip<C: Connection>(connection: &mut C, message: &C::Message) -> Result<f64> {
    let start = Instant::now();
    poll_fn(|context| connection.poll_ready(context)).await?;
    connection.send(message.clone())?;
    let mut is_flushed = false;
    let length = poll_fn(|context| {
        if !is_flushed {
            ready!(connection.poll_flush(context))?;
            is_flushed = true;
        }
        connection.poll_receive(context)
    })
    .await?;
    ensure!(length == SIZE, "a message has the wrong length");
    Ok(start.elapsed().as_secs_f64() * 1e6)
}
