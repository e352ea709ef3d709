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
use crate::trace::event;
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
/// [`Error::CloseTimedOut`] after the [close timeout](crate::Connect::close_timeout); the connection has ended then, with code
/// 1006.
pub struct Closing(Result<Handshake, Exception>);

/// A closing handshake with a timeout.
struct Handshake {
    connection: Shared<Connection<Endpoint>>,
    clock: Shared<dyn Clock>,
    closed: Closed,
    /// The deadline, if the transport does not end by itself.
    deadline: Option<Deadline>,
    /// The least bufferedAmount that the deadline has seen. It counts again after progress.
    least_buffered: u64,
    after: Duration,
}

impl Closing {
    pub(super) fn start(socket: &SocketCore, code: Option<u16>, reason: Option<&str>) -> Self {
        Self(socket.start_closing(code, reason).map(|()| {
            let after = socket.close_timeout;
            Handshake {
                connection: Shared::clone(&socket.connection),
                clock: Shared::clone(&socket.clock),
                closed: socket.connection.closed(),
                deadline: if socket.measures_closing { None } else { Some(Deadline::new(&*socket.clock, after)) },
                least_buffered: socket.connection.buffered_amount(),
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
        let Handshake { connection, clock, closed, deadline, least_buffered, after } = handshake;
        let timed_out = Poll::Ready(Err(Error::CloseTimedOut { after: *after }));
        loop {
            if let Poll::Ready(event) = Pin::new(&mut *closed).poll(context) {
                return if connection.has_close_timed_out() { timed_out } else { Poll::Ready(Ok(event)) };
            }
            let Some(deadline) = deadline else { return Poll::Pending };
            match ready!(deadline.poll(&**clock, connection, context)) {
                Expiry::CheckAgain => {}
                Expiry::Over => {
                    let buffered = connection.buffered_amount();
                    if buffered >= *least_buffered {
                        let error: Error = Error::CloseTimedOut { after: *after };
                        event!(connection.span(), INFO, "deadline passed", error = %error);
                        connection.give_up_closing();
                        return timed_out;
                    }
                    *least_buffered = buffered;
                    deadline.stop();
                    deadline.start(&**clock, *after);
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
