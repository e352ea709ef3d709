//! Running a test on a network of its own.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::Network;

/// Runs a test to its end on the present thread, with what it [spawns](Network::spawn), on a network of its own.
///
/// Whenever nothing can go on, the clock is put forward to its next timer. The order in which things run is the same each
/// time.
///
/// # Panics
///
/// When the test and what it spawned wait for each other, so that no timer is left that could end it.
pub fn run<F: Future>(test: impl FnOnce(Network) -> F) -> F::Output {
    let network = Network::new();
    let woken = Arc::new(Woken::default());
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
        let goes_on =
            woken.0.load(Ordering::Acquire) || network.has_spawned() || network.clock().advance_to_next(Duration::MAX);
        assert!(goes_on, "the test waits for what never comes: no timer is set");
    }
}

/// Whether anything can go on.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}
