//! The handle of a live socket.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::closed::Closed;
use super::driver::LiveDriver;
use super::later::Later;
use super::output::{Callback, Output};
use super::shared::{LiveShared, Sent};
use super::task::LiveTask;
use super::update::Update;
use super::updates::Updates;
use crate::platform::BoxFuture;
use crate::reconnect::{Cause, Losses, Reconnect, Reconnecting, Status};
use crate::socket::{Error, Socket};
use crate::sync::MaybeSend;
use crate::types::binary_type::BinaryType;
use crate::types::owned_message::OwnedMessage;

/// A handle to a reconnecting socket that drives itself, from [`Reconnect::drive`] or [`Reconnect::drive_stream`].
///
/// A clone is another handle to the same socket, and handles of the same socket are equal. They are `Send` and `Sync` on every
/// target: a handle can be in a signal, a component's properties, a resource, or on another thread. In a page the socket itself
/// stays on the thread that created it. If that thread or runtime ends, so does the socket. A worker that is terminated
/// drops nothing, so its handles then stay as they are.
///
/// Dropping the last handle ends the socket: what was sent while it is open is passed on, the connection is closed without a code,
/// and the task ends. Messages that are kept because there is no connection are dropped. No callback is called afterwards. On
/// native targets a last call may be running on another thread, or about to begin. A callback that owns a handle keeps the socket alive;
/// [`downgrade`](Self::downgrade) is for that.
///
/// ```no_run
/// # fn example() -> Result<(), samesocket::Error<samesocket::OwnedMessage>> {
/// use samesocket::connect;
/// use samesocket::reconnect::{LiveSocket, Update};
///
/// let live: LiveSocket = connect("wss://example.com/chat").reconnect().drive(|update| match update {
///     Update::Status(status) => println!("{status}"),
///     Update::Message(message) => println!("{message:?}"),
///     _ => {}
/// });
/// live.send("hello")?;
/// live.close(Some(1000), Some("bye"))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct LiveSocket(Arc<Handle>);

/// A handle to a [`LiveSocket`] that does not keep it alive, from [`LiveSocket::downgrade`].
///
/// ```
/// use samesocket::connect;
///
/// let live = connect("wss://example.com/chat").reconnect().disconnected().drive(|_| {});
/// let weak = live.downgrade();
/// assert!(weak.upgrade().is_some());
/// drop(live);
/// assert!(weak.upgrade().is_none());
/// ```
#[derive(Clone)]
pub struct WeakLiveSocket(Weak<Handle>);

/// The part that the handles of a live socket share. Dropping it ends the socket.
struct Handle {
    shared: Arc<LiveShared>,
    task: Later,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.release();
    }
}

impl Reconnect {
    /// Starts the socket in a task of its own, which calls `on_update` with each change of the status and each message, in the
    /// order in which they happened.
    ///
    /// The first update is the first attempt, unless the socket starts [disconnected](Self::disconnected). The callback
    /// can use every method of the handle, and can drop the last handle. It is called in the task, one call at a time, and never
    /// before this function has returned in a page. While it runs, the socket waits, so that a slow callback slows down
    /// the server as a slow receiver does. On native targets, a panic ends only the call, and the next update is delivered.
    ///
    /// On native targets the task runs on the current tokio runtime, or else on the background thread, where other sockets wait
    /// for a callback that blocks. [`drive_stream`](Self::drive_stream) is for long work. In a page it runs on the
    /// event loop of the current thread. [`executor`](Self::executor) sets another place.
    ///
    /// Received messages are in memory: a [blob](crate::BinaryType::Blob) or a [lazy](crate::Connect::lazy) message is read before.
    ///
    /// ```no_run
    /// use samesocket::reconnect::Update;
    ///
    /// let live = samesocket::connect("wss://example.com/chat").reconnect().drive(|update| {
    ///     if let Update::Message(message) = update {
    ///         println!("{message:?}");
    ///     }
    /// });
    /// live.send("kept until there is a connection").unwrap();
    /// ```
    pub fn drive(self, on_update: impl FnMut(Update) + MaybeSend + 'static) -> LiveSocket {
        LiveSocket::new(self, Box::new(Callback(on_update)))
    }

    /// Starts the socket in a task of its own, as [`drive`](Self::drive) does, and returns a queue of its updates.
    ///
    /// ```no_run
    /// # async fn example() {
    /// let (live, mut updates) = samesocket::connect("wss://example.com/chat").reconnect().drive_stream();
    /// while let Some(update) = updates.next().await {
    ///     println!("{update:?}");
    /// }
    /// # drop(live);
    /// # }
    /// ```
    pub fn drive_stream(self) -> (LiveSocket, Updates) {
        let (output, updates) = Updates::new();
        (LiveSocket::new(self, Box::new(output)), updates)
    }
}

impl LiveSocket {
    fn new(mut config: Reconnect, output: Box<dyn Output>) -> Self {
        let (outbox, spawn, disconnected) = (config.outbox.take(), config.spawn.take(), config.disconnected);
        let socket = Reconnecting::new(receive_bytes(config));
        let shared = Arc::new(LiveShared::new(socket.status(), outbox));
        let task: BoxFuture<()> = Box::pin(LiveTask::new(socket, Arc::clone(&shared), output));
        let task = Later::new((LiveDriver::new(task), spawn));
        if !disconnected {
            task.start();
        }
        Self(Arc::new(Handle { shared, task }))
    }

    /// Sends a message. It never waits.
    ///
    /// With a connection, the message is queued for it. Without one, the [`Outbox`](crate::reconnect::Outbox) decides; the default one
    /// keeps the message for the next connection. Messages leave in the order of the sends, each over one connection. If the
    /// connection is lost before a queued message was passed to it, the outbox decides again. Whether a message arrived that was
    /// passed on is not known: see [`Losses::unknown_bytes`].
    ///
    /// # Errors
    ///
    /// Returns [`Error::NotOpen`] after a close or the end, or if the outbox returns messages. Returns [`Error::Full`] at a
    /// bound of the outbox; without one, at 10,000 messages or 8 MiB. With a connection, what waits for the socket's task counts as
    /// well, and in a page the task passes nothing on before the current event handler has returned. So an outbox for few messages
    /// refuses some of a burst. Each error has the message.
    ///
    /// ```
    /// use samesocket::connect;
    /// use samesocket::reconnect::{Outbox, Sent};
    ///
    /// let builder = || connect("wss://example.com/chat").reconnect().disconnected();
    /// let live = builder().drive(|_| {});
    /// assert_eq!((live.send("hello"), live.kept()), (Ok(Sent::Kept), 1));
    /// let live = builder().outbox(Outbox::Return).drive(|_| {});
    /// let refused = live.send("hello").unwrap_err();
    /// assert_eq!(refused.into_message(), Some("hello".into()));
    /// ```
    pub fn send(&self, message: impl Into<OwnedMessage>) -> Result<Sent, Error<OwnedMessage>> {
        self.0.shared.send(message.into())
    }

    /// Returns the current status.
    pub fn status(&self) -> Status {
        self.0.shared.status()
    }

    /// Returns the time until the next attempt, while the socket [waits](Status::Waiting).
    ///
    /// The attempt may come earlier, as [`Reconnect::backoff`] says. Over a [network in memory](crate::testing) too, the
    /// time is that of the system.
    pub fn time_left(&self) -> Option<Duration> {
        self.0.shared.time_left()
    }

    /// Connects now, instead of waiting; see [`Sender::reconnect_now`](crate::reconnect::Sender::reconnect_now).
    ///
    /// It connects a socket that was started [disconnected](Reconnect::disconnected).
    pub fn reconnect_now(&self) {
        self.request(|requests| requests.reconnect_now = true);
    }

    /// Starts the socket again after its end; see [`Sender::restart`](crate::reconnect::Sender::restart).
    ///
    /// Kept messages are sent then. If the thread or the runtime of the socket has ended, this has no effect.
    pub fn restart(&self) {
        self.request(|requests| requests.restart = true);
    }

    /// Closes the socket for good, with this code and reason. No other connection is made, unless it is
    /// [restarted](Self::restart).
    ///
    /// With a connection, all queued messages are passed to it before the Close frame. Without one, they stay in the outbox,
    /// where [`take_kept`](Self::take_kept) finds them.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Exception`] if an argument is invalid. The socket then stays as it was.
    pub fn close(&self, code: Option<u16>, reason: Option<&str>) -> Result<(), Error<OwnedMessage>> {
        samesocket_spec::close::check(code, reason).map_err(Error::Exception)?;
        self.request(|requests| {
            requests.close.get_or_insert_with(|| (code, reason.unwrap_or_default().to_owned()));
            requests.restart = false;
        });
        Ok(())
    }

    /// Returns a future that completes once the socket has ended, with the cause. It does not keep the socket alive.
    ///
    /// A program on native targets waits for it before it ends, because its last messages and its Close frame are lost otherwise. A
    /// socket that was started [disconnected](Reconnect::disconnected) ends when it is closed or dropped. While its updates are taken
    /// from a stream, take them meanwhile, or drop the stream: a socket does not go on while that is full. Cancelling the future has
    /// no effect on the socket.
    ///
    /// ```no_run
    /// # fn example() -> Result<(), samesocket::Error<samesocket::OwnedMessage>> {
    /// let live = samesocket::connect("wss://example.com/chat").reconnect().drive(|_| {});
    /// live.send("bye")?;
    /// live.close(Some(1000), None)?;
    /// # #[cfg(not(target_family = "wasm"))]
    /// futures::executor::block_on(live.closed());
    /// # Ok(())
    /// # }
    /// ```
    pub fn closed(&self) -> impl Future<Output = Cause> + Send + Sync + Unpin + use<> {
        Closed::new(Arc::clone(&self.0.shared))
    }

    /// Returns the number of messages that wait for a connection, or for capacity of the current one.
    pub fn kept(&self) -> usize {
        self.0.shared.kept()
    }

    /// Takes the messages that wait. After the socket ended, they are the ones that were never sent.
    pub fn take_kept(&self) -> Vec<OwnedMessage> {
        self.0.shared.take_kept().into()
    }

    /// Returns the losses until now.
    pub fn losses(&self) -> Losses {
        self.0.shared.losses()
    }

    /// Returns a handle that does not keep the socket alive, for a callback.
    pub fn downgrade(&self) -> WeakLiveSocket {
        WeakLiveSocket(Arc::downgrade(&self.0))
    }

    fn request(&self, change: impl FnOnce(&mut super::shared::Requests)) {
        self.0.shared.request(change);
        self.0.task.start();
    }
}

impl WeakLiveSocket {
    /// Returns a handle, or `None` after the last handle was dropped.
    pub fn upgrade(&self) -> Option<LiveSocket> {
        self.0.upgrade().map(LiveSocket)
    }
}

/// Handles are equal if they are handles to the same socket.
impl PartialEq for LiveSocket {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for LiveSocket {}

impl fmt::Debug for LiveSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveSocket").field("status", &self.status()).field("kept", &self.kept()).finish_non_exhaustive()
    }
}

impl fmt::Debug for WeakLiveSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakLiveSocket").finish_non_exhaustive()
    }
}

/// Lets connections deliver binary messages as bytes.
fn receive_bytes(config: Reconnect) -> Reconnect {
    let mut prepare = config.prepare;
    let prepare_bytes = move |socket: Socket| {
        socket.core().connection.set_binary_type(BinaryType::ArrayBuffer);
        match &mut prepare {
            Some(prepare) => prepare(socket),
            None => Box::pin(std::future::ready(Ok(socket))) as BoxFuture<_>,
        }
    };
    Reconnect { prepare: Some(Box::new(prepare_bytes)), ..config }
}

/// Live handles are `Send` and `Sync` on every target.
const _: fn() = || {
    fn is_shareable<T: Clone + Send + Sync + 'static>() {}
    fn is_send_and_sync<T: Send + Sync + 'static>() {}
    is_shareable::<LiveSocket>();
    is_shareable::<WeakLiveSocket>();
    is_shareable::<Update>();
    is_shareable::<Status>();
    is_send_and_sync::<Updates>();
};
