//! Queueing messages and the Close frame, and the decision who writes them.

use std::task::{Context, Poll};
use std::time::Duration;

use super::ending::Unused;
use super::state::ConnState;
use crate::platform::SendOutcome;
use crate::platform::buffered_amount_hint::BufferedAmountHint;
use crate::platform::native::driver::file_queue;
use crate::platform::native::driver::io::StreamIo;
use crate::platform::native::driver::receive_backpressure::Delivery;
use crate::platform::native::driver::run_state::RunState;
use crate::platform::native::driver::scope::DriverScope;
use crate::platform::native::driver::spare_memory;
use crate::platform::native::driver::write_policy::{Decision, Snapshot};
use crate::types::blob::Blob;
use crate::types::failure::Failure;
use crate::types::owned_message::OwnedMessage;
use crate::types::payload::{Data, MessageCompression, Payload};
use samesocket_protocol::{Failure as ProtocolFailure, Kind, MESSAGE_OVERHEAD, Payload as Sent, StreamAction};
use samesocket_spec::close::CloseFrame;

/// The length of a message up to which it is framed in memory that connections share, in bytes. Arbitrary: such memory has at most 4
/// KiB.
const MAX_SHARED_WRITE: u64 = 2 << 10;

impl ConnState {
    /// Queues a message, and sets `queued` to the new bufferedAmount.
    #[inline]
    pub(super) fn send(&mut self, data: &Data<'_>, queued: &BufferedAmountHint) -> SendOutcome {
        let (size, before) = (data.payload.size(), self.connection.queued_bytes());
        let accepted = self.queue_message(data);
        let after = self.connection.queued_bytes();
        self.policy.on_send(size, before, after);
        queued.set(self.buffered_amount());
        let needs_flush = match &mut self.run {
            RunState::Running { round_requested } | RunState::Receiving { round_requested, .. } => {
                *round_requested = true;
                self.policy.on_driver_late();
                self.policy.is_flush_due()
            }
            RunState::Parked(_) => true,
        };
        // A stream that accepts nothing for now wakes the driver by itself.
        if accepted && needs_flush && !self.is_stream_blocked() {
            SendOutcome::NeedsFlush
        } else {
            SendOutcome::accepted_if(accepted)
        }
    }

    /// Queues a message; returns whether it was accepted.
    fn queue_message(&mut self, &Data { ref payload, compression }: &Data<'_>) -> bool {
        // Another thread's message may have been rejected, and the socket is not closed for it yet.
        if self.is_full() {
            return false;
        }
        let size = payload.size();
        let (kind, sent) = match payload {
            Payload::Text(_, Some(text)) => (Kind::Text, Sent::Shared(text.utf8())),
            Payload::Text(text, None) => (Kind::Text, Sent::Borrowed(text.as_bytes())),
            Payload::Binary(_, Some(bytes)) => (Kind::Binary, Sent::Shared(bytes)),
            Payload::Binary(bytes, None) => (Kind::Binary, Sent::Borrowed(bytes)),
            Payload::Blob(blob) => match blob.in_memory() {
                Some(bytes) => (Kind::Binary, Sent::Shared(bytes)),
                None => return self.queue_file(blob, compression),
            },
            Payload::Lazy(lazy) => match lazy.owned() {
                OwnedMessage::Text(text) => (Kind::Text, Sent::Shared(text.utf8())),
                OwnedMessage::Binary(bytes) => (Kind::Binary, Sent::Shared(bytes)),
            },
        };
        if self.files.is_empty() {
            if size <= MAX_SHARED_WRITE {
                self.connection.lend_write_memory(spare_memory::take_write_memory);
            }
            file_queue::send(&mut self.connection, kind, sent, compression);
            // A socket whose connection has failed in another way is still OPEN, until the event of that.
            let accepted = !self.is_full();
            self.rejected += if accepted { 0 } else { size };
            return accepted;
        }
        let fits = self.fits_behind_files(size);
        if fits {
            self.files.push_message(kind, sent.into_bytes(), compression);
        }
        fits
    }

    /// Returns whether a message was rejected because the queue was full.
    fn is_full(&self) -> bool {
        matches!(self.connection.failure(), Some(ProtocolFailure::QueueFull { .. }))
    }

    /// Queues a file, which is read when its turn comes. What is sent after it waits behind it.
    fn queue_file(&mut self, file: &Blob, compression: MessageCompression) -> bool {
        let fits = self.fits_behind_files(file.size());
        if fits {
            self.files.push_file(file.clone(), compression);
        }
        fits
    }

    /// Returns whether a message of `size` bytes fits into the queue. If not, the connection fails.
    fn fits_behind_files(&mut self, size: u64) -> bool {
        let queued = self.connection.queued_bytes().saturating_add(self.files.queued_bytes());
        let fits = queued.saturating_add(size).saturating_add(MESSAGE_OVERHEAD) <= self.queue_limit;
        if !fits {
            self.connection.fail_queue_full();
        }
        fits
    }

    pub(super) fn close(&mut self, frame: CloseFrame<'_>, now: Duration) {
        if self.delivery == Delivery::Unbounded {
            return;
        }
        self.delivery = self.delivery.max_of(Delivery::Unbounded);
        if self.files.is_empty() {
            self.connection.close(frame, now);
        } else {
            self.connection.expect_close(now);
            self.files.push_close(frame);
        }
    }

    /// Decides who writes what was sent.
    pub(super) fn decide(&self) -> Decision {
        let driver_is_parked = matches!(self.run, RunState::Parked(_));
        let writable = self.stream.get().is_some_and(|stream| stream.is_own() && stream.is_writable());
        if !writable || !self.files.is_empty() || self.connection.stream_action() != StreamAction::Keep {
            return Decision::Wake;
        }
        self.policy.decide(&Snapshot {
            pending: self.connection.buffered_amount(),
            driver_is_parked,
            driver_is_needed: self.drain_watched,
            in_callback: DriverScope::is_active(),
        })
    }

    /// Returns whether a sender sends without waiting for answers, and the stream accepts it.
    pub(crate) fn is_flooded(&self) -> bool {
        self.policy.is_flooded() && !self.is_stream_blocked()
    }

    fn is_stream_blocked(&self) -> bool {
        self.stream.get().is_some_and(StreamIo::is_blocked)
    }

    /// Queues messages whose file before them has been read; returns whether there was any progress.
    ///
    /// Values that must be dropped outside the lock are moved to `unused`.
    pub(crate) fn queue_read_files(&mut self, context: &mut Context<'_>, now: Duration, unused: &mut Unused) -> bool {
        if self.files.is_empty() {
            return false;
        }
        if self.connection.stream_action() != StreamAction::Keep {
            self.files.clear(&mut unused.payloads);
            return false;
        }
        match self.files.poll(context, &mut self.connection, now, &mut unused.payloads) {
            Poll::Pending => false,
            Poll::Ready(Ok(())) => true,
            Poll::Ready(Err(error)) => {
                self.files.clear(&mut unused.payloads);
                self.connection.write_failed();
                unused.failure = self.on_stream_lost(Failure::Blob(error));
                true
            }
        }
    }

    /// Asks for a notification when bufferedAmount falls.
    pub(crate) const fn watch_drain(&mut self) {
        self.drain_watched = true;
    }

    /// Returns whether the senders that wait for bufferedAmount to fall are to be notified, and clears the request.
    pub(crate) const fn take_drain_watch(&mut self) -> bool {
        std::mem::replace(&mut self.drain_watched, false)
    }

    pub(crate) fn buffered_amount(&self) -> u64 {
        self.connection.buffered_amount().saturating_add(self.files.bytes()).saturating_sub(self.rejected)
    }
}
