//! The wait before the next attempt.

use std::time::Duration;

/// An exponential backoff with jitter.
///
/// The wait before an attempt grows by `factor` with each failure, up to `longest`. A random part of each wait is left out,
/// so that many clients do not reconnect at the same moment. Waits are whole milliseconds. The defaults are arbitrary.
///
/// ```
/// use samesocket::reconnect::Backoff;
/// use std::time::Duration;
///
/// let backoff = Backoff { longest: Duration::from_secs(10), ..Backoff::default() };
/// assert_eq!(backoff.first, Duration::from_millis(500));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// The wait after the first failure. The default is half a second.
    pub first: Duration,
    /// The longest wait. The default is half a minute.
    pub longest: Duration,
    /// The factor by which each wait grows. The default is 2; a value below 1 counts as 1.
    pub factor: f64,
    /// The largest part of a wait that is left out, from 0 to 1. The default is 0.5.
    pub jitter: f64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(500), longest: Duration::from_secs(30), factor: 2.0, jitter: 0.5 }
    }
}

impl Backoff {
    /// Returns the wait after `failures`, which is at least 1. `random` is from 0 to 1.
    pub(super) fn wait(&self, failures: u32, random: f64) -> Duration {
        let factor = if self.factor >= 1.0 { self.factor } else { 1.0 };
        let exponent = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        let longest = milliseconds(self.longest);
        // The comparison is false for NaN, which infinity times zero produces, so that NaN becomes the longest wait.
        let grown = milliseconds(self.first) * factor.powi(exponent);
        let whole = if grown < longest { grown } else { longest };
        let jitter = if self.jitter >= 0.0 { self.jitter.min(1.0) } else { 0.0 };
        // Code size: a conversion from seconds would round to nanoseconds. This one rounds to milliseconds, and saturates.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let wait = (whole * (1.0 - jitter * random) + 0.5) as u64;
        Duration::from_millis(wait).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[crate::test]
    fn waits_double_up_to_the_longest() {
        let backoff = Backoff::default();
        let waits: Vec<_> = (1..=8).map(|failures| backoff.wait(failures, 0.0).as_millis()).collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
        assert_eq!(backoff.wait(u32::MAX, 0.0), backoff.longest);
    }

    #[crate::test]
    fn jitter_shortens_a_wait_by_its_part_at_most() {
        let backoff = Backoff::default();
        assert_eq!(backoff.wait(2, 1.0).as_millis(), 500);
        assert_eq!(backoff.wait(2, 0.5).as_millis(), 750);
    }

    #[crate::test]
    fn extreme_numbers_neither_panic_nor_exceed_the_longest_wait() {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.0, 1e300] {
            for first in [Duration::ZERO, Duration::MAX] {
                let backoff = Backoff { factor: number, jitter: number, first, ..Backoff::default() };
                for failures in [0, 1, 7, u32::MAX] {
                    assert!(backoff.wait(failures, 0.3) <= backoff.longest, "{number} {failures}");
                }
            }
        }
    }
}
