//! The send queue: messages and control frames in order, framed and masked in bounded steps.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;

use crate::close;
use crate::deflate::Deflater;
use crate::frame::{Header, Opcode};
use crate::limits::{MAX_QUEUED_PONGS, MESSAGE_OVERHEAD, PART_OVERHEAD, STEP};
use crate::mask::{Entropy, Mask, MaskingKeys};
use crate::message::Payload;
use crate::send::buffered_amount::{BufferedAmount, PartList};
use crate::send::compressor::{Compressor, Fragment};
use crate::send::write_buffer::WriteBuffer;
use samesocket_spec::close::CloseFrame;

/// While fewer bytes than this are ready, small messages are framed in [`SendQueue::send`]: that is cheaper than queueing them.
const SEND_AHEAD: usize = 1 << 20;

/// A large message is framed up to this many bytes ahead of one write.
///
/// Measured: with 64 KiB, job `echo1m` takes 1.14 to 1.22 times the CPU (November 2026), because of 16 times as many writes.
const MAX_PREPARED: usize = 1 << 20;

/// The size up to which a message is small. Arbitrary.
const SMALL: usize = 16 << 10;

/// The payload bytes in each fragment of a large message, before compression. Arbitrary.
///
/// Control frames can be sent between fragments, so that no pong waits behind a large message. Chromium's fragments are smaller.
const FRAGMENT: usize = 1 << 20;

/// The largest memory for frames that connections share, in bytes. Arbitrary: more is needed by a connection that sends much.
const MAX_LENT: usize = 4 << 10;

/// The number of parts in it, at most. Arbitrary.
const MAX_LENT_PARTS: usize = 256;

/// The memory in which a connection frames small messages; see
/// [`Connection::take_write_memory`](crate::Connection::take_write_memory).
#[derive(Default)]
pub struct WriteMemory {
    output: Vec<u8>,
    parts: PartList,
}

impl fmt::Debug for WriteMemory {
    /// Leaves out the content: what was sent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteMemory").finish_non_exhaustive()
    }
}

/// The send queue of one connection.
#[derive(Debug)]
pub(crate) struct SendQueue {
    /// The value of [`Limits::queue`](crate::Limits::queue).
    limit: u64,
    keys: MaskingKeys,
    // Boxed, because most connections have none.
    compressor: Option<Box<Compressor>>,
    output: WriteBuffer,
    buffered_amount: BufferedAmount,
    /// The payload bytes of messages that were never queued. They count in the buffered amount for ever.
    lost: u64,
    messages: VecDeque<OutgoingMessage>,
    /// Payloads of the caller that are not needed any more, until the caller takes them.
    released: Vec<Bytes>,
    /// The number of the latest ping that waits to be sent. Its pong also answers all earlier pings, so those are not
    /// sent.
    ping: Option<u64>,
    /// The number of the latest ping that was framed.
    framed_ping: Option<u64>,
    /// The answers to pings, in order.
    pongs: VecDeque<Vec<u8>>,
    /// The body of our Close frame, while it waits behind the messages.
    close: Option<Vec<u8>>,
    /// Whether nothing may follow: our Close frame is written to the output, or can no longer be sent.
    ended: bool,
    /// Whether the output has included our Close frame.
    close_framed: bool,
    /// Whether the stream holds bytes that it has accepted and not flushed.
    unflushed: bool,
}

/// A message that waits to be sent.
#[derive(Debug)]
struct OutgoingMessage {
    opcode: Opcode,
    payload: Bytes,
    /// Whether the payload's memory is the caller's, and not a copy.
    is_shared: bool,
    form: Form,
    /// The payload bytes that were masked or, if compressed, deflated.
    done: usize,
    /// The frame whose header was written and whose payload was not written to its end.
    frame: Option<OpenFrame>,
}

impl OutgoingMessage {
    /// Returns the range of the payload in the fragment with the byte at `position`.
    fn fragment(&self, position: usize) -> Range<usize> {
        let start = position / FRAGMENT * FRAGMENT;
        start..self.payload.len().min(start + FRAGMENT)
    }
}

/// The form in which a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Undecided,
    Uncompressed,
    Compressed,
}

/// A frame whose payload is masked in several steps.
#[derive(Debug)]
struct OpenFrame {
    mask: Mask,
    /// The deflated bytes that were masked, if the frame is compressed.
    masked: usize,
}

impl SendQueue {
    /// Creates an empty queue that holds at most `limit` bytes.
    pub(crate) fn new(entropy: Entropy, limit: u64) -> Self {
        Self {
            limit,
            keys: MaskingKeys::new(entropy),
            compressor: None,
            output: WriteBuffer::default(),
            buffered_amount: BufferedAmount::default(),
            lost: 0,
            messages: VecDeque::new(),
            released: Vec::new(),
            ping: None,
            framed_ping: None,
            pongs: VecDeque::new(),
            close: None,
            ended: false,
            close_framed: false,
            unflushed: false,
        }
    }

    /// Returns 16 random bytes for the nonce of the opening handshake.
    pub(crate) fn nonce(&mut self) -> [u8; 16] {
        self.keys.nonce()
    }

    /// Sets the opening handshake's request, which is written first and counts as no payload.
    pub(crate) fn set_request(&mut self, request: Vec<u8>) {
        self.output = request.into();
    }

    /// Compresses messages of at least `min_size` bytes from now on.
    pub(crate) fn set_deflater(&mut self, deflater: Deflater, min_size: usize) {
        self.compressor = Some(Box::new(Compressor::new(deflater, min_size)));
    }

    /// Returns the payload bytes that the stream has not accepted.
    pub(crate) const fn buffered_amount(&self) -> u64 {
        self.buffered_amount.bytes().saturating_add(self.lost)
    }

    /// Returns the bytes that count towards the limit: the payloads that wait, and an overhead for each message.
    pub(crate) fn queued_bytes(&self) -> u64 {
        let overhead =
            self.messages.len() as u64 * MESSAGE_OVERHEAD + self.buffered_amount.parts() as u64 * PART_OVERHEAD;
        self.buffered_amount.bytes().saturating_add(overhead)
    }

    /// Returns whether a message waits, framed or not.
    pub(crate) fn has_messages(&self) -> bool {
        !self.messages.is_empty() || self.buffered_amount.parts() > 0
    }

    /// Counts a payload that will not be sent.
    pub(crate) fn count_lost(&mut self, payload: &Payload<'_>) {
        self.lost = self.lost.saturating_add(payload.as_slice().len() as u64);
    }

    /// Queues a message, and returns `false` if it does not fit. The payload counts in either case.
    ///
    /// `compress` is whether the message may be compressed.
    #[inline]
    pub(crate) fn send(&mut self, opcode: Opcode, payload: Payload<'_>, compress: bool) -> bool {
        if self.ended {
            self.count_lost(&payload);
            return true;
        }
        let bytes = payload.as_slice();
        self.buffered_amount.add(bytes.len());
        let is_framed = self.messages.is_empty() && bytes.len() <= SMALL && self.output.len() < SEND_AHEAD;
        let overhead = if is_framed { PART_OVERHEAD } else { MESSAGE_OVERHEAD };
        if self.queued_bytes().saturating_add(overhead) > self.limit {
            return false;
        }
        if is_framed {
            self.frame_control_frames();
            if compress && self.compressor.is_some() {
                self.frame_small(opcode, bytes);
            } else {
                self.frame_whole(opcode, bytes);
            }
        } else {
            self.enqueue(opcode, payload, compress);
        }
        true
    }

    #[cold]
    fn enqueue(&mut self, opcode: Opcode, payload: Payload<'_>, compress: bool) {
        let is_shared = matches!(payload, Payload::Shared(_));
        let payload = payload.into_bytes();
        self.messages.push_back(OutgoingMessage {
            opcode,
            payload,
            is_shared,
            form: if compress { Form::Undecided } else { Form::Uncompressed },
            done: 0,
            frame: None,
        });
    }

    /// Keeps the payload of a message that is not needed any more, if its memory is the caller's.
    fn release(&mut self, message: OutgoingMessage) {
        if message.is_shared {
            self.released.push(message.payload);
        }
    }

    /// Returns the payloads of the caller that are not needed any more.
    pub(crate) fn take_released_payloads(&mut self) -> Vec<Bytes> {
        std::mem::take(&mut self.released)
    }

    /// Queues the ping with this number. It replaces a ping that still waits.
    pub(crate) const fn ping(&mut self, number: u64) {
        self.ping = Some(number);
    }

    /// Returns the number of the latest ping that was framed.
    pub(crate) const fn framed_ping(&self) -> Option<u64> {
        self.framed_ping
    }

    /// Queues the answer to a ping, and drops the oldest one if too many wait.
    ///
    /// [RFC 6455, section 5.5.3](https://www.rfc-editor.org/rfc/rfc6455#section-5.5.3) permits to answer only the latest ping.
    pub(crate) fn pong(&mut self, payload: Vec<u8>) {
        if self.pongs.len() == MAX_QUEUED_PONGS {
            self.pongs.pop_front();
        }
        self.pongs.push_back(payload);
    }

    /// Queues our Close frame, which follows all messages and ends the queue.
    pub(crate) fn close(&mut self, frame: CloseFrame<'_>) {
        self.close = Some(close::write(frame));
    }

    /// Drops everything that is not framed, and ends the queue with a Close frame of this code.
    ///
    /// The Close frame is left out if there is no code, or if the payload of a frame is not complete.
    pub(crate) fn abort(&mut self, code: Option<u16>) {
        let within_frame = self.is_within_frame();
        for message in std::mem::take(&mut self.messages) {
            self.release(message);
        }
        self.pongs = VecDeque::new();
        self.compressor = None;
        (self.ping, self.close) = (None, None);
        if let Some(code) = code.filter(|_| !within_frame && !self.ended) {
            self.frame_control(Opcode::Close, &close::write(Some((code, ""))));
        }
        self.ended = true;
    }

    /// Drops everything, because the stream accepts no more bytes.
    pub(crate) fn drop_all(&mut self) {
        self.unflushed = false;
        self.abort(None);
        self.close_framed &= self.output.is_empty();
        self.output = WriteBuffer::default();
        self.buffered_amount.drop_parts();
    }

    /// Returns the next bytes for the stream, after it has framed as much as is worth one write.
    pub(crate) fn pending_bytes(&mut self) -> &[u8] {
        self.released.clear();
        while self.prepare() {}
        self.output.bytes()
    }

    /// Frames up to [`STEP`] payload bytes for the next write; returns whether there is more to frame for it.
    pub(crate) fn prepare(&mut self) -> bool {
        if !self.has_queued() {
            return false;
        }
        let mut budget = STEP;
        while budget > 0 && self.has_work() && self.frame_next(&mut budget) {}
        self.has_work()
    }

    /// Returns whether more has to be framed before the next write.
    ///
    /// A large message is written in larger pieces than small ones: it needs fewer system calls.
    fn has_work(&self) -> bool {
        let is_within_large =
            self.is_within_frame() && !self.messages.front().is_some_and(|message| message.form == Form::Compressed);
        let wanted = if is_within_large { MAX_PREPARED } else { STEP };
        self.output.len() < wanted && !self.ended && self.has_queued()
    }

    /// Returns whether anything waits to be written.
    pub(crate) fn has_pending_bytes(&self) -> bool {
        !self.output.is_empty() || !self.ended && self.has_queued()
    }

    /// Returns whether anything waits that is not framed.
    fn has_queued(&self) -> bool {
        !self.messages.is_empty() || self.ping.is_some() || !self.pongs.is_empty() || self.close.is_some()
    }

    /// Removes the first `bytes` of those that [`pending_bytes`](Self::pending_bytes) returned.
    pub(crate) fn advance_written(&mut self, bytes: usize) {
        let bytes = bytes.min(self.output.len());
        self.output.consume(bytes);
        self.buffered_amount.advance(bytes, self.output.is_empty());
    }

    /// Sets whether the stream holds bytes that it has not flushed, and returns whether that changed.
    pub(crate) const fn set_unflushed(&mut self, unflushed: bool) -> bool {
        std::mem::replace(&mut self.unflushed, unflushed) != unflushed
    }

    /// Returns whether the stream has accepted and flushed everything.
    pub(crate) fn is_empty(&self) -> bool {
        !self.unflushed && !self.has_pending_bytes()
    }

    /// Returns whether the stream has accepted our Close frame.
    pub(crate) const fn has_written_close(&self) -> bool {
        self.close_framed && self.output.is_empty()
    }

    /// Returns whether the stream has accepted and flushed our Close frame.
    pub(crate) const fn is_close_sent(&self) -> bool {
        self.has_written_close() && !self.unflushed
    }

    /// Uses `lend` for the memory to frame small messages in, if there is none.
    pub(crate) fn lend_memory(&mut self, lend: impl FnOnce() -> WriteMemory) {
        if self.output.capacity() == 0 {
            let WriteMemory { output, parts } = lend();
            self.output.set_memory(output);
            self.buffered_amount.set_memory(parts);
        }
    }

    /// Takes the memory to frame messages in, if it is small and the queue is empty.
    pub(crate) fn take_memory(&mut self) -> Option<WriteMemory> {
        let is_small =
            (1..=MAX_LENT).contains(&self.output.capacity()) && self.buffered_amount.capacity() <= MAX_LENT_PARTS;
        (is_small && self.is_empty())
            .then(|| WriteMemory { output: self.output.take_memory(), parts: self.buffered_amount.take_memory() })
    }

    /// Returns whether there is memory that [`release_memory`](Self::release_memory) releases.
    pub(crate) fn has_spare_memory(&self) -> bool {
        let has_memory = self.output.capacity() > 0
            || self.messages.capacity() > 0
            || self.compressor.as_ref().is_some_and(|compressor| compressor.has_spare_memory());
        has_memory && self.is_empty()
    }

    /// Releases the memory that an idle queue does not need. Does nothing while the queue is not empty.
    pub(crate) fn release_memory(&mut self) {
        if !self.is_empty() {
            return;
        }
        self.output = WriteBuffer::default();
        drop(self.buffered_amount.take_memory());
        self.messages = VecDeque::new();
        if let Some(compressor) = &mut self.compressor {
            compressor.release_memory();
        }
    }

    /// Returns whether the payload of a frame is incomplete in the output, so that no other frame may follow.
    fn is_within_frame(&self) -> bool {
        self.messages.front().is_some_and(|message| message.frame.is_some())
    }

    /// Takes one step towards the next frame, and returns `false` if nothing waits.
    fn frame_next(&mut self, budget: &mut usize) -> bool {
        if !self.is_within_frame() {
            self.frame_control_frames();
        }
        if let Some(mut message) = self.messages.pop_front() {
            if message.form == Form::Undecided {
                message.form = self.choose_form(&message);
            }
            let complete = if message.form == Form::Compressed {
                self.frame_compressed(&mut message, budget)
            } else if message.frame.is_none() && message.payload.len() <= *budget {
                *budget -= message.payload.len();
                self.frame_whole(message.opcode, &message.payload);
                true
            } else {
                self.frame_part(&mut message, budget)
            };
            if complete {
                self.release(message);
            } else {
                self.messages.push_front(message);
            }
            return true;
        }
        let Some(body) = self.close.take() else { return false };
        self.frame_control(Opcode::Close, &body);
        self.ended = true;
        true
    }

    /// Frames the control frames that wait. They precede messages, and may stand between the fragments of one.
    #[inline]
    fn frame_control_frames(&mut self) {
        if !self.pongs.is_empty() || self.ping.is_some() {
            self.frame_pongs_and_ping();
        }
    }

    #[cold]
    fn frame_pongs_and_ping(&mut self) {
        // The list is released at once, because pings are rare.
        for payload in std::mem::take(&mut self.pongs) {
            self.frame_control(Opcode::Pong, &payload);
        }
        if let Some(number) = self.ping.take() {
            self.frame_control(Opcode::Ping, &number.to_be_bytes());
            self.framed_ping = Some(number);
        }
    }

    fn frame_control(&mut self, opcode: Opcode, payload: &[u8]) {
        Header::append_whole(opcode, self.keys.next_key(), payload, &mut self.output);
        self.close_framed |= opcode == Opcode::Close;
    }

    #[inline]
    fn frame_whole(&mut self, opcode: Opcode, payload: &[u8]) {
        Header::append_whole(opcode, self.keys.next_key(), payload, &mut self.output);
        self.buffered_amount.push_part(payload.len(), false, self.output.len());
    }

    /// Masks the next part of a fragment. Returns whether the message is complete.
    fn frame_part(&mut self, message: &mut OutgoingMessage, budget: &mut usize) -> bool {
        let Range { start, end } = message.fragment(message.done);
        let rest = &message.payload[message.done..end];
        let part = &rest[..rest.len().min(*budget)];
        let frame = message.frame.get_or_insert_with(|| {
            let opcode = if start == 0 { message.opcode } else { Opcode::Continuation };
            let fin = end == message.payload.len();
            let mask = Self::append_header(&mut self.keys, &mut self.output, opcode, (fin, false), rest.len());
            OpenFrame { mask, masked: 0 }
        });
        frame.mask.append(part, &mut self.output);
        self.buffered_amount.push_part(part.len(), false, self.output.len());
        *budget -= part.len();
        message.done += part.len();
        if message.done == end {
            message.frame = None;
        }
        message.done == message.payload.len()
    }

    fn choose_form(&mut self, message: &OutgoingMessage) -> Form {
        let first = &message.payload[..message.payload.len().min(FRAGMENT)];
        let accepts = |compressor: &mut Compressor| compressor.accepts(message.opcode, first);
        if self.compressor.as_deref_mut().is_some_and(accepts) { Form::Compressed } else { Form::Uncompressed }
    }

    /// Deflates the next part of a fragment, or masks the next part of a deflated one. Returns whether the message is complete.
    fn frame_compressed(&mut self, message: &mut OutgoingMessage, budget: &mut usize) -> bool {
        let Some(compressor) = &mut self.compressor else { return true };
        let Some(frame) = &mut message.frame else {
            let Range { start, end } = message.fragment(message.done);
            let part = &message.payload[message.done..end.min(message.done + *budget)];
            message.done += part.len();
            *budget -= part.len();
            compressor.push_part(message.opcode, part);
            if message.done == end {
                self.begin_fragment(message, start);
            }
            return false;
        };
        let rest = &compressor.compressed()[frame.masked..];
        let part = &rest[..rest.len().min(*budget)];
        frame.mask.append(part, &mut self.output);
        *budget -= part.len();
        frame.masked += part.len();
        if part.len() < rest.len() {
            return false;
        }
        let Range { start, .. } = message.fragment(message.done - 1);
        self.buffered_amount.push_part(message.done - start, true, self.output.len());
        compressor.clear();
        message.frame = None;
        message.done == message.payload.len()
    }

    /// Begins the frame of a fragment that was compressed to its end. If it is the first one and did not get smaller, the
    /// message is sent uncompressed.
    fn begin_fragment(&mut self, message: &mut OutgoingMessage, start: usize) {
        let Some(compressor) = &mut self.compressor else { return };
        let (first, last) = (start == 0, message.done == message.payload.len());
        let payload = &message.payload[start..message.done];
        if !compressor.end_fragment(&Fragment { opcode: message.opcode, payload, first, last }) {
            (message.form, message.done) = (Form::Uncompressed, 0);
            return;
        }
        let opcode = if first { message.opcode } else { Opcode::Continuation };
        let length = compressor.compressed().len();
        let mask = Self::append_header(&mut self.keys, &mut self.output, opcode, (last, first), length);
        message.frame = Some(OpenFrame { mask, masked: 0 });
    }

    /// Frames a small message, compressed if it gets smaller.
    fn frame_small(&mut self, opcode: Opcode, payload: &[u8]) {
        let Some(compressor) = &mut self.compressor else { return };
        let Some(compressed) = compressor.compress(opcode, payload) else { return self.frame_whole(opcode, payload) };
        let length = compressed.len();
        Self::append_header(&mut self.keys, &mut self.output, opcode, (true, true), length)
            .append(compressed, &mut self.output);
        self.buffered_amount.push_part(payload.len(), true, self.output.len());
        compressor.clear();
    }

    /// Appends a header with the bits FIN and RSV1, and returns the mask of the payload.
    #[inline]
    fn append_header(
        keys: &mut MaskingKeys,
        output: &mut WriteBuffer,
        opcode: Opcode,
        (fin, rsv1): (bool, bool),
        length: usize,
    ) -> Mask {
        let key = keys.next_key();
        Header { fin, rsv1, opcode, length: length as u64 }.encode(key, output);
        Mask::new(key)
    }
}
