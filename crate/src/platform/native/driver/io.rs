//! The stream of a socket, which its driver reads and writes, and at times who sends writes.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::task::coop::{has_budget_remaining, unconstrained};

use crate::platform::native::dial::io_stream::IoStream;
use crate::platform::native::driver::io_access::Reach;
use crate::platform::native::driver::shared::Channel;
use crate::platform::native::failure::Failure;
use samesocket_protocol::StreamAction;

/// The stream, and what is known of its two directions.
#[expect(clippy::struct_excessive_bools, reason = "each direction has its own")]
pub(in crate::platform::native) struct Line {
    pub(in crate::platform::native) stream: Box<dyn IoStream>,
    /// Whether the stream may hold bytes that it has taken and not passed on.
    unflushed: bool,
    /// Whether it took less than all there was; it wakes the driver once it takes more.
    stalled: bool,
    /// Whether our direction is shut, or broken.
    shut: bool,
    /// Whether the other one is.
    ended: bool,
    /// Whether it may be written to from any thread: it is a stream of ours.
    ours: bool,
}

impl Line {
    pub(in crate::platform::native) fn new(stream: Box<dyn IoStream>, ours: bool) -> Self {
        Self { stream, unflushed: false, stalled: false, shut: false, ended: false, ours }
    }

    /// Whether nothing of a user's runs when it is polled.
    pub(in crate::platform::native) const fn is_ours(&self) -> bool {
        self.ours
    }

    /// Whether it takes nothing more for now.
    pub(in crate::platform::native) const fn is_stalled(&self) -> bool {
        self.stalled
    }

    /// Moves bytes both ways, as far as the stream goes along at once; whether any were moved.
    pub(in crate::platform::native) fn exchange(
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
        self.stalled = false;
        for _ in 0..R::WRITES {
            let Some(written) = channel.poll_write(&mut self.stream, context) else { break };
            match written {
                Poll::Pending => {
                    self.stalled = true;
                    return moved;
                }
                Poll::Ready(Ok(count @ 1..)) => channel.with(|channel| channel.wire.advance_written(count, now)),
                Poll::Ready(Ok(0)) => return self.give_up_writing(channel, None),
                Poll::Ready(Err(error)) => return self.give_up_writing(channel, Some(error)),
            }
            self.unflushed = true;
            moved = true;
        }
        if self.unflushed {
            match Pin::new(&mut self.stream).poll_flush(context) {
                Poll::Pending => {
                    channel.with(|channel| channel.wire.set_unflushed(true));
                    return moved;
                }
                Poll::Ready(Ok(())) => {
                    self.unflushed = false;
                    moved |= channel.with(|channel| channel.wire.set_unflushed(false));
                }
                Poll::Ready(Err(error)) => return self.give_up_writing(channel, Some(error)),
            }
        }
        if channel.with(|channel| channel.wire.stream_action()) == StreamAction::HalfClose {
            // Nothing follows, so it does not matter what becomes of it.
            self.shut = Pin::new(&mut self.stream).poll_shutdown(context).is_ready();
        }
        moved
    }

    /// Writes all there is, on the thread of who sends it; whether nothing is left for the driver.
    ///
    /// Where the stream takes less, it wakes the driver once it takes more.
    pub(in crate::platform::native) fn write_all(
        &mut self,
        context: &mut Context<'_>,
        channel: &mut Channel,
        now: Duration,
    ) -> bool {
        if !self.ours || self.shut || channel.wire.stream_action() != StreamAction::Keep {
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
            channel.wire.write_failed();
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
