//! The states of a socket that comes back.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::Stream;
use futures::stream::FusedStream;

use super::Cause;
use crate::sync::catch_panic::wake;
use crate::sync::{Lock, Shared};

/// What a socket that comes back is doing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum State {
    /// It connects.
    Connecting {
        /// The number of failures since a connection lasted.
        failures: u32,
    },
    /// It is connected, and prepared.
    Open,
    /// It waits before it connects again.
    Waiting {
        /// Why there is no connection.
        cause: Cause,
        /// How long it waits, at most.
        wait: Duration,
        /// The bytes that the platform had queued when the connection ended: nobody knows what became of them, nor of
        /// what was sent shortly before.
        unknown_bytes: u64,
    },
    /// It has ended, and will not connect again.
    Ended,
}

/// The states of a socket that comes back as a stream, from [`Reconnecting::states`](super::Reconnecting::states).
///
/// It begins with the present state, and is over after [`State::Ended`]. It holds the newest 64 states that nobody has
/// taken, and forgets the ones before.
pub struct States(Shared<Lock<Queue>>);

/// How many states one stream holds.
const HELD: usize = 64;

#[derive(Default)]
struct Queue {
    states: VecDeque<State>,
    ended: bool,
    waker: Option<Waker>,
}

/// Who tells the streams.
#[derive(Default)]
pub(super) struct Announcer {
    streams: Vec<Shared<Lock<Queue>>>,
    present: Option<State>,
}

impl Announcer {
    /// Tells a state, and gives who is to be woken.
    #[must_use]
    pub(super) fn tell(&mut self, state: State) -> Vec<Waker> {
        // Nobody else holds a stream that was dropped.
        self.streams.retain(|stream| Shared::strong_count(stream) > 1);
        let mut wakers = Vec::new();
        for stream in &self.streams {
            wakers.extend(stream.lock().push(state.clone()));
        }
        self.present = Some(state);
        wakers
    }

    pub(super) fn subscribe(&mut self) -> States {
        let queue = Shared::new(Lock::new(Queue::default()));
        if let Some(present) = &self.present {
            // Nobody polls it yet.
            let _ = queue.lock().push(present.clone());
        }
        self.streams.push(Shared::clone(&queue));
        States(queue)
    }
}

impl Queue {
    fn push(&mut self, state: State) -> Option<Waker> {
        self.ended |= matches!(state, State::Ended);
        if self.states.len() == HELD {
            self.states.pop_front();
        }
        self.states.push_back(state);
        self.waker.take()
    }
}

impl Drop for Announcer {
    /// A socket that is dropped has ended.
    fn drop(&mut self) {
        if !matches!(self.present, Some(State::Ended)) {
            wake(self.tell(State::Ended));
        }
    }
}

impl Stream for States {
    type Item = State;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<State>> {
        let mut queue = self.0.lock();
        if let Some(state) = queue.states.pop_front() {
            return Poll::Ready(Some(state));
        }
        if queue.ended {
            return Poll::Ready(None);
        }
        let former = queue.waker.replace(context.waker().clone());
        drop(queue);
        drop(former);
        Poll::Pending
    }
}

impl FusedStream for States {
    fn is_terminated(&self) -> bool {
        let queue = self.0.lock();
        queue.ended && queue.states.is_empty()
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("States").field("held", &self.0.lock().states.len()).finish_non_exhaustive()
    }
}
