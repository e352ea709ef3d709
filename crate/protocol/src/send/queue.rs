//! What is to be sent: messages and control frames in order, masked in batches, counted as the socket takes them.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::close;
use crate::deflate::Deflater;
use crate::frame::{Entropy, Header, Keys, MAX_CONTROL, Mask, Opcode};
use crate::limits::{COMPRESSION_THRESHOLD, MESSAGE_OVERHEAD, PONGS};
use crate::message::Payload;
use crate::send::write_buffer::WriteBuffer;
use samesocket_spec::close::CloseFrame;

/// What waits is masked until this much is ready for the socket.
const BATCH: usize = 64 << 10;

/// Small messages are masked as they are sent while less than this is ready for the socket: that is cheaper than to keep
/// each until its turn.
const AHEAD: usize = PIECE;

/// A message up to this size is small.
const SMALL: usize = 16 << 10;

/// A large message is masked in pieces of this size, and compressed in fragments of so much.
const PIECE: usize = 1 << 20;

/// The queue of one connection.
#[derive(Debug)]
pub(crate) struct SendQueue {
    limit: u64,
    keys: Keys,
    deflater: Option<Deflater>,
    output: WriteBuffer,
    /// The bytes that the socket has taken since the beginning.
    taken: u64,
    /// The payloads within what is ready, in order, and the sum of what they count.
    marks: VecDeque<Mark>,
    marked: u64,
    messages: VecDeque<Outgoing>,
    ping: Option<Vec<u8>>,
    /// Answers to pings, in order.
    pongs: VecDeque<Vec<u8>>,
    close: Option<Vec<u8>>,
    /// Whether nothing may follow any more: our Close frame is made or cannot be.
    ended: bool,
    close_made: bool,
    /// Whether the stream has taken bytes that it has not passed on.
    held: bool,
    /// The payload bytes that the socket has not taken.
    buffered_amount: u64,
}

/// A message that waits.
#[derive(Debug)]
struct Outgoing {
    opcode: Opcode,
    payload: Bytes,
    compressed: bool,
    /// The bytes that are made ready; with some, the message has begun.
    done: usize,
    /// The mask of the frame that is being made.
    mask: Mask,
}

/// The place of a payload, or of a piece of one.
#[derive(Debug)]
struct Mark {
    /// Where it ends, in bytes made since the beginning.
    end: u64,
    counted: Counted,
}

/// The bytes of a payload that are still counted, no more than a piece has, and in the top bit whether it is compressed.
///
/// A mark of two words is passed in registers; one of three is put together in memory and read while it is still being
/// written, which took a fifth of the time of a short message in a program compiled for size.
#[derive(Clone, Copy, Debug)]
struct Counted(u32);

impl Counted {
    const COMPRESSED: u32 = 1 << 31;

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "it is no more than a piece")]
    const fn new(payload: usize, compressed: bool) -> Self {
        Self(payload as u32 | if compressed { Self::COMPRESSED } else { 0 })
    }

    const fn bytes(self) -> u64 {
        (self.0 & !Self::COMPRESSED) as u64
    }

    /// What is still counted while the socket has not taken so many of the bytes that were made: those of what is compressed
    /// are not the payload's, so that this is counted until the end.
    #[expect(clippy::cast_possible_truncation, reason = "it is less than what is counted")]
    const fn left(self, missing: u64) -> Self {
        let compressed = self.0 & Self::COMPRESSED != 0;
        if missing >= self.bytes() || compressed && missing > 0 { self } else { Self(missing as u32) }
    }
}

impl SendQueue {
    pub(crate) fn new(entropy: Entropy, limit: u64) -> Self {
        Self {
            limit,
            keys: Keys::new(entropy),
            deflater: None,
            output: WriteBuffer::default(),
            taken: 0,
            marks: VecDeque::new(),
            marked: 0,
            messages: VecDeque::new(),
            ping: None,
            pongs: VecDeque::new(),
            close: None,
            ended: false,
            close_made: false,
            held: false,
            buffered_amount: 0,
        }
    }

    /// Gives 16 bytes for the nonce of the opening handshake.
    pub(crate) fn nonce(&mut self) -> [u8; 16] {
        self.keys.nonce()
    }

    /// Takes the request, which goes out before everything else and is in nobody's count.
    pub(crate) fn begin(&mut self, request: Vec<u8>) {
        self.output = request.into();
    }

    /// Compresses from now on.
    pub(crate) fn compress(&mut self, deflater: Deflater) {
        self.deflater = Some(deflater);
    }

    /// The payload bytes that the socket has not taken.
    pub(crate) const fn buffered_amount(&self) -> u64 {
        self.buffered_amount
    }

    /// The bytes that wait, by the measure of the limit: each message counts some beside its payload.
    pub(crate) fn queued_bytes(&self) -> u64 {
        let waiting = self.messages.len() + self.marks.len();
        self.buffered_amount.saturating_add(waiting as u64 * MESSAGE_OVERHEAD)
    }

    /// Counts a payload that will not go out.
    pub(crate) fn count(&mut self, payload: &Payload<'_>) {
        self.buffered_amount = self.buffered_amount.saturating_add(payload.as_slice().len() as u64);
    }

    /// Takes a message; `false` if it has no room. The payload is counted in any case.
    #[inline]
    pub(crate) fn send(&mut self, opcode: Opcode, payload: Payload<'_>) -> bool {
        self.count(&payload);
        if self.ended {
            return true;
        }
        let bytes = payload.as_slice();
        if self.queued_bytes().saturating_add(MESSAGE_OVERHEAD) > self.limit {
            return false;
        }
        let compressed = self.deflater.is_some() && bytes.len() >= COMPRESSION_THRESHOLD;
        if self.messages.is_empty() && bytes.len() <= SMALL && self.output.len() < AHEAD {
            self.make_control_frames();
            if compressed {
                self.make_compressed(opcode, bytes, true, true);
            } else {
                self.make_whole(opcode, bytes);
            }
        } else {
            self.wait(opcode, payload, compressed);
        }
        true
    }

    /// Has a message wait for its turn.
    #[cold]
    fn wait(&mut self, opcode: Opcode, payload: Payload<'_>, compressed: bool) {
        let (payload, mask) = (payload.into_bytes(), Mask::new([0; 4]));
        self.messages.push_back(Outgoing { opcode, payload, compressed, done: 0, mask });
    }

    /// Takes a ping; one that still waits is replaced.
    pub(crate) fn ping(&mut self, payload: &[u8]) {
        self.ping = Some(payload[..payload.len().min(MAX_CONTROL)].to_vec());
    }

    /// Takes the answer to a ping. Where too many wait, the oldest goes: the answers to later pings are enough, by
    /// [RFC 6455, section 5.5.3](https://www.rfc-editor.org/rfc/rfc6455#section-5.5.3).
    pub(crate) fn pong(&mut self, payload: Vec<u8>) {
        if self.pongs.len() == PONGS {
            self.pongs.pop_front();
        }
        self.pongs.push_back(payload);
    }

    /// Takes our Close frame, which follows all messages and ends the queue.
    pub(crate) fn close(&mut self, frame: CloseFrame<'_>) {
        self.close = Some(close::write(frame));
    }

    /// Drops what is not yet made, and ends the queue with a Close frame of this code; without one, if there is no
    /// code, or if a frame is begun that would have to be finished first.
    pub(crate) fn abort(&mut self, code: Option<u16>) {
        let within_frame = self.messages.front().is_some_and(|message| message.done > 0 && !message.compressed);
        self.messages = VecDeque::new();
        self.pongs = VecDeque::new();
        (self.ping, self.close) = (None, None);
        if let Some(code) = code
            && !within_frame
            && !self.ended
        {
            self.make_control(Opcode::Close, &close::write(Some((code, ""))));
        }
        self.ended = true;
    }

    /// Drops everything: the socket takes no more.
    pub(crate) fn drop_all(&mut self) {
        self.held = false;
        self.abort(None);
        self.close_made &= self.output.is_empty();
        self.output = WriteBuffer::default();
        (self.marks, self.marked) = (VecDeque::new(), 0);
    }

    /// Gives the next bytes for the socket; none, if nothing waits.
    pub(crate) fn pending_bytes(&mut self) -> &[u8] {
        while self.output.len() < BATCH && !self.ended && self.make_next() {}
        self.output.bytes()
    }

    /// Notes that the socket has taken the first `bytes` of those that [`pending_bytes`](Self::pending_bytes) gave.
    pub(crate) fn advance_written(&mut self, bytes: usize) {
        let bytes = bytes.min(self.output.len());
        self.output.take(bytes);
        self.taken += bytes as u64;
        if self.output.is_empty() {
            // The commonest case by far needs no look at each payload.
            self.buffered_amount -= std::mem::take(&mut self.marked);
            self.marks.clear();
            return;
        }
        while let Some(mark) = self.marks.front_mut() {
            let missing = mark.end.saturating_sub(self.taken);
            let left = mark.counted.left(missing);
            let gone = mark.counted.bytes() - left.bytes();
            self.buffered_amount -= gone;
            self.marked -= gone;
            mark.counted = left;
            if missing > 0 {
                break;
            }
            self.marks.pop_front();
        }
    }

    /// Notes whether the stream holds bytes that it has taken and not passed on; whether that has changed.
    pub(crate) const fn set_unflushed(&mut self, held: bool) -> bool {
        std::mem::replace(&mut self.held, held) != held
    }

    /// Whether the socket has taken everything, and passed it on.
    pub(crate) fn is_empty(&self) -> bool {
        let waiting =
            !self.messages.is_empty() || self.ping.is_some() || !self.pongs.is_empty() || self.close.is_some();
        self.output.is_empty() && !self.held && (self.ended || !waiting)
    }

    /// Whether our Close frame is made, and the socket has taken it and passed it on.
    pub(crate) const fn close_transmitted(&self) -> bool {
        self.close_made && self.output.is_empty() && !self.held
    }

    /// Gives back the memory that a quiet connection can do without.
    pub(crate) fn release_memory(&mut self) {
        if !self.is_empty() {
            return;
        }
        self.output = WriteBuffer::default();
        self.marks = VecDeque::new();
        self.messages = VecDeque::new();
        self.pongs = VecDeque::new();
        if let Some(deflater) = &mut self.deflater {
            deflater.release_memory();
        }
    }

    /// Makes the next frame or piece of one; `false` if nothing waits.
    fn make_next(&mut self) -> bool {
        let begun = self.messages.front().is_some_and(|message| message.done > 0 && !message.compressed);
        if !begun {
            self.make_control_frames();
        }
        if let Some(message) = self.messages.pop_front() {
            if message.compressed {
                self.make_fragment(message);
            } else if message.done == 0 && message.payload.len() <= PIECE {
                self.make_whole(message.opcode, &message.payload);
            } else {
                self.make_piece(message);
            }
            return true;
        }
        let Some(body) = self.close.take() else { return false };
        self.make_control(Opcode::Close, &body);
        self.ended = true;
        true
    }

    /// Control frames go before messages, and between the fragments of one.
    #[inline]
    fn make_control_frames(&mut self) {
        if !self.pongs.is_empty() || self.ping.is_some() {
            self.make_pongs_and_ping();
        }
    }

    #[cold]
    fn make_pongs_and_ping(&mut self) {
        while let Some(payload) = self.pongs.pop_front() {
            self.make_control(Opcode::Pong, &payload);
        }
        if let Some(payload) = self.ping.take() {
            self.make_control(Opcode::Ping, &payload);
        }
    }

    fn make_control(&mut self, opcode: Opcode, payload: &[u8]) {
        Header::append_whole(opcode, self.keys.take(), payload, &mut self.output);
        self.close_made |= opcode == Opcode::Close;
    }

    #[inline]
    fn make_whole(&mut self, opcode: Opcode, payload: &[u8]) {
        Header::append_whole(opcode, self.keys.take(), payload, &mut self.output);
        self.mark(payload.len(), false);
    }

    /// Makes the next piece of a large frame.
    fn make_piece(&mut self, mut message: Outgoing) {
        if message.done == 0 {
            message.mask = self.make_header(true, false, message.opcode, message.payload.len());
        }
        let rest = &message.payload[message.done..];
        let piece = &rest[..rest.len().min(PIECE)];
        message.mask.append(piece, &mut self.output);
        self.mark(piece.len(), false);
        message.done += piece.len();
        if message.done < message.payload.len() {
            self.messages.push_front(message);
        }
    }

    /// Makes the next fragment of a compressed message, which is the only one if the message is not large.
    fn make_fragment(&mut self, mut message: Outgoing) {
        let rest = &message.payload[message.done..];
        let piece = &rest[..rest.len().min(PIECE)];
        let (first, last) = (message.done == 0, piece.len() == rest.len());
        self.make_compressed(if first { message.opcode } else { Opcode::Continuation }, piece, first, last);
        message.done += piece.len();
        if !last {
            self.messages.push_front(message);
        }
    }

    fn make_compressed(&mut self, opcode: Opcode, piece: &[u8], first: bool, last: bool) {
        let Some(mut deflater) = self.deflater.take() else { return };
        deflater.deflate(piece, last);
        let payload = deflater.deflated();
        self.make_header(last, first, opcode, payload.len()).append(payload, &mut self.output);
        self.mark(piece.len(), true);
        deflater.clear();
        self.deflater = Some(deflater);
    }

    #[inline]
    fn make_header(&mut self, fin: bool, rsv1: bool, opcode: Opcode, length: usize) -> Mask {
        let key = self.keys.take();
        Header { fin, rsv1, opcode, length: length as u64 }.encode(key, &mut self.output);
        Mask::new(key)
    }

    /// Notes that the last of what is ready was made of so many bytes of a payload.
    #[inline]
    fn mark(&mut self, payload: usize, compressed: bool) {
        self.marked += payload as u64;
        let end = self.taken + self.output.len() as u64;
        self.marks.push_back(Mark { end, counted: Counted::new(payload, compressed) });
    }
}
