//! The decision which thread writes a message: the sender's, or the driver's.
//!
//! A write by the sender saves the wake-up of the driver, which is what a request/response program waits for. Writes by the
//! driver are larger, which is what a program that sends many messages at once gains from. The policy looks at how many
//! messages were sent between the last two reads, and expects the same for the next.
//!
//! A driver on the sender's thread runs only once the sender waits. Meanwhile the sender writes what has waited for long.
//!
//! It is plain data, except that it reads the clock: [`WritePolicy::decide`] maps a [`Snapshot`] of the connection to a [`Decision`].

use std::time::{Duration, Instant};

/// A message of this length is worth a write of its own if it is the first one since the last read. If the driver shares the
/// sender's thread, later ones are worth a write as well, because the driver does not run before the sender waits. Each of
/// these writes has at least twice as many bytes as the one before, up to [`BATCH`]: the server can begin early, and is not
/// woken for each message.
///
/// Arbitrary: one page. Measured for a shared thread: without these writes, job `send16k` takes 2.5 times the CPU in the median
/// of eight rounds, with bounds of 0.8 and 4.1. If they do not grow, `ascii16k` takes 1.21 times the CPU and the time
/// (November 2026).
const LONG_MESSAGE: u64 = 4 << 10;

/// The sender does not begin to write more than this, and stops once it has written as much, so that `send` does not take long.
/// Other senders may queue more meanwhile.
///
/// Arbitrary.
pub(super) const MAX_SENDER_WRITE: usize = 1 << 20;

/// More messages than this without a read in between are a flood.
///
/// Arbitrary: more than a request/response program has under way.
const FLOOD_THRESHOLD: usize = 256;

/// The bytes that are enough for a write. During a flood the sender writes each time when this many were queued.
///
/// Measured: job `send64` takes 1.19 times the CPU with 64 KiB, and 1.07 times with 128 KiB (November 2026), because of more
/// writes.
const BATCH: u64 = 256 << 10;

/// The time after which the sender writes what waits, if the driver shares its thread and did no round. Arbitrary: longer than a
/// burst of messages, and shorter than a person notices.
const MAX_WAIT: Duration = Duration::from_millis(1);

/// While many messages wait, the clock is read for one of this many, because that costs as much as to send. Arbitrary.
const MAX_INTERVAL: u32 = 32;

/// The pattern of sends and reads of one connection.
pub(super) struct WritePolicy {
    /// Whether the driver shares the sender's thread, so that it runs only once the sender waits.
    shares_thread: bool,
    /// The messages sent since the last read.
    sent_since_read: usize,
    /// The messages sent between the two last reads that had any between them.
    sent_before_read: usize,
    /// Whether the message sent last makes a write worthwhile even while the driver runs.
    flush_due: bool,
    /// The queued bytes with which a long message is worth a write if the driver shares the sender's thread.
    next_write: u64,
    /// The messages until the clock is read again.
    until_clock: u32,
    /// The messages between the last two readings of the clock. It doubles each time. Zero before the first one.
    interval: u32,
    /// The time of the first message since the driver's last round, or a sender's last write.
    waiting_since: Option<Instant>,
}

/// The facts about a connection that a decision depends on.
pub(super) struct Snapshot {
    /// The payload bytes that wait to be written.
    pub(super) pending: u64,
    /// Whether the driver is parked. If it is, a write by the sender saves its wake-up.
    pub(super) driver_is_parked: bool,
    /// Whether the driver has something to do after the write: to notify a waiter for bufferedAmount.
    pub(super) driver_is_needed: bool,
    /// Whether the sender runs within a driver's poll on this thread: a callback must not see bufferedAmount fall.
    pub(super) in_callback: bool,
}

/// The sender's next step after a message was queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It writes the pending bytes itself.
    Write,
    /// It leaves them to the driver, which it wakes if that is parked.
    Wake,
}

impl WritePolicy {
    pub(super) const fn new(shares_thread: bool) -> Self {
        Self {
            shares_thread,
            sent_since_read: 0,
            sent_before_read: 0,
            flush_due: false,
            next_write: 0,
            until_clock: 1,
            interval: 0,
            waiting_since: None,
        }
    }

    /// Records that a message of `bytes` was sent, and the queued bytes before and after it.
    pub(super) const fn on_send(&mut self, bytes: u64, queued_before: u64, queued_after: u64) {
        self.sent_since_read += 1;
        self.flush_due = if self.is_flooded() {
            queued_after / BATCH > queued_before / BATCH
        } else {
            self.shares_thread && bytes >= LONG_MESSAGE && queued_after >= self.next_write
        };
        if self.flush_due {
            self.next_write = if queued_after > BATCH / 2 { BATCH } else { 2 * queued_after };
        }
    }

    /// Records that the driver has not run since it was woken for an earlier message. The message that was sent last makes a write
    /// worthwhile if the first one has waited for long.
    #[inline]
    pub(super) fn on_driver_late(&mut self) {
        self.until_clock -= 1;
        if self.until_clock == 0 {
            self.read_clock();
        }
    }

    #[cold]
    #[inline(never)]
    fn read_clock(&mut self) {
        self.end_interval(Instant::now());
    }

    fn end_interval(&mut self, now: Instant) {
        if !self.shares_thread {
            self.until_clock = u32::MAX;
            return;
        }
        let since = *self.waiting_since.get_or_insert(now);
        self.flush_due |= now.saturating_duration_since(since) >= MAX_WAIT;
        self.interval = (2 * self.interval).clamp(1, MAX_INTERVAL);
        self.until_clock = self.interval;
    }

    /// Records that the driver begins a round, or that a sender writes what waits.
    pub(super) const fn on_round(&mut self) {
        (self.until_clock, self.interval, self.waiting_since) = (1, 0, None);
    }

    /// Records that bytes were read.
    pub(super) const fn on_read(&mut self) {
        if self.sent_since_read > 0 {
            (self.sent_before_read, self.sent_since_read) = (self.sent_since_read, 0);
            self.next_write = 0;
        }
    }

    /// Returns whether the last message makes a write worthwhile even while the driver runs.
    pub(super) const fn is_flush_due(&self) -> bool {
        self.flush_due
    }

    /// Decides who writes the pending bytes.
    pub(super) const fn decide(&self, snapshot: &Snapshot) -> Decision {
        let Snapshot { pending, driver_is_parked, driver_is_needed, in_callback } = *snapshot;
        let worthwhile = self.flush_due || driver_is_parked && self.is_request(pending);
        let blocked = in_callback || driver_is_parked && driver_is_needed;
        if worthwhile && !blocked && pending <= MAX_SENDER_WRITE as u64 { Decision::Write } else { Decision::Wake }
    }

    /// Returns whether many messages were sent without a read in between.
    pub(super) const fn is_flooded(&self) -> bool {
        self.sent_since_read > FLOOD_THRESHOLD
    }

    /// Returns whether the pending bytes look like a request whose response is awaited, or like a long message whose server
    /// can begin to work on it.
    const fn is_request(&self, pending: u64) -> bool {
        self.sent_since_read <= 1 && (self.sent_before_read <= 1 || pending >= LONG_MESSAGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes that a framed message counts in the queue beside its payload.
    const PART_OVERHEAD: u64 = 16;

    const PARKED: Snapshot =
        Snapshot { pending: 0, driver_is_parked: true, driver_is_needed: false, in_callback: false };

    fn writes(policy: &WritePolicy, snapshot: &Snapshot) -> bool {
        policy.decide(snapshot) == Decision::Write
    }

    /// Sends messages that each find the queue empty and the driver parked; returns which of them the sender writes.
    fn send(policy: &mut WritePolicy, messages: usize, bytes: u64) -> Vec<bool> {
        (0..messages)
            .map(|_| {
                policy.on_send(bytes, 0, bytes + PART_OVERHEAD);
                writes(policy, &Snapshot { pending: bytes, ..PARKED })
            })
            .collect()
    }

    #[test]
    fn a_request_is_written_by_its_sender() {
        let mut policy = WritePolicy::new(false);
        for _ in 0..3 {
            assert_eq!(send(&mut policy, 1, 64), [true]);
            policy.on_read();
            policy.on_read();
        }
        assert_eq!(send(&mut policy, 3, 64), [true, false, false]);
        policy.on_read();
        assert_eq!(send(&mut policy, 1, 64), [false]);
        policy.on_read();
        assert_eq!(send(&mut policy, 1, 64), [true]);
    }

    #[test]
    fn a_long_first_message_is_written_by_its_sender_up_to_a_limit() {
        let mut policy = WritePolicy::new(false);
        for _ in 0..2 {
            assert_eq!(send(&mut policy, 3, LONG_MESSAGE), [true, false, false]);
            policy.on_read();
        }
        assert_eq!(send(&mut policy, 1, MAX_SENDER_WRITE as u64 + 1), [false]);
    }

    #[test]
    fn nothing_is_written_by_the_sender_in_a_callback_or_if_the_driver_is_needed() {
        let mut policy = WritePolicy::new(false);
        policy.on_send(64, 0, 64);
        assert!(writes(&policy, &PARKED));
        assert!(!writes(&policy, &Snapshot { in_callback: true, ..PARKED }));
        assert!(!writes(&policy, &Snapshot { driver_is_needed: true, ..PARKED }));
        assert!(!writes(&policy, &Snapshot { driver_is_parked: false, ..PARKED }));
    }

    const NOTHING: [u64; 0] = [];

    /// Sends messages while the driver runs; returns the bytes that the sender writes each time.
    fn flood(policy: &mut WritePolicy, messages: usize, bytes: u64) -> Vec<u64> {
        let mut queued = 0;
        let mut written = Vec::new();
        for _ in 0..messages {
            let before = queued;
            queued += bytes + PART_OVERHEAD;
            policy.on_send(bytes, before, queued);
            if writes(policy, &Snapshot { pending: queued, driver_is_parked: false, ..PARKED }) {
                written.push(std::mem::take(&mut queued));
            }
        }
        written
    }

    #[test]
    fn a_flood_is_written_in_batches_until_the_next_read() {
        for shares_thread in [false, true] {
            let mut policy = WritePolicy::new(shares_thread);
            let each = 48 + PART_OVERHEAD;
            let batch = usize::try_from(BATCH / each).unwrap();
            assert_eq!(flood(&mut policy, FLOOD_THRESHOLD, 48), NOTHING);
            assert_eq!(flood(&mut policy, 3 * batch, 48), [BATCH; 3]);
            assert_eq!(flood(&mut policy, batch, 0), NOTHING, "empty messages count for what is kept with them");
            policy.on_read();
            assert_eq!(flood(&mut policy, FLOOD_THRESHOLD, 48), NOTHING);
        }
    }

    #[test]
    fn writes_of_long_messages_grow_if_the_driver_shares_the_thread() {
        let each = LONG_MESSAGE + PART_OVERHEAD;
        let mut policy = WritePolicy::new(true);
        for _ in 0..2 {
            let batch = BATCH.div_ceil(each);
            let sizes = [1, 2, 4, 8, 16, 32, batch, batch];
            let messages = usize::try_from(sizes.iter().sum::<u64>()).unwrap();
            assert_eq!(flood(&mut policy, messages, LONG_MESSAGE), sizes.map(|count| count * each));
            // After a read the next message may be an answer.
            policy.on_read();
        }
        assert_eq!(flood(&mut WritePolicy::new(true), 3, LONG_MESSAGE - 1), NOTHING);
        assert_eq!(flood(&mut WritePolicy::new(true), 1, MAX_SENDER_WRITE as u64 + 1), NOTHING);
        assert_eq!(flood(&mut WritePolicy::new(false), 3, LONG_MESSAGE), NOTHING);
    }

    /// Sends a message each time that `step` has passed while the driver does not run; returns the times of the writes, and how often
    /// the clock is read.
    fn write_late(policy: &mut WritePolicy, messages: u32, step: Duration) -> (Vec<Duration>, usize) {
        let (start, mut written, mut clock) = (Instant::now(), Vec::new(), 0);
        for time in (0..messages).map(|message| message * step) {
            policy.on_send(64, 0, 0);
            if policy.until_clock == 1 {
                clock += 1;
                policy.end_interval(start + time);
            } else {
                policy.on_driver_late();
            }
            if policy.is_flush_due() {
                policy.on_round();
                written.push(time);
            }
        }
        (written, clock)
    }

    #[test]
    fn the_sender_writes_what_waits_for_a_driver_on_its_thread() {
        let ms = Duration::from_millis;
        let mut policy = WritePolicy::new(true);
        assert_eq!(write_late(&mut policy, 6, ms(5)), (vec![ms(5), ms(15), ms(25)], 6));
        policy.on_round();
        // A burst, of which the clock is read for a few messages.
        assert_eq!(write_late(&mut policy, 1_000, Duration::from_nanos(100)), (vec![], 6 + 30));
        assert_eq!(write_late(&mut WritePolicy::new(false), 6, ms(5)), (vec![], 1));
    }
}
