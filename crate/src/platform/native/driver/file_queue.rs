//! What waits to be sent because a file before it has still to be read.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinHandle;

use crate::platform::native::driver::shared::Channel;
use crate::platform::native::failure::Failure;
use crate::types::blob::{Blob, BlobError};
use samesocket_protocol::{Connection, Kind, MESSAGE_OVERHEAD, Payload, StreamAction};
use samesocket_spec::close::CloseFrame;

/// Messages and files in the order in which they were sent, and perhaps a Close.
#[derive(Default)]
pub(in crate::platform::native) struct Outbox {
    waiting: VecDeque<Waiting>,
    /// The file at the front, while it is being read.
    reading: Option<JoinHandle<Result<Bytes, BlobError>>>,
    /// The payload bytes of what waits.
    bytes: u64,
}

enum Waiting {
    Message(Kind, Bytes),
    File(Blob),
    Close(Option<(u16, String)>),
}

impl Outbox {
    /// Whether nothing waits, so that what is sent need not wait either.
    pub(in crate::platform::native) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The payload bytes of what waits, or has waited in vain.
    pub(in crate::platform::native) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The bytes that wait, by the measure of the limit.
    pub(in crate::platform::native) fn queued(&self) -> u64 {
        self.bytes.saturating_add(self.waiting.len() as u64 * MESSAGE_OVERHEAD)
    }

    pub(in crate::platform::native) fn send(&mut self, kind: Kind, payload: Bytes) {
        self.bytes += payload.len() as u64;
        self.waiting.push_back(Waiting::Message(kind, payload));
    }

    pub(in crate::platform::native) fn send_file(&mut self, file: Blob) {
        self.bytes += file.size();
        self.waiting.push_back(Waiting::File(file));
    }

    pub(in crate::platform::native) fn close(&mut self, frame: CloseFrame<'_>) {
        self.waiting.push_back(Waiting::Close(frame.map(|(code, reason)| (code, reason.to_owned()))));
    }

    /// Drops what waits, which is counted all the same.
    pub(in crate::platform::native) fn drop_all(&mut self) {
        self.waiting.clear();
        self.reading = None;
    }

    /// Hands on what need not wait any more, on the runtime of the socket; ready when nothing waits, or when a file
    /// could not be read.
    pub(in crate::platform::native) fn poll(
        &mut self,
        context: &mut Context<'_>,
        wire: &mut Connection,
        now: Duration,
    ) -> Poll<Result<(), BlobError>> {
        while let Some(waiting) = self.waiting.front() {
            match waiting {
                Waiting::Message(kind, payload) => {
                    self.bytes -= payload.len() as u64;
                    wire.send(*kind, Payload::Shared(payload));
                }
                Waiting::Close(frame) => {
                    wire.close(frame.as_ref().map(|(code, reason)| (*code, &**reason)), now);
                }
                Waiting::File(file) => {
                    let reading = self.reading.get_or_insert_with(|| {
                        let file = file.clone();
                        tokio::task::spawn_blocking(move || file.read())
                    });
                    let Poll::Ready(read) = Pin::new(reading).poll(context) else { return Poll::Pending };
                    let size = file.size();
                    self.reading = None;
                    // A runtime that ends while it reads ends the socket, too.
                    let Ok(read) = read else { return Poll::Pending };
                    match read {
                        Ok(payload) => {
                            self.bytes -= size;
                            wire.send(Kind::Binary, Payload::Shared(&payload));
                        }
                        Err(error) => return Poll::Ready(Err(error)),
                    }
                }
            }
            self.waiting.pop_front();
        }
        Poll::Ready(Ok(()))
    }
}

impl Channel {
    /// Sends what waited for a file, as far as it can be; whether there was any progress.
    pub(in crate::platform::native) fn send_waiting(&mut self, context: &mut Context<'_>, now: Duration) -> bool {
        if self.outbox.is_empty() {
            return false;
        }
        if self.wire.stream_action() != StreamAction::Keep {
            self.outbox.drop_all();
            return false;
        }
        match self.outbox.poll(context, &mut self.wire, now) {
            Poll::Pending => false,
            Poll::Ready(Ok(())) => true,
            Poll::Ready(Err(error)) => {
                self.outbox.drop_all();
                self.wire.write_failed();
                // It holds nothing of a user's.
                drop(self.lose(Failure::Blob(error)));
                true
            }
        }
    }
}
