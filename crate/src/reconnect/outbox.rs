//! The outbox for messages without a connection.

use std::collections::VecDeque;
use std::mem;

use crate::socket::Error;
use crate::types::message::Message;
use crate::types::owned_message::OwnedMessage;

/// The policy for messages that are sent while there is no connection.
///
/// ```
/// use samesocket::connect;
/// use samesocket::reconnect::Outbox;
///
/// let keep = Outbox::Keep { messages: 100, bytes: 1 << 20 };
/// let socket = connect("wss://example.com/chat").reconnect().outbox(keep).start();
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outbox {
    /// Sends return [`Error::NotOpen`] with the message.
    #[default]
    Return,
    /// Messages are kept, and sent in order once there is a connection with capacity.
    ///
    /// A message that exceeds a bound is returned in an [`Error::Full`]: without a connection, `send` does not wait.
    Keep {
        /// The maximum number of kept messages.
        messages: usize,
        /// The maximum size of the kept messages in bytes.
        bytes: u64,
    },
    /// Messages are dropped and counted in [`Losses`].
    Drop,
}

/// The counts of messages and bytes that were lost, from [`Sender::losses`](super::Sender::losses).
///
/// ```
/// # futures::executor::block_on(async {
/// use samesocket::connect;
/// use samesocket::reconnect::Outbox;
///
/// let socket = connect("wss://example.com/chat").reconnect().outbox(Outbox::Drop).start();
/// socket.send("hello".into()).await.unwrap();
/// let losses = socket.sender().losses();
/// assert_eq!((losses.dropped_messages, losses.dropped_bytes), (1, 5));
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Losses {
    /// The number of messages that were dropped without a connection, or whose connection ended before it took them.
    pub dropped_messages: u64,
    /// The size of the dropped messages in bytes.
    pub dropped_bytes: u64,
    /// The sum of bufferedAmount when connections ended, in bytes. Whether those bytes arrived is not known.
    ///
    /// With [`Outbox::Return`] it has the messages as well that were accepted for a connection which ended before it took them.
    pub unknown_bytes: u64,
}

/// A message with a size.
pub(super) trait Payload {
    /// Returns the size of the payload in bytes.
    fn payload_size(&self) -> u64;
}

impl Payload for Message {
    fn payload_size(&self) -> u64 {
        self.size()
    }
}

impl Payload for OwnedMessage {
    fn payload_size(&self) -> u64 {
        self.size()
    }
}

/// The queue of messages that wait for a connection, with the policy about them.
pub(super) struct Kept<M> {
    policy: Outbox,
    messages: VecDeque<M>,
    bytes: u64,
    pub(super) losses: Losses,
}

impl<M: Payload> Kept<M> {
    pub(super) const fn new(policy: Outbox) -> Self {
        let losses = Losses { dropped_messages: 0, dropped_bytes: 0, unknown_bytes: 0 };
        Self { policy, messages: VecDeque::new(), bytes: 0, losses }
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Returns whether messages stay in the queue without a connection.
    pub(super) const fn keeps(&self) -> bool {
        matches!(self.policy, Outbox::Keep { .. })
    }

    /// Returns whether no other message can wait for capacity of a connection. `bounds` apply unless the outbox has some.
    ///
    /// As with a high-water mark, one message may exceed the bounds.
    pub(super) fn is_full(&self, bounds: (usize, u64)) -> bool {
        let (messages, bytes) =
            if let Outbox::Keep { messages, bytes } = self.policy { (messages, bytes) } else { bounds };
        self.messages.len() >= messages.max(1) || self.bytes >= bytes.max(1)
    }

    /// Returns whether no other message can wait behind a call that passes messages to a connection: `bounds` are reached, and those
    /// of the outbox, if it has some.
    pub(super) fn is_full_behind_turn(&self, bounds: (usize, u64)) -> bool {
        self.is_full(bounds) && (self.messages.len() >= bounds.0 || self.bytes >= bounds.1)
    }

    /// Applies the policy to a message without a connection. A kept message comes behind all others, or before them.
    ///
    /// Returns the message if the policy drops it. The caller drops it outside the lock, because it may be owned by the
    /// user.
    pub(super) fn add(&mut self, message: M, comes_first: bool) -> Result<Option<M>, Error<M>> {
        let size = message.payload_size();
        match self.policy {
            Outbox::Return => Err(Error::NotOpen(message)),
            Outbox::Keep { messages, bytes } => {
                if self.messages.len() >= messages || self.bytes.saturating_add(size) > bytes {
                    return Err(Error::Full(message));
                }
                if comes_first {
                    self.push_front(message);
                } else {
                    self.push_back(message);
                }
                Ok(None)
            }
            Outbox::Drop => {
                self.losses.dropped_messages += 1;
                self.losses.dropped_bytes += size;
                Ok(Some(message))
            }
        }
    }

    /// Adds a message, whatever the policy is.
    pub(super) fn push_back(&mut self, message: M) {
        self.bytes += message.payload_size();
        self.messages.push_back(message);
    }

    /// Puts a message back that a connection did not take. If that connection is no longer the current one, the policy applies, as in
    /// [`discard_unkept`](Self::discard_unkept). Returns the message if it is not kept.
    #[must_use = "the message must be dropped outside the lock"]
    pub(super) fn put_back(&mut self, message: M, is_current: bool) -> Option<M> {
        if is_current || self.keeps() {
            self.push_front(message);
            return None;
        }
        self.lose(1, message.payload_size());
        Some(message)
    }

    /// Puts a message back that could not be sent.
    pub(super) fn push_front(&mut self, message: M) {
        self.bytes += message.payload_size();
        self.messages.push_front(message);
    }

    /// Takes the next message.
    pub(super) fn pop_front(&mut self) -> Option<M> {
        let message = self.messages.pop_front()?;
        self.bytes -= message.payload_size();
        Some(message)
    }

    /// Takes all messages.
    pub(super) fn take(&mut self) -> VecDeque<M> {
        self.bytes = 0;
        mem::take(&mut self.messages)
    }

    /// Takes and counts the messages that an ended connection has not taken, unless the policy keeps them.
    #[must_use = "the messages must be dropped outside the lock"]
    pub(super) fn discard_unkept(&mut self) -> VecDeque<M> {
        if self.keeps() {
            return VecDeque::new();
        }
        self.lose(self.messages.len(), self.bytes);
        self.take()
    }

    /// Counts messages that were accepted for a connection, and not passed to it before it ended.
    fn lose(&mut self, messages: usize, bytes: u64) {
        if self.policy == Outbox::Drop {
            self.losses.dropped_messages += messages as u64;
            self.losses.dropped_bytes += bytes;
        } else {
            self.losses.unknown_bytes += bytes;
        }
    }
}
