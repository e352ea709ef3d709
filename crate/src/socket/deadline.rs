//! A deadline that is over only after one more look at the network.

use std::mem;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::FutureExt;

use crate::connection::Connection;
use crate::connection::listener::Listener;
use crate::platform::{Clock, LastLook, Sleep};

/// The time that a last look may take, so that a deadline is over even if the thread of the socket is blocked. Arbitrary.
const MAX_LOOK: Duration = Duration::from_secs(1);

/// A deadline for something that the network brings.
///
/// After the process was stopped, its timers end before it has read what arrived meanwhile. So the end of the timer is
/// not the end of the deadline: the connection looks once more, and the owner checks once more.
#[derive(Default)]
pub(crate) struct Deadline {
    timer: Option<Sleep>,
    stage: Stage,
}

#[derive(Default)]
enum Stage {
    /// No time is measured.
    #[default]
    Stopped,
    Running,
    /// The time is over, and the connection looks once more.
    Looking(LastLook),
    /// The connection has looked.
    Over,
}

/// The result of polling a [`Deadline`].
pub(crate) enum Expiry {
    /// The owner checks whether the awaited has come, and polls again if it has not.
    CheckAgain,
    /// The awaited has not come in time.
    Over,
}

impl Deadline {
    /// Creates a deadline that is over after `duration`.
    pub(crate) fn new(clock: &dyn Clock, duration: Duration) -> Self {
        Self { timer: Some(clock.sleep(duration)), stage: Stage::Running }
    }

    /// Starts to measure `duration`, unless the deadline runs already.
    pub(crate) fn start(&mut self, clock: &dyn Clock, duration: Duration) {
        if matches!(self.stage, Stage::Stopped) {
            self.restart_timer(clock, duration);
            self.stage = Stage::Running;
        }
    }

    /// Stops the deadline until the next start.
    pub(crate) fn stop(&mut self) {
        if matches!(mem::take(&mut self.stage), Stage::Running | Stage::Looking(_) | Stage::Over)
            && !self.timer.as_mut().is_some_and(|timer| timer.as_mut().restart(None))
        {
            self.timer = None;
        }
    }

    /// Waits until the time is over and the connection has looked once more.
    pub(crate) fn poll<L: Listener>(
        &mut self,
        clock: &dyn Clock,
        connection: &Connection<L>,
        context: &mut Context<'_>,
    ) -> Poll<Expiry> {
        let Some(timer) = &mut self.timer else { return Poll::Pending };
        match &mut self.stage {
            Stage::Stopped => Poll::Pending,
            Stage::Running => {
                ready!(timer.as_mut().poll(context));
                let Some(look) = connection.last_look() else {
                    self.stage = Stage::Over;
                    return Poll::Ready(Expiry::Over);
                };
                self.restart_timer(clock, MAX_LOOK);
                self.stage = Stage::Looking(look);
                self.poll(clock, connection, context)
            }
            Stage::Looking(look) => {
                if look.poll_unpin(context).is_pending() {
                    ready!(timer.as_mut().poll(context));
                }
                self.stage = Stage::Over;
                Poll::Ready(Expiry::CheckAgain)
            }
            Stage::Over => Poll::Ready(Expiry::Over),
        }
    }

    fn restart_timer(&mut self, clock: &dyn Clock, duration: Duration) {
        let restarted = self.timer.as_mut().is_some_and(|timer| timer.as_mut().restart(Some(duration)));
        if !restarted {
            self.timer = Some(clock.sleep(duration));
        }
    }
}
