//! The clock of a socket: timers on its runtime that survive the end of that runtime.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::{Duration, Instant};

use rand::TryRng as _;
use rand::rngs::SysRng;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::platform::native::runtime::background;
use crate::platform::{Clock, Environment, Sleep};
use crate::sync::catch_panic::catch_panic;

/// The clock of a socket's runtime.
pub(crate) struct RuntimeClock {
    /// The user's runtime, or `None` for the background thread.
    pub(in crate::platform::native) runtime: Option<Handle>,
}

impl Clock for RuntimeClock {
    fn sleep(&self, duration: Duration) -> Sleep {
        match &self.runtime {
            Some(runtime) => Box::pin(RuntimeSleep::new(runtime, duration)),
            None => in_background(duration),
        }
    }
}

/// Returns a sleep on the background thread, which never ends.
fn in_background(duration: Duration) -> Sleep {
    match background::background() {
        Ok(runtime) => {
            let _entered = runtime.enter();
            Box::pin(BackgroundSleep { sleep: Box::pin(tokio::time::sleep(duration)), waker: None })
        }
        // Without a background thread, no socket can be created. That error is reported elsewhere.
        Err(_) => Box::pin(std::future::pending()),
    }
}

/// A sleep on the background thread.
///
/// It catches panics of the user's waker. A panic there would end the thread, and with it all sockets.
struct BackgroundSleep {
    sleep: Pin<Box<tokio::time::Sleep>>,
    /// The waker of the last poll, and the waker that catches its panics.
    waker: Option<(Waker, Waker)>,
}

impl Future for BackgroundSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let catching = match &mut this.waker {
            Some((known, catching)) if known.will_wake(context.waker()) => catching,
            other => {
                let waker = context.waker().clone();
                &mut other.insert((waker.clone(), Waker::from(Arc::new(CatchingWaker(waker))))).1
            }
        };
        this.sleep.as_mut().poll(&mut Context::from_waker(catching))
    }
}

/// A waker that catches the panics of the one inside.
struct CatchingWaker(Waker);

impl Wake for CatchingWaker {
    fn wake(self: Arc<Self>) {
        catch_panic(|| self.0.wake_by_ref());
    }
}

/// A sleep on a runtime of the user's. If the runtime ends first, the background thread sleeps for the rest.
///
/// The timer is polled in a task of the runtime, because tokio's timers panic if they are polled after the runtime's
/// end.
enum RuntimeSleep {
    Task {
        task: JoinHandle<()>,
        /// The end of the sleep, or `None` if it is too far away for [`Instant`].
        end: Option<Instant>,
    },
    Rest(Sleep),
    Over,
}

impl RuntimeSleep {
    fn new(runtime: &Handle, duration: Duration) -> Self {
        let end = Instant::now().checked_add(duration);
        // On a runtime without a time driver, this panics within the task. The background thread then sleeps instead.
        let sleep = async move {
            match end {
                Some(end) => tokio::time::sleep_until(end.into()).await,
                None => std::future::pending().await,
            }
        };
        Self::Task { task: runtime.spawn(sleep), end }
    }
}

impl Future for RuntimeSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if let Self::Task { task, end } = &mut *self {
            let slept = ready!(Pin::new(task).poll(context)).is_ok();
            let rest = |end: Instant| end.saturating_duration_since(Instant::now());
            let rest = end.map_or(Duration::MAX, rest);
            *self = if slept { Self::Over } else { Self::Rest(in_background(rest)) };
        }
        match &mut *self {
            Self::Rest(rest) => rest.as_mut().poll(context),
            Self::Task { .. } | Self::Over => Poll::Ready(()),
        }
    }
}

impl Drop for RuntimeSleep {
    fn drop(&mut self) {
        if let Self::Task { task, .. } = self {
            task.abort();
        }
    }
}

/// The environment of a native program: the machine.
pub(crate) struct PlatformEnvironment;

impl Environment for PlatformEnvironment {
    /// Returns a future that never ends, because nothing reports when the machine is back online.
    fn retry_hint(&self) -> Sleep {
        Box::pin(std::future::pending())
    }

    fn random(&self) -> f64 {
        // Without randomness, no socket can be created, so this number does not matter then.
        f64::from(SysRng.try_next_u32().unwrap_or_default()) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use tokio::runtime::Builder;

    use super::*;

    #[test]
    fn sleep_is_as_long_whenever_its_runtime_ends() {
        let duration = Duration::from_millis(20);
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
        let clock = RuntimeClock { runtime: Some(runtime.handle().clone()) };
        let (start, sleep) = (Instant::now(), clock.sleep(duration));
        block_on(sleep);
        assert!(start.elapsed() >= duration);
        let (start, sleep, endless) = (Instant::now(), clock.sleep(duration), clock.sleep(Duration::MAX));
        drop(runtime);
        block_on(sleep);
        assert!(start.elapsed() >= duration);
        let start = Instant::now();
        block_on(clock.sleep(duration));
        assert!(start.elapsed() >= duration);
        assert!(futures::FutureExt::now_or_never(endless).is_none());
    }
}
