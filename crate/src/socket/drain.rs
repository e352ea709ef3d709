//! Who waits for bufferedAmount to fall.

use std::task::Waker;

/// Those who wait, each for its mark.
#[derive(Default)]
pub(super) struct Drain {
    waiting: Vec<Waiting>,
    last_key: u64,
}

struct Waiting {
    key: u64,
    mark: u64,
    waker: Waker,
}

impl Drain {
    /// Has `waker` woken once no more than `mark` is queued; `key` is none before the first time. A waker that is
    /// replaced is given back, to be dropped when nothing is locked.
    #[must_use]
    pub(super) fn wait(&mut self, key: &mut Option<u64>, mark: u64, waker: &Waker) -> Option<Waker> {
        let key = *key.get_or_insert_with(|| {
            self.last_key += 1;
            self.last_key
        });
        let Some(known) = self.waiting.iter_mut().find(|waiting| waiting.key == key) else {
            self.waiting.push(Waiting { key, mark, waker: waker.clone() });
            return None;
        };
        known.mark = mark;
        if known.waker.will_wake(waker) { None } else { Some(std::mem::replace(&mut known.waker, waker.clone())) }
    }

    /// Takes out who waits no more, and gives the waker, to be dropped when nothing is locked.
    #[must_use]
    pub(super) fn forget(&mut self, key: u64) -> Option<Waker> {
        let place = self.waiting.iter().position(|waiting| waiting.key == key)?;
        Some(self.waiting.swap_remove(place).waker)
    }

    /// Takes out those for whom as much is little enough, in the order in which they came.
    pub(super) fn take(&mut self, amount: u64) -> Vec<Waker> {
        let waiting = std::mem::take(&mut self.waiting);
        let mut wakers = Vec::new();
        for waiting in waiting {
            if amount <= waiting.mark {
                wakers.push(waiting.waker);
            } else {
                self.waiting.push(waiting);
            }
        }
        wakers
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
