//! The frame decoder: it splits the bytes of the server into frames and passes their payloads to the assembler.
//!
//! See [RFC 6455, section 5.2](https://www.rfc-editor.org/rfc/rfc6455#section-5.2).

use bytes::BufMut;
use bytes::buf::Limit;

use crate::error::Failure;
use crate::extensions::Deflate;
use crate::frame::{Header, Opcode};
use crate::limits::{FRAME_COST, Limits};
use crate::message::{BorrowedMessage, LongBinary, Message};
use crate::receive::assembler::{Assembler, LARGE};
use crate::receive::read_buffer::{MIN_SHARED, ReadBuffer};

/// The receiving side of one connection.
#[derive(Debug)]
pub(crate) struct Decoder {
    read_buffer: ReadBuffer,
    assembler: Assembler,
    /// The data frame that is being read.
    frame: Option<Frame>,
    /// The length of its message when the message's own memory was lent to be read into.
    direct_from: Option<usize>,
    /// A violation that was found by [`next_message`](Self::next_message), until [`read`](Self::read) returns it.
    violation: Option<Failure>,
    /// Whether the last call stopped because it had inflated as much as one call may.
    suspended: bool,
}

/// A data frame that is not complete.
#[derive(Debug)]
struct Frame {
    header: Header,
    /// The bytes of its payload that have not reached the assembler.
    missing: u64,
}

/// A result of one decoding step.
#[derive(Debug)]
pub(crate) enum Decoded {
    /// A part of a message. More may follow at once.
    Part,
    /// A complete message.
    Message(Message),
    /// A control frame with its payload.
    Control(Opcode, Vec<u8>),
    /// Nothing, until more bytes arrive.
    Wait,
    /// Nothing, because the budget for inflating is used up. The next call goes on.
    Suspended,
}

impl Decoder {
    /// Creates the decoder of a connection that is not yet established.
    pub(crate) fn new(limits: &Limits) -> Self {
        let assembler = Assembler::new(limits, None);
        Self {
            read_buffer: ReadBuffer::default(),
            assembler,
            frame: None,
            direct_from: None,
            violation: None,
            suspended: false,
        }
    }

    /// Starts to decode frames, compressed ones if permessage-deflate was negotiated.
    pub(crate) fn establish(&mut self, limits: &Limits, deflate: Option<&Deflate>) {
        self.assembler = Assembler::new(limits, deflate);
    }

    /// Returns the buffer for the next read, with room for at least one byte.
    ///
    /// The rest of a large binary frame, and nothing after it, is read directly into the memory of its message. After a very
    /// large frame the next read is small, because the bytes that are read together with a header have to be copied.
    pub(crate) fn read_buffer(&mut self) -> Limit<&mut Vec<u8>> {
        self.account();
        let awaited = self.awaited();
        if let Some(Frame { header, missing }) = self.frame.as_ref().filter(|_| self.read_buffer.is_empty()) {
            if let Some(memory) = self.assembler.direct_buffer(*missing, header) {
                self.direct_from = Some(memory.len());
                if header.length >= LARGE {
                    self.read_buffer.expect_small_reads();
                }
                let room = (memory.capacity() - memory.len()) as u64;
                return memory.limit(usize::try_from(room.min(*missing)).unwrap_or(usize::MAX));
            }
        }
        self.read_buffer.room(awaited)
    }

    /// Records that bytes were written to the stream.
    #[inline]
    pub(crate) fn on_written(&mut self, bytes: usize) {
        self.read_buffer.on_written(bytes);
    }

    /// Uses `lend` for the memory of the read buffer, if it has none.
    pub(crate) fn lend_memory(&mut self, lend: impl FnOnce() -> Vec<u8>) {
        self.read_buffer.lend_memory(lend);
    }

    /// Takes the memory of the read buffer, if it is for small reads and all bytes in it were decoded.
    pub(crate) fn take_memory(&mut self) -> Option<Vec<u8>> {
        self.read_buffer.take_memory()
    }

    /// Returns the number of missing bytes of a frame that stays in the read buffer until it is complete.
    fn awaited(&self) -> usize {
        let rest = self.read_buffer.rest();
        match Header::decode(rest, self.assembler.compression()) {
            Ok(Some((header, size))) if self.frame.is_none() && self.assembler.can_wait(&header) => {
                usize::try_from(header.length).map_or(0, |length| (size + length).saturating_sub(rest.len()))
            }
            _ => 0,
        }
    }

    /// Appends bytes that were read into another buffer.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.account();
        self.read_buffer.extend(bytes);
    }

    /// Returns the bytes that were not decoded, for the opening handshake.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.read_buffer.rest()
    }

    /// Removes the first `bytes` bytes.
    pub(crate) fn consume(&mut self, bytes: usize) {
        self.read_buffer.consume(bytes);
    }

    /// Discards the bytes that were not decoded.
    pub(crate) fn clear(&mut self) {
        self.suspended = false;
        self.direct_from = None;
        self.read_buffer.clear();
    }

    /// Discards messages from now on. Frames are checked as before.
    pub(crate) fn discard(&mut self) {
        self.account();
        self.assembler.discard();
    }

    /// Discards everything, and releases the memory.
    pub(crate) fn end(&mut self) {
        (self.read_buffer, self.frame) = (ReadBuffer::default(), None);
        (self.direct_from, self.violation, self.suspended) = (None, None, false);
        self.assembler.discard();
    }

    /// Returns whether there is memory that [`release_memory`](Self::release_memory) releases.
    pub(crate) fn has_spare_memory(&self) -> bool {
        self.read_buffer.has_spare_memory() || self.assembler.has_spare_memory()
    }

    /// Releases the memory that an idle connection does not need.
    pub(crate) fn release_memory(&mut self) {
        self.read_buffer.release_memory();
        self.assembler.release_memory();
    }

    /// Calls `receive` with the next message, if the read buffer holds it as one complete uncompressed frame.
    ///
    /// Leaves all other messages, and errors, to [`next_message`](Self::next_message) and [`read`](Self::read).
    #[inline]
    pub(crate) fn with_message<R>(&mut self, receive: impl FnOnce(BorrowedMessage<'_>) -> R) -> Option<R> {
        let (opcode, payload, size) = Header::split_whole(self.read_buffer.rest())?;
        if self.frame.is_some() || self.violation.is_some() || !self.assembler.can_borrow(payload.len()) {
            return None;
        }
        let message = match opcode {
            Opcode::Text => BorrowedMessage::Text(simdutf8::basic::from_utf8(payload).ok()?),
            _ if payload.len() < MIN_SHARED => BorrowedMessage::Binary(payload),
            _ => {
                let part = size - payload.len()..size;
                BorrowedMessage::LongBinary(LongBinary::new(&mut self.read_buffer, part))
            }
        };
        let result = receive(message);
        self.read_buffer.consume(size);
        Some(result)
    }

    /// Returns the next message, if it is complete and precedes the next control frame and the next violation.
    ///
    /// Neither has an effect before [`read`](Self::read) returns it.
    pub(crate) fn next_message(&mut self, budget: &mut usize) -> Option<Message> {
        while self.violation.is_none() && !self.is_control_next() {
            match self.read(budget) {
                Ok(Decoded::Message(message)) => return Some(message),
                Ok(Decoded::Part) => {}
                Ok(Decoded::Control(..) | Decoded::Wait | Decoded::Suspended) => return None,
                Err(failure) => self.violation = Some(failure),
            }
        }
        None
    }

    /// Returns whether the next frame is known to be a control frame.
    fn is_control_next(&self) -> bool {
        let next = || Header::decode(self.read_buffer.rest(), self.assembler.compression());
        self.frame.is_none() && matches!(next(), Ok(Some((header, _))) if header.opcode.is_control())
    }

    /// Returns whether the last call stopped because its budget was used up.
    pub(crate) const fn is_suspended(&self) -> bool {
        self.suspended
    }

    /// Returns whether nothing that was read is left to be decoded or returned.
    pub(crate) fn is_drained(&self) -> bool {
        self.read_buffer.is_empty()
            && self.direct_from.is_none()
            && self.violation.is_none()
            && !self.suspended
            && self.frame.as_ref().is_none_or(|frame| frame.missing > 0)
    }

    /// Returns whether a control frame or a violation is known to be next.
    pub(crate) fn has_other_next(&self) -> bool {
        self.violation.is_some() || self.is_control_next()
    }

    /// Decodes the next frame, or the part of it that has arrived.
    ///
    /// Inflates at most `budget` bytes, and subtracts what was inflated from it, and [`FRAME_COST`] for a frame that completes no message.
    pub(crate) fn read(&mut self, budget: &mut usize) -> Result<Decoded, Failure> {
        self.suspended = false;
        if let Some(failure) = self.violation.take() {
            return Err(failure);
        }
        if *budget == 0 {
            self.suspended = true;
            return Ok(Decoded::Suspended);
        }
        let decoded = self.read_frame(budget)?;
        if matches!(decoded, Decoded::Part | Decoded::Control(..)) {
            *budget = budget.saturating_sub(FRAME_COST);
        }
        Ok(decoded)
    }

    fn read_frame(&mut self, budget: &mut usize) -> Result<Decoded, Failure> {
        self.account();
        if self.frame.is_some() {
            return self.read_payload(budget);
        }
        let rest = self.read_buffer.rest();
        let Some((header, size)) = Header::decode(rest, self.assembler.compression())? else {
            return Ok(Decoded::Wait);
        };
        let after = &rest[size..];
        let whole = usize::try_from(header.length).ok().and_then(|length| after.get(..length));
        match whole {
            Some(payload) if header.opcode.is_control() => {
                let (payload, used) = (payload.to_owned(), size + payload.len());
                self.read_buffer.consume(used);
                return Ok(Decoded::Control(header.opcode, payload));
            }
            None if header.opcode.is_control() || self.assembler.can_wait(&header) => return Ok(Decoded::Wait),
            _ => self.assembler.begin_frame(&header)?,
        }
        let payload = whole.unwrap_or(after);
        let used = self.assembler.push_payload(payload, header.length - payload.len() as u64, budget)?;
        let suspended = used < payload.len() || self.assembler.has_pending_output();
        self.read_buffer.consume(size + used);
        self.end_step(Frame { header, missing: header.length - used as u64 }, suspended)
    }

    /// Decodes more of the payload of a data frame.
    fn read_payload(&mut self, budget: &mut usize) -> Result<Decoded, Failure> {
        let Some(Frame { header, missing }) = self.frame.take() else { return Ok(Decoded::Wait) };
        let rest = self.read_buffer.rest();
        let payload = usize::try_from(missing).map_or(rest, |missing| &rest[..rest.len().min(missing)]);
        let used = self.assembler.push_payload(payload, missing - payload.len() as u64, budget)?;
        let suspended = used < payload.len() || self.assembler.has_pending_output();
        self.read_buffer.consume(used);
        self.end_step(Frame { header, missing: missing - used as u64 }, suspended)
    }

    /// Ends the frame if it is complete, and else keeps it for the next step.
    fn end_step(&mut self, frame: Frame, suspended: bool) -> Result<Decoded, Failure> {
        if !suspended && frame.missing == 0 {
            return Ok(self.assembler.end_frame(&frame.header)?.map_or(Decoded::Part, Decoded::Message));
        }
        self.frame = Some(frame);
        self.suspended = suspended;
        Ok(if suspended { Decoded::Suspended } else { Decoded::Wait })
    }

    /// Accounts for the bytes that were read into the message's own memory.
    fn account(&mut self) {
        if let (Some(before), Some(frame)) = (self.direct_from.take(), &mut self.frame) {
            let read = self.assembler.direct_len().saturating_sub(before);
            frame.missing = frame.missing.saturating_sub(read as u64);
        }
    }
}
