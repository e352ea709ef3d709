//! When what is sent is written, and by whom.

use std::task::{Context, Waker};
use std::time::Duration;

use crate::platform::native::catch_panic::catch_as_failure;
use crate::platform::native::driver::io::Line;
use crate::platform::native::driver::scope::Turn;
use crate::platform::native::driver::shared::Channel;

/// How many messages are sent between two arrivals of bytes: as it was the last time, it is expected to be the next.
pub(in crate::platform::native) struct Pace {
    /// Whether the driver shares the thread of who sends, so that it has no turn before that one waits.
    together: bool,
    /// The messages since bytes came.
    sent: usize,
    /// Those between the last two arrivals with any messages between them.
    before: usize,
    /// Whether the last message has made what waits worth a write, though the driver is at work.
    due: bool,
}

/// A message that is as long as this is worth a write of its own, if it is the first.
const LONG: u64 = 4 << 10;

/// More than this is masked on the socket's own thread, so that sending does not take long.
const MOST: u64 = 1 << 20;

/// More messages than this without an answer are a flood.
const FLOOD: usize = 256;

/// Of a flood, who sends it writes so much at a time.
const BATCH: u64 = 64 << 10;

impl Pace {
    pub(in crate::platform::native) const fn new(together: bool) -> Self {
        Self { together, sent: 0, before: 0, due: false }
    }

    /// Notes that a message of so many bytes is sent, and how much was queued before it and is with it.
    pub(in crate::platform::native) const fn send(&mut self, bytes: u64, before: u64, queued: u64) {
        self.sent += 1;
        self.due = if self.is_flood() { queued / BATCH > before / BATCH } else { self.together && bytes >= LONG };
    }

    /// Notes that bytes came.
    pub(in crate::platform::native) const fn arrive(&mut self) {
        if self.sent > 0 {
            (self.before, self.sent) = (self.sent, 0);
        }
    }

    /// Whether much is sent and nothing comes back.
    const fn is_flood(&self) -> bool {
        self.sent > FLOOD
    }

    /// Whether what waits, which is so many bytes, had better be written at once than together with what is sent after it,
    /// if the driver sleeps.
    ///
    /// Who asks and waits for the answer gains the time and the cost of waking the driver; who sends much at once gains by
    /// the driver's long writes, and if it is long, by a peer that has something to do meanwhile.
    const fn is_urgent(&self, bytes: u64) -> bool {
        bytes <= MOST && self.sent <= 1 && (self.before <= 1 || bytes >= LONG)
    }

    /// Whether what waits, which is so many bytes, had better be written by who sends though the driver is at work.
    ///
    /// What makes up a flood would wait, and take memory, until the driver has a turn, or keep it busy with every few
    /// messages. Without one, a driver on another thread reads and writes while the next message is made; one on the same
    /// thread would let the peer wait.
    const fn is_due(&self, bytes: u64) -> bool {
        bytes <= MOST && self.due
    }
}

impl Channel {
    /// Whether something has to be done at once for what was sent.
    pub(in crate::platform::native) fn has_to_transmit(&self) -> bool {
        (!self.awake || self.pace.due) && !self.is_stalled()
    }

    /// Whether who sends goes on and on, and the stream takes it.
    pub(in crate::platform::native) fn is_flooded(&self) -> bool {
        self.pace.is_flood() && !self.is_stalled()
    }

    /// Whether the stream takes nothing more for now; it wakes the driver by itself when it does.
    fn is_stalled(&self) -> bool {
        self.line.as_ref().is_some_and(Line::is_stalled)
    }

    /// Whether what waits had better be written by who sends.
    fn is_senders_to_write(&self) -> bool {
        let bytes = self.wire.buffered_amount();
        let due = self.pace.is_due(bytes);
        // A sleeping driver is woken where somebody waits to be told, or memory has to be given back later.
        let may = if self.awake { due } else { (due || self.pace.is_urgent(bytes)) && !self.watched && self.busy };
        // A callback sees no bufferedAmount fall by what it does.
        may && self.outbox.is_empty() && !Turn::is_taken()
    }

    /// Writes what waits, if that is the sender's to do; whether the driver need not be woken for it.
    pub(in crate::platform::native) fn transmit(&mut self, now: Duration) -> bool {
        if self.is_senders_to_write()
            && let Some(mut line) = self.line.take()
        {
            let waker = std::mem::replace(&mut self.waker, Waker::noop().clone());
            let written = catch_as_failure(|| line.write_all(&mut Context::from_waker(&waker), self, now));
            (self.line, self.waker) = (Some(line), waker);
            match written {
                Ok(true) => {
                    // A driver at work looks once more, since somebody may wait to be told.
                    self.touched = self.awake;
                    return true;
                }
                Ok(false) => {}
                // Payloads are dropped as they are masked, and may be a user's.
                Err(failure) => {
                    self.wire.write_failed();
                    drop(self.lose(failure));
                }
            }
        }
        std::mem::replace(&mut self.awake, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use samesocket_protocol::MESSAGE_OVERHEAD;

    /// Which of so many messages, each of which finds the queue empty, are urgent.
    fn send(pace: &mut Pace, messages: usize, bytes: u64) -> Vec<bool> {
        (0..messages)
            .map(|_| {
                pace.send(bytes, 0, bytes + MESSAGE_OVERHEAD);
                pace.is_urgent(bytes)
            })
            .collect()
    }

    #[test]
    fn a_message_is_urgent_while_each_is_answered_before_the_next() {
        let mut pace = Pace::new(false);
        for _ in 0..3 {
            assert_eq!(send(&mut pace, 1, 64), [true]);
            pace.arrive();
            pace.arrive();
        }
        assert_eq!(send(&mut pace, 3, 64), [true, false, false]);
        pace.arrive();
        assert_eq!(send(&mut pace, 1, 64), [false]);
        pace.arrive();
        assert_eq!(send(&mut pace, 1, 64), [true]);
    }

    #[test]
    fn a_long_message_is_urgent_if_it_is_the_first_and_not_too_long() {
        let mut pace = Pace::new(false);
        for _ in 0..2 {
            assert_eq!(send(&mut pace, 3, LONG), [true, false, false]);
            pace.arrive();
        }
        assert_eq!(send(&mut pace, 1, MOST + 1), [false]);
    }

    /// Sends so many messages that are not written unless they are due; how much waits where they are.
    fn flood(pace: &mut Pace, messages: usize, bytes: u64) -> Vec<u64> {
        let mut queued = 0;
        let mut written = Vec::new();
        for _ in 0..messages {
            let before = queued;
            queued += bytes + MESSAGE_OVERHEAD;
            pace.send(bytes, before, queued);
            if pace.is_due(queued) {
                written.push(std::mem::take(&mut queued));
            }
        }
        written
    }

    #[test]
    fn of_a_flood_a_batch_at_a_time_is_due_until_something_comes() {
        for together in [false, true] {
            let mut pace = Pace::new(together);
            let each = 48 + MESSAGE_OVERHEAD;
            let batch = usize::try_from(BATCH / each).unwrap();
            assert_eq!(flood(&mut pace, FLOOD, 48), []);
            assert_eq!(flood(&mut pace, 3 * batch, 48), [BATCH; 3]);
            assert_eq!(flood(&mut pace, batch, 0), [], "empty messages count for what is kept with them");
            pace.arrive();
            assert_eq!(flood(&mut pace, FLOOD, 48), []);
        }
    }

    #[test]
    fn a_long_message_is_due_by_itself_where_the_driver_has_no_turn() {
        let each = LONG + MESSAGE_OVERHEAD;
        assert_eq!(flood(&mut Pace::new(true), 3, LONG), [each; 3]);
        assert_eq!(flood(&mut Pace::new(true), 3, LONG - 1), []);
        assert_eq!(flood(&mut Pace::new(true), 1, MOST + 1), []);
        assert_eq!(flood(&mut Pace::new(false), 3, LONG), []);
    }
}
