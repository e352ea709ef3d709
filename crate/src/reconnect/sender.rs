//! The handles of a reconnecting socket.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::Sink;

use super::outgoing::{self, Outgoing};
use super::status::{StatusBroadcast, StatusEnd};
use super::{Cause, Losses, Status, StatusChanges};
use crate::socket::{Control, Error};
use crate::sync::catch_panic::wake;
use crate::sync::{Lock, Shared};
use crate::types::message::Message;

/// A handle to a [`Reconnecting`](super::Reconnecting) socket: a `Sink` of messages over whichever connection there is.
///
/// It also closes, restarts and observes the socket. It does not keep the socket open. A clone is another handle to the
/// same socket.
///
/// The stream carries out the requests of its handles when it is polled. After the stream was dropped, requests have no
/// effect.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let mut socket = samesocket::connect("wss://example.com/chat").reconnect().start();
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
///
/// As a sink, it waits as [`send`](Self::send) does: for capacity of a connection. Without a connection it is ready, and the
/// [`Outbox`](super::Outbox) decides. Flushing waits for no more than that. `poll_close` [closes](Self::close) the socket
/// for good and waits for its end.
pub struct Sender {
    outgoing: Shared<Lock<Outgoing>>,
    status: Shared<Lock<StatusBroadcast>>,
    /// The full connection that the `Sink` waits for.
    full: Option<crate::Sender>,
    /// The end that `poll_close` waits for.
    end: Option<StatusEnd>,
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

/// Waits while the connection has no capacity, and while too many messages wait behind another call that passes them. `full` is the
/// connection that the caller waits for.
fn poll_capacity(outgoing: &Lock<Outgoing>, full: &mut Option<crate::Sender>, context: &mut Context<'_>) -> Poll<()> {
    loop {
        if let Some(sender) = full {
            // The connection may have been lost meanwhile, and replaced by one that is full as well.
            let _ = ready!(Pin::new(sender).poll_ready(context));
        }
        *full = outgoing::full_connection(outgoing);
        if full.is_none() {
            break;
        }
    }
    if outgoing::is_turn_full(outgoing) {
        // That call runs on another thread, and does not wait.
        context.waker().wake_by_ref();
        return Poll::Pending;
    }
    Poll::Ready(())
}

impl Sender {
    pub(super) const fn new(outgoing: Shared<Lock<Outgoing>>, status: Shared<Lock<StatusBroadcast>>) -> Self {
        Self { outgoing, status, full: None, end: None }
    }

    /// Sends a message over the connection, after waiting until bufferedAmount is at most the
    /// [high-water mark](crate::Connect::high_water_mark). Without a connection, the [`Outbox`](super::Outbox) applies.
    ///
    /// A cancelled send has sent nothing.
    ///
    /// # Errors
    ///
    /// Returns [`Error::NotOpen`], or [`Error::Full`] at a bound of [`Outbox::Keep`](super::Outbox::Keep). Each has the
    /// message.
    pub async fn send(&self, message: Message) -> Result<(), Error> {
        let (mut waiting, mut full) = (None, None);
        poll_fn(|context| {
            let polled = poll_capacity(&self.outgoing, &mut full, context);
            if polled.is_pending() {
                waiting.get_or_insert_with(|| WaitingSend::new(&self.outgoing));
            }
            polled
        })
        .await;
        let sent = outgoing::send(&self.outgoing, message);
        drop(waiting);
        sent
    }

    /// Sends a message if bufferedAmount is at most the [high-water mark](crate::Connect::high_water_mark). Without a
    /// connection, the [`Outbox`](super::Outbox) applies.
    ///
    /// It never overtakes a [`send`](Self::send) that waits for capacity. While the outbox still has kept messages, this
    /// adds to the outbox.
    ///
    /// # Errors
    ///
    /// Returns [`Error::NotOpen`] without a connection. Returns [`Error::Full`] above the mark, while a `send` waits, while
    /// too much waits behind the send of another thread (1000 messages or 1 MiB), and at a bound of
    /// [`Outbox::Keep`](super::Outbox::Keep). Each has the message.
    pub fn try_send(&self, message: Message) -> Result<(), Error> {
        outgoing::try_send(&self.outgoing, message)
    }

    /// Closes the socket for good, with this code and reason. The current connection is closed and no other is made.
    ///
    /// Kept messages leave before the Close frame, even above the high-water mark. Without a connection they stay in the
    /// outbox, where [`take_kept`](Self::take_kept) finds them. To close only after they were sent, wait for
    /// [`Status::Open`] first. The socket can be [restarted](Self::restart).
    ///
    /// # Errors
    ///
    /// Returns [`Error::Exception`] if an argument is invalid. The socket then stays as it was.
    pub fn close(&self, code: Option<u16>, reason: Option<&str>) -> Result<(), Error> {
        let frame = samesocket_spec::close::check(code, reason).map_err(Error::Exception)?;
        {
            let mut outgoing = self.outgoing.lock();
            outgoing.requests.close.get_or_insert_with(|| frame.map(|(code, reason)| (code, reason.to_owned())));
            outgoing.requests.restart = false;
        }
        outgoing::pass_kept(&self.outgoing);
        self.wake_stream();
        Ok(())
    }

    /// Connects now, instead of waiting for the rest of a wait.
    ///
    /// It also skips a wait that the server has asked for. It connects a socket that was
    /// [disconnected](super::Reconnect::disconnected). In any other state it does nothing; in
    /// particular, it does not [restart](Self::restart) a socket that has ended.
    ///
    /// ```no_run
    /// # fn on_click(sender: samesocket::reconnect::Sender) {
    /// use samesocket::reconnect::Status;
    ///
    /// if let Status::Waiting { .. } = sender.status() {
    ///     sender.reconnect_now();
    /// }
    /// # }
    /// ```
    pub fn reconnect_now(&self) {
        self.outgoing.lock().requests.reconnect_now = true;
        self.wake_stream();
    }

    /// Starts the socket again after its end, as if there had been no failure.
    ///
    /// The stream then yields messages again, although it has returned `None`. Poll it again: a task that has polled it
    /// after its end is woken. Kept messages are still there, and are sent.
    ///
    /// If the socket is closing, it starts again once it has ended. If it waits or is disconnected, it connects now, as
    /// with [`reconnect_now`](Self::reconnect_now). While it connects or is connected, this does nothing.
    ///
    /// ```no_run
    /// # async fn example(mut socket: samesocket::reconnect::Reconnecting) {
    /// let sender = socket.sender();
    /// loop {
    ///     while let Some(message) = socket.next().await {
    ///         println!("{message:?}");
    ///     }
    ///     // For example after the user has logged in again.
    ///     sender.restart();
    /// }
    /// # }
    /// ```
    pub fn restart(&self) {
        self.outgoing.lock().requests.restart = true;
        self.wake_stream();
    }

    /// Wakes the stream, which carries out the requests.
    fn wake_stream(&self) {
        let waker = self.outgoing.lock().waker.take();
        wake(waker);
    }

    /// Returns the current status. [`status_changes`](Self::status_changes) returns those that follow as well.
    pub fn status(&self) -> Status {
        self.status.lock().current.clone()
    }

    /// Returns a stream of the statuses, starting with the current one.
    pub fn status_changes(&self) -> StatusChanges {
        StatusChanges::new(&self.status)
    }

    /// Returns a future that completes once the socket has ended for good, and returns the cause.
    ///
    /// It completes at once if the socket has ended already. Any number of futures can wait. A
    /// [restart](Self::restart) does not undo that.
    ///
    /// ```no_run
    /// # async fn example(mut socket: samesocket::reconnect::Reconnecting) {
    /// use futures::future::join;
    ///
    /// let closed = socket.closed();
    /// let receiving = async { while socket.next().await.is_some() {} };
    /// let (cause, ()) = join(closed, receiving).await;
    /// println!("ended: {cause}");
    /// # }
    /// ```
    pub fn closed(&self) -> impl Future<Output = Cause> + Unpin + use<> {
        let end = StatusEnd::new(&self.status);
        poll_fn(move |context| end.poll(context))
    }

    /// Returns the control of the current connection, if there is one.
    pub fn control(&self) -> Option<Control> {
        self.outgoing.lock().current.clone().map(Control::new)
    }

    /// Takes the kept messages out of the outbox. After the socket ended, they are the ones that were never sent.
    pub fn take_kept(&self) -> Vec<Message> {
        self.outgoing.lock().kept.take().into()
    }

    /// Returns the losses until now.
    pub fn losses(&self) -> Losses {
        self.outgoing.lock().kept.losses
    }
}

impl Sink<Message> for Sender {
    type Error = Error;

    /// Waits while the connection has no capacity. Never fails, so that `start_send` can return the message.
    fn poll_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let this = self.get_mut();
        poll_capacity(&this.outgoing, &mut this.full, context).map(Ok)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        outgoing::send(&self.outgoing, message)
    }

    /// Waits as `poll_ready` does. A `Sink` has to wait longer than that, but here kept messages stay kept.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_ready(context)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let this = self.get_mut();
        if this.end.is_none() {
            this.close(None, None)?;
            this.end = Some(StatusEnd::new(&this.status));
        }
        let Some(end) = &this.end else { return Poll::Pending };
        let cause = ready!(end.poll(context));
        this.end = None;
        Poll::Ready(match cause {
            Cause::Lost(error) => Err(Arc::unwrap_or_clone(error).map_message(Message::from)),
            _ => Ok(()),
        })
    }
}

impl Clone for Sender {
    fn clone(&self) -> Self {
        Self::new(Shared::clone(&self.outgoing), Shared::clone(&self.status))
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outgoing = self.outgoing.lock();
        f.debug_struct("Sender")
            .field("open", &outgoing.current.is_some())
            .field("kept", &outgoing.kept.len())
            .finish_non_exhaustive()
    }
}
