//! What the server saw of one connection, as plain data.

use std::{collections::BTreeMap, error::Error, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};

/// How many frames, and how many messages, a [`Record`] keeps; the counts go on.
pub const KEPT: usize = 1000;

/// The longest payload that a record repeats as text, in bytes.
pub const TEXT_KEPT: usize = 256;

/// What the server saw of one WebSocket connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// The `id` of the request's query, or one that the server made up.
    pub id: String,
    /// Counts the connections with this id, from 1.
    pub nth: usize,
    /// The request's path, without the query.
    pub path: String,
    /// The request's target as it was sent, with the query.
    pub target: String,
    /// Whether the connection came over TLS.
    pub secure: bool,
    /// The offered subprotocols.
    pub offered: Vec<String>,
    /// The request's headers, by lower-case name; values of equal names are joined by `, `.
    pub headers: BTreeMap<String, String>,
    /// The request's `Origin`.
    pub origin: Option<String>,
    /// How the opening handshake was answered, once it was.
    pub handshake: Option<Handshake>,
    /// The first [`KEPT`] frames that the client sent.
    pub frames: Vec<FrameSeen>,
    /// How many frames the client sent.
    pub frame_count: u64,
    /// The first [`KEPT`] data messages that the client sent.
    pub messages: Vec<MessageSeen>,
    /// How many data messages the client sent.
    pub message_count: u64,
    /// The client's Close frame.
    pub close: Option<CloseSeen>,
    /// How the TCP connection ended, once it has.
    pub end: Option<End>,
    /// What was wrong with the request's script or with the client's bytes.
    pub error: Option<String>,
}

/// How the server answered the opening handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Handshake {
    /// With status 101, be the rest of the response right or wrong.
    Accepted,
    /// With another status.
    Refused,
    /// With something else than a whole HTTP response, or not at all.
    Aborted,
}

/// Who ended the TCP connection first, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// The client, in order.
    Fin,
    /// The client, with a reset.
    Reset,
    /// The server.
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
    /// The payload's length on the wire.
    pub length: usize,
    /// The payload, if it is short and UTF-8, and neither compressed nor a Close frame's.
    pub text: Option<String>,
    /// Whether RSV1 marks the start of a compressed message.
    pub compressed: bool,
}

/// A data message that the client sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageSeen {
    /// Text or binary.
    pub kind: Kind,
    /// The length after inflating, in bytes.
    pub length: usize,
    /// The message, if it is short and UTF-8.
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

/// What the client's Close frame said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseSeen {
    /// The code, if the frame had a body of two bytes at least.
    pub code: Option<u16>,
    /// The reason, with replacement characters where it is not UTF-8.
    pub reason: String,
}

/// What to wait for in a [`Record`]. The connection's end satisfies each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// The request has come, so that the record exists.
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
    /// Describes a message.
    pub fn new(kind: Kind, payload: &[u8]) -> Self {
        Self { kind, length: payload.len(), text: short_text(payload), sha1: sha1_hex(payload) }
    }
}

impl CloseSeen {
    /// Reads the body of a Close frame.
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
    /// Whether there is nothing left to wait for.
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

/// A word that is no [`Until`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownUntil;

impl fmt::Display for UnknownUntil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not one of request, handshake, message, close-frame, end")
    }
}

impl Error for UnknownUntil {}

/// The payload as text, if a record should repeat it.
pub(crate) fn short_text(payload: &[u8]) -> Option<String> {
    if payload.len() > TEXT_KEPT {
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
    fn a_message_is_known_by_its_sha1() {
        assert_eq!(MessageSeen::new(Kind::Text, b"abc").sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
    }

    #[test]
    fn a_close_body_of_one_byte_has_no_code() {
        assert_eq!(CloseSeen::new(b"x").code, None);
        assert_eq!(CloseSeen::new(&[3, 232]).code, Some(1000));
    }

    #[test]
    fn a_long_or_binary_payload_is_not_repeated() {
        assert_eq!(short_text(&[b'a'; 257]), None);
        assert_eq!(short_text(b"\xff"), None);
        assert_eq!(short_text(b"a"), Some("a".to_owned()));
    }
}
