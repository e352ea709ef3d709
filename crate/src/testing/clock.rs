//! A clock that is wound by hand.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::platform;
use crate::sync::catch_panic::wake;
use crate::sync::{Lock, Shared};

/// The clock of a [`Network`](super::Network), which begins at zero and goes on only by [`advance`](Self::advance) or
/// within [`run`](super::run); a clone is the same clock.
#[derive(Clone, Default)]
pub struct Clock(Shared<Lock<Time>>);

#[derive(Default)]
struct Time {
    now: Duration,
    timers: Vec<Timer>,
    last_key: u64,
    chance: f64,
    comebacks: u64,
    /// Who waits for the next comeback.
    away: Vec<Waker>,
}

struct Timer {
    key: u64,
    at: Duration,
    waker: Waker,
}

impl Clock {
    /// Gives the time since the network was made.
    pub fn now(&self) -> Duration {
        self.0.lock().now
    }

    /// Waits until the clock shows so much more than now.
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Unpin + use<> {
        Sleeping { clock: self.clone(), at: self.now().saturating_add(duration), key: None }
    }

    /// Puts the clock forward, past one timer after the other, and wakes who waits for them.
    ///
    /// Who is woken runs later, and sees the time at which this ends.
    pub fn advance(&self, duration: Duration) {
        let end = self.now().saturating_add(duration);
        while self.advance_to_next(end) {}
        self.0.lock().now = end;
    }

    /// Pretends that the machine is back online, or that the page is shown again: who waits to reconnect does it now.
    pub fn come_back(&self) {
        let away = {
            let mut time = self.0.lock();
            time.comebacks += 1;
            std::mem::take(&mut time.away)
        };
        wake(away);
    }

    /// Puts the clock forward to the next timer, unless that is after `end`; whether there was one.
    pub(super) fn advance_to_next(&self, end: Duration) -> bool {
        let due = {
            let mut time = self.0.lock();
            let Some(next) = time.timers.iter().map(|timer| timer.at).min().filter(|&next| next <= end) else {
                return false;
            };
            time.now = next;
            time.timers.extract_if(.., |timer| timer.at == next).map(|timer| timer.waker).collect::<Vec<_>>()
        };
        wake(due);
        true
    }
}

impl platform::Clock for Clock {
    fn sleep(&self, duration: Duration) -> platform::Sleep {
        Box::pin(self.sleep(duration))
    }

    fn environment(&self) -> Option<&dyn platform::Environment> {
        Some(self)
    }
}

impl platform::Environment for Clock {
    fn retry_hint(&self) -> platform::Sleep {
        let (clock, since) = (self.clone(), self.0.lock().comebacks);
        Box::pin(poll_fn(move |context| {
            let mut time = clock.0.lock();
            if time.comebacks > since {
                return Poll::Ready(());
            }
            know(&mut time.away, context.waker());
            Poll::Pending
        }))
    }

    /// The same numbers each time, so that a test is.
    fn random(&self) -> f64 {
        let mut time = self.0.lock();
        // The additive sequence of the golden ratio spreads evenly.
        time.chance = (time.chance + 0.618_033_988_749_895) % 1.0;
        time.chance
    }
}

/// Adds a waker to those that are woken together, unless it is there.
pub(super) fn know(wakers: &mut Vec<Waker>, waker: &Waker) {
    if !wakers.iter().any(|known| known.will_wake(waker)) {
        wakers.push(waker.clone());
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

struct Sleeping {
    clock: Clock,
    at: Duration,
    key: Option<u64>,
}

impl Future for Sleeping {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let mut time = this.clock.0.lock();
        if time.now >= this.at {
            return Poll::Ready(());
        }
        let key = *this.key.get_or_insert_with(|| {
            time.last_key += 1;
            time.last_key
        });
        let waker = context.waker().clone();
        let former = if let Some(timer) = time.timers.iter_mut().find(|timer| timer.key == key) {
            Some(std::mem::replace(&mut timer.waker, waker))
        } else {
            time.timers.push(Timer { key, at: this.at, waker });
            None
        };
        drop(time);
        drop(former);
        Poll::Pending
    }
}

impl Drop for Sleeping {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let timer = {
            let timers = &mut self.clock.0.lock().timers;
            timers.iter().position(|timer| timer.key == key).map(|place| timers.remove(place))
        };
        // Dropped while nothing is locked, since a waker may own anything.
        drop(timer);
    }
}
