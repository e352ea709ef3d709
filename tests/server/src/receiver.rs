//! The receive side: parses the client's frames, assembles messages, and records both.

use std::{collections::VecDeque, io::Cursor};

use bytes::{Buf as _, BytesMut};
use tungstenite::protocol::frame::FrameHeader;

use crate::{
    deflate::Inflater,
    frame,
    record::{CloseSeen, FrameSeen, Kind, MAX_RECORDED, MessageSeen, short_text},
    store::RecordHandle,
};

/// The largest frame payload that is accepted, in bytes. Arbitrary.
const MAX_FRAME_LEN: u64 = 1 << 30;

/// A data message from the client.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) kind: Kind,
    pub(crate) payload: Vec<u8>,
}

/// A frame parser with a queue of complete messages.
#[derive(Debug)]
pub(crate) struct Receiver {
    record: RecordHandle,
    bytes: BytesMut,
    inflater: Option<Inflater>,
    partial: Option<PartialMessage>,
    messages: VecDeque<Message>,
    queued_bytes: usize,
    /// The number of pongs that no step has awaited.
    pongs: usize,
    close: Option<Vec<u8>>,
    failed: bool,
}

/// A message whose last frame has not arrived.
#[derive(Debug)]
struct PartialMessage {
    kind: Kind,
    compressed: bool,
    payload: Vec<u8>,
}

impl Receiver {
    pub(crate) fn new(record: RecordHandle) -> Self {
        Self {
            record,
            bytes: BytesMut::new(),
            inflater: None,
            partial: None,
            messages: VecDeque::new(),
            queued_bytes: 0,
            pongs: 0,
            close: None,
            failed: false,
        }
    }

    pub(crate) fn record(&self) -> &RecordHandle {
        &self.record
    }

    pub(crate) fn inflate_with(&mut self, inflater: Option<Inflater>) {
        self.inflater = inflater;
    }

    /// Removes the oldest queued message.
    pub(crate) fn pop_message(&mut self) -> Option<Message> {
        let message = self.messages.pop_front()?;
        self.queued_bytes -= message.payload.len();
        Some(message)
    }

    /// Removes a pong; returns whether there was one.
    pub(crate) fn pop_pong(&mut self) -> bool {
        let has_pong = self.pongs > 0;
        self.pongs -= usize::from(has_pong);
        has_pong
    }

    /// Discards the queued messages.
    pub(crate) fn clear(&mut self) {
        self.messages.clear();
        self.queued_bytes = 0;
    }

    /// Returns the number of queued messages.
    pub(crate) fn queued_message_count(&self) -> usize {
        self.messages.len()
    }

    /// Returns the payload bytes of the queued messages.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    /// Returns the body of the client's Close frame, once it has arrived.
    pub(crate) fn close(&self) -> Option<&[u8]> {
        self.close.as_deref()
    }

    /// Returns whether the client has broken the protocol.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }

    /// Parses received bytes. Appends a Pong frame to `answers` for each Ping.
    pub(crate) fn feed(&mut self, bytes: &[u8], answers: &mut BytesMut) {
        if self.failed {
            return;
        }
        self.bytes.extend_from_slice(bytes);
        while !self.failed {
            let mut cursor = Cursor::new(&self.bytes[..]);
            let (header, length) = match FrameHeader::parse(&mut cursor) {
                Ok(Some(parsed)) => parsed,
                Ok(None) => return,
                Err(error) => return self.fail(&error.to_string()),
            };
            if length > MAX_FRAME_LEN {
                return self.fail("a frame is larger than 1 GiB");
            }
            let start = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if cursor.remaining() < length {
                return;
            }
            self.bytes.advance(start);
            let mut payload = self.bytes.split_to(length);
            if let Some(mask) = header.mask {
                frame::apply_mask(&mut payload, mask);
            }
            self.frame(&header, &payload, answers);
        }
    }

    fn frame(&mut self, header: &FrameHeader, payload: &[u8], answers: &mut BytesMut) {
        let opcode = u8::from(header.opcode);
        self.record_frame(header, opcode, payload);
        match opcode {
            frame::TEXT => self.start(Kind::Text, header, payload),
            frame::BINARY => self.start(Kind::Binary, header, payload),
            frame::CONTINUATION => match &mut self.partial {
                Some(partial) => partial.payload.extend_from_slice(payload),
                None => self.fail("a continuation frame without a message to continue"),
            },
            frame::PING if self.close.is_none() => {
                answers.extend_from_slice(&frame::whole(frame::PONG, payload));
            }
            frame::PONG => self.pongs += 1,
            frame::CLOSE if self.close.is_none() => {
                self.close = Some(payload.to_vec());
                let close = CloseSeen::new(payload);
                self.record.update(|record| record.close = Some(close));
            }
            _ => {}
        }
        if header.is_final && opcode <= frame::BINARY {
            self.finish();
        }
    }

    fn start(&mut self, kind: Kind, header: &FrameHeader, payload: &[u8]) {
        if self.partial.is_some() {
            return self.fail("a message starts inside another message");
        }
        self.partial = Some(PartialMessage { kind, compressed: header.rsv1, payload: payload.to_vec() });
    }

    fn finish(&mut self) {
        let Some(message) = self.partial.take() else {
            return;
        };
        let payload = match (message.compressed, &mut self.inflater) {
            (false, _) => message.payload,
            (true, None) => return self.fail("a compressed message, but permessage-deflate was not negotiated"),
            (true, Some(inflater)) => match inflater.inflate(&message.payload) {
                Some(payload) => payload,
                None => return self.fail("a compressed message cannot be inflated"),
            },
        };
        let kind = message.kind;
        self.record.update(|record| {
            record.message_count += 1;
            if record.messages.len() < MAX_RECORDED {
                record.messages.push(MessageSeen::new(kind, &payload));
            }
        });
        self.queued_bytes += payload.len();
        self.messages.push_back(Message { kind, payload });
    }

    fn record_frame(&self, header: &FrameHeader, opcode: u8, payload: &[u8]) {
        let rsv = u8::from(header.rsv1) << 2 | u8::from(header.rsv2) << 1 | u8::from(header.rsv3);
        let inside_compressed =
            opcode == frame::CONTINUATION && self.partial.as_ref().is_some_and(|message| message.compressed);
        let is_plain = !header.rsv1 && !inside_compressed && opcode != frame::CLOSE;
        let seen = FrameSeen {
            fin: header.is_final,
            rsv,
            opcode,
            masked: header.mask.is_some(),
            length: payload.len(),
            text: short_text(payload).filter(|_| is_plain),
            compressed: header.rsv1 && matches!(opcode, frame::TEXT | frame::BINARY),
        };
        self.record.update(|record| {
            record.frame_count += 1;
            if record.frames.len() < MAX_RECORDED {
                record.frames.push(seen);
            }
        });
    }

    fn fail(&mut self, why: &str) {
        self.failed = true;
        self.partial = None;
        let error = format!("the client broke the protocol: {why}");
        self.record.update(|record| record.error = Some(error));
    }
}
