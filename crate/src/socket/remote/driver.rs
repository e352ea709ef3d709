//! The task that owns the socket of a remote and executes the requests of its handles.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use futures::channel::{mpsc, oneshot};
use futures::future::{FutureExt, join4};
use futures::stream::StreamExt;

use super::command::{Channels, Command, Item, SendRequest};
use crate::connection::closed::Closed;
use crate::platform::BoxFuture;
use crate::socket::{Error, Receiver, Sender, Socket};
use crate::sync::cancellable_queue::CancellableQueue;
use crate::types::binary_type::BinaryType;
use crate::types::blob::BlobError;
use crate::types::message::Message;
use crate::types::owned_message::OwnedMessage;
use samesocket_spec::CloseEvent;

/// The task that owns the socket of a [`Remote`](crate::Remote), for
/// [`Socket::into_remote_by`](crate::Socket::into_remote_by). It ends with the connection.
///
/// Dropping it earlier closes the socket without a code.
///
/// ```no_run
/// # async fn example(socket: samesocket::Socket) {
/// # fn spawn(_: impl Future<Output = ()> + 'static) {}
/// use samesocket::RemoteDriver;
///
/// // `spawn` is the executor's own function, for example `spawn_local`.
/// let remote = socket.into_remote_by(|driver: RemoteDriver| spawn(driver));
/// # let _ = remote;
/// # }
/// ```
#[must_use = "the remote receives and sends nothing unless this is polled"]
pub struct RemoteDriver(BoxFuture<()>);

impl RemoteDriver {
    pub(super) fn new(socket: Socket, channels: Channels) -> Self {
        socket.core().connection.set_binary_type(BinaryType::ArrayBuffer);
        let closed = socket.closed();
        let (sender, receiver) = socket.split();
        let Channels { items, receiver_alive, sends, commands, close_event } = channels;
        // Each part drops its handle of the socket when its channel closes. Waiting for the end takes no handle.
        let parts = join4(
            forward_messages(receiver, items, receiver_alive),
            execute_sends(sender.clone(), sends),
            execute_commands(sender, commands),
            report_close(closed, close_event),
        );
        Self(Box::pin(parts.map(drop)))
    }

    pub(super) fn into_boxed(self) -> BoxFuture<()> {
        self.0
    }
}

impl Future for RemoteDriver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for RemoteDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteDriver").finish_non_exhaustive()
    }
}

/// Sends received messages to the remote, each once its channel has capacity.
async fn forward_messages(
    mut receiver: Receiver,
    mut items: mpsc::Sender<Item>,
    mut receiver_alive: oneshot::Receiver<()>,
) {
    loop {
        let next = poll_fn(|context| {
            if receiver_alive.poll_unpin(context).is_ready() || ready!(items.poll_ready(context)).is_err() {
                return Poll::Ready(None);
            }
            receiver.poll_receive(context).map(Some)
        });
        let Some(next) = next.await else { return };
        let item = match next {
            None => Item::End,
            Some(Err(error)) => Item::Error(error.into_owned()),
            Some(Ok(message)) => match into_owned(message).await {
                Ok(message) => Item::Message(message),
                Err(error) => Item::Error(Error::Unreadable(error)),
            },
        };
        let is_last = !matches!(item, Item::Message(_));
        if items.start_send(item).is_err() || is_last {
            return;
        }
    }
}

/// Converts a message into one that is `Send`. A blob is read for that.
async fn into_owned(message: Message) -> Result<OwnedMessage, BlobError> {
    Ok(match message {
        Message::Text(text) => OwnedMessage::Text(text),
        Message::Binary(bytes) => OwnedMessage::Binary(bytes),
        Message::Lazy(lazy) => lazy.read(),
        Message::Blob(blob) => OwnedMessage::Binary(blob.bytes().await?),
    })
}

/// Executes the sends in order, each once the socket has capacity.
async fn execute_sends(sender: Sender, mut sends: mpsc::Receiver<SendRequest>) {
    // The sends behind the one that waits for capacity.
    let mut queue = CancellableQueue::default();
    loop {
        let queued = queue.pop();
        let Some(SendRequest { message, compression, mut reply }) = (match queued {
            Some(request) => Some(request),
            None => sends.next().await,
        }) else {
            return;
        };
        {
            let mut capacity = pin!(sender.capacity());
            // The wait ends early if the send is cancelled.
            poll_fn(|context| {
                while let Poll::Ready(Some(send)) = sends.poll_next_unpin(context) {
                    drop(queue.push(send));
                }
                if reply.poll_canceled(context).is_ready() { Poll::Ready(()) } else { capacity.as_mut().poll(context) }
            })
            .await;
        }
        if !reply.is_canceled() {
            let sent = sender.core().send_now(message.clone().into(), compression).map_err(|_| Error::NotOpen(message));
            drop(reply.send(sent));
        }
    }
}

/// Executes the commands. Waits run concurrently, and end early if their reply is cancelled.
async fn execute_commands(sender: Sender, mut commands: mpsc::Receiver<Command>) {
    let control = sender.control();
    let mut waits: Vec<BoxFuture<()>> = Vec::new();
    loop {
        let command = poll_fn(|context| {
            let _ = poll_all(&mut waits, context);
            commands.poll_next_unpin(context)
        });
        match command.await {
            None => break,
            Some(Command::Status(reply)) => drop(reply.send((control.ready_state(), control.buffered_amount()))),
            Some(Command::Close(code, reason, reply)) => {
                let closing = control.close(code, reason.as_deref());
                let closed = async { closing.await.map_err(Error::into_owned) };
                waits.push(Box::pin(reply_with(reply, closed)));
            }
            Some(Command::Abort) => control.abort(),
            // The ping is sent at once, even if nothing waits for its answer.
            Some(Command::Ping(reply)) => waits.push(Box::pin(reply_with(reply, control.ping()))),
            Some(Command::ReceivedPings(reply)) => drop(reply.send(control.received_pings())),
            Some(Command::Drained(reply)) => {
                let sender = sender.clone();
                let drained = async move { sender.drained().await.map_err(Error::into_owned) };
                waits.push(Box::pin(reply_with(reply, drained)));
            }
        }
    }
    // The senders are dropped, but the future of a close may still wait for its reply.
    drop((control, sender));
    poll_fn(|context| poll_all(&mut waits, context)).await;
}

/// Polls the futures and removes those that completed. Returns `Ready` when none is left.
fn poll_all(waits: &mut Vec<BoxFuture<()>>, context: &mut Context<'_>) -> Poll<()> {
    waits.retain_mut(|wait| wait.as_mut().poll(context).is_pending());
    if waits.is_empty() { Poll::Ready(()) } else { Poll::Pending }
}

/// Replies with the output of a future, unless the reply is cancelled first.
async fn reply_with<T>(mut reply: oneshot::Sender<T>, value: impl Future<Output = T>) {
    let value = {
        let mut value = pin!(value);
        poll_fn(|context| match reply.poll_canceled(context) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => value.as_mut().poll(context).map(Some),
        })
        .await
    };
    if let Some(value) = value {
        drop(reply.send(value));
    }
}

async fn report_close(closed: Closed, close_event: oneshot::Sender<CloseEvent>) {
    drop(close_event.send(closed.await));
}
