//! The values that the handles of a remote and its driver exchange.

use std::time::Duration;

use futures::channel::oneshot;

use super::super::Error;
use crate::sync::cancellable_queue::Cancellable;
use crate::types::owned_message::OwnedMessage;
use crate::types::payload::MessageCompression;
use crate::types::ping::{PingError, ReceivedPings};
use samesocket_spec::{CloseEvent, ReadyState};

/// An item for the receiving half.
pub(super) enum Item {
    Message(OwnedMessage),
    /// The last item of a stream that failed.
    Error(Error<OwnedMessage>),
    End,
}

/// A request to the driver.
pub(super) enum RemoteRequest {
    Send(SendRequest),
    Command(Command),
}

/// A message to send.
pub(super) struct SendRequest {
    pub(super) message: OwnedMessage,
    pub(super) compression: MessageCompression,
    pub(super) reply: oneshot::Sender<Result<(), Error<OwnedMessage>>>,
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

impl Cancellable for SendRequest {
    fn is_cancelled(&self) -> bool {
        self.reply.is_canceled()
    }
}

impl Cancellable for RemoteRequest {
    fn is_cancelled(&self) -> bool {
        match self {
            Self::Send(send) => send.is_cancelled(),
            Self::Command(Command::Drained(reply)) => reply.is_canceled(),
            Self::Command(Command::ReceivedPings(reply)) => reply.is_canceled(),
            Self::Command(Command::Status(reply)) => reply.is_canceled(),
            // These have their effect even if nothing waits for the reply.
            Self::Command(Command::Close(..) | Command::Abort | Command::Ping(_)) => false,
        }
    }
}
