//! The receiving half.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use futures::stream::FusedStream;

use super::core::Core;
use super::heartbeat::Pulse;
use super::{Control, Error};
use crate::Message;
use crate::platform::{Shared, Sleep};
use crate::spec::close::CloseFrame;

/// The Close frame that follows when nothing came for too long.
const IDLE: CloseFrame<'static> = Some((4008, "nothing came for too long"));

/// The Close frame that follows when a heartbeat was not answered.
const NO_ANSWER: CloseFrame<'static> = Some((4008, "no answer came"));

/// The receiving half of a [`Socket`](crate::Socket): a fused `Stream` of messages.
///
/// When it is dropped, what has come is dropped, and what comes.
pub struct Receiver {
    core: Shared<Core>,
    /// The deadline of the present wait, if there is one.
    idle: Option<Sleep>,
    pulse: Pulse,
}

impl Receiver {
    pub(super) const fn new(core: Shared<Core>) -> Self {
        Self { core, idle: None, pulse: Pulse::Heard }
    }

    /// Waits for the next message; see [`Socket::next`](crate::Socket::next).
    ///
    /// # Errors
    ///
    /// Once, and as the last item, if the connection did not end cleanly.
    pub async fn next(&mut self) -> Option<Result<Message, Error>> {
        poll_fn(|context| self.poll_receive(context)).await
    }

    /// Gives a handle that can do everything but send and receive.
    pub fn control(&self) -> Control {
        Control::new(Shared::clone(&self.core))
    }

    pub(super) fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        let poll = self.poll_message(context);
        if self.core.settings.is_patient() {
            return poll;
        }
        if let Poll::Ready(item) = poll {
            self.idle = None;
            let is_answer = match (&item, &self.core.settings.heartbeat) {
                (Some(Ok(message)), Some(heartbeat)) => self.pulse.hear(heartbeat, message),
                _ => false,
            };
            return if is_answer { self.poll_receive(context) } else { Poll::Ready(item) };
        }
        match self.poll_patience(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready((error, frame)) => {
                self.core.feed.end(error);
                self.core.socket.connection().close(frame);
                self.poll_message(context)
            }
        }
    }

    /// Waits until nothing has come for too long.
    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<(Error, CloseFrame<'static>)> {
        if let Some(after) = self.core.settings.idle_timeout {
            let idle = self.idle.get_or_insert_with(|| self.core.clock.sleep(after));
            if idle.as_mut().poll(context).is_ready() {
                self.idle = None;
                return Poll::Ready((Error::Idle { after }, IDLE));
            }
        }
        let Some(heartbeat) = &self.core.settings.heartbeat else { return Poll::Pending };
        let after = heartbeat.deadline();
        self.pulse.poll(heartbeat, &self.core, context).map(|()| (Error::NoAnswer { after }, NO_ANSWER))
    }

    fn poll_message(&self, context: &Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        let (poll, resumed) = self.core.feed.poll_message(context);
        if resumed {
            self.core.socket.connection().settle();
        }
        poll
    }

    pub(super) const fn core(&self) -> &Shared<Core> {
        &self.core
    }
}

impl Stream for Receiver {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_receive(context)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.core.feed.waiting_messages(), None)
    }
}

impl FusedStream for Receiver {
    fn is_terminated(&self) -> bool {
        self.core.feed.is_exhausted()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.core.feed.abandon();
        self.core.socket.connection().settle();
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.core.socket).finish()
    }
}
