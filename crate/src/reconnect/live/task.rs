//! The task of a live socket: it owns the reconnecting socket, carries out requests, and delivers updates.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::Sink;

use super::output::Output;
use super::shared::{LiveShared, Requests};
use super::update::Update;
use crate::platform::BoxFuture;
use crate::reconnect::driver::Item;
use crate::reconnect::{Reconnecting, Sender, Status, StatusChanges};
use crate::sync::catch_panic::returned;
use crate::types::blob::BlobError;
use crate::types::message::Message;
use crate::types::owned_message::OwnedMessage;

/// The most updates in one poll, so that other tasks of the executor have their turn. Arbitrary.
const MAX_UPDATES: usize = 64;

pub(super) struct LiveTask {
    socket: Reconnecting,
    /// The changes that were not delivered.
    changes: StatusChanges,
    sender: Sender,
    shared: Arc<LiveShared>,
    output: Box<dyn Output>,
    /// Whether the last status was [`Status::Open`].
    is_open: bool,
    /// A blob that is read before what follows.
    reading: Option<BoxFuture<Result<Bytes, BlobError>>>,
}

impl LiveTask {
    pub(super) fn new(socket: Reconnecting, shared: Arc<LiveShared>, output: Box<dyn Output>) -> Self {
        let (sender, mut changes) = (socket.sender(), socket.status_changes());
        if socket.status() == Status::Idle {
            // No change: the socket starts without a connection.
            drop(changes.try_next());
        }
        Self { socket, changes, sender, shared, output, is_open: false, reading: None }
    }

    fn obey(&mut self, requests: Requests) {
        if let Some((code, reason)) = requests.close {
            self.flush();
            // The arguments were checked before.
            drop(self.sender.close(code, Some(&reason)));
        }
        if requests.restart {
            self.sender.restart();
        }
        if requests.reconnect_now {
            self.sender.reconnect_now();
        }
    }

    /// Passes all queued messages to the connection, whatever its capacity is.
    fn flush(&mut self) {
        while self.is_open && self.pass_message() {}
    }

    /// Passes queued messages while the connection has capacity.
    fn pass_messages(&mut self, context: &mut Context<'_>) {
        while self.is_open && Pin::new(&mut self.sender).poll_ready(context).is_ready() && self.pass_message() {}
    }

    /// Passes a queued message to the connection. Returns whether it was taken.
    fn pass_message(&mut self) -> bool {
        let Some(message) = self.shared.next_message() else { return false };
        let Err(error) = Pin::new(&mut self.sender).start_send(message.into()) else { return true };
        if let Some(message) = error.into_owned().into_message() {
            self.shared.put_back(message);
        }
        false
    }

    /// Waits for the next update.
    fn poll_update(&mut self, context: &mut Context<'_>) -> Poll<Update> {
        loop {
            if let Some(status) = self.changes.try_next() {
                self.is_open = status.is_open();
                self.shared.set_status(status.clone(), self.sender.losses().unknown_bytes);
                return Poll::Ready(Update::Status(status));
            }
            if let Some(reading) = &mut self.reading {
                let read = ready!(reading.as_mut().poll(context));
                self.reading = None;
                match (read, self.sender.control()) {
                    (Ok(bytes), _) => return Poll::Ready(Update::Message(OwnedMessage::Binary(bytes))),
                    // A message is lost, as if the connection were.
                    (Err(_), control) => control.iter().for_each(crate::Control::abort),
                }
            }
            let Some(polled) = returned(|| self.socket.poll_item(context)) else {
                self.socket.end_after_panic();
                continue;
            };
            let message = match ready!(polled) {
                Item::StatusChange | Item::Error(_) => continue,
                // A request wakes the task.
                Item::End => return Poll::Pending,
                Item::Message(message) => message,
            };
            return Poll::Ready(Update::Message(match message {
                Message::Text(text) => OwnedMessage::Text(text),
                Message::Binary(bytes) => OwnedMessage::Binary(bytes),
                Message::Lazy(lazy) => lazy.read(),
                Message::Blob(blob) => {
                    self.reading = Some(Box::pin(async move { blob.bytes().await }));
                    continue;
                }
            }));
        }
    }
}

impl Future for LiveTask {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        for _ in 0..MAX_UPDATES {
            let (requests, is_released) = this.shared.take_requests(context.waker());
            this.obey(requests);
            if is_released {
                this.flush();
                return Poll::Ready(());
            }
            this.pass_messages(context);
            ready!(this.output.poll_ready(context));
            let update = ready!(this.poll_update(context));
            this.output.put(update);
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for LiveTask {
    fn drop(&mut self) {
        self.shared.end();
    }
}
