//! The executor of a test on a network of its own.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use super::Network;
use crate::platform::BoxFuture;
use crate::socket::test_tasks::RunningTest;

/// Runs a test on the current thread, with the tasks that it [spawns](Network::spawn), on a new network.
///
/// Whenever all tasks wait, the clock advances to its next timer. The order of execution is the same in each run.
///
/// ```
/// use std::time::Duration;
///
/// samesocket::testing::run(|network| async move {
///     network.clock().sleep(Duration::from_secs(3600)).await;
///     assert_eq!(network.clock().now(), Duration::from_secs(3600));
/// });
/// ```
///
/// A [`Remote`](crate::Remote) of [`into_remote`](crate::Socket::into_remote) has its driver among these tasks.
///
/// On native targets, the clock stands still while the test or a task reads the file of a [`Blob`](crate::Blob). `run` does not wait
/// for other work of other threads, and in a page not for promises: the clock advances meanwhile, or `run` panics.
///
/// The network's clock may advance to at most 24 hours; [`run_with_limit`] sets another limit. Timers of tokio do not work within
/// the test; see `Network::with_tokio_clock`, on native targets.
///
/// # Panics
///
/// Panics if the test would never end:
///
/// - All tasks wait, and no timer is left.
/// - All tasks wait, and the next timer ends after the limit.
/// - The tasks wake each other 200,000 times while the clock stands still.
pub fn run<F: Future>(test: impl FnOnce(Network) -> F) -> F::Output {
    run_with_limit(DEFAULT_LIMIT, test)
}

/// Runs a test as [`run`] does, until the network's clock would advance beyond `limit`.
///
/// A program that retries for ever would otherwise never end.
///
/// ```no_run
/// use samesocket::testing;
/// use std::time::Duration;
///
/// // Panics: the test did not end within 60s of the network's clock.
/// testing::run_with_limit(Duration::from_secs(60), |network| async move {
///     while network.connect("ws://example.com").await.is_err() {}
/// });
/// ```
///
/// # Panics
///
/// Panics as [`run`] does. The message says what was pending.
pub fn run_with_limit<F: Future>(limit: Duration, test: impl FnOnce(Network) -> F) -> F::Output {
    let network = Network::new();
    let _running = RunningTest::new(network.test_tasks());
    // Declared before the test and its tasks, so that it is dropped after them.
    let _left = LeftTasks(&network);
    let woken = Arc::new(WokenFlag::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let mut test = pin!(test(network.clone()));
    let mut tasks: Vec<BoxFuture<()>> = Vec::new();
    let mut rounds = 0;
    loop {
        woken.0.store(false, Ordering::Release);
        if let Poll::Ready(output) = test.as_mut().poll(&mut context) {
            return output;
        }
        tasks.extend(network.take_spawned());
        tasks.retain_mut(|task| task.as_mut().poll(&mut context).is_pending());
        rounds += 1;
        // Asked before the flag is read, which is set before a read of a file ends.
        let is_reading = is_reading_files();
        if woken.0.load(Ordering::Acquire) || network.has_spawned() {
            let problem = "the tasks wake each other without an end, and the clock stands still";
            assert!(rounds < MAX_ROUNDS, "{problem}: {}", Pending(&network, tasks.len()));
        } else if is_reading {
            // The end of the read unparks this thread.
            thread::park();
        } else if network.clock().advance_to_next(limit) {
            rounds = 0;
        } else if network.clock().has_timer() {
            let pending = Pending(&network, tasks.len());
            panic!("the test did not end within {limit:?} of the network's clock (see `run_with_limit`): {pending}");
        } else {
            panic!("deadlock: the test and its tasks wait, and no timer is set: {}", Pending(&network, tasks.len()));
        }
    }
}

/// Returns whether a file is read on another thread for a blob of the current one.
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
fn is_reading_files() -> bool {
    crate::types::blob::file_reads::are_unfinished()
}

/// Returns `false`, because a page reads no files by itself.
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
const fn is_reading_files() -> bool {
    false
}

/// The limit of [`run`] on the network's clock. Arbitrary: longer than the waits of most programs.
const DEFAULT_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The most rounds without an advance of the clock. Arbitrary: they take seconds, and a unit test has fewer.
const MAX_ROUNDS: u32 = 200_000;

/// The tasks that are left when a test ends. Each may own the network, and with it the list in which it is.
struct LeftTasks<'a>(&'a Network);

impl Drop for LeftTasks<'_> {
    fn drop(&mut self) {
        // Dropping a task may spawn another one.
        while self.0.has_spawned() {
            drop(self.0.take_spawned());
        }
    }
}

/// The parts of a test that have not ended, for the message of a panic.
struct Pending<'a>(&'a Network, usize);

impl fmt::Display for Pending<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(network, tasks) = self;
        write!(f, "at {:?}, the test and {tasks} spawned tasks wait; {}", network.clock().now(), network.describe())
    }
}

/// A waker that records that it was woken.
#[derive(Default)]
struct WokenFlag(AtomicBool);

impl Wake for WokenFlag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}
