//! The channels between the handles of a remote and its driver, and the values that they carry.

use std::time::Duration;

use futures::channel::{mpsc, oneshot};

use super::super::Error;
use crate::sync::cancellable_queue::Cancellable;
use crate::types::owned_message::OwnedMessage;
use crate::types::payload::MessageCompression;
use crate::types::ping::{PingError, ReceivedPings};
use samesocket_spec::{CloseEvent, ReadyState};

/// The capacity of the channel of received messages, and of unanswered sends of a sink. Arbitrary.
///
/// The channel holds one more, because each `mpsc::Sender` has a slot of its own.
pub(super) const CHANNEL_CAPACITY: usize = 15;

/// The driver's ends of the channels.
pub(super) struct Channels {
    pub(super) items: mpsc::Sender<Item>,
    /// Completes when the receiving half is dropped.
    pub(super) receiver_alive: oneshot::Receiver<()>,
    pub(super) sends: mpsc::Receiver<SendRequest>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) close_event: oneshot::Sender<CloseEvent>,
}

/// An item for the receiving half.
pub(super) enum Item {
    Message(OwnedMessage),
    /// The last item of a stream that failed.
    Error(Error<OwnedMessage>),
    End,
}

/// A message to send.
pub(super) struct SendRequest {
    pub(super) message: OwnedMessage,
    pub(super) compression: MessageCompression,
    pub(super) reply: oneshot::Sender<Result<(), Error<OwnedMessage>>>,
}

impl Cancellable for SendRequest {
    fn is_cancelled(&self) -> bool {
        self.reply.is_canceled()
    }
}

/// A request other than sending.
pub(super) enum Command {
    Close(Option<u16>, Option<String>, oneshot::Sender<Result<CloseEvent, Error<OwnedMessage>>>),
    Abort,
    Drained(oneshot::Sender<Result<(), Error<OwnedMessage>>>),
    Ping(oneshot::Sender<Result<Duration, PingError>>),
    ReceivedPings(oneshot::Sender<Option<ReceivedPings>>),
    Status(oneshot::Sender<(ReadyState, u64)>),
}

/// Sends a request to the driver at once, and returns its reply. The reply is cancelled if the driver is gone.
pub(super) fn request<Q, A>(
    channel: &mpsc::Sender<Q>,
    with_reply: impl FnOnce(oneshot::Sender<A>) -> Q,
) -> oneshot::Receiver<A> {
    let (reply, replied) = oneshot::channel();
    // Each clone of the sender has a slot of its own, so this never fails because the channel is full.
    drop(channel.clone().try_send(with_reply(reply)));
    replied
}
