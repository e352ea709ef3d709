//! A stream: one WebSocket, its work, and its windows.

use std::mem;

use bytes::{Buf as _, BytesMut};

use super::WINDOW;
use super::frames::write_window_update;
use super::sender::Sender;
use crate::server::work::Work;

/// A stream.
pub(super) struct Stream {
    id: u32,
    work: Work,
    /// The bytes that the stream may send. It is negative after the client has made its windows smaller.
    pub(super) window: i64,
    /// The output that the windows do not allow yet. It is at most what answers a window of received bytes, because the
    /// window is not renewed in the meantime.
    pending: BytesMut,
    /// The received bytes for which the window was not renewed.
    consumed: u32,
    /// Whether the stream ends after the pending output.
    is_ending: bool,
    /// Whether the stream is in the connection's queue.
    pub(super) is_queued: bool,
}

impl Stream {
    pub(super) fn new(id: u32, work: Work, window: i64) -> Self {
        Self { id, work, window, pending: BytesMut::new(), consumed: 0, is_ending: false, is_queued: false }
    }

    /// Takes received bytes and sends the answers, as far as the windows allow.
    pub(super) fn read(&mut self, bytes: &mut [u8], sender: &mut Sender) {
        if self.is_ending {
            return;
        }
        let Self { id, work, window, pending, .. } = self;
        let flow = work.read(bytes, |answer| {
            let sent = if pending.is_empty() { sender.data(*id, window, answer) } else { 0 };
            pending.extend_from_slice(&answer[sent..]);
        });
        self.is_ending = flow.is_break();
    }

    /// Counts received bytes, and renews the window in large steps.
    pub(super) fn consumed(&mut self, length: u32, sender: &mut Sender) {
        self.consumed += length;
        let is_read = !matches!(self.work, Work::Ignore);
        if is_read && self.consumed >= WINDOW / 2 && self.pending.is_empty() {
            let increment = mem::take(&mut self.consumed);
            sender.other(|out| write_window_update(self.id, increment, out));
        }
    }

    /// Ends the stream after the pending output, because the client ended it.
    pub(super) fn end(&mut self) {
        self.is_ending = true;
    }

    /// Sends at most `share` bytes, as far as the windows allow. Returns whether the stream has ended.
    pub(super) fn send(&mut self, mut share: usize, sender: &mut Sender) -> bool {
        if !self.pending.is_empty() {
            let now = self.pending.len().min(share);
            let sent = sender.data(self.id, &mut self.window, &self.pending[..now]);
            self.pending.advance(sent);
            share -= sent;
            self.consumed(0, sender);
        }
        if self.is_ending {
            if self.pending.is_empty() {
                sender.end(self.id);
            }
            return self.pending.is_empty();
        }
        while share > 0 && self.pending.is_empty() {
            let bytes = self.work.unasked();
            let sent = sender.data(self.id, &mut self.window, &bytes[..bytes.len().min(share)]);
            if sent == 0 {
                break;
            }
            self.work.sent(sent);
            share -= sent;
        }
        false
    }

    /// Returns whether the stream has something to send, or to end.
    pub(super) fn has_output(&self) -> bool {
        self.is_ending || !self.pending.is_empty() || !self.work.unasked().is_empty()
    }
}
