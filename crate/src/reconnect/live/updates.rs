//! The queue of a live socket's updates.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use futures::future::FusedFuture;
use futures::stream::{FusedStream, Stream, StreamExt};

use super::output::Output;
use super::update::Update;
use crate::sync::SendLock;
use crate::sync::catch_panic::wake;

/// The queue of the updates of a [`LiveSocket`](super::LiveSocket), from
/// [`Reconnect::drive_stream`](crate::reconnect::Reconnect::drive_stream): a fused `Stream`, also for frame loops.
///
/// The updates come in the order in which they happened. The stream ends when the last handle was dropped. It does not keep the
/// socket alive itself. Dropping it discards later updates, while the socket goes on.
///
/// The queue holds at most 256 updates, and at most 1 MiB and one message. While it is full, nothing is received, and the
/// socket does not reconnect. The limits of the connection apply then: see [the guide](crate::guide::backpressure).
///
/// A task takes them one by one:
///
/// ```no_run
/// # async fn example() {
/// use samesocket::reconnect::Update;
///
/// let (live, mut updates) = samesocket::connect("wss://example.com/chat").reconnect().drive_stream();
/// while let Some(update) = updates.next().await {
///     if let Update::Message(message) = update {
///         println!("{message:?}");
///     }
/// }
/// # drop(live);
/// # }
/// ```
///
/// A loop that draws frames takes all that are there. [`on_wake`](Self::on_wake) requests a frame:
///
/// ```no_run
/// # fn request_repaint() {}
/// # fn frames() {
/// let (live, mut updates) = samesocket::connect("wss://example.com/chat").reconnect().drive_stream();
/// updates.on_wake(|| request_repaint());
/// // In each frame:
/// while let Some(update) = updates.try_next() {
///     println!("{update:?}");
/// }
/// # drop(live);
/// # }
/// ```
pub struct Updates {
    queue: Arc<SendLock<UpdateQueue>>,
    /// Whether the end was returned.
    finished: bool,
    /// The updates that the stream has returned since it was pending last.
    returned: usize,
}

/// The bounds of the queue. Arbitrary.
const MAX_UPDATES: usize = 256;
const MAX_BYTES: u64 = 1 << 20;

#[derive(Default)]
struct UpdateQueue {
    updates: VecDeque<Update>,
    /// The size of the messages in the queue.
    bytes: u64,
    /// Whether the task has ended.
    ended: bool,
    /// Whether the stream was dropped.
    discards: bool,
    /// The waker of the task that waits for an update.
    taker: Option<Waker>,
    /// The function that is called when the queue is not empty any more, as a waker.
    on_wake: Option<Waker>,
    /// The waker of the live socket's task, which waits for capacity.
    task: Option<Waker>,
}

impl UpdateQueue {
    fn is_full(&self, part: usize) -> bool {
        self.updates.len() >= MAX_UPDATES / part || self.bytes >= MAX_BYTES / part as u64
    }

    /// Returns the wakers to call after a change that the taker has to see.
    fn takers(&mut self) -> [Option<Waker>; 2] {
        [self.taker.take(), self.on_wake.clone()]
    }
}

/// The end of the queue that the task holds.
pub(super) struct UpdateSender(Arc<SendLock<UpdateQueue>>);

impl Output for UpdateSender {
    fn poll_ready(&mut self, context: &Context<'_>) -> Poll<()> {
        let replaced = {
            let mut queue = self.0.lock();
            if queue.discards || !queue.is_full(1) {
                return Poll::Ready(());
            }
            queue.task.replace(context.waker().clone())
        };
        // Drop outside the lock: a waker may run any code.
        drop(replaced);
        Poll::Pending
    }

    fn put(&mut self, update: Update) {
        let wakers = {
            let mut queue = self.0.lock();
            if queue.discards {
                return;
            }
            let was_empty = queue.updates.is_empty();
            queue.bytes += size(&update);
            queue.updates.push_back(update);
            if was_empty { queue.takers() } else { [None, None] }
        };
        wake(wakers.into_iter().flatten());
    }
}

impl Drop for UpdateSender {
    fn drop(&mut self) {
        let (task, takers) = {
            let mut queue = self.0.lock();
            queue.ended = true;
            (queue.task.take(), queue.takers())
        };
        // Drop outside the lock: a waker may run any code.
        drop(task);
        wake(takers.into_iter().flatten());
    }
}

/// Returns the size of the message of an update.
fn size(update: &Update) -> u64 {
    if let Update::Message(message) = update { message.size() } else { 0 }
}

impl Updates {
    pub(super) fn new() -> (UpdateSender, Self) {
        let queue = Arc::<SendLock<UpdateQueue>>::default();
        (UpdateSender(Arc::clone(&queue)), Self { queue, finished: false, returned: 0 })
    }

    /// Waits for the next update. Returns `None` when the last handle was dropped and all updates were taken.
    ///
    /// Cancelling the future loses no update. After 256 updates in a row it lets other tasks run once, although there are more. A loop
    /// that draws frames uses [`try_next`](Self::try_next).
    #[expect(clippy::should_implement_trait, reason = "this `next` returns a future, unlike `Iterator::next`")]
    pub fn next(&mut self) -> impl FusedFuture<Output = Option<Update>> + Send + Unpin {
        StreamExt::next(self)
    }

    /// Returns the next update, or `None` if there is none now. It never waits.
    ///
    /// After the end, [`FusedStream::is_terminated`] returns `true`.
    pub fn try_next(&mut self) -> Option<Update> {
        self.poll(None)
    }

    /// Sets a function that is called when there is something to take: after an update was queued in the empty queue, and at
    /// the end. It replaces the function that was set before.
    ///
    /// It is called at once if there is something already. Take updates until [`try_next`](Self::try_next) returns `None`,
    /// because only then it is called again. Any thread may call it, and no lock is held. It should return soon; a panic is
    /// caught.
    pub fn on_wake(&mut self, wake_up: impl Fn() + Send + Sync + 'static) {
        let waker = Waker::from(Arc::new(WakeFn(wake_up)));
        let (replaced, is_due) = {
            let mut queue = self.queue.lock();
            (queue.on_wake.replace(waker.clone()), queue.ended || !queue.updates.is_empty())
        };
        // Drop outside the lock: a waker may run any code.
        drop(replaced);
        if is_due {
            wake([waker]);
        }
    }

    /// Takes the next update. If there is none, registers the waker, or notes the end.
    fn poll(&mut self, waker: Option<&Waker>) -> Option<Update> {
        let (update, task, replaced) = {
            let mut queue = self.queue.lock();
            let update = queue.updates.pop_front();
            self.finished = update.is_none() && queue.ended;
            if let Some(update) = &update {
                queue.bytes -= size(update);
            }
            let task = if queue.is_full(2) { None } else { queue.task.take() };
            let waits = update.is_none() && !queue.ended;
            let replaced = waker.filter(|_| waits).and_then(|waker| queue.taker.replace(waker.clone()));
            (update, task, replaced)
        };
        // Drop outside the lock: a waker may run any code.
        drop(replaced);
        wake(task);
        update
    }
}

impl Stream for Updates {
    type Item = Update;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Update>> {
        if self.returned >= MAX_UPDATES {
            // The socket may fill the queue on another thread as fast as it is emptied. Other tasks have their turn.
            self.returned = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let update = self.poll(Some(context.waker()));
        self.returned = if update.is_some() { self.returned + 1 } else { 0 };
        if update.is_some() || self.finished { Poll::Ready(update) } else { Poll::Pending }
    }
}

impl FusedStream for Updates {
    fn is_terminated(&self) -> bool {
        self.finished
    }
}

impl Drop for Updates {
    fn drop(&mut self) {
        let (task, dropped) = {
            let mut queue = self.queue.lock();
            queue.discards = true;
            queue.bytes = 0;
            (queue.task.take(), (std::mem::take(&mut queue.updates), queue.takers(), queue.on_wake.take()))
        };
        // Drop outside the lock: messages and wakers may be owned by the user.
        drop(dropped);
        wake(task);
    }
}

impl fmt::Debug for Updates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Updates").field("queued", &self.queue.lock().updates.len()).finish_non_exhaustive()
    }
}

/// A function as a waker.
struct WakeFn<F>(F);

impl<F: Fn() + Send + Sync> Wake for WakeFn<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::reconnect::Status;

    #[crate::test]
    fn stream_lets_other_tasks_run_though_there_is_more() {
        let (mut sender, mut updates) = Updates::new();
        // The socket fills the queue on another thread while it is emptied.
        for _ in 0..=MAX_UPDATES {
            sender.put(Update::Status(Status::Open));
        }
        for _ in 0..MAX_UPDATES {
            assert!(updates.next().now_or_never().is_some());
        }
        assert!(updates.next().now_or_never().is_none());
        assert_eq!(updates.next().now_or_never(), Some(Some(Update::Status(Status::Open))));
        drop(sender);
        assert_eq!(updates.next().now_or_never(), Some(None));
    }
}
