//! Messages that wait for a file that was sent before them.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinHandle;

use crate::types::blob::{Blob, BlobError};
use crate::types::payload::MessageCompression;
use samesocket_protocol::{Connection, Kind, MESSAGE_OVERHEAD, Payload};
use samesocket_spec::close::CloseFrame;

/// A queue of files, and of the messages and the Close that were sent after them.
#[derive(Default)]
pub(super) struct FileQueue {
    entries: VecDeque<Entry>,
    /// The file at the front, while it is being read.
    reading: Option<JoinHandle<Result<Bytes, BlobError>>>,
    /// The payload bytes of all entries.
    bytes: u64,
}

enum Entry {
    Message(Kind, Bytes, MessageCompression),
    File(Blob, MessageCompression),
    Close(Option<(u16, String)>),
}

impl FileQueue {
    /// Returns whether nothing waits, so that new messages need not wait either.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the payload bytes that wait, or were given up.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the bytes that wait, as `Limits::queue` counts them.
    pub(super) fn queued_bytes(&self) -> u64 {
        self.bytes.saturating_add(self.entries.len() as u64 * MESSAGE_OVERHEAD)
    }

    pub(super) fn push_message(&mut self, kind: Kind, payload: Bytes, compression: MessageCompression) {
        self.bytes += payload.len() as u64;
        self.entries.push_back(Entry::Message(kind, payload, compression));
    }

    pub(super) fn push_file(&mut self, file: Blob, compression: MessageCompression) {
        self.bytes += file.size();
        self.entries.push_back(Entry::File(file, compression));
    }

    pub(super) fn push_close(&mut self, frame: CloseFrame<'_>) {
        self.entries.push_back(Entry::Close(frame.map(|(code, reason)| (code, reason.to_owned()))));
    }

    /// Clears the queue, whose bytes still count, and moves its payloads to `unused`.
    pub(super) fn clear(&mut self, unused: &mut Vec<Bytes>) {
        self.reading = None;
        for entry in std::mem::take(&mut self.entries) {
            if let Entry::Message(_, payload, _) = entry {
                unused.push(payload);
            }
        }
    }

    /// Sends what need not wait any more. Ready when nothing waits, or when a file could not be read.
    ///
    /// Files are read on the blocking threads of the socket's runtime. Payloads that are not needed any more are moved to
    /// `unused`.
    pub(super) fn poll(
        &mut self,
        context: &mut Context<'_>,
        connection: &mut Connection,
        now: Duration,
        unused: &mut Vec<Bytes>,
    ) -> Poll<Result<(), BlobError>> {
        while let Some(entry) = self.entries.pop_front() {
            match entry {
                Entry::Message(kind, payload, compression) => {
                    self.bytes -= payload.len() as u64;
                    send(connection, kind, Payload::Shared(&payload), compression);
                    unused.push(payload);
                }
                Entry::Close(frame) => {
                    connection.close(frame.as_ref().map(|(code, reason)| (*code, &**reason)), now);
                }
                Entry::File(file, compression) => {
                    let reading = self.reading.get_or_insert_with(|| {
                        let file = file.clone();
                        tokio::task::spawn_blocking(move || file.read())
                    });
                    let Poll::Ready(read) = Pin::new(reading).poll(context) else {
                        self.entries.push_front(Entry::File(file, compression));
                        return Poll::Pending;
                    };
                    self.reading = None;
                    match read {
                        Ok(Ok(payload)) => {
                            self.bytes -= file.size();
                            send(connection, Kind::Binary, Payload::Shared(&payload), compression);
                        }
                        Ok(Err(error)) => {
                            self.entries.push_front(Entry::File(file, compression));
                            return Poll::Ready(Err(error));
                        }
                        // A runtime that ends while it reads ends the socket, too.
                        Err(_) => {
                            self.entries.push_front(Entry::File(file, compression));
                            return Poll::Pending;
                        }
                    }
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Queues a message in the protocol, compressed if it may be.
#[inline]
pub(super) fn send(connection: &mut Connection, kind: Kind, payload: Payload<'_>, compression: MessageCompression) {
    if compression.is_off() {
        connection.send_uncompressed(kind, payload);
    } else {
        connection.send(kind, payload);
    }
}
