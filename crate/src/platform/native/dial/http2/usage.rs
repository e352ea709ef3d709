//! How a connection is used: the places for its streams, its end and the cause.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll, Waker};

use futures::task::AtomicWaker;
use h2::client::SendRequest;

use super::gathered::Payload;
use super::progress::ConnectionProgress;
use super::send_memory::SendMemory;

/// A list of connections, from which one is removed when it takes no more streams.
pub(super) trait ConnectionList: Send + Sync {
    /// Removes the connection with this number.
    fn remove(&self, number: u64);
}

/// How a connection is used, for its streams and its task.
pub(super) struct Usage {
    number: u64,
    /// The number of reserved places, or [`RETIRED`].
    places: AtomicUsize,
    /// Whether the connection has ended, or takes no more streams.
    is_closed: AtomicBool,
    /// Why the task has ended the connection.
    cause: OnceLock<(io::ErrorKind, &'static str)>,
    /// The task, to be woken when the first place is reserved and when the last one becomes free.
    task: AtomicWaker,
    list: Weak<dyn ConnectionList>,
    /// The memory for what the streams send.
    send_memory: SendMemory,
    /// The progress of what they send.
    progress: Arc<ConnectionProgress>,
}

/// The number of places of a connection that takes no more streams.
const RETIRED: usize = usize::MAX;

static NEXT_NUMBER: AtomicU64 = AtomicU64::new(0);

/// The reservation of a place. Dropping it frees the place.
pub(super) struct Reservation {
    usage: Arc<Usage>,
    connection: SendRequest<Payload>,
}

impl Usage {
    /// Creates the usage of a connection, on which one place is reserved.
    pub(super) fn new(
        list: Weak<dyn ConnectionList>,
        connection: SendRequest<Payload>,
        progress: Arc<ConnectionProgress>,
    ) -> (Arc<Self>, Reservation) {
        let usage = Arc::new(Self {
            number: NEXT_NUMBER.fetch_add(1, Ordering::Relaxed),
            places: AtomicUsize::new(1),
            is_closed: AtomicBool::new(false),
            cause: OnceLock::new(),
            task: AtomicWaker::new(),
            list,
            send_memory: SendMemory::default(),
            progress,
        });
        (Arc::clone(&usage), Reservation { usage, connection })
    }

    /// Returns the memory for what the streams send.
    pub(super) const fn send_memory(&self) -> &SendMemory {
        &self.send_memory
    }

    /// Returns the progress of what the streams send.
    pub(super) fn progress(&self) -> Arc<ConnectionProgress> {
        Arc::clone(&self.progress)
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Reserves one of at most `limit` places; returns whether it is the only one as well.
    pub(super) fn reserve(
        self: &Arc<Self>,
        connection: &SendRequest<Payload>,
        limit: usize,
    ) -> Option<(Reservation, bool)> {
        if self.is_closed() {
            return None;
        }
        let more = |places: usize| (places < limit).then(|| places + 1);
        let former = self.places.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        let reservation = Reservation { usage: Arc::clone(self), connection: connection.clone() };
        Some((reservation, former == 0))
    }

    /// Returns whether places are reserved.
    pub(super) fn is_used(&self) -> bool {
        !matches!(self.places.load(Ordering::Acquire), 0 | RETIRED)
    }

    /// Returns whether the connection takes no more streams.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Takes the connection out of the list. Streams that exist go on.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        if let Some(list) = self.list.upgrade() {
            list.remove(self.number);
        }
    }

    /// Closes the connection if it has no streams; returns whether it has none.
    pub(super) fn retire(&self) -> bool {
        let is_retired = self.places.compare_exchange(0, RETIRED, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if is_retired {
            self.close();
        }
        is_retired
    }

    /// Records why the task ends the connection.
    pub(super) fn set_cause(&self, kind: io::ErrorKind, cause: &'static str) {
        // There is one cause, because the task ends once.
        let _ = self.cause.set((kind, cause));
    }

    /// Returns why the connection was ended, if it was by this client.
    fn cause(&self) -> Option<io::Error> {
        self.cause.get().map(|(kind, cause)| io::Error::new(*kind, *cause))
    }

    /// Wakes the task of the connection, which then looks whether places are reserved.
    pub(super) fn wake_task(&self) {
        self.task.wake();
    }

    /// Sets the waker of the task.
    pub(super) fn register_task(&self, waker: &Waker) {
        self.task.register(waker);
    }

    /// Forgets the waker of the task, which owns the task.
    pub(super) fn forget_task(&self) {
        drop(self.task.take());
    }
}

impl Reservation {
    pub(super) fn usage(&self) -> &Usage {
        &self.usage
    }

    /// Returns the connection, to send a request.
    pub(super) const fn connection(&self) -> &SendRequest<Payload> {
        &self.connection
    }

    /// Returns a better reason for this error, if it says only that the connection is lost.
    pub(super) fn cause_of(&self, error: &h2::Error) -> Option<io::Error> {
        if error.is_io() { self.cause() } else { None }
    }

    /// Returns why a connection that is lost was ended: by this client, by a GOAWAY of the server, by an error of the stream below,
    /// or by a GOAWAY of this client, in this order.
    pub(super) fn cause(&self) -> Option<io::Error> {
        self.usage.cause().or_else(|| {
            let go_away = self.go_away();
            let kept =
                if go_away.as_ref().is_some_and(h2::Error::is_remote) { None } else { self.usage.progress.error() };
            kept.or_else(|| go_away.map(io::Error::other))
        })
    }

    /// Returns whether the server has sent a GOAWAY.
    pub(super) fn has_remote_go_away(&self) -> bool {
        self.go_away().is_some_and(|error| error.is_remote())
    }

    /// Returns the GOAWAY that was received, or the one that was sent because the server broke a rule.
    fn go_away(&self) -> Option<h2::Error> {
        // A connection with an error is always ready, and this request is not sent.
        match self.connection.clone().poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Err(error)) => Some(error).filter(h2::Error::is_go_away),
            _ => None,
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.usage.places.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.usage.task.wake();
        }
    }
}
