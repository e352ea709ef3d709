//! The states of a reconnecting socket, and the streams of them.

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

/// The state of a reconnecting socket.
///
/// ```
/// use samesocket::reconnect::State;
///
/// fn describe(state: &State) -> String {
///     match state {
///         State::Connecting { failures } => format!("connecting after {failures} failures"),
///         State::Open => "open".to_owned(),
///         State::Waiting { cause, wait, .. } => format!("{cause}; next attempt in {wait:?}"),
///         other => format!("{other:?}"),
///     }
/// }
/// assert_eq!(describe(&State::Open), "open");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// The socket is connecting.
    Connecting {
        /// The number of failures since the last connection that lasted.
        failures: u32,
    },
    /// The socket is connected and prepared.
    Open,
    /// The socket waits before the next attempt.
    Waiting {
        /// Why there is no connection.
        cause: Cause,
        /// The maximum time until the next attempt.
        wait: Duration,
        /// The bufferedAmount when the connection ended. Whether those bytes arrived is not known. Neither is it for
        /// messages that were sent shortly before.
        unknown_bytes: u64,
    },
    /// The socket has ended and will not connect again.
    Ended,
}

/// The state before the first attempt: `Connecting`, after no failure.
impl Default for State {
    fn default() -> Self {
        Self::Connecting { failures: 0 }
    }
}

/// A stream of the states of a reconnecting socket, from [`Reconnecting::states`](super::Reconnecting::states).
///
/// It starts with the current state and ends after [`State::Ended`]. It holds the newest 64 states that were not read, and
/// discards older ones.
///
/// ```no_run
/// # async fn example(url: String) {
/// use futures::StreamExt;
/// use futures::future::join;
/// use samesocket::reconnect::reconnect;
///
/// let mut socket = reconnect(move |_| {
///     let connect = samesocket::connect(url.clone());
///     async { Some(connect) }
/// })
/// .start();
/// let mut states = socket.states();
/// let printing = async {
///     while let Some(state) = states.next().await {
///         println!("{state:?}");
///     }
/// };
/// let receiving = async { while socket.next().await.is_some() {} };
/// join(printing, receiving).await;
/// # }
/// ```
pub struct States {
    broadcast: Shared<Lock<StateBroadcast>>,
    key: u64,
    /// Whether the stream has returned `None`.
    finished: bool,
}

/// The maximum number of unread states in a stream. Arbitrary.
const MAX_UNREAD: usize = 64;

/// The current state, and the queues of the streams.
#[derive(Default)]
pub(super) struct StateBroadcast {
    current: Option<State>,
    queues: Vec<StateQueue>,
    last_key: u64,
}

/// The unread states of one stream.
struct StateQueue {
    key: u64,
    states: VecDeque<State>,
    waker: Option<Waker>,
}

impl StateBroadcast {
    /// Returns whether the socket has ended.
    pub(super) const fn has_ended(&self) -> bool {
        matches!(self.current, Some(State::Ended))
    }

    fn queue(&mut self, key: u64) -> Option<&mut StateQueue> {
        self.queues.iter_mut().find(|queue| queue.key == key)
    }
}

/// Adds a state to all streams and wakes them.
pub(super) fn broadcast(broadcast: &Lock<StateBroadcast>, state: State) {
    let (mut wakers, mut discarded) = (Vec::new(), Vec::new());
    let replaced = {
        let mut broadcast = broadcast.lock();
        for queue in &mut broadcast.queues {
            if queue.states.len() == MAX_UNREAD {
                discarded.extend(queue.states.pop_front());
            }
            queue.states.push_back(state.clone());
            wakers.extend(queue.waker.take());
        }
        broadcast.current.replace(state)
    };
    // Drop outside the lock: a cause may contain a message of the user.
    drop((replaced, discarded));
    wake(wakers);
}

/// Creates a stream that starts with the current state.
pub(super) fn subscribe(broadcast: &Shared<Lock<StateBroadcast>>) -> States {
    let mut locked = broadcast.lock();
    locked.last_key += 1;
    let key = locked.last_key;
    let states = locked.current.iter().cloned().collect();
    locked.queues.push(StateQueue { key, states, waker: None });
    drop(locked);
    States { broadcast: Shared::clone(broadcast), key, finished: false }
}

impl States {
    fn poll_state(&self, context: &Context<'_>) -> Poll<Option<State>> {
        let replaced = {
            let mut broadcast = self.broadcast.lock();
            let ended = broadcast.has_ended();
            let Some(queue) = broadcast.queue(self.key) else { return Poll::Ready(None) };
            let state = queue.states.pop_front();
            if ended || state.is_some() {
                return Poll::Ready(state);
            }
            queue.waker.replace(context.waker().clone())
        };
        // Drop outside the lock: a waker may run any code.
        drop(replaced);
        Poll::Pending
    }
}

impl Stream for States {
    type Item = State;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<State>> {
        let state = self.poll_state(context);
        self.finished |= matches!(state, Poll::Ready(None));
        state
    }
}

impl FusedStream for States {
    fn is_terminated(&self) -> bool {
        self.finished
    }
}

impl Drop for States {
    fn drop(&mut self) {
        let queue = {
            let queues = &mut self.broadcast.lock().queues;
            queues.iter().position(|queue| queue.key == self.key).map(|index| queues.swap_remove(index))
        };
        // Drop outside the lock: a waker may run any code.
        drop(queue);
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unread = self.broadcast.lock().queue(self.key).map_or(0, |queue| queue.states.len());
        f.debug_struct("States").field("unread", &unread).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, StreamExt};

    use super::*;

    #[crate::test]
    fn dropped_streams_leave_no_queue() {
        let states = Shared::new(Lock::new(StateBroadcast::default()));
        broadcast(&states, State::Open);
        let mut kept = subscribe(&states);
        for _ in 0..1000 {
            drop(subscribe(&states));
        }
        let locked = states.lock();
        assert_eq!(locked.queues.len(), 1);
        assert!(locked.queues.capacity() < 10, "the list stayed small");
        drop(locked);
        assert!(matches!(kept.next().now_or_never(), Some(Some(State::Open))));
    }
}
