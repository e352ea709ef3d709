//! Waiting for the closing handshake.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::deadline::{Deadline, Expiry};
use super::endpoint::Endpoint;
use super::{Error, SocketCore};
use crate::connection::Connection;
use crate::connection::closed::Closed;
use crate::platform::Clock;
use crate::sync::Shared;
use samesocket_spec::close;
use samesocket_spec::{CloseEvent, Exception};

/// A future that waits for the end of a closing handshake, from [`Control::close`](crate::Control::close).
///
/// It returns the data of the `close` event, clean or not. Dropping it does not stop the handshake.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let socket = samesocket::connect("wss://example.com/chat").await?;
/// let closing = socket.close(Some(1000), Some("done"));
/// let event = closing.await?;
/// println!("closed with code {}, clean: {}", event.code, event.was_clean);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Returns [`Error::Exception`] if an argument is invalid; the socket then stays as it was. Returns
/// [`Error::CloseTimedOut`] after the [close timeout](crate::Connect::close_timeout); the handshake then continues as long
/// as a handle exists.
pub struct Closing(Result<Handshake, Exception>);

/// A closing handshake with a timeout.
struct Handshake {
    connection: Shared<Connection<Endpoint>>,
    clock: Shared<dyn Clock>,
    closed: Closed,
    deadline: Deadline,
    after: Duration,
}

impl Closing {
    pub(super) fn start(socket: &SocketCore, code: Option<u16>, reason: Option<&str>) -> Self {
        Self(close::check(code, reason).map(|frame| {
            socket.connection.close(frame);
            let after = socket.close_timeout;
            Handshake {
                connection: Shared::clone(&socket.connection),
                clock: Shared::clone(&socket.clock),
                closed: socket.connection.closed(),
                deadline: Deadline::new(&*socket.clock, after),
                after,
            }
        }))
    }
}

impl Future for Closing {
    type Output = Result<CloseEvent, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let handshake = match &mut self.0 {
            Ok(handshake) => handshake,
            Err(exception) => return Poll::Ready(Err(Error::Exception(exception.clone()))),
        };
        let Handshake { connection, clock, closed, deadline, after } = handshake;
        loop {
            if let Poll::Ready(event) = Pin::new(&mut *closed).poll(context) {
                return Poll::Ready(Ok(event));
            }
            match ready!(deadline.poll(&**clock, connection, context)) {
                Expiry::CheckAgain => {}
                Expiry::Over => {
                    connection.close_timed_out();
                    return Poll::Ready(Err(Error::CloseTimedOut { after: *after }));
                }
            }
        }
    }
}

impl fmt::Debug for Closing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closing").finish_non_exhaustive()
    }
}
