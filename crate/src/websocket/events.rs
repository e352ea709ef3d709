//! The bounded stream of a socket's events.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures::Stream;
use futures::stream::FusedStream;

use crate::queue::{BoundedQueue, Capacity, LocalBatch};
use crate::sync::catch_panic::wake;
use crate::sync::{Lock, Shared};
use crate::types::event::QueuedEvent;
use crate::types::event::{Event, Lagged};
use crate::types::message::Message;
use crate::types::origin::Origin;

/// A bounded stream of a socket's events, from [`WebSocket::events`](crate::WebSocket::events).
///
/// The stream queues events until they are polled. It is full when it contains [`MAX_MESSAGES`](Self::MAX_MESSAGES)
/// messages, or messages of [`MAX_BYTES`](Self::MAX_BYTES) in total; the last message may exceed that.
///
/// - On native targets a full stream pauses reading until half of it is free, so that TCP backpressure slows the
///   server.
/// - In a browser reading cannot be paused. A message that does not fit is lost to this stream, and an
///   [`Event::Lagged`] takes its place.
///
/// Other events are never lost. The last event is always [`Event::Close`]; then the stream ends.
///
/// A stream is not a handle: it does not keep the socket open. After the last handle was dropped, the stream continues
/// until the socket is closed. Dropping the stream releases its events. Cancelling a wait for the next event loses
/// nothing.
///
/// ```no_run
/// # async fn example() -> Result<(), samesocket::Exception> {
/// use futures::StreamExt;
/// use samesocket::{Event, WebSocket};
///
/// let socket = WebSocket::new("wss://example.com/feed", ())?;
/// let mut events = socket.events();
/// while let Some(event) = events.next().await {
///     match event {
///         Event::Message(message) => println!("{} bytes", message.data.size()),
///         Event::Close(close) => println!("closed with code {}", close.code),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct Events {
    queue: Shared<Lock<EventQueue>>,
    /// The events that were moved out of the queue, and not returned yet.
    batch: LocalBatch<QueuedEvent>,
    /// The origin of the messages.
    origin: Origin,
    /// Whether the stream has returned `None`.
    finished: bool,
}

impl Events {
    /// The number of messages at which a stream is full. Arbitrary.
    pub const MAX_MESSAGES: usize = 4096;

    /// The number of payload bytes at which a stream is full: 16 MiB. Arbitrary.
    pub const MAX_BYTES: u64 = 16 << 20;

    /// Creates a stream for messages of this origin, and returns its queue for the dispatcher.
    pub(crate) fn new(origin: Origin) -> (Self, Shared<Lock<EventQueue>>) {
        let queue = Shared::new(Lock::new(EventQueue::default()));
        (Self { queue: Shared::clone(&queue), batch: LocalBatch::new(LIMIT), origin, finished: false }, queue)
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let Self { queue, batch, origin, finished } = self.get_mut();
        if let Some(event) = batch.pop_local() {
            return Poll::Ready(Some(event.into_event(origin)));
        }
        let mut queue = queue.lock();
        if let Some(event) = queue.items.pop_into_batch(batch) {
            let paused = queue.items.take_resume_waker();
            drop(queue);
            wake(paused);
            return Poll::Ready(Some(event.into_event(origin)));
        }
        if queue.ended {
            *finished = true;
            return Poll::Ready(None);
        }
        let replaced = queue.items.set_waker(context.waker());
        drop(queue);
        // Drop outside the lock: a waker may run any code.
        drop(replaced);
        Poll::Pending
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.batch.len() + self.queue.lock().items.len(), None)
    }
}

impl FusedStream for Events {
    fn is_terminated(&self) -> bool {
        self.finished
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let (events, wakers) = {
            let mut queue = self.queue.lock();
            queue.stream_dropped = true;
            queue.items.close()
        };
        // Drop outside the lock: a payload may own a value of the user.
        drop(events);
        wake(wakers.into_iter().flatten());
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("queued", &self.size_hint().0).finish_non_exhaustive()
    }
}

/// The limit of [`Events`].
const LIMIT: Capacity = Capacity { messages: Events::MAX_MESSAGES, bytes: Events::MAX_BYTES };

/// A queue of events with the limit of [`Events`].
pub(crate) struct EventQueue {
    items: BoundedQueue<QueuedEvent>,
    /// Whether no event follows.
    ended: bool,
    /// Whether the stream was dropped, so that events are discarded.
    stream_dropped: bool,
}

impl Default for EventQueue {
    fn default() -> Self {
        Self { items: BoundedQueue::new(LIMIT), ended: false, stream_dropped: false }
    }
}

impl EventQueue {
    /// Appends messages of this total size, as [`extend`](Self::extend) does.
    #[inline]
    pub(crate) fn extend_measured(&mut self, events: impl Iterator<Item = QueuedEvent>, measured: Capacity) {
        if self.items.reserve(measured) {
            self.items.items_mut().extend(events);
        } else {
            self.extend(events);
        }
    }

    /// Appends events without waking the consumer. A message that does not fit is counted as lost.
    #[inline]
    pub(crate) fn extend(&mut self, events: impl Iterator<Item = QueuedEvent>) {
        self.items.reserve_memory(events.size_hint().0);
        for event in events {
            match &event {
                QueuedEvent::Message(message) if self.items.is_full() => self.record_loss(message.size()),
                _ => self.items.push(event),
            }
        }
    }

    /// Appends an event. Wake the returned waker outside the lock.
    #[must_use]
    #[inline]
    pub(crate) fn push(&mut self, event: QueuedEvent) -> Option<Waker> {
        if self.stream_dropped {
            return None;
        }
        self.extend(std::iter::once(event));
        self.items.take_waker()
    }

    /// Moves all events of another queue to the end of this one. Wake the returned waker outside the lock.
    #[must_use]
    pub(crate) fn append(&mut self, other: &mut Self) -> Option<Waker> {
        if !self.stream_dropped && !self.items.append(&mut other.items) {
            self.extend(std::iter::from_fn(|| other.pop()));
        }
        self.items.take_waker()
    }

    /// Counts a lost message of this size, in a `Lagged` event at the end of the queue.
    #[cold]
    fn record_loss(&mut self, size: u64) {
        if let Some(QueuedEvent::Lagged(lagged)) = self.items.items_mut().back_mut() {
            lagged.messages += 1;
            lagged.bytes = lagged.bytes.saturating_add(size);
        } else {
            self.items.push(QueuedEvent::Lagged(Lagged { messages: 1, bytes: size }));
        }
    }

    pub(crate) fn pop(&mut self) -> Option<QueuedEvent> {
        self.items.pop()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(crate) fn events(&self) -> impl DoubleEndedIterator<Item = &QueuedEvent> {
        self.items.items().iter()
    }

    /// Returns whether the last queued event is `Close`.
    pub(crate) fn ends_with_close(&self) -> bool {
        matches!(self.events().next_back(), Some(QueuedEvent::Close(_)))
    }

    pub(crate) const fn is_stream_dropped(&self) -> bool {
        self.stream_dropped
    }

    /// Returns the free capacity. If there is none, returns `Pending` and wakes the task when half of it is free.
    pub(crate) fn poll_capacity(&mut self, waker: &Waker) -> Poll<Capacity> {
        if self.stream_dropped { Poll::Ready(Capacity::UNLIMITED) } else { self.items.poll_capacity(waker) }
    }

    /// Takes the waker of the paused back end, if at least half of the limit is free. Wake it outside the lock.
    #[must_use]
    pub(crate) fn take_resume_waker(&mut self) -> Option<Waker> {
        self.items.take_resume_waker()
    }

    /// Changes each queued message. The sizes must stay the same.
    pub(crate) fn change_messages(&mut self, change: impl Fn(&mut Message)) {
        for event in self.items.items_mut() {
            if let QueuedEvent::Message(message) = event {
                change(message);
            }
        }
    }

    /// Discards the queued messages and losses, as `close` requires for those that were not dispatched.
    pub(crate) fn discard_messages(&mut self) {
        self.items.retain(|event| !matches!(event, QueuedEvent::Message(_) | QueuedEvent::Lagged(_)));
    }

    /// Ends the stream after its queued events. Wake the returned waker outside the lock.
    #[must_use]
    pub(crate) fn end(&mut self) -> Option<Waker> {
        self.ended = true;
        self.items.take_waker()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use samesocket_spec::CloseEvent;

    fn message(size: usize) -> QueuedEvent {
        QueuedEvent::Message(Message::Binary(Bytes::from(vec![0; size])))
    }

    /// Drains the queue and returns a description of each event.
    fn drain(queue: &mut EventQueue) -> Vec<String> {
        std::iter::from_fn(|| queue.pop())
            .map(|event| match event {
                QueuedEvent::Message(message) => format!("message {}", message.size()),
                QueuedEvent::Lagged(Lagged { messages, bytes }) => format!("lagged {messages} {bytes}"),
                QueuedEvent::Close(_) => "close".to_owned(),
                other => format!("{other:?}").to_lowercase(),
            })
            .collect()
    }

    #[crate::test]
    fn messages_beyond_the_byte_limit_become_lagged() {
        let mut queue = EventQueue::default();
        let half = usize::try_from(Events::MAX_BYTES / 2).unwrap();
        for size in [half, half, 1, 2] {
            assert!(queue.push(message(size)).is_none());
        }
        assert!(matches!(queue.pop(), Some(QueuedEvent::Message(_))));
        assert!(queue.push(message(3)).is_none());
        assert!(queue.push(QueuedEvent::Close(CloseEvent::abnormal())).is_none());
        assert_eq!(drain(&mut queue), [&format!("message {half}"), "lagged 2 3", "message 3", "close"]);
    }

    #[crate::test]
    fn messages_beyond_the_count_limit_become_lagged() {
        let mut queue = EventQueue::default();
        assert!(queue.push(QueuedEvent::Open).is_none());
        for _ in 0..Events::MAX_MESSAGES + 7 {
            assert!(queue.push(message(0)).is_none());
        }
        let kinds = drain(&mut queue);
        assert_eq!(kinds.len(), Events::MAX_MESSAGES + 2);
        assert_eq!(kinds.last().map(String::as_str), Some("lagged 7 0"));
        assert_eq!(queue.items.in_use(), Capacity::NONE);
    }

    #[crate::test]
    fn polled_messages_free_capacity_and_losses_are_reported_once() {
        let (mut events, queue) = Events::new(Origin::new("ws://h"));
        let full = usize::try_from(Events::MAX_BYTES).unwrap();
        for size in [1, full, 1, 2] {
            assert!(queue.lock().push(message(size)).is_none());
        }
        let mut poll = || Pin::new(&mut events).poll_next(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(poll(), Poll::Ready(Some(Event::Message(message))) if message.origin == "ws://h"));
        assert!(queue.lock().push(message(3)).is_none());
        assert!(matches!(poll(), Poll::Ready(Some(Event::Message(message))) if message.data.size() == full as u64));
        let lost = Lagged { messages: 3, bytes: 6 };
        assert!(matches!(poll(), Poll::Ready(Some(Event::Lagged(lagged))) if lagged == lost));
        assert!(poll().is_pending());
        assert_eq!(queue.lock().items.in_use(), Capacity::NONE);
    }

    #[crate::test]
    fn paused_back_end_resumes_when_half_is_free() {
        let (mut events, queue) = Events::new(Origin::new("ws://h"));
        for _ in 0..Events::MAX_MESSAGES {
            assert!(queue.lock().push(message(1)).is_none());
        }
        assert!(queue.lock().poll_capacity(Waker::noop()).is_pending());
        let mut taken = 0;
        while queue.lock().items.is_paused() {
            let next = Pin::new(&mut events).poll_next(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(next, Poll::Ready(Some(Event::Message(_)))));
            taken += 1;
        }
        let half = Events::MAX_MESSAGES / 2;
        assert!((half..=half + Events::MAX_MESSAGES / 16 + 1).contains(&taken), "{taken}");
    }

    #[crate::test]
    fn oversized_message_fits_into_an_empty_queue() {
        let mut queue = EventQueue::default();
        let size = usize::try_from(Events::MAX_BYTES).unwrap() + 1;
        assert!(queue.push(message(size)).is_none());
        assert_eq!(drain(&mut queue), [format!("message {size}")]);
    }

    #[crate::test]
    fn discarding_messages_keeps_other_events() {
        let mut queue = EventQueue::default();
        for event in [QueuedEvent::Open, message(1), QueuedEvent::Error] {
            assert!(queue.push(event).is_none());
        }
        queue.discard_messages();
        assert_eq!(queue.items.in_use(), Capacity::NONE);
        assert_eq!(drain(&mut queue), ["open", "error"]);
    }
}
