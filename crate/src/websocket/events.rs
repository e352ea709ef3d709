//! The stream of a socket's events, with a bound.

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

/// The events of a socket as a stream, from [`WebSocket::events`](crate::WebSocket::events).
///
/// It holds the events that have been fired and not yet been taken: of messages at most
/// [`MAX_MESSAGES`](Self::MAX_MESSAGES) and, until the last of them, [`MAX_BYTES`](Self::MAX_BYTES) together. Natively, a
/// stream that is full has the socket stop reading, until half of it is taken. A browser's socket cannot be stopped: a
/// message that comes when there is no room is lost to this stream, and an [`Event::Lagged`] stands in its place. The
/// other events are never lost, so that the last one is always [`Event::Close`]. Then the stream is over.
///
/// A stream is no handle: it does not keep the socket open. When the last handle is dropped, the stream goes on to the
/// socket's end. Dropping it releases what it holds; cancelling a wait for the next event loses nothing.
pub struct Events {
    queue: Shared<Lock<Queue>>,
    batch: LocalBatch<QueuedEvent>,
    /// The origin of the messages.
    origin: Origin,
}

impl Events {
    /// The number of messages that a stream holds.
    pub const MAX_MESSAGES: usize = 4096;

    /// The number of payload bytes from which a stream is full: 16 MiB.
    pub const MAX_BYTES: u64 = 16 << 20;

    /// A stream of events with messages of this origin, and the end that feeds it.
    pub(crate) fn new(origin: Origin) -> (Self, Shared<Lock<Queue>>) {
        let queue = Shared::new(Lock::new(Queue::default()));
        (Self { queue: Shared::clone(&queue), batch: LocalBatch::new(BOUND), origin }, queue)
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let Self { queue, batch, origin } = self.get_mut();
        if let Some(event) = batch.pop_local() {
            return Poll::Ready(Some(event.into_event(origin)));
        }
        let mut queue = queue.lock();
        if let Some(event) = queue.backlog.take(batch) {
            let paused = queue.backlog.resume();
            drop(queue);
            wake(paused);
            return Poll::Ready(Some(event.into_event(origin)));
        }
        if queue.ended {
            return Poll::Ready(None);
        }
        let former = queue.backlog.wait(context.waker());
        drop(queue);
        // Dropped while nothing is locked, here and below, since a waker may own anything.
        drop(former);
        Poll::Pending
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.batch.len() + self.queue.lock().backlog.len(), None)
    }
}

impl FusedStream for Events {
    fn is_terminated(&self) -> bool {
        let queue = self.queue.lock();
        queue.ended && queue.backlog.is_empty() && self.batch.is_empty()
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let (events, wakers) = {
            let mut queue = self.queue.lock();
            queue.abandoned = true;
            queue.backlog.abandon()
        };
        drop(events);
        wake(wakers.into_iter().flatten());
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("held", &self.size_hint().0).finish_non_exhaustive()
    }
}

/// The bound of [`Events`].
const BOUND: Capacity = Capacity { messages: Events::MAX_MESSAGES, bytes: Events::MAX_BYTES };

/// Events in order, with the bound of [`Events`].
pub(crate) struct Queue {
    backlog: BoundedQueue<QueuedEvent>,
    ended: bool,
    /// Whether its stream was dropped, so that nobody will take anything.
    abandoned: bool,
}

impl Default for Queue {
    fn default() -> Self {
        Self { backlog: BoundedQueue::new(BOUND), ended: false, abandoned: false }
    }
}

impl Queue {
    /// Adds events of which so much is messages, as [`extend`](Self::extend) does.
    #[inline]
    pub(crate) fn extend_measured(&mut self, events: impl Iterator<Item = QueuedEvent>, measured: Capacity) {
        if self.backlog.hold(measured) {
            self.backlog.items_mut().extend(events);
        } else {
            self.extend(events);
        }
    }

    /// Adds events, while nobody polls this; a message for which there is no room is lost, which is noted.
    #[inline]
    pub(crate) fn extend(&mut self, events: impl Iterator<Item = QueuedEvent>) {
        self.backlog.reserve(events.size_hint().0);
        for event in events {
            match &event {
                QueuedEvent::Message(message) if self.backlog.is_full() => self.lose(message.size()),
                _ => self.backlog.push(event),
            }
        }
    }

    /// Adds an event; the waker is to be woken when nothing is locked any more.
    #[must_use]
    #[inline]
    pub(crate) fn push(&mut self, event: QueuedEvent) -> Option<Waker> {
        if self.abandoned {
            return None;
        }
        self.extend(std::iter::once(event));
        self.backlog.wake()
    }

    /// Adds all that is in another queue, which is empty then; as for the waker, see [`push`](Self::push).
    #[must_use]
    pub(crate) fn append(&mut self, other: &mut Self) -> Option<Waker> {
        if !self.abandoned && !self.backlog.append(&mut other.backlog) {
            // Whoever waits is woken below.
            self.extend(std::iter::from_fn(|| other.pop()));
        }
        self.backlog.wake()
    }

    /// Notes at the end of the queue that a message of this size was lost.
    #[cold]
    fn lose(&mut self, size: u64) {
        if let Some(QueuedEvent::Lagged(lagged)) = self.backlog.items_mut().back_mut() {
            lagged.messages += 1;
            lagged.bytes = lagged.bytes.saturating_add(size);
        } else {
            self.backlog.push(QueuedEvent::Lagged(Lagged { messages: 1, bytes: size }));
        }
    }

    pub(crate) fn pop(&mut self) -> Option<QueuedEvent> {
        self.backlog.pop()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.backlog.is_empty()
    }

    pub(crate) fn events(&self) -> impl DoubleEndedIterator<Item = &QueuedEvent> {
        self.backlog.items().iter()
    }

    /// Whether the last event of all is here.
    pub(crate) fn ends_with_close(&self) -> bool {
        matches!(self.events().next_back(), Some(QueuedEvent::Close(_)))
    }

    pub(crate) const fn is_abandoned(&self) -> bool {
        self.abandoned
    }

    /// Tells how much room there is, and has `waker` woken once there is some again, if there is none.
    pub(crate) fn poll_capacity(&mut self, waker: &Waker) -> Poll<Capacity> {
        if self.abandoned { Poll::Ready(Capacity::UNLIMITED) } else { self.backlog.poll_capacity(waker) }
    }

    /// Gives the back end's waker, to be woken when nothing is locked any more, if it waits and half the room is free.
    #[must_use]
    pub(crate) fn resume(&mut self) -> Option<Waker> {
        self.backlog.resume()
    }

    /// Changes the messages, not their sizes.
    pub(crate) fn change_messages(&mut self, change: impl Fn(&mut Message)) {
        for event in self.backlog.items_mut() {
            if let QueuedEvent::Message(message) = event {
                change(message);
            }
        }
    }

    /// Drops the messages, as `close` asks for those that have not been dispatched.
    pub(crate) fn purge_messages(&mut self) {
        self.backlog.retain(|event| !matches!(event, QueuedEvent::Message(_) | QueuedEvent::Lagged(_)));
    }

    /// Ends the stream after what it holds; as for the waker, see [`push`](Self::push).
    #[must_use]
    pub(crate) fn end(&mut self) -> Option<Waker> {
        self.ended = true;
        self.backlog.wake()
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

    /// The kinds in the queue, runs of messages counted.
    fn drain(queue: &mut Queue) -> Vec<String> {
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
    fn messages_beyond_the_bound_in_bytes_leave_a_mark_in_their_place() {
        let mut queue = Queue::default();
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
    fn messages_beyond_the_bound_in_number_leave_a_mark_in_their_place() {
        let mut queue = Queue::default();
        assert!(queue.push(QueuedEvent::Open).is_none());
        for _ in 0..Events::MAX_MESSAGES + 7 {
            assert!(queue.push(message(0)).is_none());
        }
        let kinds = drain(&mut queue);
        assert_eq!(kinds.len(), Events::MAX_MESSAGES + 2);
        assert_eq!(kinds.last().map(String::as_str), Some("lagged 7 0"));
        assert_eq!(queue.backlog.held(), Capacity::NONE);
    }

    #[crate::test]
    fn what_a_stream_holds_counts_until_it_is_taken_and_its_losses_are_told_once() {
        let (mut events, feeder) = Events::new(Origin::new("ws://h"));
        let full = usize::try_from(Events::MAX_BYTES).unwrap();
        for size in [1, full, 1, 2] {
            assert!(feeder.lock().push(message(size)).is_none());
        }
        let mut take = || Pin::new(&mut events).poll_next(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(take(), Poll::Ready(Some(Event::Message(message))) if message.origin == "ws://h"));
        assert!(feeder.lock().push(message(3)).is_none());
        assert!(matches!(take(), Poll::Ready(Some(Event::Message(message))) if message.data.size() == full as u64));
        let lost = Lagged { messages: 3, bytes: 6 };
        assert!(matches!(take(), Poll::Ready(Some(Event::Lagged(lagged))) if lagged == lost));
        assert!(take().is_pending());
        assert_eq!(feeder.lock().backlog.held(), Capacity::NONE);
    }

    #[crate::test]
    fn room_is_told_of_when_half_of_it_is_free() {
        let (mut events, feeder) = Events::new(Origin::new("ws://h"));
        for _ in 0..Events::MAX_MESSAGES {
            assert!(feeder.lock().push(message(1)).is_none());
        }
        assert!(feeder.lock().poll_capacity(Waker::noop()).is_pending());
        let mut taken = 0;
        while feeder.lock().backlog.is_paused() {
            let next = Pin::new(&mut events).poll_next(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(next, Poll::Ready(Some(Event::Message(_)))));
            taken += 1;
        }
        let half = Events::MAX_MESSAGES / 2;
        assert!((half..=half + Events::MAX_MESSAGES / 16 + 1).contains(&taken), "{taken}");
    }

    #[crate::test]
    fn one_message_always_fits() {
        let mut queue = Queue::default();
        let size = usize::try_from(Events::MAX_BYTES).unwrap() + 1;
        assert!(queue.push(message(size)).is_none());
        assert_eq!(drain(&mut queue), [format!("message {size}")]);
    }

    #[crate::test]
    fn purging_keeps_what_is_no_message() {
        let mut queue = Queue::default();
        for event in [QueuedEvent::Open, message(1), QueuedEvent::Error] {
            assert!(queue.push(event).is_none());
        }
        queue.purge_messages();
        assert_eq!(queue.backlog.held(), Capacity::NONE);
        assert_eq!(drain(&mut queue), ["open", "error"]);
    }
}
