//! The values that the handles of a remote and its driver exchange.

use std::mem;
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

/// A request that waits for the driver.
pub(super) struct QueuedRequest {
    pub(super) request: RemoteRequest,
    /// Whether no earlier request has the same effect.
    is_new: bool,
}

impl Cancellable for QueuedRequest {
    fn is_cancelled(&self) -> bool {
        match &self.request {
            RemoteRequest::Send(send) => send.is_cancelled(),
            RemoteRequest::Command(Command::Drained(reply)) => reply.is_canceled(),
            RemoteRequest::Command(Command::ReceivedPings(reply)) => reply.is_canceled(),
            RemoteRequest::Command(Command::Status(reply)) => reply.is_canceled(),
            // These have their effect even if nothing waits for the reply.
            RemoteRequest::Command(Command::Close(.., reply)) => !self.is_new && reply.is_canceled(),
            RemoteRequest::Command(Command::Abort) => !self.is_new,
            RemoteRequest::Command(Command::Ping(reply)) => !self.is_new && reply.is_canceled(),
        }
    }
}

/// Which requests that have an effect without a reply were made. A further one of the same kind has no effect of its own.
#[derive(Default)]
pub(super) struct Effects {
    /// Whether a close was requested.
    closes: bool,
    /// Whether an abort was requested.
    aborts: bool,
    /// Whether a ping waits.
    pings: bool,
}

impl Effects {
    /// Prepares a request for the queue.
    pub(super) const fn prepare(&mut self, request: RemoteRequest) -> QueuedRequest {
        let is_known = match &request {
            RemoteRequest::Command(Command::Close(..)) => mem::replace(&mut self.closes, true) || self.aborts,
            RemoteRequest::Command(Command::Abort) => mem::replace(&mut self.aborts, true),
            RemoteRequest::Command(Command::Ping(_)) => mem::replace(&mut self.pings, true),
            RemoteRequest::Send(_) | RemoteRequest::Command(_) => false,
        };
        QueuedRequest { request, is_new: !is_known }
    }

    /// Returns a request that left the queue for the driver.
    pub(super) fn release(&mut self, QueuedRequest { request, is_new }: QueuedRequest) -> RemoteRequest {
        if is_new && matches!(request, RemoteRequest::Command(Command::Ping(_))) {
            self.pings = false;
        }
        request
    }
}
