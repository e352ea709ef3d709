//! Time, by the runtime of a socket.

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

/// The clock of a runtime.
pub(crate) struct Time {
    /// None, if the socket has none of its own: then the background thread's.
    pub(in crate::platform::native) runtime: Option<Handle>,
}

impl Clock for Time {
    fn sleep(&self, duration: Duration) -> Sleep {
        match &self.runtime {
            Some(runtime) => Box::pin(OnRuntime::new(runtime, duration)),
            None => in_background(duration),
        }
    }
}

/// A sleep by the background thread, which never ends.
fn in_background(duration: Duration) -> Sleep {
    match background::background() {
        Ok(runtime) => {
            let _entered = runtime.enter();
            Box::pin(InBackground { sleep: Box::pin(tokio::time::sleep(duration)), waker: None })
        }
        // Without any thread, no socket will ever open, which is told otherwise.
        Err(_) => Box::pin(std::future::pending()),
    }
}

/// A sleep by the background thread, whose timer is not what a waker of a user's runs in unguarded: a panic there would be the
/// end of that thread, and of all sockets.
struct InBackground {
    sleep: Pin<Box<tokio::time::Sleep>>,
    /// The waker that this was polled with last, and what stands for it.
    waker: Option<(Waker, Waker)>,
}

impl Future for InBackground {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let guarded = match &mut this.waker {
            Some((known, guarded)) if known.will_wake(context.waker()) => guarded,
            other => {
                let waker = context.waker().clone();
                &mut other.insert((waker.clone(), Waker::from(Arc::new(Guarded(waker))))).1
            }
        };
        this.sleep.as_mut().poll(&mut Context::from_waker(guarded))
    }
}

/// A waker that does not panic.
struct Guarded(Waker);

impl Wake for Guarded {
    fn wake(self: Arc<Self>) {
        catch_panic(|| self.0.wake_by_ref());
    }
}

/// A sleep by a runtime that may end before it is over; then the background thread does the rest.
///
/// It is a task of that runtime's: a timer that is polled by anybody else may be polled after the runtime's end, and panics
/// then.
enum OnRuntime {
    Task {
        task: JoinHandle<()>,
        /// None, if it is too far away to be told.
        end: Option<Instant>,
    },
    Rest(Sleep),
    Over,
}

impl OnRuntime {
    fn new(runtime: &Handle, duration: Duration) -> Self {
        let end = Instant::now().checked_add(duration);
        // A runtime without a clock panics where its timer is made: in a task that is caught, and the rest is done elsewhere.
        let sleep = async move {
            match end {
                Some(end) => tokio::time::sleep_until(end.into()).await,
                None => std::future::pending().await,
            }
        };
        Self::Task { task: runtime.spawn(sleep), end }
    }
}

impl Future for OnRuntime {
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

impl Drop for OnRuntime {
    fn drop(&mut self) {
        if let Self::Task { task, .. } = self {
            task.abort();
        }
    }
}

/// The machine that the program runs on.
pub(crate) struct PlatformEnvironment;

impl Environment for PlatformEnvironment {
    /// Nothing tells of it.
    fn retry_hint(&self) -> Sleep {
        Box::pin(std::future::pending())
    }

    fn random(&self) -> f64 {
        // Without randomness, no socket will ever open.
        f64::from(SysRng.try_next_u32().unwrap_or_default()) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use tokio::runtime::Builder;

    use super::*;

    #[test]
    fn a_sleep_is_as_long_whether_its_runtime_ends_before_it_within_it_or_after_it() {
        let duration = Duration::from_millis(20);
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
        let clock = Time { runtime: Some(runtime.handle().clone()) };
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
