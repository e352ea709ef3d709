//! The messages: fragmentation, limits, reassembly.
//!
//! See [RFC 6455, section 5.4](https://www.rfc-editor.org/rfc/rfc6455#section-5.4).

use crate::deflate::Inflater;
use crate::error::Failure;
use crate::extensions::Deflate;
use crate::frame::{Header, Opcode};
use crate::limits::Limits;
use crate::message::Message;
use crate::receive::utf8;

/// Makes messages of data frames.
#[derive(Debug)]
pub(crate) struct Assembler {
    frame_limit: u64,
    message_limit: u64,
    /// The lesser of both.
    whole_limit: u64,
    inflater: Option<Inflater>,
    /// Whether a message has begun whose last frame is still to come.
    fragmented: bool,
    partial: Option<Partial>,
    discarding: bool,
}

/// A message that is not yet whole.
#[derive(Debug)]
struct Partial {
    content: Content,
    compressed: bool,
    /// Whether the frame that is being read is the last one.
    last: bool,
    limit: u64,
}

#[derive(Debug)]
enum Content {
    Text(utf8::Text),
    Binary(Vec<u8>),
}

/// What is reserved at most for bytes that a header promises and that have not come.
const RESERVE: usize = 1 << 20;

/// Frames of which more than this is missing are read into the message's own memory.
const DIRECT: usize = 32 << 10;

/// Frames of this length are read there to their end.
pub(crate) const LARGE: u64 = 128 << 10;

impl Assembler {
    /// Makes messages, of compressed frames too if permessage-deflate is in use.
    pub(crate) fn new(limits: &Limits, deflate: Option<&Deflate>) -> Self {
        Self {
            frame_limit: limits.frame,
            message_limit: limits.message,
            whole_limit: limits.frame.min(limits.message),
            inflater: deflate.map(Inflater::new),
            fragmented: false,
            partial: None,
            discarding: false,
        }
    }

    /// Whether a frame may say that its message is compressed.
    pub(crate) const fn compression(&self) -> bool {
        self.inflater.is_some()
    }

    /// From now on throws every message away, the unfinished one too; frames are checked as before.
    pub(crate) fn discard(&mut self) {
        self.discarding = true;
        self.partial = None;
        self.inflater = self.inflater.take().map(Inflater::emptied);
    }

    /// Whether a frame of this length that is a message by itself can be lent as it is.
    #[inline]
    pub(crate) const fn may_lend(&self, length: usize) -> bool {
        !self.fragmented && !self.discarding && length as u64 <= self.whole_limit
    }

    /// Whether a frame of which a part has come may stay where it was read until it is whole, so that it can be lent: it is
    /// short, and there is nothing in it to be checked.
    pub(crate) const fn may_wait(&self, header: &Header) -> bool {
        let plain = matches!(header, Header { fin: true, rsv1: false, opcode: Opcode::Binary, .. });
        plain && header.length <= DIRECT as u64 && self.may_lend(DIRECT)
    }

    /// Takes the header of a data frame.
    pub(crate) fn begin_frame(&mut self, header: &Header) -> Result<(), Failure> {
        match (header.opcode, self.fragmented) {
            (Opcode::Continuation, false) => return Err(Failure::UnexpectedContinuation),
            (Opcode::Continuation, true) | (_, false) => {}
            (opcode, true) => return Err(Failure::InterruptedMessage { opcode: opcode.bits() }),
        }
        self.fragmented = true;
        if self.discarding {
            return Ok(());
        }
        self.check_limits(header, self.partial.as_ref().map_or(0, Partial::plain_len))?;
        if self.partial.is_none() {
            let limit = self.message_limit;
            self.partial = Some(Partial { content: Content::new(header), compressed: header.rsv1, last: false, limit });
        }
        if let Some(partial) = &mut self.partial {
            partial.last = header.fin;
        }
        Ok(())
    }

    /// Takes the next bytes of a data frame's payload, of which `missing` more are to come.
    pub(crate) fn take_payload(&mut self, bytes: &[u8], missing: u64) -> Result<(), Failure> {
        let Some(partial) = &mut self.partial else { return Ok(()) };
        match &mut self.inflater {
            Some(inflater) if partial.compressed => inflater.inflate(bytes, &mut |piece| partial.push_inflated(piece)),
            _ => {
                partial.make_room(bytes.len(), missing);
                partial.content.push(bytes)
            }
        }
    }

    /// Takes the end of a data frame, and gives the message that it ends.
    pub(crate) fn end_frame(&mut self, header: &Header) -> Result<Option<Message>, Failure> {
        if !header.fin {
            return Ok(None);
        }
        self.fragmented = false;
        let Some(partial) = self.partial.take() else { return Ok(None) };
        if let Some(inflater) = &mut self.inflater
            && partial.compressed
        {
            inflater.finish()?;
        }
        partial.content.finish().map(Some)
    }

    /// Gives the memory of the message itself for the next of the `missing` bytes, with room for some of them; `None`
    /// where they have to be looked at first.
    pub(crate) fn direct(&mut self, missing: u64, frame: &Header) -> Option<&mut Vec<u8>> {
        match &mut self.partial {
            Some(partial @ Partial { content: Content::Binary(_), compressed: false, .. })
                if missing > DIRECT as u64 || frame.length >= LARGE =>
            {
                let now = missing.min(DIRECT as u64);
                partial.make_room(usize::try_from(now).unwrap_or(DIRECT), missing - now);
                partial.content.binary()
            }
            _ => None,
        }
    }

    /// Gives the bytes of the unfinished message, if [`direct`](Self::direct) may have given its memory.
    pub(crate) fn direct_len(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| partial.content.len())
    }

    /// Gives back the memory that a quiet connection can do without.
    pub(crate) fn release_memory(&mut self) {
        if !self.fragmented
            && let Some(inflater) = &mut self.inflater
        {
            inflater.release_memory();
        }
    }

    fn check_limits(&self, header: &Header, before: u64) -> Result<(), Failure> {
        if header.length > self.frame_limit {
            return Err(Failure::FrameTooLong { limit: self.frame_limit, length: header.length });
        }
        let compressed = header.rsv1 || self.partial.as_ref().is_some_and(|partial| partial.compressed);
        if !compressed && header.length > self.message_limit.saturating_sub(before) {
            return Err(Failure::MessageTooLong { limit: self.message_limit });
        }
        Ok(())
    }
}

impl Partial {
    /// The bytes that have come of a message that is not compressed.
    fn plain_len(&self) -> u64 {
        self.content.len() as u64
    }

    fn push_inflated(&mut self, piece: &[u8]) -> Result<(), Failure> {
        if piece.len() as u64 > self.left() {
            return Err(Failure::MessageTooLong { limit: self.limit });
        }
        let left = self.left();
        self.content.make_room(piece.len(), 0, false, left);
        self.content.push(piece)
    }

    /// Makes room for `now` bytes of a frame, and in advance for some of the `later` ones.
    fn make_room(&mut self, now: usize, later: u64) {
        let left = self.left();
        self.content.make_room(now, later, self.last, left);
    }

    /// The bytes that the message may still have.
    fn left(&self) -> u64 {
        self.limit.saturating_sub(self.plain_len())
    }
}

impl Content {
    fn new(header: &Header) -> Self {
        match header.opcode {
            Opcode::Text => Self::Text(utf8::Text::default()),
            _ => Self::Binary(Vec::new()),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    fn binary(&mut self) -> Option<&mut Vec<u8>> {
        match self {
            Self::Text(_) => None,
            Self::Binary(bytes) => Some(bytes),
        }
    }

    /// Makes room for `now` bytes, and in advance for some of the `later` ones of the frame: exactly, if that is all, and
    /// for no more than are `left` to the message.
    fn make_room(&mut self, now: usize, later: u64, last: bool, left: u64) {
        let (len, room) = match self {
            Self::Text(text) => (text.len(), text.room()),
            Self::Binary(bytes) => (bytes.len(), bytes.capacity() - bytes.len()),
        };
        if room >= now {
            return;
        }
        let all = usize::try_from(later).unwrap_or(usize::MAX).saturating_add(now);
        // The memory doubles at least when it grows once more, unless this is for the last time.
        let wanted = if last { all.min(len.max(RESERVE)) } else { all.min(RESERVE).max(len) };
        let wanted = wanted.min(usize::try_from(left).unwrap_or(usize::MAX));
        match self {
            Self::Text(text) => text.reserve_exact(wanted.max(now)),
            Self::Binary(bytes) => bytes.reserve_exact(wanted.max(now)),
        }
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Text(text) => text.push(bytes),
            Self::Binary(binary) => {
                binary.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// Gives the message, in hardly more memory than it needs.
    fn finish(self) -> Result<Message, Failure> {
        let wasteful = |len: usize, capacity: usize| capacity - len > len / 4 + 64;
        Ok(match self {
            Self::Text(text) => {
                let mut text = text.finish()?;
                if wasteful(text.len(), text.capacity()) {
                    text.shrink_to_fit();
                }
                Message::Text(text)
            }
            Self::Binary(mut bytes) => {
                if wasteful(bytes.len(), bytes.capacity()) {
                    bytes.shrink_to_fit();
                }
                Message::Binary(bytes.into())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 3 << 20;

    impl Content {
        fn capacity(&self) -> usize {
            match self {
                Self::Text(text) => text.len() + text.room(),
                Self::Binary(bytes) => bytes.capacity(),
            }
        }
    }

    fn header(opcode: Opcode, length: usize) -> Header {
        Header { fin: false, rsv1: false, opcode, length: length as u64 }
    }

    #[test]
    fn a_message_of_fragments_takes_no_more_memory_than_its_limit_while_it_grows() {
        for opcode in [Opcode::Text, Opcode::Binary] {
            let mut messages = Assembler::new(&Limits { message: LIMIT, ..Limits::default() }, None);
            let mut give = |opcode, bytes: &[u8]| {
                let header = header(opcode, bytes.len());
                messages.begin_frame(&header).unwrap();
                messages.take_payload(bytes, 0).unwrap();
                messages.end_frame(&header).unwrap();
                messages.partial.as_ref().unwrap().content.capacity() as u64
            };
            give(opcode, &vec![b'a'; 1_040_000]);
            let most = (0..200).map(|_| give(Opcode::Continuation, &[b'b'; 10_000])).max();
            assert!(most <= Some(LIMIT), "{opcode:?}: {most:?} bytes");
        }
    }

    #[test]
    fn what_is_inflated_takes_no_more_memory_than_the_limit_while_it_grows() {
        for opcode in [Opcode::Text, Opcode::Binary] {
            let content = Content::new(&header(opcode, 0));
            let mut partial = Partial { content, compressed: true, last: false, limit: LIMIT };
            partial.push_inflated(&vec![b'a'; 1_040_000]).unwrap();
            while partial.push_inflated(&[b'b'; 10_000]).is_ok() {
                assert!(partial.content.capacity() as u64 <= LIMIT, "{opcode:?}: {} bytes", partial.content.capacity());
            }
            assert!(partial.plain_len() > LIMIT - 10_000);
        }
    }
}
