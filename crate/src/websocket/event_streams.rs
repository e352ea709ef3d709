//! The streams that hear of a socket's events.

use std::task::{Context, Poll, Waker};

use crate::queue::Capacity;
use crate::sync::catch_panic::wake;
use crate::sync::{Lock, MaybeSend, Shared};
use crate::types::event::QueuedEvent;
use crate::websocket::events::Queue;

/// Who is to be woken: mostly one, which takes no memory, and others.
pub(crate) type Wakers = (Option<Waker>, Vec<Waker>);

/// What the streams of a socket are to who gives them its events: a program without any links nothing of them.
pub(crate) trait EventStreams: MaybeSend {
    /// Adds one, by what it takes its events from.
    fn add(&mut self, stream: Shared<Lock<Queue>>);

    /// Gives them an event; adds who is to be woken when nothing is locked, here and below.
    fn give(&self, event: &QueuedEvent, wakers: &mut Vec<Waker>);

    /// Gives them all that is in a queue.
    fn give_all(&self, events: &mut Queue) -> Wakers;

    /// Tells for how many messages there is room and all of them have some, and if one has none has the task woken once it has.
    fn poll_capacity(&self, room: Poll<Capacity>, context: &Context<'_>) -> Poll<Capacity>;

    /// Whether all have been dropped.
    fn are_gone(&self) -> bool;

    /// Removes those that have been dropped.
    fn clear_away(&mut self);

    /// Ends them after what they have been given.
    fn end(&self);
}

/// Gives those of a socket that has none yet.
pub(crate) fn none() -> Box<dyn EventStreams> {
    Box::new(Streams(Vec::new()))
}

struct Streams(Vec<Shared<Lock<Queue>>>);

impl EventStreams for Streams {
    fn add(&mut self, stream: Shared<Lock<Queue>>) {
        if self.0.len() == self.0.capacity() {
            // Before there is more memory for them; while nothing is fired, nobody else looks.
            self.clear_away();
        }
        self.0.push(stream);
    }

    fn give(&self, event: &QueuedEvent, wakers: &mut Vec<Waker>) {
        for stream in &self.0 {
            wakers.extend(stream.lock().push(event.clone()));
        }
    }

    fn give_all(&self, events: &mut Queue) -> Wakers {
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

    fn poll_capacity(&self, mut room: Poll<Capacity>, context: &Context<'_>) -> Poll<Capacity> {
        for stream in &self.0 {
            room = match (room, stream.lock().poll_capacity(context.waker())) {
                (Poll::Ready(room), Poll::Ready(other)) => Poll::Ready(room.min(other)),
                _ => Poll::Pending,
            };
        }
        room
    }

    fn are_gone(&self) -> bool {
        !self.0.iter().any(is_held)
    }

    fn clear_away(&mut self) {
        // None owns anything of a user's any more.
        self.0.retain(is_held);
    }

    fn end(&self) {
        for stream in &self.0 {
            let waker = stream.lock().end();
            wake(waker);
        }
    }
}

/// Whether there is somebody still who may take what is in it.
fn is_held(stream: &Shared<Lock<Queue>>) -> bool {
    !stream.lock().is_abandoned()
}
