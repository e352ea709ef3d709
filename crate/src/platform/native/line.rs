//! The stream of a socket, which its driver reads and writes, and at times who sends writes.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::task::coop::{has_budget_remaining, unconstrained};

use super::Failure;
use super::options::Stream;
use super::reach::Reach;
use super::socket::Channel;
use crate::wire::phase::Tcp;

/// The stream, and what is known of its two directions.
#[expect(clippy::struct_excessive_bools, reason = "each direction has its own")]
pub(super) struct Line {
    pub(super) stream: Box<dyn Stream>,
    /// Whether the stream may hold bytes that it has taken and not passed on.
    unflushed: bool,
    /// Whether our direction is shut, or broken.
    shut: bool,
    /// Whether the other one is.
    ended: bool,
    /// Whether it may be written to from any thread: it is a stream of ours.
    ours: bool,
}

impl Line {
    pub(super) fn new(stream: Box<dyn Stream>, ours: bool) -> Self {
        Self { stream, unflushed: false, shut: false, ended: false, ours }
    }

    /// Whether nothing of a user's runs when it is polled.
    pub(super) const fn is_ours(&self) -> bool {
        self.ours
    }

    /// Moves bytes both ways, as far as the stream goes along at once; whether any were moved.
    pub(super) fn exchange(
        &mut self,
        context: &mut Context<'_>,
        channel: &mut impl Reach,
        read: bool,
        now: Duration,
    ) -> bool {
        let written = !self.shut && self.write(context, channel, now);
        read && !self.ended && self.read(context, channel) || written
    }

    fn write<R: Reach>(&mut self, context: &mut Context<'_>, channel: &mut R, now: Duration) -> bool {
        let mut moved = false;
        for _ in 0..R::WRITES {
            let Some(written) = channel.poll_write(&mut self.stream, context) else { break };
            match written {
                Poll::Pending => return moved,
                Poll::Ready(Ok(count @ 1..)) => channel.with(|channel| channel.wire.transmitted(count, now)),
                Poll::Ready(Ok(0)) => return self.give_up_writing(channel, None),
                Poll::Ready(Err(error)) => return self.give_up_writing(channel, Some(error)),
            }
            self.unflushed = true;
            moved = true;
        }
        if self.unflushed {
            match Pin::new(&mut self.stream).poll_flush(context) {
                Poll::Pending => {
                    channel.with(|channel| channel.wire.note_held(true));
                    return moved;
                }
                Poll::Ready(Ok(())) => {
                    self.unflushed = false;
                    moved |= channel.with(|channel| channel.wire.note_held(false));
                }
                Poll::Ready(Err(error)) => return self.give_up_writing(channel, Some(error)),
            }
        }
        if channel.with(|channel| channel.wire.tcp()) == Tcp::Linger {
            // Nothing follows, so it does not matter what becomes of it.
            self.shut = Pin::new(&mut self.stream).poll_shutdown(context).is_ready();
        }
        moved
    }

    /// Writes all there is, on the thread of who sends it and while the driver sleeps; whether nothing is left for the driver.
    ///
    /// Where the stream takes less, it wakes the driver once it takes more.
    pub(super) fn write_all(&mut self, context: &mut Context<'_>, channel: &mut Channel, now: Duration) -> bool {
        if !self.ours || self.shut || channel.wire.tcp() != Tcp::Keep {
            return false;
        }
        // The sender's task may have used up what tokio lets it do in one turn. The stream would take nothing then, and wake the
        // driver only after that turn.
        let writing = unconstrained(poll_fn(|context| {
            self.write(context, channel, now);
            Poll::Ready(())
        }));
        let _ = pin!(writing).poll(context);
        !self.shut
    }

    /// What the peer has sent before may still be read.
    fn give_up_writing(&mut self, channel: &mut impl Reach, error: Option<std::io::Error>) -> bool {
        self.shut = true;
        let known = channel.with(|channel| {
            channel.wire.transmit_failed();
            error.and_then(|error| channel.note(Failure::lost(error)))
        });
        drop(known);
        true
    }

    fn read(&mut self, context: &mut Context<'_>, channel: &mut impl Reach) -> bool {
        let Poll::Ready(read) = channel.poll_read(&mut self.stream, context) else {
            // A task that has used up its turn is told to wait, too.
            self.ended = has_budget_remaining() && channel.with(|channel| channel.discards);
            if self.ended {
                channel.with(|channel| channel.wire.receive_eof());
            }
            return self.ended;
        };
        if matches!(read, Ok(1..)) {
            channel.with(|channel| channel.pace.arrive());
            return true;
        }
        self.ended = true;
        let known = channel.with(|channel| {
            channel.wire.receive_eof();
            read.err().and_then(|error| channel.note(Failure::lost(error)))
        });
        drop(known);
        true
    }
}

/// How many messages are sent between two arrivals of bytes: as it was the last time, it is expected to be the next.
#[derive(Default)]
pub(super) struct Pace {
    /// The messages since bytes came.
    sent: usize,
    /// Those between the last two arrivals with any messages between them.
    before: usize,
}

/// A message that is as long as this is worth a write of its own, if it is the first.
const LONG: u64 = 4 << 10;

/// More than this is masked on the socket's own thread, so that sending does not take long.
const MOST: u64 = 1 << 20;

impl Pace {
    /// Notes that a message is sent.
    pub(super) const fn send(&mut self) {
        self.sent += 1;
    }

    /// Notes that bytes came.
    pub(super) const fn arrive(&mut self) {
        if self.sent > 0 {
            (self.before, self.sent) = (self.sent, 0);
        }
    }

    /// Whether what waits, which is so many bytes, had better be written at once than together with what is sent after it.
    ///
    /// Who asks and waits for the answer gains the time and the cost of waking the driver; who sends much at once gains by
    /// the driver's long writes, and if it is long, by a peer that has something to do meanwhile.
    pub(super) const fn is_urgent(&self, bytes: u64) -> bool {
        bytes <= MOST && self.sent <= 1 && (self.before <= 1 || bytes >= LONG)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of so many messages are urgent.
    fn send(pace: &mut Pace, messages: usize, bytes: u64) -> Vec<bool> {
        (0..messages)
            .map(|_| {
                pace.send();
                pace.is_urgent(bytes)
            })
            .collect()
    }

    #[test]
    fn a_message_is_urgent_while_each_is_answered_before_the_next() {
        let mut pace = Pace::default();
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
        let mut pace = Pace::default();
        for _ in 0..2 {
            assert_eq!(send(&mut pace, 3, LONG), [true, false, false]);
            pace.arrive();
        }
        assert_eq!(send(&mut pace, 1, MOST + 1), [false]);
    }
}
