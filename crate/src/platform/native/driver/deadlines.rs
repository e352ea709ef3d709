//! The one timer of a socket.

use std::pin::{Pin, pin};
use std::task::Context;
use std::time::Duration;

use tokio::task::coop::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

use super::look_requests::LookRequests;
use super::shared::{ConnState, SocketShared};
use crate::platform::native::runtime::clock::{LookTurns, REACTOR_TURN};

/// A connection that moves no byte for this long releases the memory that it does not need. It takes up to twice as long if the receiver
/// reads, because the driver notices activity only when it is polled. Arbitrary.
const IDLE_AFTER: Duration = Duration::from_secs(5);

/// The deadlines of one connection: those of the protocol, the idle check, and the drain timeout.
#[derive(Default)]
pub(super) struct Deadlines {
    sleep: Option<Pin<Box<Sleep>>>,
    /// The time that the sleep is set to.
    set_to: Option<Duration>,
    /// The time of the last read, write or delivery.
    last_activity: Duration,
    /// The time that the receiver has for what has arrived, once writing has failed. It counts from the last activity.
    drain_timeout: Duration,
    /// The time of the next check whether the connection has been idle. `None` if there was no activity since the last one, or it
    /// holds no memory that it does not need then.
    idle_check_at: Option<Duration>,
    /// The time of the last check.
    idle_checked_at: Duration,
    /// The last look that is under way.
    look: Option<LookInProgress>,
}

/// A last look at the stream, before a deadline has its effect.
struct LookInProgress {
    /// The time at which the deadline was noticed.
    since: Duration,
    /// The start of the current turn of the reactor.
    started: Duration,
    turns: LookTurns,
    /// The futures that asked for this look.
    requests: LookRequests,
}

impl Deadlines {
    pub(super) fn new(drain_timeout: Duration) -> Self {
        Self { drain_timeout, ..Self::default() }
    }

    /// Records that bytes were moved, or that messages were delivered.
    pub(super) const fn on_activity(&mut self, now: Duration) {
        self.last_activity = now;
    }

    /// Arms the idle check, if the connection holds memory and was active since the last check.
    fn arm_idle_check(&mut self, state: &ConnState) {
        if self.idle_check_at.is_none() && self.last_activity > self.idle_checked_at && state.has_spare_memory() {
            self.idle_check_at = Some(self.last_activity.saturating_add(IDLE_AFTER));
        }
    }

    /// Ends a last look that is under way. No lock may be held.
    pub(super) fn end_last_look(&mut self) {
        self.look = None;
    }

    /// Returns whether the idle check is armed.
    pub(super) const fn is_idle_check_armed(&self) -> bool {
        self.idle_check_at.is_some()
    }

    /// Acts on a deadline that has expired. Returns `None` if there was none; otherwise the futures that waited for the
    /// last look, to be dropped outside the lock.
    ///
    /// It is called after the stream was polled.
    pub(super) fn poll(
        &mut self,
        context: &mut Context<'_>,
        shared: &SocketShared,
        state: &mut ConnState,
        now: Duration,
    ) -> Option<LookRequests> {
        if state.take_has_received() {
            self.last_activity = now;
        }
        if self.look.is_none() {
            let requests = state.take_look_requests();
            let expired = self.poll_next_deadline(context, shared, state);
            let since = match expired {
                Some(expired) => now.max(expired),
                None if requests.is_empty() => return None,
                None => now,
            };
            let checked_idle = self.check_idle(state, since);
            let is_due = |at: Option<Duration>| at.is_some_and(|at| at <= since);
            if requests.is_empty() && !is_due(state.deadline()) && !is_due(self.drain_at(state)) {
                return checked_idle.then_some(requests);
            }
            self.look = Some(LookInProgress { since, started: now, turns: LookTurns::ALL, requests });
            self.arm_look();
        }
        self.poll_look(context, state, now)
    }

    /// Sets the timer to the next deadline; returns its time if it has expired.
    fn poll_next_deadline(
        &mut self,
        context: &mut Context<'_>,
        shared: &SocketShared,
        state: &ConnState,
    ) -> Option<Duration> {
        self.arm_idle_check(state);
        let next = [state.deadline(), self.idle_check_at, self.drain_at(state)].into_iter().flatten().min();
        let Some(next) = next else {
            (self.sleep, self.set_to) = (None, None);
            return None;
        };
        if self.set_to != Some(next) {
            self.set_to = Some(next);
            self.sleep_until(shared.instant(next).into());
        }
        if self.poll_sleep(context) {
            self.set_to = None;
            return Some(next);
        }
        None
    }

    /// Releases the memory of a connection that has been idle; returns whether it was time to check that.
    fn check_idle(&mut self, state: &mut ConnState, now: Duration) -> bool {
        let is_due = self.idle_check_at.is_some_and(|check_at| check_at <= now);
        if is_due {
            let idle_at = self.last_activity.saturating_add(IDLE_AFTER);
            self.idle_check_at = (idle_at > now).then_some(idle_at);
            if self.idle_check_at.is_none() {
                self.idle_checked_at = now;
                state.release_memory();
            }
        }
        is_due
    }

    fn arm_look(&mut self) {
        self.set_to = None;
        self.sleep_until(Instant::now() + REACTOR_TURN);
    }

    /// Waits for the end of the last look, and then acts on the deadlines that have still expired.
    fn poll_look(&mut self, context: &mut Context<'_>, state: &mut ConnState, now: Duration) -> Option<LookRequests> {
        loop {
            if !self.poll_sleep(context) {
                return None;
            }
            let look = self.look.as_mut()?;
            if look.turns.end_one(self.last_activity > look.started, now.saturating_sub(look.since)) {
                break;
            }
            look.started = now;
            self.arm_look();
        }
        // The deadline of a refused opening handshake is no timeout, because the refusal is the failure. Tasks that
        // wait for the look wait for the end of the driver instead, which reports the refusal.
        if self.look.as_ref().is_some_and(|look| !look.requests.is_empty()) && state.end_refusal(now) {
            return None;
        }
        let LookInProgress { since, requests, .. } = self.look.take()?;
        let now = now.max(since);
        if self.drain_at(state).is_some_and(|drain_at| drain_at <= now) {
            state.discard_messages();
        }
        state.handle_timeout(now);
        Some(requests)
    }

    /// Returns the time at which the receiver has not taken what had arrived before a write failed.
    fn drain_at(&self, state: &ConnState) -> Option<Duration> {
        state.waits_for_receiver().then(|| self.last_activity.saturating_add(self.drain_timeout))
    }

    /// Returns whether the timer has expired.
    pub(super) fn is_due(&self) -> bool {
        self.sleep.as_ref().is_some_and(|sleep| sleep.is_elapsed())
    }

    fn sleep_until(&mut self, instant: Instant) {
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(instant),
            none => *none = Some(Box::pin(sleep_until(instant))),
        }
    }

    /// Returns whether the sleep is over.
    fn poll_sleep(&mut self, context: &mut Context<'_>) -> bool {
        // A task that has used up its budget would be woken at once, in place of a timer that is set. The driver may have nothing
        // to do by then, and not come here again.
        let is_over = |sleep: &mut Pin<Box<Sleep>>| pin!(unconstrained(sleep.as_mut())).poll(context).is_ready();
        self.sleep.as_mut().is_some_and(is_over)
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;
    use std::task::{Poll, Wake};

    use tokio::sync::Notify;
    use tokio::task::coop::{consume_budget, has_budget_remaining};
    use tokio::task::yield_now;

    use super::*;

    struct Woken(Notify);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.notify_one();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn timer_is_set_although_the_task_has_no_budget() {
        let woken = Arc::new(Woken(Notify::new()));
        let waker = Arc::clone(&woken).into();
        let mut deadlines = Deadlines::default();
        deadlines.sleep_until(Instant::now() + Duration::from_secs(1));
        poll_fn(|context| {
            while has_budget_remaining() {
                let _ = pin!(consume_budget()).poll(context);
            }
            assert!(!deadlines.poll_sleep(&mut Context::from_waker(&waker)));
            Poll::Ready(())
        })
        .await;
        yield_now().await;
        assert!(!deadlines.is_due());
        woken.0.notified().await;
        assert!(deadlines.is_due(), "only the timer wakes");
    }
}
