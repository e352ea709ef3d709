//! The executor of a test on a network of its own.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::Network;

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
/// # Panics
///
/// Panics if all tasks wait and no timer is left, because the test would never end.
pub fn run<F: Future>(test: impl FnOnce(Network) -> F) -> F::Output {
    let network = Network::new();
    let woken = Arc::new(WokenFlag::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let mut test = pin!(test(network.clone()));
    let mut tasks: Vec<Pin<Box<dyn Future<Output = ()>>>> = Vec::new();
    loop {
        woken.0.store(false, Ordering::Release);
        if let Poll::Ready(output) = test.as_mut().poll(&mut context) {
            return output;
        }
        tasks.extend(network.take_spawned());
        tasks.retain_mut(|task| task.as_mut().poll(&mut context).is_pending());
        let can_continue =
            woken.0.load(Ordering::Acquire) || network.has_spawned() || network.clock().advance_to_next(Duration::MAX);
        assert!(can_continue, "deadlock: the test and its tasks wait, and no timer is set");
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
