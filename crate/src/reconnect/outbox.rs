//! The sender of a reconnecting socket, and the outbox for messages without a connection.

use std::collections::VecDeque;
use std::fmt;
use std::task::Waker;

use crate::socket::{Control, Error};
use crate::sync::catch_panic::wake;
use crate::sync::{Lock, Shared};
use crate::types::message::Message;

/// The policy for messages that are sent while there is no connection.
///
/// ```
/// use samesocket::reconnect::{Outbox, reconnect};
///
/// let keep = Outbox::Keep { messages: 100, bytes: 1 << 20 };
/// let socket = reconnect(|_| async { Some(samesocket::connect("wss://example.com/chat")) }).outbox(keep).start();
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

/// The counts of messages and bytes that were lost, from [`Sender::losses`].
///
/// ```
/// # futures::executor::block_on(async {
/// use samesocket::reconnect::{Outbox, reconnect};
///
/// let socket = reconnect(|_| async { None }).outbox(Outbox::Drop).start();
/// socket.send("hello".into()).await.unwrap();
/// let losses = socket.sender().losses();
/// assert_eq!((losses.dropped_messages, losses.dropped_bytes), (1, 5));
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Losses {
    /// The number of messages that were dropped without a connection.
    pub dropped_messages: u64,
    /// The size of the dropped messages in bytes.
    pub dropped_bytes: u64,
    /// The sum of bufferedAmount when connections ended, in bytes. Whether those bytes arrived is not known.
    pub unknown_bytes: u64,
}

/// A handle that sends over a [`Reconnecting`](super::Reconnecting) socket, over whichever connection it has.
///
/// It does not keep the socket open. A clone is another handle to the same socket.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use samesocket::reconnect::reconnect;
///
/// let mut socket = reconnect(|_| async { Some(samesocket::connect("wss://example.com/chat")) }).start();
/// let sender = socket.sender();
/// while let Some(message) = socket.next().await {
///     // Echoes each message, and closes after an empty one.
///     let message = message?;
///     if message.size() == 0 {
///         sender.close(Some(1000), None)?;
///     } else {
///         sender.send(message).await?;
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Sender(pub(super) Shared<Lock<Outgoing>>);

/// The sending side of a reconnecting socket.
pub(super) struct Outgoing {
    policy: Outbox,
    /// The sender of the current connection.
    current: Option<crate::Sender>,
    kept: VecDeque<Message>,
    kept_bytes: u64,
    /// The number of sends that wait for capacity.
    waiting_sends: usize,
    losses: Losses,
    /// Whether no further connection will be made.
    ended: bool,
    /// The requested close code and reason.
    close: Option<(Option<u16>, String)>,
    /// The waker of the stream, which [`Sender::close`] wakes.
    pub(super) waker: Option<Waker>,
}

impl Outgoing {
    pub(super) const fn new(policy: Outbox) -> Self {
        Self {
            policy,
            current: None,
            kept: VecDeque::new(),
            kept_bytes: 0,
            waiting_sends: 0,
            losses: Losses { dropped_messages: 0, dropped_bytes: 0, unknown_bytes: 0 },
            ended: false,
            close: None,
            waker: None,
        }
    }

    /// Sets the sender of a new connection, and sends the kept messages over it.
    pub(super) fn open(&mut self, sender: crate::Sender) {
        self.current = Some(sender);
        self.send_kept();
    }

    /// Sends the kept messages while the connection has capacity.
    fn send_kept(&mut self) {
        while let Some(sender) = self.current.as_ref().filter(|sender| sender.has_capacity())
            && let Some(message) = self.kept.pop_front()
        {
            let size = message.size();
            if let Err(error) = sender.send_now(message) {
                self.kept.extend(error.into_message());
                self.kept.rotate_right(1);
                return;
            }
            self.kept_bytes -= size;
        }
    }

    /// Returns whether kept messages wait for capacity of the connection.
    pub(super) fn has_blocked_messages(&mut self) -> bool {
        self.full_connection().is_some() && !self.kept.is_empty()
    }

    /// Returns the connection if it has no capacity for another message.
    fn full_connection(&mut self) -> Option<crate::Sender> {
        self.send_kept();
        self.current.clone().filter(|sender| !sender.has_capacity())
    }

    /// Removes the connection, which had `unknown_bytes` queued.
    pub(super) fn disconnect(&mut self, unknown_bytes: u64) -> Option<crate::Sender> {
        self.losses.unknown_bytes += unknown_bytes;
        self.current.take()
    }

    /// Ends the socket and removes the connection.
    pub(super) fn end(&mut self) -> Option<crate::Sender> {
        self.ended = true;
        self.current.take()
    }

    /// Returns the code and reason of the close that was requested.
    pub(super) fn requested_close(&self) -> Option<(Option<u16>, String)> {
        self.close.clone()
    }

    /// Returns whether every send fails, because the socket ended or its close was requested.
    const fn is_closed(&self) -> bool {
        self.ended || self.close.is_some()
    }

    /// Sends a message if that neither exceeds the high-water mark nor overtakes a waiting send.
    fn try_send(&mut self, message: Message) -> Result<Option<Message>, Error> {
        self.send_kept();
        if !self.is_closed() {
            // Kept messages are bounded by the outbox instead.
            let is_full = self.kept.is_empty() && self.current.as_ref().is_some_and(|sender| !sender.has_capacity());
            let queues = self.current.is_some() || matches!(self.policy, Outbox::Keep { .. });
            if is_full || queues && self.waiting_sends > 0 {
                return Err(Error::Full(message));
            }
        }
        self.send(message)
    }

    /// Sends a message without a check of the high-water mark, or applies the outbox policy.
    ///
    /// Returns the message if the policy drops it. The caller drops it outside the lock, because it may be owned by the
    /// user.
    fn send(&mut self, message: Message) -> Result<Option<Message>, Error> {
        self.send_kept();
        let message = match &self.current {
            _ if self.is_closed() => return Err(Error::NotOpen(message)),
            // Kept messages leave first.
            Some(sender) if self.kept.is_empty() => match sender.send_now(message) {
                Err(Error::NotOpen(message)) => message,
                other => return other.map(|()| None),
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
                Ok(None)
            }
            Outbox::Drop => {
                self.losses.dropped_messages += 1;
                self.losses.dropped_bytes += size;
                Ok(Some(message))
            }
        }
    }
}

/// A send that waits for capacity. While it exists, `try_send` sends nothing.
struct WaitingSend<'a>(&'a Lock<Outgoing>);

impl<'a> WaitingSend<'a> {
    fn new(outgoing: &'a Lock<Outgoing>) -> Self {
        outgoing.lock().waiting_sends += 1;
        Self(outgoing)
    }
}

impl Drop for WaitingSend<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting_sends -= 1;
    }
}

impl Sender {
    /// Sends a message over the connection, after waiting until bufferedAmount is at most the
    /// [high-water mark](crate::Connect::high_water_mark). Without a connection, the [`Outbox`] applies.
    ///
    /// A cancelled send has sent nothing.
    ///
    /// # Errors
    ///
    /// Returns [`Error::NotOpen`], or [`Error::Full`] at a bound of [`Outbox::Keep`]. Each has the message.
    pub async fn send(&self, message: Message) -> Result<(), Error> {
        let mut waiting = None;
        loop {
            let full = self.0.lock().full_connection();
            let Some(sender) = full else { break };
            waiting.get_or_insert_with(|| WaitingSend::new(&self.0));
            sender.capacity().await;
        }
        let sent = self.0.lock().send(message);
        drop(waiting);
        sent.map(drop)
    }

    /// Sends a message if bufferedAmount is at most the [high-water mark](crate::Connect::high_water_mark). Without a
    /// connection, the [`Outbox`] applies.
    ///
    /// It never overtakes a [`send`](Self::send) that waits for capacity. While the outbox still has kept messages, this
    /// adds to the outbox.
    ///
    /// # Errors
    ///
    /// Returns [`Error::NotOpen`] without a connection. Returns [`Error::Full`] above the mark, while a `send` waits, and at
    /// a bound of [`Outbox::Keep`]. Each has the message.
    pub fn try_send(&self, message: Message) -> Result<(), Error> {
        let sent = self.0.lock().try_send(message);
        sent.map(drop)
    }

    /// Closes the socket for good, with this code and reason. The current connection is closed and no other is made.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Exception`] if an argument is invalid. The socket then stays as it was.
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

    /// Returns the control of the current connection, if there is one.
    pub fn control(&self) -> Option<Control> {
        self.0.lock().current.as_ref().map(crate::Sender::control)
    }

    /// Takes the kept messages out of the outbox. After the socket ended, they are the ones that were never sent.
    pub fn take_kept(&self) -> Vec<Message> {
        let mut outgoing = self.0.lock();
        outgoing.kept_bytes = 0;
        outgoing.kept.drain(..).collect()
    }

    /// Returns the losses until now.
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
