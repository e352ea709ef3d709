//! The clock of a socket: timers on its runtime that survive the end of that runtime.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::{Duration, Instant, SystemTime};

use rand::TryRng as _;
use rand::rngs::SysRng;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::platform::native::runtime::background;
use crate::platform::{BoxFuture, Clock, Environment, Sleep, Timer};
use crate::sync::catch_panic::catch_panic;

/// The time within which a reactor has looked at its sockets.
///
/// Both timers and readiness come from the reactor. After a process was stopped, its timers may end before it has asked
/// the system for readiness. A timer that was armed then ends only after that. This is the resolution of tokio's timers.
pub(in crate::platform::native) const REACTOR_TURN: Duration = Duration::from_millis(1);

/// The turns of the reactor that are left of a last look at a stream, before a deadline has its effect.
///
/// If the process was stopped, or its threads were busy, the deadline may pass while the awaited bytes have arrived. The timer
/// can end before the reactor has noticed them.
///
/// In the first turn the reactor looks at its sockets. Another thread may do that between the poll of a stream and that of the
/// timer, and over HTTP/2 the task of the connection has to run before the stream of a socket has its bytes. So the stream is
/// polled again after a second turn. A look that finds bytes is repeated, up to [`MAX_LOOK`].
#[derive(Clone, Copy)]
pub(in crate::platform::native) struct LookTurns(u8);

/// The time after which a last look is not repeated, even if it still finds bytes. Arbitrary: a system buffers some megabytes.
const MAX_LOOK: Duration = Duration::from_millis(100);

impl LookTurns {
    pub(in crate::platform::native) const ALL: Self = Self(2);

    /// Ends a turn, in which bytes were `found` or not. `elapsed` is the time since the deadline was noticed. Returns whether the
    /// look is over.
    pub(in crate::platform::native) fn end_one(&mut self, found: bool, elapsed: Duration) -> bool {
        if found && elapsed < MAX_LOOK {
            *self = Self::ALL;
        } else {
            self.0 = self.0.saturating_sub(1);
        }
        self.0 == 0
    }
}

/// Returns the time on a clock that no one sets. Only differences between two times have a meaning.
pub(crate) fn now() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// The clock of a socket's runtime.
pub(crate) struct RuntimeClock {
    /// The user's runtime, or `None` for the background thread.
    pub(in crate::platform::native) runtime: Option<Handle>,
}

impl Clock for RuntimeClock {
    fn sleep(&self, duration: Duration) -> Sleep {
        let mut timer = RuntimeTimer { runtime: self.runtime.clone(), end: None, armed: None };
        timer.end_after(Some(duration));
        Box::pin(timer)
    }
}

/// A timer on the user's runtime, or on the background thread. If the runtime ends first, the background thread sleeps
/// for the rest.
///
/// A later end replaces the former one only when the armed sleep is over. So a timer that is restarted for each message
/// costs neither an allocation nor an access to the runtime's timers.
struct RuntimeTimer {
    /// The user's runtime, or `None` for the background thread.
    runtime: Option<Handle>,
    /// The end of the timer. `None` if it never ends, or not within the range of [`Instant`].
    end: Option<Instant>,
    /// The sleep that was armed last, and its end.
    armed: Option<(ArmedSleep, Instant)>,
}

enum ArmedSleep {
    Background(BackgroundSleep),
    /// A task of the user's runtime, because tokio's timers panic if they are polled after the runtime's end.
    Task(SleepTask),
}

impl RuntimeTimer {
    fn end_after(&mut self, duration: Option<Duration>) {
        self.end = duration.and_then(|duration| self.now().checked_add(duration));
    }

    /// Returns the time of the runtime, which a test may have paused.
    fn now(&self) -> Instant {
        if self.runtime.is_some() { tokio::time::Instant::now().into_std() } else { Instant::now() }
    }

    /// Arms a sleep that ends at `end`. Returns `None` if there is no thread for it.
    fn arm(&self, end: Instant) -> Option<ArmedSleep> {
        match &self.runtime {
            Some(runtime) => Some(ArmedSleep::Task(SleepTask::new(runtime, end))),
            None => BackgroundSleep::new(end).map(ArmedSleep::Background),
        }
    }
}

impl Timer for RuntimeTimer {
    fn restart(mut self: Pin<&mut Self>, duration: Option<Duration>) -> bool {
        self.end_after(duration);
        true
    }
}

impl Future for RuntimeTimer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let Some(end) = this.end else { return Poll::Pending };
        loop {
            // A sleep that would end too late is replaced.
            let in_time = this.armed.take_if(|(_, armed_end)| *armed_end <= end);
            let armed = in_time.or_else(|| Some((this.arm(end)?, end)));
            // Without a background thread, no socket can be created. That error is reported elsewhere.
            let Some((mut sleep, armed_end)) = armed else { return Poll::Pending };
            let slept = match &mut sleep {
                ArmedSleep::Background(sleep) => Pin::new(sleep).poll(context).map(|()| true),
                ArmedSleep::Task(task) => Pin::new(task).poll(context),
            };
            match slept {
                Poll::Pending => {
                    this.armed = Some((sleep, armed_end));
                    return Poll::Pending;
                }
                Poll::Ready(true) if armed_end == end => return Poll::Ready(()),
                Poll::Ready(true) => {}
                Poll::Ready(false) => this.runtime = None,
            }
        }
    }
}

/// A sleep on the background thread, which never ends.
///
/// It catches panics of the user's waker. A panic there would end the thread, and with it all sockets.
struct BackgroundSleep {
    sleep: Pin<Box<tokio::time::Sleep>>,
    /// The waker of the last poll, and the waker that catches its panics.
    waker: Option<(Waker, Waker)>,
}

impl BackgroundSleep {
    fn new(end: Instant) -> Option<Self> {
        let runtime = background::background().ok()?;
        let _entered = runtime.enter();
        Some(Self { sleep: Box::pin(tokio::time::sleep_until(end.into())), waker: None })
    }
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

/// A sleep in a task of the user's runtime. It returns whether the runtime has lasted until the end.
struct SleepTask(JoinHandle<()>);

impl SleepTask {
    fn new(runtime: &Handle, end: Instant) -> Self {
        // On a runtime without a time driver, this panics within the task. The background thread then sleeps instead.
        Self(runtime.spawn(async move { tokio::time::sleep_until(end.into()).await }))
    }
}

impl Future for SleepTask {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<bool> {
        let slept = ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(slept.is_ok())
    }
}

impl Drop for SleepTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The environment of a native program: the machine.
pub(crate) struct PlatformEnvironment;

impl Environment for PlatformEnvironment {
    /// Returns a future that never ends, because nothing reports when the machine is back online.
    fn retry_hint(&self) -> BoxFuture<()> {
        Box::pin(std::future::pending())
    }

    fn random(&self) -> f64 {
        // Without randomness, no socket can be created, so this number does not matter then.
        f64::from(SysRng.try_next_u32().unwrap_or_default()) / f64::from(u32::MAX)
    }

    fn unix_time(&self) -> Option<Duration> {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()
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
