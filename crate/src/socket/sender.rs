//! The sending half.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::sink::Sink;

use super::shared::{Place, Queueing, SocketCore};
use super::{Closing, Control, Error};
use crate::socket::error::ConnectionFailed;
use crate::sync::{MaybeSend, MaybeSync, Shared};
use crate::types::message::Message;

/// The sending half of a [`Socket`](crate::Socket): a `Sink` of messages; a clone sends to the same socket.
///
/// Messages leave in the order in which they were handed over, whoever did.
pub struct Sender {
    core: Shared<SocketCore>,
    /// How the sink waits, once it did.
    sink: Option<Box<dyn Wait>>,
}

impl Sender {
    pub(super) fn new(core: Shared<SocketCore>) -> Self {
        Self { core, sink: None }
    }

    /// Sends a message, once no more than the high-water mark is queued.
    ///
    /// `Ok` means that it was handed over to a socket that was OPEN. Cancelled, it was not sent.
    ///
    /// # Errors
    ///
    /// An [`Error::NotOpen`], with the message, from CLOSING on.
    pub fn send(&self, message: Message) -> impl Future<Output = Result<(), Error>> {
        let mut queueing = Queueing::new(&self.core);
        let mut message = Some(message);
        poll_fn(move |context| {
            ready!(queueing.place.poll_capacity(queueing.core, context));
            // Polled after it has ended, it stays pending.
            message.take().map_or(Poll::Pending, |message| Poll::Ready(queueing.core.hand_over(message)))
        })
    }

    /// Whether no more than the high-water mark is queued, or the socket is not OPEN any more.
    pub(crate) fn has_room(&self) -> bool {
        self.core.has_room()
    }

    /// Waits until no more than the high-water mark is queued, or the socket is not OPEN any more.
    pub(crate) async fn room(&self) {
        if !self.has_room() {
            let mut queueing = Queueing::new(&self.core);
            poll_fn(|context| queueing.place.poll_capacity(queueing.core, context)).await;
        }
    }

    /// Sends a message, whatever is queued.
    pub(crate) fn hand_over(&self, message: Message) -> Result<(), Error> {
        self.core.hand_over(message)
    }

    /// Sends a message, if no more than the high-water mark is queued.
    ///
    /// # Errors
    ///
    /// An [`Error::Full`], if there is more, or [`Error::NotOpen`] from CLOSING on, each with the message.
    pub fn try_send(&self, message: Message) -> Result<(), Error> {
        if self.has_room() { self.core.hand_over(message) } else { Err(Error::Full(message)) }
    }

    /// Waits until bufferedAmount is zero: all that was sent is with the network.
    ///
    /// # Errors
    ///
    /// An [`Error::Undelivered`], if the socket closes before.
    pub async fn drained(&self) -> Result<(), Error> {
        let mut queueing = Queueing::new(&self.core);
        match poll_fn(|context| queueing.place.poll_drained(queueing.core, context)).await {
            0 => Ok(()),
            bytes => Err(Error::Undelivered { bytes }),
        }
    }

    /// Gives a handle that can do everything but send and receive.
    pub fn control(&self) -> Control {
        Control::new(Shared::clone(&self.core))
    }

    fn sink(&mut self) -> &mut dyn Wait {
        &mut **self.sink.get_or_insert_with(|| Box::new(Waiting::new(Shared::clone(&self.core))))
    }

    pub(super) const fn core(&self) -> &Shared<SocketCore> {
        &self.core
    }
}

impl Sink<Message> for Sender {
    type Error = Error;

    /// Waits while more than the high-water mark is queued; never fails, so that the message comes back by `start_send`.
    fn poll_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let this = self.get_mut();
        if this.sink.is_none() && this.core.has_room() {
            return Poll::Ready(Ok(()));
        }
        this.sink().poll_capacity(context).map(Ok)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        self.core.hand_over(message)
    }

    /// Unlike what `Sink` asks for, waits only until no more than the high-water mark is queued.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_ready(context)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().sink().poll_closed(context)
    }
}

impl Clone for Sender {
    fn clone(&self) -> Self {
        Self::new(Shared::clone(&self.core))
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.core.connection).finish()
    }
}

/// How a sink waits, to who sends otherwise: a program without sinks links nothing of it.
trait Wait: MaybeSend + MaybeSync {
    /// Waits until there is room to send, or the socket is not OPEN any more.
    fn poll_capacity(&mut self, context: &Context<'_>) -> Poll<()>;

    /// Closes, and waits for the end.
    fn poll_closed(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>>;
}

struct Waiting {
    core: Shared<SocketCore>,
    place: Place,
    /// What is waited for once it is being closed.
    closing: Option<Closing>,
}

impl Waiting {
    fn new(core: Shared<SocketCore>) -> Self {
        Self { core, place: Place::default(), closing: None }
    }
}

impl Wait for Waiting {
    fn poll_capacity(&mut self, context: &Context<'_>) -> Poll<()> {
        self.place.poll_capacity(&self.core, context)
    }

    fn poll_closed(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let closing = self.closing.get_or_insert_with(|| Closing::start(&self.core, None, None));
        let closed = ready!(Pin::new(closing).poll(context));
        self.closing = None;
        let event = closed?;
        let final_state = || self.core.connection.final_state();
        Poll::Ready(if event.was_clean {
            Ok(())
        } else {
            Err(Error::Failed(ConnectionFailed::new(event, final_state())))
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.place.leave(&self.core);
    }
}
