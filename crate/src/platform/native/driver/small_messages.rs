//! Received messages on their way from the protocol to the receiver. Short ones that arrived together share memory.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::types::message::Message;
use crate::types::text::Text;
use samesocket_protocol::{BorrowedMessage, Kind, Message as Received};

/// Received messages in order.
///
/// Measured: without coalescing, job `recv64` takes 1.28 times the CPU on the background thread (November 2026).
///
/// Allocating a short message, and freeing it on another thread, costs more than reading it. So short messages are coalesced
/// into chunks of at most 4 KiB; a message that is kept for long keeps its chunk.
#[derive(Default)]
pub(super) struct MessageBatch {
    messages: VecDeque<Message>,
    /// The short messages after `messages`: the kind and the length of each. Their payloads are in `texts` and `bytes`.
    short: Vec<(Kind, usize)>,
    texts: String,
    bytes: Vec<u8>,
}

/// The length up to which a message is short, in bytes. Arbitrary.
const SHORT: usize = 256;

/// The size up to which short messages share an allocation, in bytes. Arbitrary: one page.
pub(super) const CHUNK: usize = 4 << 10;

impl MessageBatch {
    /// Adds a message.
    pub(super) fn push(&mut self, message: BorrowedMessage<'_>) {
        let (kind, length) = match message {
            BorrowedMessage::Text(text) if text.len() <= SHORT => {
                self.texts.push_str(text);
                (Kind::Text, text.len())
            }
            BorrowedMessage::Binary(bytes) if bytes.len() <= SHORT => {
                self.bytes.extend_from_slice(bytes);
                (Kind::Binary, bytes.len())
            }
            long => return self.push_long(long),
        };
        self.short.push((kind, length));
        if self.texts.len().max(self.bytes.len()) > CHUNK - SHORT {
            self.build();
        }
    }

    /// Returns the number of messages for which there is room.
    pub(super) fn capacity(&self) -> usize {
        self.messages.capacity().max(self.short.capacity())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.short.is_empty()
    }

    /// Adds a message that is not short.
    #[inline(never)]
    fn push_long(&mut self, long: BorrowedMessage<'_>) {
        self.build();
        self.messages.push_back(match long.into_message() {
            Received::Text(text) => Message::Text(text.into()),
            Received::Binary(bytes) => Message::Binary(bytes),
        });
    }

    /// Returns the messages, for the caller to take out.
    pub(super) fn messages(&mut self) -> &mut VecDeque<Message> {
        self.build();
        &mut self.messages
    }

    /// Turns the short messages into messages of their own.
    fn build(&mut self) {
        match self.short[..] {
            [] => return,
            // A single message needs no shared buffer, which costs a second allocation.
            [(kind, _)] => {
                self.short.clear();
                self.messages.push_back(match kind {
                    Kind::Text => Message::Text(Text::from(&*self.texts)),
                    Kind::Binary => Message::Binary(Bytes::copy_from_slice(&self.bytes)),
                });
            }
            _ => self.build_chunks(),
        }
        self.texts.clear();
        self.bytes.clear();
    }

    fn build_chunks(&mut self) {
        // A piece that is all but full is not copied.
        let texts = if self.texts.len() > CHUNK / 2 {
            std::mem::replace(&mut self.texts, String::with_capacity(CHUNK)).into()
        } else {
            Text::from(&*self.texts)
        };
        let bytes = if self.bytes.len() > CHUNK / 2 {
            std::mem::replace(&mut self.bytes, Vec::with_capacity(CHUNK)).into()
        } else {
            Bytes::copy_from_slice(&self.bytes)
        };
        let (mut text_start, mut start) = (0, 0);
        self.messages.reserve(self.short.len());
        for (kind, length) in self.short.drain(..) {
            self.messages.push_back(match kind {
                Kind::Text => {
                    text_start += length;
                    Message::Text(texts.slice(text_start - length..text_start))
                }
                Kind::Binary => {
                    start += length;
                    Message::Binary(bytes.slice(start - length..start))
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Describes the messages of the batch.
    fn contents(batch: &mut MessageBatch) -> Vec<String> {
        let line = |message| match message {
            Message::Text(text) => format!("text {}", text.len()),
            Message::Binary(bytes) => format!("bytes {:?} {}", bytes.first(), bytes.len()),
            other => format!("{other:?}"),
        };
        batch.messages().drain(..).map(line).collect()
    }

    #[test]
    fn batch_keeps_order_and_contents() {
        let mut batch = MessageBatch::default();
        let long = "x".repeat(SHORT + 1);
        batch.push(BorrowedMessage::Text("é"));
        batch.push(BorrowedMessage::Binary(&[1, 2]));
        batch.push(BorrowedMessage::Text(""));
        batch.push(BorrowedMessage::Text(&long));
        batch.push(BorrowedMessage::Binary(&[3; 5]));
        batch.push(BorrowedMessage::Owned(Received::Binary(Bytes::from_static(b"\x04"))));
        let expected = ["text 2", "bytes Some(1) 2", "text 0", "text 257", "bytes Some(3) 5", "bytes Some(4) 1"];
        assert_eq!(contents(&mut batch), expected);
        batch.push(BorrowedMessage::Text("ä"));
        assert!(matches!(batch.messages().pop_front(), Some(Message::Text(text)) if text == "ä"));
        assert!(batch.messages().is_empty());
    }

    #[test]
    fn short_messages_share_at_most_a_chunk() {
        let mut batch = MessageBatch::default();
        for _ in 0..100 {
            batch.push(BorrowedMessage::Binary(&[7; 100]));
        }
        let mut pieces: Vec<Bytes> = Vec::new();
        for message in batch.messages().drain(..) {
            let Message::Binary(bytes) = message else { panic!("it is binary") };
            match pieces.last_mut().filter(|piece| piece.as_ptr_range().end == bytes.as_ptr()) {
                Some(_) => {}
                None => pieces.push(bytes),
            }
        }
        assert!((100 * 100 / CHUNK..=100).contains(&pieces.len()));
    }
}
