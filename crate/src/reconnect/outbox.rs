//! What becomes of messages while there is no connection.

use std::collections::VecDeque;
use std::fmt;
use std::task::Waker;

use crate::socket::{Control, Error};
use crate::sync::catch_panic::wake;
use crate::sync::{Lock, Shared};
use crate::types::message::Message;

/// What becomes of a message that is sent while there is no connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outbox {
    /// It comes back, as an [`Error::NotOpen`].
    #[default]
    Return,
    /// It is kept, and sent in order once there is a connection again, and room in it. A message for which the bound leaves no room is an
    /// [`Error::Full`], which hands it back: `send` does not wait for room while there is no connection.
    Keep {
        /// How many messages are kept at most.
        messages: usize,
        /// How many bytes of them.
        bytes: u64,
    },
    /// It is dropped, which [`Losses`] count.
    Drop,
}

/// What was lost on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Losses {
    /// The number of messages that were dropped while there was no connection.
    pub dropped_messages: u64,
    /// Their size in bytes together.
    pub dropped_bytes: u64,
    /// The bytes that were queued by the platform when connections ended: what became of them is not known.
    pub unknown_bytes: u64,
}

/// A handle that sends over a [`Reconnecting`](super::Reconnecting) socket, whichever connection it has; a clone is
/// another one. It does not keep the socket.
#[derive(Clone)]
pub struct Sender(pub(super) Shared<Lock<Outgoing>>);

/// The way out, when there is one, and what waits for it.
pub(super) struct Outgoing {
    policy: Outbox,
    current: Option<crate::Sender>,
    kept: VecDeque<Message>,
    kept_bytes: u64,
    pub(super) losses: Losses,
    /// Whether no connection will be made any more.
    ended: bool,
    /// The Close to end with, once that was asked for.
    close: Option<(Option<u16>, String)>,
    /// Who has to hear of that.
    pub(super) waker: Option<Waker>,
}

impl Outgoing {
    pub(super) const fn new(policy: Outbox) -> Self {
        Self {
            policy,
            current: None,
            kept: VecDeque::new(),
            kept_bytes: 0,
            losses: Losses { dropped_messages: 0, dropped_bytes: 0, unknown_bytes: 0 },
            ended: false,
            close: None,
            waker: None,
        }
    }

    /// Sends what was kept, and from now on what is sent.
    pub(super) fn open(&mut self, sender: crate::Sender) {
        self.current = Some(sender);
        self.send_kept();
    }

    /// Sends of what was kept as much as there is room for; what the connection does not take stays.
    fn send_kept(&mut self) {
        while let Some(sender) = self.current.as_ref().filter(|sender| sender.has_room())
            && let Some(message) = self.kept.pop_front()
        {
            let size = message.size();
            if let Err(error) = sender.hand_over(message) {
                self.kept.extend(error.into_message());
                self.kept.rotate_right(1);
                return;
            }
            self.kept_bytes -= size;
        }
    }

    /// Whether something that was kept waits for room in the connection.
    pub(super) fn keeps_for_want_of_room(&mut self) -> bool {
        self.full().is_some() && !self.kept.is_empty()
    }

    /// Gives the connection, if there is one that has no room for another message.
    fn full(&mut self) -> Option<crate::Sender> {
        self.send_kept();
        self.current.clone().filter(|sender| !sender.has_room())
    }

    /// Notes that there is no connection, and gives what it had queued.
    pub(super) fn lose(&mut self, unknown_bytes: u64) -> Option<crate::Sender> {
        self.losses.unknown_bytes += unknown_bytes;
        self.current.take()
    }

    pub(super) fn end(&mut self) -> Option<crate::Sender> {
        self.ended = true;
        self.current.take()
    }

    pub(super) fn asked_to_close(&self) -> Option<(Option<u16>, String)> {
        self.close.clone()
    }

    fn send(&mut self, message: Message) -> Result<(), Error> {
        self.send_kept();
        let message = match &self.current {
            _ if self.ended || self.close.is_some() => return Err(Error::NotOpen(message)),
            // Behind what was kept, if there is still some of it.
            Some(sender) if self.kept.is_empty() => match sender.hand_over(message) {
                Err(Error::NotOpen(message)) => message,
                other => return other,
            },
            _ => message,
        };
        let size = message.size();
        match self.policy {
            Outbox::Return => Err(Error::NotOpen(message)),
            Outbox::Keep { messages, bytes } => {
                if self.kept.len() >= messages || self.kept_bytes.saturating_add(size) > bytes {
                    return Err(Error::Full(message));
                }
                self.kept_bytes += size;
                self.kept.push_back(message);
                Ok(())
            }
            Outbox::Drop => {
                self.losses.dropped_messages += 1;
                self.losses.dropped_bytes += size;
                Ok(())
            }
        }
    }
}

impl Sender {
    /// Sends a message: over the connection, once there is room, or as the [`Outbox`] has it while there is none.
    ///
    /// # Errors
    ///
    /// An [`Error::NotOpen`], or an [`Error::Full`] at the bound of [`Outbox::Keep`], with the message.
    pub async fn send(&self, message: Message) -> Result<(), Error> {
        loop {
            let full = self.0.lock().full();
            let Some(sender) = full else { return self.try_send(message) };
            sender.room().await;
        }
    }

    /// Sends a message without waiting for room.
    ///
    /// # Errors
    ///
    /// An [`Error::NotOpen`] or [`Error::Full`], with the message.
    pub fn try_send(&self, message: Message) -> Result<(), Error> {
        self.0.lock().send(message)
    }

    /// Closes the socket for good: the connection, if there is one, with this code and reason; no other is made.
    ///
    /// # Errors
    ///
    /// An [`Error::Exception`], if an argument is at fault; nothing is done then.
    pub fn close(&self, code: Option<u16>, reason: Option<&str>) -> Result<(), Error> {
        samesocket_spec::close::check(code, reason).map_err(Error::Exception)?;
        let (waker, current) = {
            let mut outgoing = self.0.lock();
            outgoing.close.get_or_insert_with(|| (code, reason.unwrap_or_default().to_owned()));
            (outgoing.waker.take(), outgoing.current.clone())
        };
        if let Some(sender) = current {
            drop(sender.control().close(code, reason));
        }
        wake(waker);
        Ok(())
    }

    /// Gives the control of the present connection, if there is one.
    pub fn control(&self) -> Option<Control> {
        self.0.lock().current.as_ref().map(crate::Sender::control)
    }

    /// Takes what is kept; once the socket has ended, that is what was never sent.
    pub fn take_kept(&self) -> Vec<Message> {
        let mut outgoing = self.0.lock();
        outgoing.kept_bytes = 0;
        outgoing.kept.drain(..).collect()
    }

    /// Tells what was lost until now.
    pub fn losses(&self) -> Losses {
        self.0.lock().losses
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outgoing = self.0.lock();
        f.debug_struct("Sender").field("open", &outgoing.current.is_some()).field("kept", &outgoing.kept.len()).finish()
    }
}
