//! What comes: bytes are read, frames told apart, messages put together.

use bytes::BufMut;
use bytes::buf::Limit;

use crate::error::Failure;
use crate::extensions::Deflate;
use crate::frame::{Header, Opcode};
use crate::limits::Limits;
use crate::message::{BorrowedMessage, Message};
use crate::receive::assembler::{Assembler, LARGE};
use crate::receive::read_buffer::ReadBuffer;

/// The receiving side of one connection.
#[derive(Debug)]
pub(crate) struct Decoder {
    read_buffer: ReadBuffer,
    messages: Assembler,
    /// The data frame that is being read.
    frame: Option<Frame>,
    /// The length of its message when the message's own memory was given to be read into.
    direct: Option<usize>,
    /// What breaks a rule, until [`read`](Self::read) tells of it.
    wrong: Option<Failure>,
}

/// A data frame that is not yet whole.
#[derive(Debug)]
struct Frame {
    header: Header,
    missing: u64,
}

/// What a look at the bytes gave.
#[derive(Debug)]
pub(crate) enum Read {
    /// Something that tells nothing by itself; there may be more.
    Part,
    /// A message is whole.
    Message(Message),
    /// A control frame with its payload.
    Control(Opcode, Vec<u8>),
    /// More bytes are needed.
    Wait,
}

impl Decoder {
    /// The receiving side of a connection that is not yet established.
    pub(crate) fn new(limits: &Limits) -> Self {
        let messages = Assembler::new(limits, None);
        Self { read_buffer: ReadBuffer::default(), messages, frame: None, direct: None, wrong: None }
    }

    /// Takes messages from now on, compressed ones too if permessage-deflate is in use.
    pub(crate) fn establish(&mut self, limits: &Limits, deflate: Option<&Deflate>) {
        self.messages = Assembler::new(limits, deflate);
    }

    /// Gives the buffer to read into next: as much as fits, at least one byte.
    ///
    /// The rest of a large binary frame is read into the message's own memory, and nothing that follows it. After a very large
    /// one, the next is likely to be as large, and what is read of it with its header has to be copied: that is little then.
    pub(crate) fn buffer(&mut self) -> Limit<&mut Vec<u8>> {
        self.account();
        let waited_for = self.waited_for();
        if let Some(Frame { header, missing }) = &self.frame
            && self.read_buffer.is_empty()
            && let Some(memory) = self.messages.direct(*missing, header)
        {
            self.direct = Some(memory.len());
            if header.length >= LARGE {
                self.read_buffer.expect_small_reads();
            }
            let room = (memory.capacity() - memory.len()) as u64;
            return memory.limit(usize::try_from(room.min(*missing)).unwrap_or(usize::MAX));
        }
        self.read_buffer.room(waited_for)
    }

    /// What is missing of a frame that waits in the read buffer until it is whole.
    fn waited_for(&self) -> usize {
        let rest = self.read_buffer.rest();
        match Header::decode(rest, self.messages.compression()) {
            Ok(Some((header, size))) if self.frame.is_none() && self.messages.may_wait(&header) => {
                usize::try_from(header.length).map_or(0, |length| (size + length).saturating_sub(rest.len()))
            }
            _ => 0,
        }
    }

    /// Takes bytes that were read elsewhere.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.account();
        self.read_buffer.extend(bytes);
    }

    /// The bytes that wait, for the opening handshake.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.read_buffer.rest()
    }

    /// Takes away bytes that wait.
    pub(crate) fn take(&mut self, bytes: usize) {
        self.read_buffer.take(bytes);
    }

    /// Throws the bytes that wait away.
    pub(crate) fn clear(&mut self) {
        self.direct = None;
        self.read_buffer.clear();
    }

    /// Throws messages away from now on; frames are checked as before.
    pub(crate) fn discard(&mut self) {
        self.account();
        self.messages.discard();
    }

    /// Throws everything away, the memory too.
    pub(crate) fn end(&mut self) {
        (self.read_buffer, self.frame, self.direct, self.wrong) = (ReadBuffer::default(), None, None, None);
        self.messages.discard();
    }

    /// Gives back the memory that a quiet connection can do without.
    pub(crate) fn release_memory(&mut self) {
        self.read_buffer.release_memory();
        self.messages.release_memory();
    }

    /// Lends a message that is one frame, all of which is there, to `take`; leaves whatever is less simple, or wrong, to
    /// [`next_message`](Self::next_message) and [`read`](Self::read).
    #[inline]
    pub(crate) fn lend<R>(&mut self, take: impl FnOnce(BorrowedMessage<'_>) -> R) -> Option<R> {
        let (opcode, payload, size) = Header::split_whole(self.read_buffer.rest())?;
        if self.frame.is_some() || self.wrong.is_some() || !self.messages.may_lend(payload.len()) {
            return None;
        }
        let lent = match opcode {
            Opcode::Text => BorrowedMessage::Text(simdutf8::basic::from_utf8(payload).ok()?),
            _ => BorrowedMessage::Binary(payload),
        };
        let result = take(lent);
        self.read_buffer.take(size);
        Some(result)
    }

    /// Gives the next message, if there is all of it before a control frame and whatever is wrong, which has no effect yet:
    /// [`read`](Self::read) tells of that.
    pub(crate) fn next_message(&mut self) -> Option<Message> {
        while self.wrong.is_none() && !self.is_control_next() {
            match self.read() {
                Ok(Read::Message(message)) => return Some(message),
                Ok(Read::Part) => {}
                Ok(Read::Control(..) | Read::Wait) => return None,
                Err(failure) => self.wrong = Some(failure),
            }
        }
        None
    }

    /// Whether a control frame comes next, as far as its header is there.
    fn is_control_next(&self) -> bool {
        let next = || Header::decode(self.read_buffer.rest(), self.messages.compression());
        self.frame.is_none() && matches!(next(), Ok(Some((header, _))) if header.opcode.is_control())
    }

    /// Reads a frame, or what is there of one.
    pub(crate) fn read(&mut self) -> Result<Read, Failure> {
        if let Some(failure) = self.wrong.take() {
            return Err(failure);
        }
        self.account();
        if self.frame.is_some() {
            return self.read_payload();
        }
        let rest = self.read_buffer.rest();
        let Some((header, size)) = Header::decode(rest, self.messages.compression())? else { return Ok(Read::Wait) };
        let after = &rest[size..];
        let whole = usize::try_from(header.length).ok().and_then(|length| after.get(..length));
        let (read, taken) = match whole {
            Some(payload) if header.opcode.is_control() => {
                (Read::Control(header.opcode, payload.to_owned()), size + payload.len())
            }
            None if header.opcode.is_control() || self.messages.may_wait(&header) => return Ok(Read::Wait),
            Some(payload) => {
                self.messages.begin_frame(&header)?;
                self.messages.take_payload(payload, 0)?;
                let message = self.messages.end_frame(&header)?;
                (message.map_or(Read::Part, Read::Message), size + payload.len())
            }
            None => {
                self.messages.begin_frame(&header)?;
                let missing = header.length - after.len() as u64;
                self.messages.take_payload(after, missing)?;
                self.frame = Some(Frame { header, missing });
                (Read::Wait, rest.len())
            }
        };
        self.read_buffer.take(taken);
        Ok(read)
    }

    /// Reads on in a data frame that has begun.
    fn read_payload(&mut self) -> Result<Read, Failure> {
        let Some(Frame { header, missing }) = &mut self.frame else { return Ok(Read::Wait) };
        let rest = self.read_buffer.rest();
        let bytes = usize::try_from(*missing).map_or(rest, |missing| &rest[..rest.len().min(missing)]);
        *missing -= bytes.len() as u64;
        self.messages.take_payload(bytes, *missing)?;
        let (header, missing, taken) = (*header, *missing, bytes.len());
        self.read_buffer.take(taken);
        if missing > 0 {
            return Ok(Read::Wait);
        }
        self.frame = None;
        Ok(self.messages.end_frame(&header)?.map_or(Read::Part, Read::Message))
    }

    /// Accounts for what was read into the message's own memory.
    fn account(&mut self) {
        if let Some(before) = self.direct.take()
            && let Some(frame) = &mut self.frame
        {
            let came = self.messages.direct_len().saturating_sub(before);
            frame.missing = frame.missing.saturating_sub(came as u64);
        }
    }
}
