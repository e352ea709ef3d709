//! Requests for a last look at the stream, which come from deadlines outside of the driver.

use futures::channel::oneshot;

use crate::sync::cancellable_queue::{Cancellable, CancellableQueue};
use crate::sync::catch_panic::catch_panic;

/// The futures that asked for a look. They complete when this is dropped.
#[derive(Default)]
pub(super) struct LookRequests(CancellableQueue<Request>);

struct Request(oneshot::Sender<()>);

impl Cancellable for Request {
    fn is_cancelled(&self) -> bool {
        self.0.is_canceled()
    }
}

impl LookRequests {
    /// Adds a request, and returns the future that completes after the look. It also returns the requests whose futures were
    /// dropped, to be dropped outside the lock.
    pub(super) fn add(&mut self) -> (oneshot::Receiver<()>, impl Sized + use<>) {
        let (request, looked) = oneshot::channel();
        // A runtime that is not driven completes no look, while futures may come and go.
        (looked, self.0.push(Request(request)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Drop for LookRequests {
    /// Wakes the futures. No lock may be held, because a waker may run any code.
    fn drop(&mut self) {
        for request in self.0.take_all() {
            catch_panic(|| drop(request));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancelled_requests_leave_the_list() {
        let mut requests = LookRequests::default();
        let (mut kept, _) = requests.add();
        for _ in 0..1000 {
            drop(requests.add());
        }
        assert!(requests.0.len() < 10);
        assert_eq!(kept.try_recv(), Ok(None));
        drop(requests);
        assert!(kept.try_recv().is_err(), "the look is over");
    }
}
