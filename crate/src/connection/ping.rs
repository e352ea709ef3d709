//! The future of a ping.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::FutureExt;

use crate::types::ping::PingError;

/// A future of the round-trip time of one ping, from [`Control::ping`](crate::Control::ping).
///
/// Dropping it has no effect on the connection. It does not keep the socket open.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let socket = samesocket::connect("wss://example.com/chat").await?;
/// match socket.ping().await {
///     Ok(round_trip) => println!("the server has answered after {round_trip:?}"),
///     Err(error) => println!("{error}"),
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Returns a [`PingError`] if no ping could be sent, or if the connection ends without an answer.
#[must_use = "the future returns the result; the ping is sent even if it is dropped"]
pub struct Ping(Result<oneshot::Receiver<Duration>, PingError>);

impl Ping {
    pub(crate) const fn new(sent: Result<oneshot::Receiver<Duration>, PingError>) -> Self {
        Self(sent)
    }
}

impl Future for Ping {
    type Output = Result<Duration, PingError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answered = match &mut self.0 {
            Ok(answer) => ready!(answer.poll_unpin(context)).map_err(|_| PingError::Closed),
            Err(error) => Err(*error),
        };
        Poll::Ready(answered)
    }
}

impl fmt::Debug for Ping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ping").field(&self.0.as_ref().map(|_| "sent")).finish()
    }
}
