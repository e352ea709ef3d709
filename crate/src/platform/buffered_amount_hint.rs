//! An upper bound of bufferedAmount that is read without a lock.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A number of payload bytes that is never less than the bytes that the platform has queued.
///
/// Readers need no lock. The accesses are relaxed because the value is a hint: a stale one costs a sender a closer look.
#[derive(Default)]
pub(crate) struct BufferedAmountHint(AtomicUsize);

impl BufferedAmountHint {
    /// Returns the upper bound, or `u64::MAX` if none is known.
    pub(crate) fn upper_bound(&self) -> u64 {
        let bytes = self.0.load(Ordering::Relaxed);
        if bytes == usize::MAX { u64::MAX } else { bytes as u64 }
    }

    /// Raises the upper bound by `bytes`; the caller prevents other writes, as for [`set`](Self::set).
    pub(crate) fn add(&self, bytes: u64) {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.0.store(self.0.load(Ordering::Relaxed).saturating_add(bytes), Ordering::Relaxed);
    }

    /// Sets the upper bound; the caller ensures that no message is sent at the same time.
    pub(crate) fn set(&self, bytes: u64) {
        self.0.store(usize::try_from(bytes).unwrap_or(usize::MAX), Ordering::Relaxed);
    }
}
