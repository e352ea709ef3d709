//! How long to wait before the next attempt.

use std::time::Duration;

/// Waits that grow: the first of them, twice as long after each further failure, and so on up to the longest; of each, a
/// random part is left out, so that many clients do not come back at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// The first wait; half a second by default.
    pub first: Duration,
    /// The longest; half a minute by default.
    pub longest: Duration,
    /// By what each wait is longer than the one before; 2 by default, and never less than 1.
    pub factor: f64,
    /// The greatest part of a wait that may be left out, from 0 to 1; half by default.
    pub jitter: f64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(500), longest: Duration::from_secs(30), factor: 2.0, jitter: 0.5 }
    }
}

impl Backoff {
    /// Gives the wait after so many failures, at least one; `chance` is from 0 to 1.
    pub(super) fn wait(&self, failures: u32, chance: f64) -> Duration {
        let factor = if self.factor >= 1.0 { self.factor } else { 1.0 };
        let exponent = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
        let longest = self.longest.as_secs_f64();
        // What is no number, an infinity times zero, is as long as can be.
        let grown = self.first.as_secs_f64() * factor.powi(exponent);
        let whole = if grown < longest { grown } else { longest };
        let jitter = if self.jitter >= 0.0 { self.jitter.min(1.0) } else { 0.0 };
        Duration::try_from_secs_f64(whole * (1.0 - jitter * chance)).unwrap_or(self.longest)
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
    fn jitter_leaves_out_at_most_its_part() {
        let backoff = Backoff::default();
        assert_eq!(backoff.wait(2, 1.0).as_millis(), 500);
        assert_eq!(backoff.wait(2, 0.5).as_millis(), 750);
    }

    #[crate::test]
    fn no_number_makes_it_panic_or_wait_beyond_the_longest() {
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
