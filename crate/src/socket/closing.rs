//! Waiting for the closing handshake.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::{Error, SocketCore};
use crate::connection::closed::Closed;
use crate::platform::Sleep;
use samesocket_spec::close;
use samesocket_spec::{CloseEvent, Exception};

/// The end of a closing handshake, from [`Control::close`](crate::Control::close); dropping it takes nothing back.
///
/// It gives the data of the `close` event, clean or not; an [`Error::Exception`] if the arguments are at fault, in which
/// case nothing was done; an [`Error::CloseTimedOut`] after the [close timeout](crate::Connect::close_timeout).
pub struct Closing(Result<Waiting, Exception>);

struct Waiting {
    closed: Closed,
    deadline: Sleep,
    after: Duration,
}

impl Closing {
    pub(super) fn start(handles: &SocketCore, code: Option<u16>, reason: Option<&str>) -> Self {
        Self(close::check(code, reason).map(|frame| {
            handles.connection.close(frame);
            let after = handles.close_timeout;
            Waiting { closed: handles.connection.closed(), deadline: handles.clock.sleep(after), after }
        }))
    }
}

impl Future for Closing {
    type Output = Result<CloseEvent, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let waiting = match &mut self.0 {
            Ok(waiting) => waiting,
            Err(exception) => return Poll::Ready(Err(Error::Exception(exception.clone()))),
        };
        if let Poll::Ready(event) = Pin::new(&mut waiting.closed).poll(context) {
            return Poll::Ready(Ok(event));
        }
        let after = waiting.after;
        waiting.deadline.as_mut().poll(context).map(|()| Err(Error::CloseTimedOut { after }))
    }
}

impl fmt::Debug for Closing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closing").finish_non_exhaustive()
    }
}
