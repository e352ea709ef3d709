//! How much is queued, as far as that is known without asking.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A number of payload bytes that is no less than what a platform has queued; it may be read with nothing locked.
#[derive(Default)]
pub(crate) struct BufferedAmountHint(AtomicUsize);

impl BufferedAmountHint {
    /// The number, and the greatest one if it is not known.
    pub(crate) fn at_most(&self) -> u64 {
        let bytes = self.0.load(Ordering::Relaxed);
        if bytes == usize::MAX { u64::MAX } else { bytes as u64 }
    }

    /// Notes that as much more may be queued; as for others, see [`set`](Self::set).
    pub(crate) fn add(&self, bytes: u64) {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.0.store(self.0.load(Ordering::Relaxed).saturating_add(bytes), Ordering::Relaxed);
    }

    /// Notes what is queued now; the caller sees to it that nobody sends meanwhile.
    pub(crate) fn set(&self, bytes: u64) {
        self.0.store(usize::try_from(bytes).unwrap_or(usize::MAX), Ordering::Relaxed);
    }
}
