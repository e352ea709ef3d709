//! A clock that the test advances.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::platform;
use crate::sync::catch_panic::wake;
use crate::sync::keyed_waiters::KeyedWaiters;
use crate::sync::{Lock, Shared};

/// The clock of a [`Network`](super::Network). It starts at zero. Only [`advance`](Self::advance) and
/// [`run`](super::run()) move it.
///
/// A clone is the same clock.
///
/// ```
/// use samesocket::testing::Network;
/// use std::time::Duration;
///
/// let clock = Network::new().clock();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now(), Duration::from_secs(60));
/// ```
///
/// The clock of `Network::with_tokio_clock`, on native targets, is tokio's clock instead.
#[derive(Clone, Default)]
pub struct Clock {
    state: Shared<Lock<ClockState>>,
    /// The start on tokio's clock, if this clock is tokio's.
    #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
    tokio_start: Option<tokio::time::Instant>,
}

#[derive(Default)]
struct ClockState {
    now: Duration,
    /// The sleeping futures, each with the time at which it ends.
    timers: KeyedWaiters<Duration>,
    random: f64,
    /// The number of calls of [`Clock::come_back`].
    retry_hints: u64,
    /// The futures that wait for the next of those calls.
    retry_waiters: KeyedWaiters<()>,
}

impl Clock {
    /// Returns the time since the network was created.
    pub fn now(&self) -> Duration {
        #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
        if let Some(start) = self.tokio_start {
            return start.elapsed();
        }
        self.state.lock().now
    }

    /// Creates a clock that is tokio's.
    #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
    pub(super) fn of_tokio() -> Self {
        Self { tokio_start: Some(tokio::time::Instant::now()), ..Self::default() }
    }

    /// Returns whether this is tokio's clock.
    #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
    pub(super) const fn is_tokio(&self) -> bool {
        self.tokio_start.is_some()
    }

    /// Waits until the clock has advanced by `duration`.
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Unpin + use<> {
        self.timer(duration)
    }

    fn timer(&self, duration: Duration) -> Sleep {
        Sleep {
            clock: self.clone(),
            at: self.now().saturating_add(duration),
            key: None,
            #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
            tokio: self.tokio_start.map(|_| Box::pin(tokio::time::sleep(duration))),
        }
    }

    /// Advances the clock, and wakes the tasks whose timers have ended, in the order of the timers.
    ///
    /// Those tasks run later, and then see the time after the whole advance.
    ///
    /// # Panics
    ///
    /// Panics if the clock is tokio's, which `tokio::time::advance` advances.
    pub fn advance(&self, duration: Duration) {
        #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
        assert!(!self.is_tokio(), "the clock of this network is tokio's: use `tokio::time::advance`");
        let end = self.now().saturating_add(duration);
        while self.advance_to_next(end) {}
        self.state.lock().now = end;
    }

    /// Pretends that the machine is back online or that the page is visible again, so that waiting sockets reconnect now.
    pub fn come_back(&self) {
        let wakers = {
            let mut state = self.state.lock();
            state.retry_hints += 1;
            state.retry_waiters.take_ready(|()| true)
        };
        wake(wakers);
    }

    /// Returns whether a timer is set.
    pub(super) fn has_timer(&self) -> bool {
        self.state.lock().timers.pending_conditions().next().is_some()
    }

    /// Advances the clock to the next timer, unless that is after `end`. Returns whether there was one.
    pub(super) fn advance_to_next(&self, end: Duration) -> bool {
        let wakers = {
            let mut state = self.state.lock();
            let Some(next) = state.timers.pending_conditions().min().copied().filter(|&next| next <= end) else {
                return false;
            };
            state.now = next;
            state.timers.take_ready(|&at| at == next)
        };
        wake(wakers);
        true
    }
}

impl platform::Clock for Clock {
    fn sleep(&self, duration: Duration) -> platform::Sleep {
        Box::pin(self.timer(duration))
    }

    fn environment(&self) -> Option<&dyn platform::Environment> {
        Some(self)
    }
}

impl platform::Environment for Clock {
    fn retry_hint(&self) -> platform::BoxFuture<()> {
        Box::pin(RetryHint { clock: self.clone(), since: self.state.lock().retry_hints, key: None })
    }

    /// Returns the same sequence in each test, so that tests are reproducible.
    fn random(&self) -> f64 {
        let mut state = self.state.lock();
        // The additive sequence of the golden ratio is spread evenly.
        state.random = (state.random + 0.618_033_988_749_895) % 1.0;
        state.random
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

/// A future of the next call of [`Clock::come_back`].
struct RetryHint {
    clock: Clock,
    /// The calls before this future was created.
    since: u64,
    /// The key of this future's waker, once it has been polled.
    key: Option<u64>,
}

impl Future for RetryHint {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let replaced = {
            let mut state = this.clock.state.lock();
            if state.retry_hints > this.since {
                return Poll::Ready(());
            }
            state.retry_waiters.register(&mut this.key, (), context.waker())
        };
        // Drop outside the lock: a waker may run any code.
        drop(replaced);
        Poll::Pending
    }
}

impl Drop for RetryHint {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let waker = self.clock.state.lock().retry_waiters.remove(key);
        // Drop outside the lock: a waker may run any code.
        drop(waker);
    }
}

/// A timer of a [`Clock`].
struct Sleep {
    clock: Clock,
    at: Duration,
    key: Option<u64>,
    /// The timer of tokio, if the clock is tokio's.
    #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
    tokio: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
        if let Some(sleep) = &mut this.tokio {
            return sleep.as_mut().poll(context);
        }
        let replaced = {
            let mut state = this.clock.state.lock();
            if state.now >= this.at {
                return Poll::Ready(());
            }
            state.timers.register(&mut this.key, this.at, context.waker())
        };
        // Drop outside the lock: a waker may run any code.
        drop(replaced);
        Poll::Pending
    }
}

impl platform::Timer for Sleep {}

impl Drop for Sleep {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let waker = self.clock.state.lock().timers.remove(key);
        // Drop outside the lock: a waker may run any code.
        drop(waker);
    }
}
