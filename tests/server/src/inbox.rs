//! What the client sent: frames in, messages and a Close out, everything recorded.

use std::{collections::VecDeque, io::Cursor};

use bytes::{Buf as _, BytesMut};
use tungstenite::protocol::frame::FrameHeader;

use crate::{
    deflate::Inflater,
    frame,
    record::{CloseSeen, FrameSeen, KEPT, Kind, MessageSeen, short_text},
    store::Entry,
};

/// The longest frame that is read, in bytes.
const LONGEST: u64 = 1 << 30;

/// A data message from the client.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) kind: Kind,
    pub(crate) payload: Vec<u8>,
}

/// Reads frames and keeps what the steps ask for.
#[derive(Debug)]
pub(crate) struct Inbox {
    entry: Entry,
    bytes: BytesMut,
    inflater: Option<Inflater>,
    unfinished: Option<Unfinished>,
    messages: VecDeque<Message>,
    queued: usize,
    close: Option<Vec<u8>>,
    broken: bool,
}

#[derive(Debug)]
struct Unfinished {
    kind: Kind,
    compressed: bool,
    payload: Vec<u8>,
}

impl Inbox {
    pub(crate) fn new(entry: Entry) -> Self {
        Self {
            entry,
            bytes: BytesMut::new(),
            inflater: None,
            unfinished: None,
            messages: VecDeque::new(),
            queued: 0,
            close: None,
            broken: false,
        }
    }

    pub(crate) fn entry(&self) -> &Entry {
        &self.entry
    }

    pub(crate) fn inflate_with(&mut self, inflater: Option<Inflater>) {
        self.inflater = inflater;
    }

    /// The next message that no step has taken.
    pub(crate) fn take(&mut self) -> Option<Message> {
        let message = self.messages.pop_front()?;
        self.queued -= message.payload.len();
        Some(message)
    }

    /// Forgets the messages that no step has taken.
    pub(crate) fn clear(&mut self) {
        self.messages.clear();
        self.queued = 0;
    }

    /// How many messages wait to be taken.
    pub(crate) fn queued_messages(&self) -> usize {
        self.messages.len()
    }

    /// How many bytes of messages wait to be taken.
    pub(crate) fn queued(&self) -> usize {
        self.queued
    }

    /// The body of the client's Close frame.
    pub(crate) fn close(&self) -> Option<&[u8]> {
        self.close.as_deref()
    }

    /// Whether the client sent what is no frame.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Takes in bytes; `answers` gets the frames that answer pings.
    pub(crate) fn push(&mut self, bytes: &[u8], answers: &mut BytesMut) {
        if self.broken {
            return;
        }
        self.bytes.extend_from_slice(bytes);
        while !self.broken {
            let mut cursor = Cursor::new(&self.bytes[..]);
            let (header, length) = match FrameHeader::parse(&mut cursor) {
                Ok(Some(parsed)) => parsed,
                Ok(None) => return,
                Err(error) => return self.give_up(&error.to_string()),
            };
            if length > LONGEST {
                return self.give_up("a frame is too long");
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
            frame::CONTINUATION => match &mut self.unfinished {
                Some(unfinished) => unfinished.payload.extend_from_slice(payload),
                None => self.give_up("a continuation continues nothing"),
            },
            frame::PING if self.close.is_none() => {
                answers.extend_from_slice(&frame::whole(frame::PONG, payload));
            }
            frame::CLOSE if self.close.is_none() => {
                self.close = Some(payload.to_vec());
                let close = CloseSeen::new(payload);
                self.entry.update(|record| record.close = Some(close));
            }
            _ => {}
        }
        if header.is_final && opcode <= frame::BINARY {
            self.finish();
        }
    }

    fn start(&mut self, kind: Kind, header: &FrameHeader, payload: &[u8]) {
        if self.unfinished.is_some() {
            return self.give_up("a message begins within another");
        }
        self.unfinished = Some(Unfinished { kind, compressed: header.rsv1, payload: payload.to_vec() });
    }

    fn finish(&mut self) {
        let Some(message) = self.unfinished.take() else {
            return;
        };
        let payload = match (message.compressed, &mut self.inflater) {
            (false, _) => message.payload,
            (true, None) => return self.give_up("a message is compressed without agreement"),
            (true, Some(inflater)) => match inflater.inflate(&message.payload) {
                Some(payload) => payload,
                None => return self.give_up("a message cannot be inflated"),
            },
        };
        let kind = message.kind;
        self.entry.update(|record| {
            record.message_count += 1;
            if record.messages.len() < KEPT {
                record.messages.push(MessageSeen::new(kind, &payload));
            }
        });
        self.queued += payload.len();
        self.messages.push_back(Message { kind, payload });
    }

    fn record_frame(&self, header: &FrameHeader, opcode: u8, payload: &[u8]) {
        let rsv = u8::from(header.rsv1) << 2 | u8::from(header.rsv2) << 1 | u8::from(header.rsv3);
        let inside_compressed =
            opcode == frame::CONTINUATION && self.unfinished.as_ref().is_some_and(|message| message.compressed);
        let readable = !header.rsv1 && !inside_compressed && opcode != frame::CLOSE;
        let seen = FrameSeen {
            fin: header.is_final,
            rsv,
            opcode,
            masked: header.mask.is_some(),
            length: payload.len(),
            text: short_text(payload).filter(|_| readable),
            compressed: header.rsv1 && matches!(opcode, frame::TEXT | frame::BINARY),
        };
        self.entry.update(|record| {
            record.frame_count += 1;
            if record.frames.len() < KEPT {
                record.frames.push(seen);
            }
        });
    }

    fn give_up(&mut self, why: &str) {
        self.broken = true;
        self.unfinished = None;
        let error = format!("the client broke the protocol: {why}");
        self.entry.update(|record| record.error = Some(error));
    }
}
