//! Pings that wait for their pongs.

use std::time::Duration;

use futures::channel::oneshot;

use crate::sync::cancellable_queue::{Cancellable, CancellableQueue};
use crate::sync::catch_panic::catch_panic;
use crate::types::ping::{PingError, ReceivedPings};

/// The reply to a ping: the round-trip time. Dropping it says that the connection has ended.
pub(crate) type PingReply = oneshot::Sender<Duration>;

/// The ping frames of a transport that has them. A browser's socket has none.
pub(crate) trait Pings {
    /// Sends a ping, whose pong completes `reply`.
    ///
    /// # Errors
    ///
    /// Returns [`PingError::NotOpen`] if the connection is not open.
    fn ping(&self, reply: PingReply) -> Result<(), PingError>;

    /// Returns the pings that have arrived.
    fn received_pings(&self) -> ReceivedPings;
}

/// The pings of one connection that wait for their pongs, in order.
#[derive(Default)]
pub(crate) struct PendingPings(CancellableQueue<PendingPing>);

struct PendingPing {
    number: u64,
    /// The time of sending, on the clock of the connection.
    sent: Duration,
    reply: PingReply,
}

impl Cancellable for PendingPing {
    fn is_cancelled(&self) -> bool {
        self.reply.is_canceled()
    }
}

/// Pings that are over: answered, cancelled, or those of a connection that has ended.
///
/// Drop outside the lock: this wakes tasks.
#[must_use = "drop it outside the lock"]
#[derive(Default)]
pub(crate) struct FinishedPings {
    replies: Vec<PingReply>,
    /// The answered pings, each with its round-trip time.
    answered: Vec<(PingReply, Duration)>,
}

impl PendingPings {
    #[allow(dead_code, reason = "native targets only")]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a ping. Returns pings whose futures were dropped, which leave the list.
    pub(crate) fn push(&mut self, number: u64, sent: Duration, reply: PingReply) -> FinishedPings {
        let cancelled = self.0.push(PendingPing { number, sent, reply });
        FinishedPings { replies: cancelled.into_iter().map(|ping| ping.reply).collect(), answered: Vec::new() }
    }

    /// Takes the pings with a number below `answered`.
    pub(crate) fn take_answered(&mut self, answered: u64, now: Duration) -> FinishedPings {
        let mut finished = FinishedPings::default();
        while self.0.front().is_some_and(|ping| ping.number < answered) {
            if let Some(PendingPing { sent, reply, .. }) = self.0.pop() {
                finished.answered.push((reply, now.saturating_sub(sent)));
            }
        }
        finished
    }

    /// Takes all pings, because the connection has ended.
    pub(crate) fn take_all(&mut self) -> FinishedPings {
        FinishedPings { replies: self.0.take_all().into_iter().map(|ping| ping.reply).collect(), answered: Vec::new() }
    }
}

impl Drop for FinishedPings {
    /// Completes the futures. No lock may be held, because a waker may run any code.
    fn drop(&mut self) {
        for (reply, round_trip) in self.answered.drain(..) {
            catch_panic(|| {
                let _ = reply.send(round_trip);
            });
        }
        for reply in self.replies.drain(..) {
            catch_panic(|| drop(reply));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[crate::test]
    fn answered_pings_complete_with_their_times() {
        let mut pending = PendingPings::default();
        let mut ping = |number, seconds| {
            let (reply, answered) = oneshot::channel();
            drop(pending.push(number, Duration::from_secs(seconds), reply));
            answered
        };
        let mut answers = [ping(0, 1), ping(1, 2), ping(2, 3)];
        drop(pending.take_answered(2, Duration::from_secs(10)));
        let [first, second, third] = answers.each_mut().map(|answer| answer.try_recv().unwrap());
        assert_eq!((first, second, third), (Some(Duration::from_secs(9)), Some(Duration::from_secs(8)), None));
        drop(pending.take_all());
        assert!(answers[2].try_recv().is_err() && pending.is_empty());
    }

    #[crate::test]
    fn cancelled_pings_leave_the_list() {
        let mut pending = PendingPings::default();
        let (reply, _kept) = oneshot::channel();
        let mut finished = pending.push(0, Duration::ZERO, reply).replies.len();
        for number in 1..1000 {
            finished += pending.push(number, Duration::ZERO, oneshot::channel().0).replies.len();
        }
        assert!(pending.0.len() < 10);
        assert_eq!(finished + pending.0.len(), 1000, "none is dropped under the lock");
    }
}
