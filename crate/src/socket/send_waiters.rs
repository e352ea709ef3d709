//! Who waits for bufferedAmount to fall.

use std::task::Waker;

/// Those who wait, each for its mark, in the order in which they came: so they are woken, and nobody is passed over for ever.
#[derive(Default)]
pub(super) struct SendWaiters {
    waiting: Vec<Waiting>,
    last_key: u64,
}

struct Waiting {
    key: u64,
    mark: u64,
    /// None, once it was woken and until it waits again or leaves.
    waker: Option<Waker>,
}

impl SendWaiters {
    /// Has `waker` woken once no more than `mark` is queued; `key` is none before the first time. A waker that is
    /// replaced is given back, to be dropped when nothing is locked.
    #[must_use]
    pub(super) fn wait(&mut self, key: &mut Option<u64>, mark: u64, waker: &Waker) -> Option<Waker> {
        let key = *key.get_or_insert_with(|| {
            self.last_key += 1;
            self.last_key
        });
        let Some(known) = self.waiting.iter_mut().find(|waiting| waiting.key == key) else {
            self.waiting.push(Waiting { key, mark, waker: Some(waker.clone()) });
            return None;
        };
        known.mark = mark;
        known.waker.replace(waker.clone())
    }

    /// Takes out who waits no more, and gives the waker, to be dropped when nothing is locked.
    #[must_use]
    pub(super) fn forget(&mut self, key: u64) -> Option<Waker> {
        let place = self.waiting.iter().position(|waiting| waiting.key == key)?;
        self.waiting.remove(place).waker
    }

    /// Gives the wakers of those for whom as much is little enough, and whether anybody else waits.
    pub(super) fn take(&mut self, amount: u64) -> (Vec<Waker>, bool) {
        let (mut wakers, mut others) = (Vec::new(), false);
        for Waiting { mark, waker, .. } in &mut self.waiting {
            if amount > *mark {
                others |= waker.is_some();
            } else if let Some(waker) = waker.take() {
                wakers.push(waker);
            }
        }
        (wakers, others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::task::ArcWake;
    use std::sync::{Arc, Mutex};

    /// Notes its number where it is woken.
    struct Numbered(u32, Arc<Mutex<Vec<u32>>>);

    impl ArcWake for Numbered {
        fn wake_by_ref(this: &Arc<Self>) {
            this.1.lock().unwrap().push(this.0);
        }
    }

    #[test]
    fn who_waits_is_woken_in_the_order_of_coming_whoever_leaves() {
        let woken = Arc::default();
        let waker = |number| futures::task::waker(Arc::new(Numbered(number, Arc::clone(&woken))));
        let (mut drain, mut keys) = (SendWaiters::default(), [None; 4]);
        for (number, key) in (0..).zip(&mut keys) {
            assert!(drain.wait(key, 10, &waker(number)).is_none());
        }
        assert!(drain.forget(keys[0].unwrap()).is_some());
        let (wakers, others) = drain.take(10);
        wakers.into_iter().for_each(Waker::wake);
        assert_eq!((&woken.lock().unwrap()[..], others), (&[1, 2, 3][..], false));
    }
}
