//! The capacity of a queue: a number of messages and a number of payload bytes.

/// A number of messages and the sum of their payload bytes: an amount in use, a limit, or the free capacity.
///
/// A queue accepts a message while neither number is used up. One message of any size fits while any capacity is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capacity {
    pub(crate) messages: usize,
    pub(crate) bytes: u64,
}

impl Capacity {
    /// No messages and no bytes.
    pub(crate) const NONE: Self = Self { messages: 0, bytes: 0 };

    /// The largest value of both numbers.
    pub(crate) const UNLIMITED: Self = Self { messages: usize::MAX, bytes: u64::MAX };

    /// Adds to both numbers. The sums saturate.
    pub(crate) const fn add(&mut self, messages: usize, bytes: u64) {
        self.messages = self.messages.saturating_add(messages);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Subtracts from both numbers. The differences saturate at zero.
    pub(crate) const fn remove(&mut self, messages: usize, bytes: u64) {
        self.messages = self.messages.saturating_sub(messages);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Returns the difference of both numbers: the free capacity, if this is a limit and `used` is in use.
    pub(crate) const fn minus(mut self, used: Self) -> Self {
        self.remove(used.messages, used.bytes);
        self
    }

    /// Returns the minimum of each number.
    pub(crate) fn min(self, other: Self) -> Self {
        Self { messages: self.messages.min(other.messages), bytes: self.bytes.min(other.bytes) }
    }

    /// Returns whether one of the numbers is zero, so that no message fits.
    pub(crate) const fn is_none(self) -> bool {
        self.messages == 0 || self.bytes == 0
    }
}
