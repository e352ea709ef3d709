//! The record of one connection, as plain data.

use std::{collections::BTreeMap, error::Error, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};

/// The most frames, and the most messages, that a [`Record`] keeps. Later ones are only counted. Arbitrary.
pub const MAX_RECORDED: usize = 1000;

/// The largest payload that a record repeats as text, in bytes. Arbitrary.
pub const MAX_RECORDED_TEXT_LEN: usize = 256;

/// The record of one WebSocket connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// The `id` of the request's query, or a generated one.
    pub id: String,
    /// The number of this connection among those with the same id, from 1.
    pub nth: usize,
    /// The path of the request, without the query.
    pub path: String,
    /// The target of the request as it was sent, with the query.
    pub target: String,
    /// Whether the connection uses TLS.
    pub secure: bool,
    /// The offered subprotocols.
    pub offered: Vec<String>,
    /// The headers of the request, by lower-case name. Values of the same name are joined by `, `.
    pub headers: BTreeMap<String, String>,
    /// The `Origin` header of the request.
    pub origin: Option<String>,
    /// The outcome of the opening handshake, once it was answered.
    pub handshake: Option<Handshake>,
    /// The first [`MAX_RECORDED`] frames that the client sent.
    pub frames: Vec<FrameSeen>,
    /// The number of frames that the client sent.
    pub frame_count: u64,
    /// The first [`MAX_RECORDED`] data messages that the client sent.
    pub messages: Vec<MessageSeen>,
    /// The number of data messages that the client sent.
    pub message_count: u64,
    /// The client's Close frame.
    pub close: Option<CloseSeen>,
    /// The end of the TCP connection, once it has ended.
    pub end: Option<End>,
    /// The error in the request's script or in the bytes that the client sent.
    pub error: Option<String>,
}

/// The outcome of an opening handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Handshake {
    /// The response had status 101. Its headers may be wrong.
    Accepted,
    /// The response had another status.
    Refused,
    /// There was no response, or it was not a complete HTTP response.
    Aborted,
}

/// The end of a TCP connection: the side that ended it first, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// The client sent a FIN.
    Fin,
    /// The client sent a reset.
    Reset,
    /// The server ended the connection.
    Server,
}

/// A frame that the client sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameSeen {
    /// The FIN bit.
    pub fin: bool,
    /// The three RSV bits as a number: 4 is RSV1.
    pub rsv: u8,
    /// The opcode.
    pub opcode: u8,
    /// The mask bit.
    pub masked: bool,
    /// The length of the payload on the wire, in bytes.
    pub length: usize,
    /// The payload, if it is short UTF-8, not compressed, and not of a Close frame.
    pub text: Option<String>,
    /// Whether the frame starts a compressed message (RSV1 on a text or binary frame).
    pub compressed: bool,
}

/// A data message that the client sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageSeen {
    /// The kind of the message: text or binary.
    pub kind: Kind,
    /// The length after inflating, in bytes.
    pub length: usize,
    /// The message, if it is short UTF-8.
    pub text: Option<String>,
    /// The SHA-1 of the message, in hexadecimal.
    pub sha1: String,
}

/// The two kinds of data messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Opcode 1.
    Text,
    /// Opcode 2.
    Binary,
}

/// The client's Close frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseSeen {
    /// The code, if the frame's body had at least two bytes.
    pub code: Option<u16>,
    /// The reason. Invalid UTF-8 becomes replacement characters.
    pub reason: String,
}

/// A condition on a [`Record`] to wait for. The end of the connection satisfies every condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// The request has arrived, so the record exists.
    Request,
    /// The opening handshake was answered.
    Handshake,
    /// The client has sent a data message.
    Message,
    /// The client has sent its Close frame.
    CloseFrame,
    /// The TCP connection has ended.
    End,
}

impl MessageSeen {
    /// Creates the record of a message.
    pub fn new(kind: Kind, payload: &[u8]) -> Self {
        Self { kind, length: payload.len(), text: short_text(payload), sha1: sha1_hex(payload) }
    }
}

impl CloseSeen {
    /// Parses the body of a Close frame.
    pub fn new(body: &[u8]) -> Self {
        match body {
            [high, low, reason @ ..] => Self {
                code: Some(u16::from_be_bytes([*high, *low])),
                reason: String::from_utf8_lossy(reason).into_owned(),
            },
            _ => Self { code: None, reason: String::new() },
        }
    }
}

impl Until {
    /// Returns whether the record satisfies the condition.
    pub fn is_satisfied_by(self, record: &Record) -> bool {
        record.end.is_some()
            || match self {
                Self::Request => true,
                Self::Handshake => record.handshake.is_some(),
                Self::Message => record.message_count > 0,
                Self::CloseFrame => record.close.is_some(),
                Self::End => false,
            }
    }
}

impl FromStr for Until {
    type Err = UnknownUntil;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "request" => Ok(Self::Request),
            "handshake" => Ok(Self::Handshake),
            "message" => Ok(Self::Message),
            "close-frame" => Ok(Self::CloseFrame),
            "end" => Ok(Self::End),
            _ => Err(UnknownUntil),
        }
    }
}

/// The error for a text that does not name an [`Until`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownUntil;

impl fmt::Display for UnknownUntil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected request, handshake, message, close-frame or end")
    }
}

impl Error for UnknownUntil {}

/// Returns the payload as text if it is short UTF-8.
pub(crate) fn short_text(payload: &[u8]) -> Option<String> {
    if payload.len() > MAX_RECORDED_TEXT_LEN {
        return None;
    }
    str::from_utf8(payload).ok().map(str::to_owned)
}

fn sha1_hex(payload: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha1::digest(payload).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_record_has_the_sha1_of_the_payload() {
        assert_eq!(MessageSeen::new(Kind::Text, b"abc").sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
    }

    #[test]
    fn close_body_of_one_byte_has_no_code() {
        assert_eq!(CloseSeen::new(b"x").code, None);
        assert_eq!(CloseSeen::new(&[3, 232]).code, Some(1000));
    }

    #[test]
    fn long_or_binary_payload_is_not_recorded_as_text() {
        assert_eq!(short_text(&[b'a'; 257]), None);
        assert_eq!(short_text(b"\xff"), None);
        assert_eq!(short_text(b"a"), Some("a".to_owned()));
    }
}
