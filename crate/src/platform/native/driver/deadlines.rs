//! The deadlines of one connection.

use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Sleep, sleep_until};

use crate::platform::native::driver::shared::{Channel, Link};

/// After how long without any byte a connection gives back what memory it can do without.
const QUIET: Duration = Duration::from_secs(5);

/// The one timer of a socket: for the protocol's deadlines, and for when it has been quiet.
#[derive(Default)]
pub(in crate::platform::native) struct Clock {
    sleep: Option<Pin<Box<Sleep>>>,
    set_to: Option<Duration>,
    /// When bytes were moved last, or messages told.
    last_moved: Duration,
    /// After how long without either a connection is given up on which nothing can be written any more.
    patience: Duration,
    /// When to look whether it has been quiet.
    look_at: Option<Duration>,
}

impl Clock {
    /// One for a user who has so long to take what came, once nothing can be written any more.
    pub(in crate::platform::native) fn new(patience: Duration) -> Self {
        Self { patience, ..Self::default() }
    }

    /// Notes that bytes were moved.
    pub(in crate::platform::native) fn note(&mut self, now: Duration) {
        self.last_moved = now;
        self.look_at.get_or_insert(now.saturating_add(QUIET));
    }

    /// Notes that messages were told.
    pub(in crate::platform::native) const fn tell(&mut self, now: Duration) {
        self.last_moved = now;
    }

    /// Whether it is going to look whether the connection has been quiet.
    pub(in crate::platform::native) const fn looks(&self) -> bool {
        self.look_at.is_some()
    }

    /// Acts on what time it is; whether there was something to do.
    pub(in crate::platform::native) fn poll(
        &mut self,
        context: &mut Context<'_>,
        link: &Link,
        channel: &mut Channel,
        now: Duration,
    ) -> bool {
        let deadline = channel.wire.deadline();
        let waits = channel.wire.has_write_failed() && !channel.discards;
        let give_up = waits.then(|| self.last_moved.saturating_add(self.patience));
        let next = [deadline, self.look_at, give_up].into_iter().flatten().min();
        let Some(next) = next else {
            (self.sleep, self.set_to) = (None, None);
            return false;
        };
        let moment = || link.moment(next).into();
        let sleep = match &mut self.sleep {
            Some(sleep) => {
                if self.set_to != Some(next) {
                    sleep.as_mut().reset(moment());
                }
                sleep
            }
            none => none.insert(Box::pin(sleep_until(moment()))),
        };
        self.set_to = Some(next);
        if sleep.as_mut().poll(context).is_pending() {
            return false;
        }
        let now = now.max(next);
        self.set_to = None;
        if self.look_at.is_some_and(|look_at| look_at <= now) {
            let quiet_since = self.last_moved.saturating_add(QUIET);
            self.look_at = (quiet_since > now).then_some(quiet_since);
            if self.look_at.is_none() {
                channel.wire.release_memory();
            }
        }
        channel.discards |= give_up.is_some_and(|give_up| give_up <= now);
        channel.wire.handle_timeout(now);
        true
    }
}
