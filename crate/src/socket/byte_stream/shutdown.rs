//! The shutdown of a byte stream: flushing, the limit of reading that follows, and closing.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use crate::socket::capacity_wait::CapacityWait;
use crate::socket::closing::Closing;
use crate::socket::core::SocketCore;
use crate::socket::deadline::{Deadline, Expiry};
use crate::socket::error::{ConnectionFailed, Error};
use crate::sync::Shared;
use crate::sync::catch_panic::wake;
use samesocket_spec::{CloseEvent, close};

/// The close code of a byte stream that was shut down: a normal closure, by
/// [RFC 6455, section 7.4.1](https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1).
const CODE: u16 = 1000;

/// A byte stream that was shut down. Dropping it closes the connection with code 1000, unless it was
/// [cancelled](Self::cancel).
pub(super) struct Shutdown {
    core: Shared<SocketCore>,
    /// The wait until everything that was written has been passed to the network.
    flush: CapacityWait,
    is_flushed: bool,
    /// The limit of the silence while the stream is still read.
    silence: Deadline,
    /// The closing handshake that the shutdown or the silence has started.
    closing: Option<Closing>,
    closes_on_drop: bool,
}

impl Shutdown {
    pub(super) fn new(core: &Shared<SocketCore>) -> Self {
        Self {
            core: Shared::clone(core),
            flush: CapacityWait::default(),
            is_flushed: false,
            silence: Deadline::default(),
            closing: None,
            closes_on_drop: true,
        }
    }

    /// Waits until everything that was written has been passed to the network.
    pub(super) fn poll_flushed(&mut self, context: &Context<'_>) -> Poll<Result<(), Error>> {
        if !self.is_flushed {
            let bytes = ready!(self.flush.poll_drained(&self.core, context));
            if bytes > 0 {
                return Poll::Ready(Err(Error::Undelivered { bytes }));
            }
            self.is_flushed = true;
        }
        Poll::Ready(Ok(()))
    }

    /// Returns whether everything that was written has been passed to the network.
    pub(super) const fn is_flushed(&self) -> bool {
        self.is_flushed
    }

    /// Starts the closing handshake and waits for its end.
    ///
    /// Fails as well if the server has closed before everything was passed to the network.
    pub(super) fn poll_closed(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let event = ready!(self.poll_closing(context))?;
        let connection = &self.core.connection;
        Poll::Ready(match connection.buffered_amount() {
            _ if !event.was_clean => Err(Error::Failed(ConnectionFailed::new(event, connection.final_state()))),
            0 => Ok(()),
            bytes => Err(Error::Undelivered { bytes }),
        })
    }

    /// Limits the wait for the next message after the flush: starts the closing handshake after a silence of `limit`.
    ///
    /// Returns `Ready` if the caller has to check for a message again. Returns the error if the handshake takes too
    /// long.
    pub(super) fn poll_silence(&mut self, limit: Duration, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.closing.is_none() {
            let SocketCore { connection, clock, .. } = &*self.core;
            self.silence.start(&**clock, limit);
            match ready!(self.silence.poll(&**clock, connection, context)) {
                Expiry::CheckAgain => return Poll::Ready(Ok(())),
                Expiry::Over => {}
            }
        }
        // The end of the connection also ends the stream of messages, whose waker the caller has registered.
        ready!(self.poll_closing(context)).map_or_else(|error| Poll::Ready(Err(error)), |_| Poll::Pending)
    }

    /// Ends the silence, because a message has arrived.
    pub(super) fn on_message(&mut self) {
        self.silence.stop();
    }

    /// Cancels the shutdown, so that the socket stays open.
    pub(super) fn cancel(mut self) {
        self.closes_on_drop = false;
    }

    fn poll_closing(&mut self, context: &mut Context<'_>) -> Poll<Result<CloseEvent, Error>> {
        let core = &self.core;
        Pin::new(self.closing.get_or_insert_with(|| Closing::start(core, Some(CODE), None))).poll(context)
    }
}

impl Drop for Shutdown {
    fn drop(&mut self) {
        self.flush.cancel(&self.core);
        if let (true, Ok(frame)) = (self.closes_on_drop, close::check(Some(CODE), None)) {
            self.core.connection.close(frame);
        }
    }
}

/// The task that reads before the flush of a shutdown is done. The shutdown then wakes it, because it has to measure the silence
/// from then on.
#[derive(Default)]
pub(super) struct WaitingReader(Option<Waker>);

impl WaitingReader {
    pub(super) fn register(&mut self, context: &Context<'_>) {
        match &mut self.0 {
            Some(known) if known.will_wake(context.waker()) => {}
            other => *other = Some(context.waker().clone()),
        }
    }

    pub(super) fn wake(&mut self) {
        wake(self.0.take());
    }
}
