//! Requests for a last look at the stream, which come from deadlines outside of the driver.

use futures::channel::oneshot;

use crate::sync::catch_panic::catch_panic;

/// The futures that asked for a look. They complete when this is dropped.
#[derive(Default)]
pub(super) struct LookRequests(Vec<oneshot::Sender<()>>);

impl LookRequests {
    /// Adds a request, and returns the future that completes after the look. It also returns the requests whose futures were
    /// dropped, to be dropped outside the lock.
    pub(super) fn add(&mut self) -> (oneshot::Receiver<()>, Self) {
        let mut unused = Self::default();
        if self.0.len() == self.0.capacity() {
            // A runtime that is not driven completes no look, while futures may come and go.
            unused.0.extend(self.0.extract_if(.., |request| request.is_canceled()));
        }
        let (request, looked) = oneshot::channel();
        self.0.push(request);
        (looked, unused)
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
        let (mut kept, _) = requests.add();
        let unused: usize = (0..1000).map(|_| requests.add().1.0.len()).sum();
        assert!(requests.0.len() < 10);
        assert_eq!(unused + requests.0.len(), 1001, "none is dropped under the lock");
        assert_eq!(kept.try_recv(), Ok(None));
        drop(requests);
        assert!(kept.try_recv().is_err(), "the look is over");
    }
}
