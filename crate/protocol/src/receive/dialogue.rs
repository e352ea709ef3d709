//! Whether long messages are answered as they come.

/// The bytes of long messages between two decisions. Arbitrary: sixteen of the shortest messages that count as long.
const DECISION: u32 = 256 << 10;

/// The bytes that were received and written lately, and whether this was a dialogue of long messages.
///
/// In a dialogue the peer waits for answers. If all that it has sent is read at once, it has nothing to do until the last part is
/// answered, and both sides wait for each other in turn. So the connection reads less at a time.
#[derive(Debug, Default)]
pub(super) struct Dialogue {
    /// The bytes of long messages that were received, with their headers.
    long: u32,
    /// The bytes that were written.
    written: u32,
    /// Whether at least half of the long messages were answered when this was decided last.
    is_answered: bool,
}

impl Dialogue {
    /// Returns whether most of the long messages are answered.
    pub(super) const fn is_dialogue(&self) -> bool {
        self.is_answered
    }

    /// Records bytes that were written to the stream.
    #[inline]
    pub(super) fn on_written(&mut self, bytes: usize) {
        add(&mut self.written, bytes);
    }

    /// Records a long message, or a long part of one, that was received.
    #[inline]
    pub(super) fn on_long_message(&mut self, bytes: usize) {
        add(&mut self.long, bytes);
        if self.long >= DECISION {
            *self = Self { is_answered: self.written >= self.long / 2, ..Self::default() };
        }
    }
}

/// Adds to a number of bytes, up to its maximum.
#[inline]
fn add(sum: &mut u32, bytes: usize) {
    *sum = sum.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Receives eight messages for a decision, of which some are answered; returns the decision.
    fn decide(dialogue: &mut Dialogue, answered: usize) -> bool {
        let before = dialogue.is_dialogue();
        for message in 0..8 {
            assert_eq!(dialogue.is_dialogue(), before);
            if message < answered {
                dialogue.on_written(32 << 10);
            }
            dialogue.on_long_message(32 << 10);
        }
        dialogue.is_dialogue()
    }

    #[test]
    fn long_messages_that_are_answered_are_a_dialogue() {
        let mut dialogue = Dialogue::default();
        assert_eq!(
            [0, 3, 4, 8, 4, 3].map(|answered| decide(&mut dialogue, answered)),
            [false, false, true, true, true, false]
        );
    }

    #[test]
    fn earlier_upload_counts_once() {
        let mut dialogue = Dialogue::default();
        dialogue.on_written(usize::MAX);
        dialogue.on_written(1);
        assert_eq!([0, 0].map(|answered| decide(&mut dialogue, answered)), [true, false]);
    }
}
