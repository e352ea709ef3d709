//! The part of a connection that its stream works with.

use std::io;
use std::time::Duration;

use bytes::buf::Limit;

use super::state::ConnState;
use crate::platform::native::driver::io::IoState;
use crate::platform::native::driver::receive_backpressure::Delivery;
use crate::types::failure::Failure;
use samesocket_protocol::StreamAction;

impl IoState for ConnState {
    #[inline]
    fn pending_bytes(&mut self) -> &[u8] {
        self.connection.pending_bytes()
    }

    fn has_pending_bytes(&self) -> bool {
        self.connection.has_pending_bytes()
    }

    fn prepare_bytes(&mut self) -> bool {
        self.connection.prepare_bytes()
    }

    #[inline]
    fn advance_written(&mut self, count: usize, now: Duration) {
        self.connection.advance_written(count, now);
        self.is_held = true;
    }

    #[inline]
    fn read_buffer(&mut self) -> Limit<&mut Vec<u8>> {
        self.connection.read_buffer()
    }

    fn receive(&mut self, bytes: &[u8]) {
        self.connection.receive(bytes);
    }

    fn on_read(&mut self) {
        self.policy.on_read();
    }

    fn set_unflushed(&mut self, unflushed: bool, now: Duration) -> bool {
        self.is_held = unflushed;
        let is_awaited = !unflushed && std::mem::take(&mut self.flush_watched);
        self.connection.set_unflushed(unflushed, now) | is_awaited
    }

    fn awaits_flush(&self) -> bool {
        self.flush_watched || self.connection.has_written_close()
    }

    fn wants_shutdown(&self) -> bool {
        self.connection.stream_action() == StreamAction::HalfClose
    }

    fn on_write_failed(&mut self, error: Option<io::Error>) -> Option<Failure> {
        self.connection.write_failed();
        // What the stream holds is not passed on any more, so that it stays held.
        self.flush_watched = false;
        error.and_then(|error| self.record_cause(Failure::lost(error)))
    }

    fn on_eof(&mut self, error: Option<io::Error>) -> Option<Failure> {
        match error {
            None => {
                self.connection.receive_eof();
                None
            }
            Some(error) => self.on_stream_lost(Failure::lost(error)),
        }
    }

    fn end_discarded_input(&mut self) -> bool {
        let discards = self.delivery == Delivery::Discarded;
        if discards {
            self.connection.receive_eof();
        }
        discards
    }
}
