//! Messages on their way from the protocol to who takes them; short ones that came together share memory.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use crate::platform::native::driver::buffer_pool;
use crate::platform::native::driver::shared::Channel;
use crate::queue::Capacity;
use crate::types::message::Message;
use crate::types::text::Text;
use samesocket_protocol::{BorrowedMessage, Kind, Message as Received};
use samesocket_spec::state::Feedback;

/// Messages that came together, in order.
///
/// A short message in memory of its own costs more to allocate and, on another thread, to free than to read. So short ones
/// share a piece, which each of them keeps: it is small, so that who keeps one message for long keeps little else. Those of
/// medium length are put into [`pieces`].
#[derive(Default)]
pub(in crate::platform::native) struct Burst {
    messages: VecDeque<Message>,
    /// The short ones that come after the messages: what they are and how long, and their payloads.
    short: Vec<(Kind, usize)>,
    texts: String,
    bytes: Vec<u8>,
}

/// A message up to this length is short.
const SHORT: usize = 256;

/// Short messages share pieces of memory up to this size.
pub(in crate::platform::native) const PIECE: usize = 4 << 10;

impl Burst {
    /// Adds a message.
    pub(in crate::platform::native) fn push(&mut self, lent: BorrowedMessage<'_>) {
        let (kind, length) = match lent {
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
        if self.texts.len().max(self.bytes.len()) > PIECE - SHORT {
            self.share();
        }
    }

    /// Adds a message that is not short.
    #[inline(never)]
    fn push_long(&mut self, long: BorrowedMessage<'_>) {
        self.share();
        self.messages.push_back(match long {
            BorrowedMessage::Binary(bytes) if buffer_pool::MEDIUM.contains(&bytes.len()) => {
                Message::Binary(buffer_pool::copy(bytes))
            }
            other => match other.into_message() {
                Received::Text(text) => Message::Text(text.into()),
                Received::Binary(bytes) => Message::Binary(bytes),
            },
        });
    }

    /// Gives the messages, to be taken out.
    pub(in crate::platform::native) fn messages(&mut self) -> &mut VecDeque<Message> {
        self.share();
        &mut self.messages
    }

    /// Makes messages of the short ones.
    fn share(&mut self) {
        match self.short[..] {
            [] => return,
            // One by itself has no need of a memory that can be shared, which costs a second allocation.
            [(kind, _)] => {
                self.short.clear();
                self.messages.push_back(match kind {
                    Kind::Text => Message::Text(Text::from(&*self.texts)),
                    Kind::Binary => Message::Binary(Bytes::copy_from_slice(&self.bytes)),
                });
            }
            _ => self.share_pieces(),
        }
        self.texts.clear();
        self.bytes.clear();
    }

    fn share_pieces(&mut self) {
        // A piece that is all but full is not copied.
        let texts = if self.texts.len() > PIECE / 2 {
            std::mem::replace(&mut self.texts, String::with_capacity(PIECE)).into()
        } else {
            Text::from(&*self.texts)
        };
        let bytes = if self.bytes.len() > PIECE / 2 {
            std::mem::replace(&mut self.bytes, Vec::with_capacity(PIECE)).into()
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

/// What came after the messages that were gathered.
pub(in crate::platform::native) enum Gathered {
    /// There is no room for what may follow.
    Full,
    /// Nothing does.
    Nothing,
    Other(Feedback<()>),
}

impl Channel {
    /// Gathers the messages that have come, as long as there is room; how much is taken of that, too.
    ///
    /// Behind a message, only messages are looked at: what answers them goes out before a Close, or whatever breaks a rule,
    /// has its effect.
    pub(in crate::platform::native) fn gather(
        &mut self,
        burst: &mut Burst,
        room: Capacity,
        now: Duration,
    ) -> (Gathered, Capacity) {
        let mut rest = room;
        let mut push = |lent: BorrowedMessage<'_>| {
            rest.remove(1, lent.len() as u64);
            burst.push(lent);
            !rest.is_none()
        };
        let first = self.wire.with_next_event(now, |feedback| feedback.into_message().map(&mut push));
        match first {
            // A message is being inflated in steps.
            None if self.wire.has_more_events() => return (Gathered::Full, Capacity::NONE),
            None => return (Gathered::Nothing, Capacity::NONE),
            Some(Err(feedback)) => return (Gathered::Other(feedback), Capacity::NONE),
            Some(Ok(mut has_room)) => {
                while has_room {
                    // The commonest messages have a loop of their own, in which hardly anything is asked for twice.
                    let mut lent = Some(true);
                    while lent == Some(true) {
                        lent = self.wire.with_next_message(&mut push);
                    }
                    let next = || self.wire.next_message().map(|message| push(BorrowedMessage::Owned(message)));
                    has_room = lent.or_else(next).unwrap_or(false);
                }
            }
        }
        (Gathered::Full, rest.left_of(room))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the messages say, and how many pieces of memory they lie in.
    fn contents(burst: &mut Burst) -> Vec<String> {
        let line = |message| match message {
            Message::Text(text) => format!("text {}", text.len()),
            Message::Binary(bytes) => format!("bytes {:?} {}", bytes.first(), bytes.len()),
            other => format!("{other:?}"),
        };
        burst.messages().drain(..).map(line).collect()
    }

    #[test]
    fn messages_keep_their_order_and_their_contents_whatever_their_length() {
        let mut burst = Burst::default();
        let long = "x".repeat(SHORT + 1);
        burst.push(BorrowedMessage::Text("é"));
        burst.push(BorrowedMessage::Binary(&[1, 2]));
        burst.push(BorrowedMessage::Text(""));
        burst.push(BorrowedMessage::Text(&long));
        burst.push(BorrowedMessage::Binary(&[3; 5]));
        burst.push(BorrowedMessage::Owned(Received::Binary(Bytes::from_static(b"\x04"))));
        let expected = ["text 2", "bytes Some(1) 2", "text 0", "text 257", "bytes Some(3) 5", "bytes Some(4) 1"];
        assert_eq!(contents(&mut burst), expected);
        burst.push(BorrowedMessage::Text("ä"));
        assert!(matches!(burst.messages().pop_front(), Some(Message::Text(text)) if text == "ä"));
        assert!(burst.messages().is_empty());
    }

    #[test]
    fn short_messages_share_no_more_than_a_piece() {
        let mut burst = Burst::default();
        for _ in 0..100 {
            burst.push(BorrowedMessage::Binary(&[7; 100]));
        }
        let mut pieces: Vec<Bytes> = Vec::new();
        for message in burst.messages().drain(..) {
            let Message::Binary(bytes) = message else { panic!("it is binary") };
            match pieces.last_mut().filter(|piece| piece.as_ptr_range().end == bytes.as_ptr()) {
                Some(_) => {}
                None => pieces.push(bytes),
            }
        }
        assert!((100 * 100 / PIECE..=100).contains(&pieces.len()));
    }
}
