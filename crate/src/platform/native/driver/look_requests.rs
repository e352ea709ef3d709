//! Requests for a last look at the stream, which come from deadlines outside of the driver.

use futures::channel::oneshot;

use crate::sync::catch_panic::catch_panic;

/// The futures that asked for a look. They complete when this is dropped.
#[derive(Default)]
pub(super) struct LookRequests(Vec<oneshot::Sender<()>>);

impl LookRequests {
    /// Adds a request, and returns the future that completes after the look.
    pub(super) fn add(&mut self) -> oneshot::Receiver<()> {
        if self.0.len() == self.0.capacity() {
            // A runtime that is not driven completes no look, while futures may come and go.
            self.0.retain(|request| !request.is_canceled());
        }
        let (request, looked) = oneshot::channel();
        self.0.push(request);
        looked
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Drop for LookRequests {
    /// Wakes the futures. No lock may be held, because a waker may run any code.
    fn drop(&mut self) {
        for request in self.0.drain(..) {
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
        let mut kept = requests.add();
        for _ in 0..1000 {
            drop(requests.add());
        }
        assert!(requests.0.len() < 10);
        assert_eq!(kept.try_recv(), Ok(None));
        drop(requests);
        assert!(kept.try_recv().is_err(), "the look is over");
    }
}
