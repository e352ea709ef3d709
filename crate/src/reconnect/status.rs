//! The status of a reconnecting socket, and the streams of its changes.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::Stream;
use futures::stream::FusedStream;

use super::Cause;
use crate::socket::Error;
use crate::sync::catch_panic::wake;
use crate::sync::{Lock, Shared};
use crate::trace::event;
use samesocket_spec::CloseEvent;

/// The status of a reconnecting socket.
///
/// It is `Send` and `Sync` on every target. A clone allocates at most a few words. `Display` shows it in a line for a person.
///
/// ```
/// use samesocket::reconnect::Status;
///
/// fn describe(status: &Status) -> String {
///     match status {
///         Status::Connecting { attempt } => format!("connecting, attempt {attempt}"),
///         Status::Open => "open".to_owned(),
///         Status::Waiting { cause, wait, .. } => format!("{cause}; next attempt in {wait:?}"),
///         Status::Ended { cause } => format!("ended: {cause}"),
///         other => other.to_string(),
///     }
/// }
/// assert_eq!(describe(&Status::Open), "open");
/// assert_eq!(describe(&Status::default()), "not connected");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// The socket was started [disconnected](super::Reconnect::disconnected), and makes no connection by itself.
    #[default]
    Idle,
    /// The socket is connecting.
    Connecting {
        /// The number of this attempt: 1 for the first one and after a restart, otherwise one more than the failures in a row.
        ///
        /// The loss of a connection that lasted is the first of these, so that the next attempt has number 2.
        attempt: u32,
    },
    /// The socket is connected and prepared.
    Open,
    /// The socket waits before the next attempt.
    Waiting {
        /// The number of failures since the last connection that lasted, including this one.
        failures: u32,
        /// Why there is no connection.
        cause: Cause,
        /// The maximum time until the next attempt, from the moment of this change.
        wait: Duration,
        /// The bufferedAmount when the connection ended. Whether those bytes arrived is not known. Neither is it for
        /// messages that were sent shortly before.
        unknown_bytes: u64,
    },
    /// The socket has ended and will not connect again, unless it is [restarted](super::Sender::restart).
    Ended {
        /// Why it has ended.
        cause: Cause,
    },
}

impl Status {
    /// Returns whether there is a connection.
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }

    /// Returns whether the socket has ended.
    pub const fn is_ended(&self) -> bool {
        matches!(self, Self::Ended { .. })
    }

    /// Returns why there is no connection, while the socket waits and after its end.
    pub const fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Waiting { cause, .. } | Self::Ended { cause } => Some(cause),
            _ => None,
        }
    }

    /// Returns the close code of the last connection, while the socket waits and after its end, if there was one.
    ///
    /// ```
    /// use samesocket::reconnect::Status;
    ///
    /// assert_eq!((Status::Open.code(), Status::Open.reason()), (None, None));
    /// ```
    pub fn code(&self) -> Option<u16> {
        self.close_event().map(|event| event.code)
    }

    /// Returns the close reason of the last connection, under the same conditions as [`code`](Self::code).
    pub fn reason(&self) -> Option<&str> {
        self.close_event().map(|event| &*event.reason)
    }

    fn close_event(&self) -> Option<&CloseEvent> {
        self.cause()?.event()
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle => f.write_str("not connected"),
            Self::Connecting { attempt: 1 } => f.write_str("connecting"),
            Self::Connecting { attempt } => write!(f, "connecting (attempt {attempt})"),
            Self::Open => f.write_str("open"),
            Self::Waiting { cause, wait, .. } => write!(f, "connecting again in {wait:.1?}: {cause}"),
            Self::Ended { cause } => write!(f, "ended: {cause}"),
        }
    }
}

/// A stream of the statuses of a reconnecting socket, from
/// [`Reconnecting::status_changes`](super::Reconnecting::status_changes).
///
/// It starts with the current status and ends after [`Status::Ended`]. After a [restart](super::Sender::restart) it can be
/// polled again. It holds the newest 64 statuses that were not read, and discards older ones.
///
/// ```no_run
/// # async fn example(url: String) {
/// use futures::StreamExt;
/// use futures::future::join;
///
/// let mut socket = samesocket::connect(url).reconnect().start();
/// let mut changes = socket.status_changes();
/// let printing = async {
///     while let Some(status) = changes.next().await {
///         println!("{status}");
///     }
/// };
/// let receiving = async { while socket.next().await.is_some() {} };
/// join(printing, receiving).await;
/// # }
/// ```
pub struct StatusChanges {
    subscription: Subscription,
    /// Whether the stream has returned `None`.
    finished: bool,
}

/// A wait for the end of a reconnecting socket.
pub(super) struct StatusEnd(Subscription);

/// The place of one stream among the queues. It is removed on drop.
struct Subscription {
    broadcast: Shared<Lock<StatusBroadcast>>,
    key: u64,
}

/// The maximum number of unread statuses in a stream. Arbitrary.
const MAX_UNREAD: usize = 64;

/// The current status, and the queues of the streams.
#[derive(Default)]
pub(super) struct StatusBroadcast {
    pub(super) current: Status,
    /// The queues, in the order of their keys.
    queues: Vec<StatusQueue>,
    last_key: u64,
}

/// The unread statuses of one stream.
struct StatusQueue {
    key: u64,
    statuses: VecDeque<Status>,
    /// A status that was discarded, until it is dropped outside the lock.
    discarded: Option<Status>,
    /// Whether the first end is kept, and nothing else.
    only_end: bool,
    waker: Option<Waker>,
}

impl StatusQueue {
    /// Adds a status, for which the oldest one may be discarded.
    fn push(&mut self, status: &Status) {
        if self.only_end && (!status.is_ended() || !self.statuses.is_empty()) {
            return;
        }
        if self.statuses.len() == MAX_UNREAD {
            self.discarded = self.statuses.pop_front();
        }
        self.statuses.push_back(status.clone());
    }
}

impl StatusBroadcast {
    /// Returns whether the socket has ended.
    pub(super) const fn has_ended(&self) -> bool {
        self.current.is_ended()
    }

    fn queue(&mut self, key: u64) -> Option<&mut StatusQueue> {
        self.queues.iter_mut().find(|queue| queue.key == key)
    }
}

/// Reports a status to subscribers of `tracing`. No lock may be held.
#[allow(clippy::unneeded_struct_pattern, reason = "a variant without fields may get some")]
fn report(status: &Status) {
    match status {
        Status::Connecting { attempt } => event!(current, INFO, "attempt", failures = *attempt - 1),
        Status::Waiting { cause, wait, .. } => {
            event!(current, INFO, "waiting", cause = %WithoutReason(cause), wait = %format_args!("{wait:?}"));
        }
        Status::Ended { .. } => event!(current, INFO, "ended"),
        _ => {}
    }
}

/// A cause without the reason of a Close frame, which the server may have made of anything.
struct WithoutReason<'a>(&'a Cause);

impl fmt::Display for WithoutReason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Cause::Lost(error) | Cause::NotPrepared(error) = self.0 {
            if let Error::Failed(failed) = &**error {
                if !failed.event().reason.is_empty() {
                    let is_lost = matches!(self.0, Cause::Lost(_));
                    f.write_str(if is_lost { "" } else { "the connection could not be prepared: " })?;
                    return write!(f, "the connection did not close cleanly: code {}", failed.event().code);
                }
            }
        }
        self.0.fmt(f)
    }
}

/// Adds a status to all streams and wakes them.
pub(super) fn broadcast(broadcast: &Lock<StatusBroadcast>, status: Status) {
    report(&status);
    let replaced = {
        let mut broadcast = broadcast.lock();
        for queue in &mut broadcast.queues {
            queue.push(&status);
        }
        mem::replace(&mut broadcast.current, status)
    };
    // Drop outside the lock: a cause may contain a message of the user.
    drop(replaced);
    let mut last_key = 0;
    loop {
        let (waker, discarded) = {
            let mut broadcast = broadcast.lock();
            let Some(queue) = broadcast.queues.iter_mut().find(|queue| queue.key > last_key) else { return };
            last_key = queue.key;
            (if queue.statuses.is_empty() { None } else { queue.waker.take() }, queue.discarded.take())
        };
        // Drop outside the lock: a cause may contain a message of the user.
        drop(discarded);
        wake(waker);
    }
}

impl Subscription {
    /// Creates a queue that starts with the current status.
    fn new(broadcast: &Shared<Lock<StatusBroadcast>>, only_end: bool) -> Self {
        let mut locked = broadcast.lock();
        locked.last_key += 1;
        let key = locked.last_key;
        let mut queue = StatusQueue { key, statuses: VecDeque::new(), discarded: None, only_end, waker: None };
        queue.push(&locked.current);
        locked.queues.push(queue);
        drop(locked);
        Self { broadcast: Shared::clone(broadcast), key }
    }

    /// Waits for the next status. Returns `None` if the socket has ended, and that was returned before.
    fn poll(&self, context: &Context<'_>) -> Poll<Option<Status>> {
        let replaced = {
            let mut broadcast = self.broadcast.lock();
            let ended = broadcast.has_ended();
            let Some(queue) = broadcast.queue(self.key) else { return Poll::Ready(None) };
            let status = queue.statuses.pop_front();
            if ended || status.is_some() {
                return Poll::Ready(status);
            }
            queue.waker.replace(context.waker().clone())
        };
        // Drop outside the lock: a waker may run any code.
        drop(replaced);
        Poll::Pending
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let queue = {
            let queues = &mut self.broadcast.lock().queues;
            queues.iter().position(|queue| queue.key == self.key).map(|index| queues.remove(index))
        };
        // Drop outside the lock: a waker may run any code.
        drop(queue);
    }
}

impl StatusEnd {
    pub(super) fn new(broadcast: &Shared<Lock<StatusBroadcast>>) -> Self {
        Self(Subscription::new(broadcast, true))
    }

    /// Waits until the socket has ended, and returns the cause of its first end.
    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<Cause> {
        match self.0.poll(context) {
            Poll::Ready(Some(Status::Ended { cause })) => Poll::Ready(cause),
            // Another poll has taken the end.
            _ => Poll::Pending,
        }
    }
}

impl StatusChanges {
    /// Creates a stream that starts with the current status.
    pub(super) fn new(broadcast: &Shared<Lock<StatusBroadcast>>) -> Self {
        Self { subscription: Subscription::new(broadcast, false), finished: false }
    }

    /// Returns the next status if there is one.
    pub(super) fn try_next(&mut self) -> Option<Status> {
        self.subscription.broadcast.lock().queue(self.subscription.key)?.statuses.pop_front()
    }
}

impl Stream for StatusChanges {
    type Item = Status;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Status>> {
        let status = self.subscription.poll(context);
        self.finished |= matches!(status, Poll::Ready(None));
        status
    }
}

impl FusedStream for StatusChanges {
    fn is_terminated(&self) -> bool {
        let Subscription { broadcast, key } = &self.subscription;
        let mut broadcast = broadcast.lock();
        self.finished && broadcast.has_ended() && broadcast.queue(*key).is_none_or(|queue| queue.statuses.is_empty())
    }
}

impl fmt::Debug for StatusChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Subscription { broadcast, key } = &self.subscription;
        let unread = broadcast.lock().queue(*key).map_or(0, |queue| queue.statuses.len());
        f.debug_struct("StatusChanges").field("unread", &unread).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::{FutureExt, StreamExt};

    use super::*;
    use crate::platform::FinalState;
    use crate::socket::ConnectionFailed;

    #[crate::test]
    fn dropped_streams_leave_no_queue() {
        let status = Shared::new(Lock::new(StatusBroadcast::default()));
        broadcast(&status, Status::Open);
        let mut kept = StatusChanges::new(&status);
        for _ in 0..1000 {
            drop(StatusChanges::new(&status));
            drop(StatusEnd::new(&status));
        }
        let locked = status.lock();
        assert_eq!(locked.queues.len(), 1);
        assert!(locked.queues.capacity() < 10, "the list stayed small");
        drop(locked);
        assert!(matches!(kept.next().now_or_never(), Some(Some(Status::Open))));
    }

    #[crate::test]
    fn reported_cause_has_no_reason_of_the_server() {
        let close = |reason: &str| {
            let failed = ConnectionFailed::new(CloseEvent::new(1011, reason.to_owned(), false), FinalState::default());
            WithoutReason(&Cause::Lost(Arc::new(Error::Failed(failed)))).to_string()
        };
        let without = "the connection did not close cleanly: code 1011";
        assert_eq!([close("a secret"), close("")], [without, without]);
        let other = Cause::Lost(Arc::new(Error::Idle { after: Duration::from_secs(1) }));
        assert_eq!(WithoutReason(&other).to_string(), other.to_string());
    }
}
