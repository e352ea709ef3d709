//! The message assembler: reassembly of fragments, inflating, and the limits of frames and messages.
//!
//! See [RFC 6455, section 5.4](https://www.rfc-editor.org/rfc/rfc6455#section-5.4).

use crate::deflate::Inflater;
use crate::error::Failure;
use crate::extensions::Deflate;
use crate::frame::{Header, Opcode};
use crate::limits::Limits;
use crate::message::Message;
use crate::receive::utf8;

/// An assembler that builds messages from data frames.
#[derive(Debug)]
pub(crate) struct Assembler {
    frame_limit: u64,
    message_limit: u64,
    /// The smaller one of both limits.
    single_frame_limit: u64,
    // Boxed, because most connections have none.
    inflater: Option<Box<Inflater>>,
    /// Whether a message has begun and its last frame has not ended.
    fragmented: bool,
    partial: Option<Partial>,
    /// Whether messages are discarded.
    discarding: bool,
}

/// A message that is not complete.
#[derive(Debug)]
struct Partial {
    content: Content,
    compressed: bool,
    /// Whether the current frame is the last one.
    last: bool,
    limit: u64,
}

#[derive(Debug)]
enum Content {
    Text(utf8::Text),
    Binary(Vec<u8>),
}

/// The most memory that is reserved for bytes that a header announces and that have not arrived. Arbitrary.
const RESERVE: usize = 1 << 20;

/// If more bytes than this are missing of a frame, they are read into the memory of the message. Arbitrary.
const DIRECT: usize = 32 << 10;

/// Frames of at least this length are read there up to their last byte. Arbitrary.
pub(crate) const LARGE: u64 = 128 << 10;

impl Assembler {
    /// Creates an assembler. It accepts compressed messages if permessage-deflate was negotiated.
    pub(crate) fn new(limits: &Limits, deflate: Option<&Deflate>) -> Self {
        Self {
            frame_limit: limits.frame,
            message_limit: limits.message,
            single_frame_limit: limits.frame.min(limits.message),
            inflater: deflate.map(Inflater::new).map(Box::new),
            fragmented: false,
            partial: None,
            discarding: false,
        }
    }

    /// Returns whether a message may be compressed.
    pub(crate) const fn compression(&self) -> bool {
        self.inflater.is_some()
    }

    /// Discards all messages from now on, the incomplete one included. Frames are checked as before.
    pub(crate) fn discard(&mut self) {
        self.discarding = true;
        self.partial = None;
        self.inflater = self.inflater.take().map(|inflater| Box::new(inflater.reset()));
    }

    /// Returns whether a message of one frame with this length can be borrowed from the read buffer.
    #[inline]
    pub(crate) const fn can_borrow(&self, length: usize) -> bool {
        !self.fragmented && !self.discarding && length as u64 <= self.single_frame_limit
    }

    /// Returns whether an incomplete frame may stay in the read buffer until it is complete, to be borrowed from there.
    ///
    /// It must be short, and its payload must need no validation.
    pub(crate) const fn can_wait(&self, header: &Header) -> bool {
        let plain = matches!(header, Header { fin: true, rsv1: false, opcode: Opcode::Binary, .. });
        plain && header.length <= DIRECT as u64 && self.can_borrow(DIRECT)
    }

    /// Begins a data frame.
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
        self.check_limits(header, self.partial.as_ref().map_or(0, Partial::len))?;
        if self.partial.is_none() {
            let limit = self.message_limit;
            self.partial = Some(Partial { content: Content::new(header), compressed: header.rsv1, last: false, limit });
        }
        if let Some(partial) = &mut self.partial {
            partial.last = header.fin;
        }
        Ok(())
    }

    /// Appends the next bytes of the frame's payload, after which `missing` more follow. Returns how many were used.
    ///
    /// A compressed payload may be used only in part, because at most `budget` bytes are inflated.
    pub(crate) fn push_payload(&mut self, bytes: &[u8], missing: u64, budget: &mut usize) -> Result<usize, Failure> {
        let Some(partial) = &mut self.partial else { return Ok(bytes.len()) };
        match &mut self.inflater {
            Some(inflater) if partial.compressed => {
                inflater.inflate(bytes, budget, &mut |inflated| partial.push_inflated(inflated))
            }
            _ => {
                partial.reserve(bytes.len(), missing);
                partial.content.push(bytes).map(|()| bytes.len())
            }
        }
    }

    /// Returns whether more of the message can be inflated without more bytes.
    pub(crate) fn has_pending_output(&self) -> bool {
        self.inflater.as_deref().is_some_and(Inflater::has_pending_output)
    }

    /// Ends a data frame, and returns the message that it completes.
    pub(crate) fn end_frame(&mut self, header: &Header) -> Result<Option<Message>, Failure> {
        if !header.fin {
            return Ok(None);
        }
        self.fragmented = false;
        let Some(partial) = self.partial.take() else { return Ok(None) };
        if let Some(inflater) = self.inflater.as_mut().filter(|_| partial.compressed) {
            inflater.finish()?;
        }
        partial.content.finish().map(Some)
    }

    /// Returns the memory of the message, with room for some of the `missing` bytes of its frame.
    ///
    /// Returns `None` if the bytes have to be validated or inflated, or are few.
    pub(crate) fn direct_buffer(&mut self, missing: u64, frame: &Header) -> Option<&mut Vec<u8>> {
        match &mut self.partial {
            Some(partial @ Partial { content: Content::Binary(_), compressed: false, .. })
                if missing > 0 && (missing > DIRECT as u64 || frame.length >= LARGE) =>
            {
                let now = missing.min(DIRECT as u64);
                partial.reserve(usize::try_from(now).unwrap_or(DIRECT), missing - now);
                let Content::Binary(bytes) = &mut partial.content else { return None };
                Some(bytes)
            }
            _ => None,
        }
    }

    /// Returns the length of the incomplete message, to find out how much was read into its memory.
    pub(crate) fn direct_len(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| partial.content.len())
    }

    /// Returns whether there is memory that [`release_memory`](Self::release_memory) releases.
    pub(crate) fn has_spare_memory(&self) -> bool {
        !self.fragmented && self.inflater.as_ref().is_some_and(|inflater| inflater.has_spare_memory())
    }

    /// Releases the memory that an idle connection does not need.
    pub(crate) fn release_memory(&mut self) {
        if let Some(inflater) = self.inflater.as_mut().filter(|_| !self.fragmented) {
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
    /// Returns the number of bytes of the message so far, once inflated.
    fn len(&self) -> u64 {
        self.content.len() as u64
    }

    fn push_inflated(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if bytes.len() as u64 > self.left() {
            return Err(Failure::MessageTooLong { limit: self.limit });
        }
        let left = self.left();
        self.content.reserve(bytes.len(), 0, false, left);
        self.content.push(bytes)
    }

    /// Reserves memory for `now` bytes of a frame, and for some of the `later` ones.
    fn reserve(&mut self, now: usize, later: u64) {
        let left = self.left();
        self.content.reserve(now, later, self.last, left);
    }

    /// Returns the number of bytes by which the message may still grow.
    fn left(&self) -> u64 {
        self.limit.saturating_sub(self.len())
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

    /// Reserves memory for `now` bytes, and for some of the `later` bytes of the frame.
    ///
    /// Reserves the exact size if the frame is the `last` one, and never more than the `left` bytes of the limit.
    fn reserve(&mut self, now: usize, later: u64, last: bool, left: u64) {
        let (len, room) = match self {
            Self::Text(text) => (text.len(), text.room()),
            Self::Binary(bytes) => (bytes.len(), bytes.capacity() - bytes.len()),
        };
        if room >= now {
            return;
        }
        let all = usize::try_from(later).unwrap_or(usize::MAX).saturating_add(now);
        // The memory at least doubles, unless it grows for the last time.
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

    /// Returns the message, and releases memory that it does not need.
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
                Self::Text(text) => text.capacity(),
                Self::Binary(bytes) => bytes.capacity(),
            }
        }
    }

    fn header(opcode: Opcode, length: usize) -> Header {
        Header { fin: false, rsv1: false, opcode, length: length as u64 }
    }

    #[test]
    fn fragmented_message_memory_stays_below_its_limit() {
        for opcode in [Opcode::Text, Opcode::Binary] {
            let mut assembler = Assembler::new(&Limits { message: LIMIT, ..Limits::default() }, None);
            let mut push = |opcode, bytes: &[u8]| {
                let header = header(opcode, bytes.len());
                assembler.begin_frame(&header).unwrap();
                assembler.push_payload(bytes, 0, &mut 0).unwrap();
                assembler.end_frame(&header).unwrap();
                assembler.partial.as_ref().unwrap().content.capacity() as u64
            };
            push(opcode, &vec![b'a'; 1_040_000]);
            let most = (0..200).map(|_| push(Opcode::Continuation, &[b'b'; 10_000])).max();
            assert!(most <= Some(LIMIT), "{opcode:?}: {most:?} bytes");
        }
    }

    #[test]
    fn text_cut_within_a_character_stays_below_its_limit() {
        let text = "€".repeat(100_000);
        let limit = text.len();
        for cut in [100_000, 100_001] {
            let mut assembler = Assembler::new(&Limits { message: limit as u64, ..Limits::default() }, None);
            let (first, rest) = text.as_bytes().split_at(cut);
            let pieces = [(first, Opcode::Text, 0), (&rest[..100_002], Opcode::Continuation, rest.len() - 100_002)];
            for (piece, opcode, missing) in pieces {
                assembler.begin_frame(&header(opcode, piece.len() + missing)).unwrap();
                assembler.push_payload(piece, missing as u64, &mut 0).unwrap();
            }
            assembler.push_payload(&rest[100_002..], 0, &mut 0).unwrap();
            let content = &assembler.partial.as_ref().unwrap().content;
            assert_eq!((content.len(), content.capacity()), (limit, limit), "cut at {cut}");
        }
    }

    #[test]
    fn inflated_message_memory_stays_below_its_limit() {
        for opcode in [Opcode::Text, Opcode::Binary] {
            let content = Content::new(&header(opcode, 0));
            let mut partial = Partial { content, compressed: true, last: false, limit: LIMIT };
            partial.push_inflated(&vec![b'a'; 1_040_000]).unwrap();
            while partial.push_inflated(&[b'b'; 10_000]).is_ok() {
                assert!(partial.content.capacity() as u64 <= LIMIT, "{opcode:?}: {} bytes", partial.content.capacity());
            }
            assert!(partial.len() > LIMIT - 10_000);
        }
    }
}
