//! The set of event streams of one socket.

use std::task::{Context, Poll, Waker};

use crate::queue::Capacity;
use crate::sync::catch_panic::wake;
use crate::sync::{Lock, MaybeSend, Shared};
use crate::types::event::QueuedEvent;
use crate::websocket::events::EventQueue;

/// Wakers to wake outside the lock. Mostly there is only one, which needs no allocation.
pub(crate) type Wakers = (Option<Waker>, Vec<Waker>);

/// The event streams of one socket, as the dispatcher uses them.
// Code size: a trait object that the first call of `events()` creates, so that a program without streams does not link
// it.
pub(crate) trait EventStreams: MaybeSend {
    /// Adds the queue of a stream.
    fn add(&mut self, stream: Shared<Lock<EventQueue>>);

    /// Pushes an event to all streams. Adds the wakers to wake outside the lock.
    fn push(&self, event: &QueuedEvent, wakers: &mut Vec<Waker>);

    /// Appends all events of a queue to all streams. Returns the wakers to wake outside the lock.
    fn append(&self, events: &mut EventQueue) -> Wakers;

    /// Returns the smallest free capacity of all streams and of `capacity`.
    ///
    /// If one of them is full, returns `Pending` and wakes the task when it has capacity again.
    fn poll_capacity(&self, capacity: Poll<Capacity>, context: &Context<'_>) -> Poll<Capacity>;

    /// Returns whether all streams were dropped.
    fn is_empty(&self) -> bool;

    /// Removes the queues of dropped streams.
    fn clear_dropped(&mut self);

    /// Ends all streams after the events that they contain.
    fn end(&self);
}

/// Creates an empty set.
pub(crate) fn new_streams() -> Box<dyn EventStreams> {
    Box::new(StreamList(Vec::new()))
}

/// The implementation of [`EventStreams`].
struct StreamList(Vec<Shared<Lock<EventQueue>>>);

impl EventStreams for StreamList {
    fn add(&mut self, stream: Shared<Lock<EventQueue>>) {
        if self.0.len() == self.0.capacity() {
            // Reuse memory before growing. While no event is fired, nothing else clears dropped streams.
            self.clear_dropped();
        }
        self.0.push(stream);
    }

    fn push(&self, event: &QueuedEvent, wakers: &mut Vec<Waker>) {
        for stream in &self.0 {
            wakers.extend(stream.lock().push(event.clone()));
        }
    }

    fn append(&self, events: &mut EventQueue) -> Wakers {
        let (mut waker, mut wakers) = Wakers::default();
        if let Some((last, others)) = self.0.split_last() {
            for stream in others {
                let mut stream = stream.lock();
                for event in events.events() {
                    wakers.extend(stream.push(event.clone()));
                }
            }
            waker = last.lock().append(events);
        }
        (waker, wakers)
    }

    fn poll_capacity(&self, mut capacity: Poll<Capacity>, context: &Context<'_>) -> Poll<Capacity> {
        for stream in &self.0 {
            capacity = match (capacity, stream.lock().poll_capacity(context.waker())) {
                (Poll::Ready(capacity), Poll::Ready(other)) => Poll::Ready(capacity.min(other)),
                _ => Poll::Pending,
            };
        }
        capacity
    }

    fn is_empty(&self) -> bool {
        !self.0.iter().any(is_live)
    }

    fn clear_dropped(&mut self) {
        // The queue of a dropped stream is empty: nothing of the user is dropped here.
        self.0.retain(is_live);
    }

    fn end(&self) {
        for stream in &self.0 {
            let waker = stream.lock().end();
            wake(waker);
        }
    }
}

/// Returns whether the stream of a queue still exists.
fn is_live(stream: &Shared<Lock<EventQueue>>) -> bool {
    !stream.lock().is_stream_dropped()
}
