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
    /// The version of HTTP of the request.
    pub version: HttpVersion,
    /// The number of the TCP connection, from 1 in the order of accepting. Streams of HTTP/2 may share one.
    pub connection: usize,
    /// The number of the stream, with HTTP/2.
    pub stream: Option<u32>,
    /// The error code with which the client has reset the stream, with HTTP/2.
    pub stream_error: Option<u32>,
    /// The offered subprotocols.
    pub offered: Vec<String>,
    /// The headers of the request, by lower-case name. Values of the same name are joined by `, `. With HTTP/2, the
    /// pseudo-headers `:protocol`, `:scheme` and `:authority` are among them.
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
    /// The end of the TCP connection or of the stream, once it has ended.
    pub end: Option<End>,
    /// The error in the request's script or in the bytes that the client sent.
    pub error: Option<String>,
}

/// A version of HTTP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum HttpVersion {
    /// HTTP/1.1, or 1.0.
    #[default]
    #[serde(rename = "1.1")]
    Http1,
    /// HTTP/2.
    #[serde(rename = "2")]
    Http2,
}

/// The record of one TCP connection, with the frames of HTTP/2 that the client has sent on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConnectionSeen {
    /// The number of the connection, from 1 in the order of accepting.
    pub number: usize,
    /// Whether the connection uses TLS.
    pub secure: bool,
    /// The version of HTTP.
    pub version: HttpVersion,
    /// The client's settings, by number.
    pub settings: BTreeMap<u16, u32>,
    /// The number of streams that the client has opened.
    pub stream_count: u64,
    /// The number of SETTINGS frames that the client has acknowledged.
    pub settings_ack_count: u64,
    /// The number of pings that the client has sent.
    pub ping_count: u64,
    /// The number of pings that the client has answered.
    pub pong_count: u64,
    /// The number of `RST_STREAM` frames that the client has sent.
    pub reset_count: u64,
    /// The client's last GOAWAY frame.
    pub goaway: Option<GoAwaySeen>,
    /// Whether the connection has ended.
    pub ended: bool,
}

/// A GOAWAY frame that the client sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoAwaySeen {
    /// The last stream that the client has processed.
    pub last_stream: u32,
    /// The error code.
    pub code: u32,
}

/// The outcome of an opening handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Handshake {
    /// The response had status 101, or 200 with HTTP/2. Its headers may be wrong.
    Accepted,
    /// The response had another status.
    Refused,
    /// There was no response, or it was not a complete HTTP response.
    Aborted,
}

/// The end of a TCP connection or of a stream: the side that ended it first, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// The client sent a FIN, or `END_STREAM`.
    Fin,
    /// The client sent a reset, or `RST_STREAM`.
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
    /// The TCP connection or the stream has ended.
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
    std::str::from_utf8(payload).ok().map(str::to_owned)
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
