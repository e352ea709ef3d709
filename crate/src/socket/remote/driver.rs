//! The task that owns the socket of a remote and executes the requests of its handles.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::Sink;
use futures::channel::oneshot;

use super::command::{Command, Item, RemoteRequest, SendRequest};
use super::shared::{DriverReference, RemoteShared};
use crate::connection::closed::Closed;
use crate::platform::BoxFuture;
use crate::socket::{Error, Receiver, Sender, Socket};
use crate::sync::cancellable_queue::{Cancellable, CancellableQueue};
use crate::sync::catch_panic::{catch_panic, drop_caught};
use crate::types::binary_type::BinaryType;
use crate::types::blob::BlobError;
use crate::types::message::Message;
use crate::types::owned_message::OwnedMessage;

/// The task that owns the socket of a [`Remote`](crate::Remote), for
/// [`Socket::into_remote_by`](crate::Socket::into_remote_by). It ends when the connection has ended and all handles were
/// dropped: the remote, or its halves and their clones.
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

/// The most messages that one poll forwards, and the most requests that it executes. So each direction has its turn, and other
/// tasks of the executor. Arbitrary.
const MAX_STEPS: usize = 64;

impl RemoteDriver {
    pub(super) fn new(socket: Socket, shared: Arc<RemoteShared>) -> Self {
        socket.core().connection.set_binary_type(BinaryType::ArrayBuffer);
        let closed = Some(socket.closed());
        let (sender, receiver) = socket.split();
        Self(Box::pin(RemoteTask {
            forwarder: Forwarder { receiver: Some(receiver), reading: None },
            executor: RequestExecutor { sender: Some(sender), sends: CancellableQueue::default(), waits: Vec::new() },
            closed,
            shared: DriverReference::new(shared),
        }))
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

/// The parts of a driver. Each drops its handle of the socket when its handles of the remote are dropped.
struct RemoteTask {
    forwarder: Forwarder,
    executor: RequestExecutor,
    /// The future of the `close` event, which is no handle, until it was reported.
    closed: Option<Closed>,
    /// Dropped last, when the socket has been dropped.
    shared: DriverReference,
}

impl RemoteTask {
    /// Reports the `close` event to the handles.
    fn report_close(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(closed) = &mut self.closed {
            let event = ready!(Pin::new(closed).poll(context));
            self.closed = None;
            self.shared.get().set_closed(event);
        }
        Poll::Ready(())
    }
}

impl Future for RemoteTask {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let shared = this.shared.get();
        // Before the look, so that a change after it wakes the driver.
        shared.register_driver(context.waker());
        let forwarded = this.forwarder.poll(shared, context);
        let executed = this.executor.poll(shared, context);
        let reported = this.report_close(context);
        if [forwarded, executed, reported].iter().all(Poll::is_ready) { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// The part of a driver that passes received messages to the receiving half.
struct Forwarder {
    /// `None` after the last item, or without a receiving half.
    receiver: Option<Receiver>,
    /// A blob that is read before what follows.
    reading: Option<BoxFuture<Result<Bytes, BlobError>>>,
}

impl Forwarder {
    /// Forwards messages, each once there is capacity for it. Returns `Ready` after the last item.
    fn poll(&mut self, shared: &RemoteShared, context: &mut Context<'_>) -> Poll<()> {
        for _ in 0..MAX_STEPS {
            let Some(item) = ready!(self.poll_item(shared, context)) else {
                (self.receiver, self.reading) = (None, None);
                return Poll::Ready(());
            };
            let is_last = !matches!(item, Item::Message(_));
            shared.put_item(item);
            if is_last {
                self.receiver = None;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Returns the next item, or `None` after the last one, or without a receiving half.
    fn poll_item(&mut self, shared: &RemoteShared, context: &mut Context<'_>) -> Poll<Option<Item>> {
        let Some(receiver) = &mut self.receiver else { return Poll::Ready(None) };
        if !ready!(shared.poll_item_capacity()) {
            return Poll::Ready(None);
        }
        loop {
            // A message becomes one that is `Send`. A blob is read for that.
            if let Some(reading) = &mut self.reading {
                let read = ready!(reading.as_mut().poll(context));
                self.reading = None;
                return Poll::Ready(Some(match read {
                    Ok(bytes) => Item::Message(OwnedMessage::Binary(bytes)),
                    Err(error) => Item::Error(Error::Unreadable(error)),
                }));
            }
            return Poll::Ready(Some(match ready!(receiver.poll_receive(context)) {
                None => Item::End,
                Some(Err(error)) => Item::Error(error.into_owned()),
                Some(Ok(Message::Text(text))) => Item::Message(OwnedMessage::Text(text)),
                Some(Ok(Message::Binary(bytes))) => Item::Message(OwnedMessage::Binary(bytes)),
                Some(Ok(Message::Lazy(lazy))) => Item::Message(lazy.read()),
                Some(Ok(Message::Blob(blob))) => {
                    self.reading = Some(Box::pin(async move { blob.bytes().await }));
                    continue;
                }
            }));
        }
    }
}

/// The part of a driver that executes requests in their order.
struct RequestExecutor {
    /// `None` once there is no sending handle.
    sender: Option<Sender>,
    /// The sends that wait for capacity. Commands overtake them.
    sends: CancellableQueue<SendRequest>,
    /// The replies that wait for an event of the socket. They run concurrently.
    waits: Vec<BoxFuture<()>>,
}

impl RequestExecutor {
    /// Executes requests. Returns `Ready` when there is no sending handle and no reply is left.
    fn poll(&mut self, shared: &RemoteShared, context: &mut Context<'_>) -> Poll<()> {
        let mut steps = 0;
        while self.step(shared, context) {
            steps += 1;
            if steps == MAX_STEPS {
                context.waker().wake_by_ref();
                break;
            }
        }
        self.waits.retain_mut(|wait| wait.as_mut().poll(context).is_pending());
        if self.sender.is_none() && self.waits.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Sends a message that has waited, or takes a request. Returns whether there may be more to do.
    fn step(&mut self, shared: &RemoteShared, context: &mut Context<'_>) -> bool {
        let Some(sender) = &mut self.sender else { return false };
        if send_next(sender, &mut self.sends, context) {
            return true;
        }
        match shared.poll_request() {
            Poll::Ready(Some(RemoteRequest::Send(send))) => {
                self.sends.push(send).into_iter().for_each(drop_caught);
                true
            }
            Poll::Ready(Some(RemoteRequest::Command(command))) => {
                self.waits.extend(execute(sender, command));
                true
            }
            Poll::Ready(None) => {
                // The handles have cancelled the sends that are left.
                self.sends.take_all().into_iter().for_each(drop_caught);
                // The future of a close may still wait for its reply.
                self.sender = None;
                false
            }
            Poll::Pending => false,
        }
    }
}

impl Drop for RequestExecutor {
    fn drop(&mut self) {
        // One by one: a message may be owned by the user, and a reply wakes a task.
        self.sends.take_all().into_iter().for_each(drop_caught);
        self.waits.drain(..).for_each(drop_caught);
    }
}

/// Sends the first message, or drops it if it was cancelled. Returns `false` if there is none, or no capacity.
fn send_next(sender: &mut Sender, sends: &mut CancellableQueue<SendRequest>, context: &mut Context<'_>) -> bool {
    let Some(first) = sends.front_mut() else {
        sender.stop_waiting();
        return false;
    };
    let has_capacity = first.is_cancelled() || Pin::new(&mut *sender).poll_ready(context).is_ready();
    // The wait ends early if the send is cancelled.
    if !has_capacity && first.reply.poll_canceled(context).is_pending() {
        return false;
    }
    let Some(request) = sends.pop() else { return false };
    if request.is_cancelled() {
        drop_caught(request);
    } else {
        let SendRequest { message, compression, reply } = request;
        match sender.core().send_now(message.clone().into(), compression) {
            Ok(()) => {
                drop_caught(message);
                send_reply(reply, Ok(()));
            }
            Err(_) => send_reply(reply, Err(Error::NotOpen(message))),
        }
    }
    true
}

/// Executes a command. Returns the wait for its reply, if that is not sent at once. The wait ends early if the reply is
/// cancelled.
fn execute(sender: &Sender, command: Command) -> Option<BoxFuture<()>> {
    let control = sender.control();
    Some(match command {
        Command::Close(code, reason, reply) => {
            let closing = control.close(code, reason.as_deref());
            Box::pin(reply_with(reply, async { closing.await.map_err(Error::into_owned) }))
        }
        // The ping is sent at once, even if nothing waits for its answer.
        Command::Ping(reply) => Box::pin(reply_with(reply, control.ping())),
        Command::Drained(reply) => {
            let sender = sender.clone();
            Box::pin(reply_with(reply, async move { sender.drained().await.map_err(Error::into_owned) }))
        }
        Command::Abort => {
            control.abort();
            return None;
        }
        Command::ReceivedPings(reply) => {
            send_reply(reply, control.received_pings());
            return None;
        }
        Command::Status(reply) => {
            send_reply(reply, (control.ready_state(), control.buffered_amount()));
            return None;
        }
    })
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
        send_reply(reply, value);
    }
}

/// Sends a reply. This wakes a task, whose waker may panic.
fn send_reply<T>(reply: oneshot::Sender<T>, value: T) {
    catch_panic(|| drop(reply.send(value)));
}
