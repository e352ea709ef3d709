//! The updates of a component's socket, and how a plugin takes them.

use std::sync::Arc;

use samesocket::OwnedMessage;
use samesocket::reconnect::{DecodeError, TypedUpdates, Update, Updates};

/// The most updates of a socket in one frame, which ends then although the socket may receive faster. The next frame goes on. Arbitrary.
const MAX_UPDATES: usize = 4096;

/// The queue of a socket's updates.
pub(crate) trait Queue {
    type Message;

    fn try_next(&mut self) -> Option<Update<Self::Message>>;

    fn on_wake(&mut self, wake_up: impl Fn() + Send + Sync + 'static);
}

impl Queue for Updates {
    type Message = OwnedMessage;

    fn try_next(&mut self) -> Option<Update> {
        self.try_next()
    }

    fn on_wake(&mut self, wake_up: impl Fn() + Send + Sync + 'static) {
        self.on_wake(wake_up);
    }
}

impl<In: 'static, Out: 'static> Queue for TypedUpdates<In, Out> {
    type Message = Result<In, DecodeError>;

    fn try_next(&mut self) -> Option<Update<Self::Message>> {
        self.try_next()
    }

    fn on_wake(&mut self, wake_up: impl Fn() + Send + Sync + 'static) {
        self.on_wake(wake_up);
    }
}

/// The receiving half of a component.
pub(crate) struct Receiving<Q> {
    queue: Q,
    /// Whether a system of the program takes the updates, and not the plugin.
    pub(crate) is_manual: bool,
    /// A function that wakes the application.
    wake_up: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl<Q: Queue> Receiving<Q> {
    pub(crate) const fn new(queue: Q) -> Self {
        Self { queue, is_manual: false, wake_up: None }
    }

    pub(crate) fn try_next(&mut self) -> Option<Update<Q::Message>> {
        self.queue.try_next()
    }

    pub(crate) fn on_wake(&mut self, wake_up: impl Fn() + Send + Sync + 'static) {
        let wake_up = Arc::new(wake_up);
        self.wake_up = Some(Arc::clone(&wake_up) as _);
        self.queue.on_wake(move || wake_up());
    }

    /// Passes the updates of a frame to `write`, unless the program takes them itself.
    pub(crate) fn take_frame(&mut self, write: impl FnOnce(&mut dyn Iterator<Item = Update<Q::Message>>)) {
        if self.is_manual {
            return;
        }
        let mut left = MAX_UPDATES;
        write(&mut std::iter::from_fn(|| {
            left = left.checked_sub(1)?;
            self.queue.try_next()
        }));
        if left == 0
            && let Some(wake_up) = &self.wake_up
        {
            // Updates may be left, for which the queue does not wake.
            wake_up();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A queue that has so many messages.
    struct Full(usize);

    impl Queue for Full {
        type Message = ();

        fn try_next(&mut self) -> Option<Update<()>> {
            self.0 = self.0.checked_sub(1)?;
            Some(Update::Message(()))
        }

        fn on_wake(&mut self, _wake_up: impl Fn() + Send + Sync + 'static) {}
    }

    #[test]
    fn frame_with_too_many_updates_wakes_for_the_rest() {
        let wakes = Arc::new(AtomicUsize::new(0));
        let mut receiving = Receiving::new(Full(MAX_UPDATES + 3));
        let counter = Arc::clone(&wakes);
        receiving.on_wake(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        let mut frame = || {
            let mut taken = 0;
            receiving.take_frame(|updates| taken = updates.count());
            (taken, wakes.swap(0, Ordering::Relaxed))
        };
        assert_eq!([frame(), frame(), frame()], [(MAX_UPDATES, 1), (3, 0), (0, 0)]);
    }
}
