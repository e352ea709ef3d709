//! Chance that can be had again.

use std::hash::{BuildHasher, RandomState};
use std::ops::RangeInclusive;

/// A generator of numbers, the same for the same seed.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Starts from a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Gives a seed: that of the variable `SAMESOCKET_SEED`, else a new one.
    ///
    /// # Panics
    ///
    /// If the variable holds no number, since another run than the one that was asked for would be of no use.
    pub fn seed() -> u64 {
        match std::env::var("SAMESOCKET_SEED") {
            Ok(seed) => seed.parse().expect("SAMESOCKET_SEED is a number"),
            Err(_) => RandomState::new().hash_one(0),
        }
    }

    /// Gives 64 bits, by the generator that is known as `SplitMix64`.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Gives a number of this range.
    pub fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        let width = (range.end() - range.start()).saturating_add(1);
        range.start() + self.bits() % width
    }

    /// Gives one of these.
    ///
    /// # Panics
    ///
    /// If there are none.
    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let index = self.bits() % u64::try_from(of.len()).expect("memory is small");
        &of[usize::try_from(index).expect("it is below a usize")]
    }
}
