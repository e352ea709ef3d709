//! The one timer of a socket.

use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Sleep, sleep_until};

use super::shared::{ConnState, SocketShared};

/// A connection that moves no byte for this long gives back the memory that it does not need. Arbitrary.
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
    /// The time of the next check whether the connection has been idle.
    idle_check_at: Option<Duration>,
}

impl Deadlines {
    pub(super) fn new(drain_timeout: Duration) -> Self {
        Self { drain_timeout, ..Self::default() }
    }

    /// Records that bytes were moved, and arms the idle check.
    pub(super) fn on_activity(&mut self, now: Duration) {
        self.last_activity = now;
        self.idle_check_at.get_or_insert(now.saturating_add(IDLE_AFTER));
    }

    /// Records that messages were delivered.
    pub(super) const fn on_delivery(&mut self, now: Duration) {
        self.last_activity = now;
    }

    /// Returns whether the idle check is armed.
    pub(super) const fn is_idle_check_armed(&self) -> bool {
        self.idle_check_at.is_some()
    }

    /// Acts on a deadline that has expired; returns whether there was one.
    pub(super) fn poll(
        &mut self,
        context: &mut Context<'_>,
        shared: &SocketShared,
        state: &mut ConnState,
        now: Duration,
    ) -> bool {
        let drain_at = state.waits_for_receiver().then(|| self.last_activity.saturating_add(self.drain_timeout));
        let next = [state.deadline(), self.idle_check_at, drain_at].into_iter().flatten().min();
        let Some(next) = next else {
            (self.sleep, self.set_to) = (None, None);
            return false;
        };
        let instant = || shared.instant(next).into();
        let sleep = match &mut self.sleep {
            Some(sleep) => {
                if self.set_to != Some(next) {
                    sleep.as_mut().reset(instant());
                }
                sleep
            }
            none => none.insert(Box::pin(sleep_until(instant()))),
        };
        self.set_to = Some(next);
        if sleep.as_mut().poll(context).is_pending() {
            return false;
        }
        let now = now.max(next);
        self.set_to = None;
        if self.idle_check_at.is_some_and(|check_at| check_at <= now) {
            let idle_at = self.last_activity.saturating_add(IDLE_AFTER);
            self.idle_check_at = (idle_at > now).then_some(idle_at);
            if self.idle_check_at.is_none() {
                state.release_memory();
            }
        }
        if drain_at.is_some_and(|drain_at| drain_at <= now) {
            state.discard_messages();
        }
        state.handle_timeout(now);
        true
    }
}
