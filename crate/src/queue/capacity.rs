//! Capacity: a number of messages and a number of payload bytes.

/// So many messages, of so many bytes together: what is held, or may be.
///
/// There is room as long as neither number is used up, so that one message of any size has room where there is some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capacity {
    pub(crate) messages: usize,
    pub(crate) bytes: u64,
}

impl Capacity {
    pub(crate) const NONE: Self = Self { messages: 0, bytes: 0 };

    /// As much as any number tells.
    pub(crate) const UNLIMITED: Self = Self { messages: usize::MAX, bytes: u64::MAX };

    pub(crate) const fn add(&mut self, messages: usize, bytes: u64) {
        self.messages = self.messages.saturating_add(messages);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    pub(crate) const fn remove(&mut self, messages: usize, bytes: u64) {
        self.messages = self.messages.saturating_sub(messages);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// What is left of a bound when this is held.
    pub(crate) const fn left_of(self, mut bound: Self) -> Self {
        bound.remove(self.messages, self.bytes);
        bound
    }

    /// The lesser of both, number by number.
    pub(crate) fn min(self, other: Self) -> Self {
        Self { messages: self.messages.min(other.messages), bytes: self.bytes.min(other.bytes) }
    }

    pub(crate) const fn is_none(self) -> bool {
        self.messages == 0 || self.bytes == 0
    }
}
