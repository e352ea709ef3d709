//! The reasons for which a connection fails: the rule, the expected value, and the value that was found.

use std::error::Error;
use std::fmt;

/// The reason for which a connection failed, for diagnosis.
///
/// The events of a WebSocket do not contain it; see
/// [the Standard](https://websockets.spec.whatwg.org/#feedback-from-the-protocol).
///
/// ```
/// use samesocket_spec::ProtocolFailure;
///
/// let failure = ProtocolFailure::InvalidText { position: 3 };
/// assert_eq!(failure.to_string(), "a text message is not UTF-8 from byte 3 on");
/// assert_eq!(failure.close_code(), Some(1007));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolFailure {
    /// `close` was called before the connection was established.
    ClosedWhileConnecting,
    /// The program aborted the connection.
    Aborted,
    /// The opening handshake took longer than its timeout.
    OpeningTimeout,
    /// The stream ended before the head of the response was complete.
    LostWhileOpening,
    /// The head of the response violates HTTP/1.1 in a way that not all browser engines accept.
    MalformedHead {
        /// The rule of HTTP that was violated.
        rule: &'static str,
    },
    /// The head of the response exceeds the limit of heads.
    HeadTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The status of the response is not 101. `samesocket` returns `Failure::Refused` in its place, with the response.
    Status {
        /// The status that was found.
        found: u16,
    },
    /// The response lacks a header field.
    MissingHeader {
        /// The name of the field.
        name: &'static str,
        /// The value that is required.
        expected: String,
    },
    /// A header field of the response has the wrong value.
    WrongHeader {
        /// The name of the field.
        name: &'static str,
        /// The value that is required.
        expected: String,
        /// The value that was found. Several fields are joined by commas. It is `…` if it repeats a subprotocol that was
        /// offered, because some programs pass tokens there.
        found: String,
    },
    /// A header field that must occur once occurs more than once.
    RepeatedHeader {
        /// The name of the field.
        name: &'static str,
    },
    /// The response's list of extensions violates the grammar, or a rule of permessage-deflate.
    Extensions {
        /// The rule that was violated.
        rule: &'static str,
        /// The value of the header fields.
        found: String,
    },
    /// A frame of the server is masked.
    MaskedFrame,
    /// A reserved bit is set that was not negotiated for this frame.
    ReservedBits {
        /// The three bits. RSV1 is 4.
        bits: u8,
        /// The opcode of the frame.
        opcode: u8,
    },
    /// The opcode is reserved.
    ReservedOpcode {
        /// The opcode that was found.
        opcode: u8,
    },
    /// A control frame is a fragment.
    FragmentedControlFrame {
        /// Its opcode.
        opcode: u8,
    },
    /// A control frame has more than 125 bytes.
    LongControlFrame {
        /// Its opcode.
        opcode: u8,
    },
    /// The length of a frame is not in its shortest form.
    LengthNotMinimal {
        /// The length that was found.
        length: u64,
    },
    /// The length of a frame has its top bit set.
    LengthTopBit {
        /// The length that was found.
        length: u64,
    },
    /// A continuation frame has no message to continue.
    UnexpectedContinuation,
    /// A message begins before the previous one has ended.
    InterruptedMessage {
        /// The opcode of the frame.
        opcode: u8,
    },
    /// A frame exceeds the limit of frames.
    FrameTooLong {
        /// The limit, in bytes.
        limit: u64,
        /// The length of the frame.
        length: u64,
    },
    /// A message exceeds the limit of messages.
    MessageTooLong {
        /// The limit, in bytes.
        limit: u64,
    },
    /// A text message is not UTF-8.
    InvalidText {
        /// The offset of the first invalid byte in the message.
        position: u64,
    },
    /// A compressed message is not in the DEFLATE format.
    InvalidDeflate,
    /// The body of a Close frame has one byte.
    CloseBodyOfOneByte,
    /// A Close frame contains a code that is not allowed in frames.
    ForbiddenCloseCode {
        /// The code that was found.
        code: u16,
    },
    /// The reason of a Close frame is not UTF-8.
    InvalidCloseReason,
    /// More bytes wait to be sent than the limit of the send queue allows.
    QueueFull {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The stream ended before both Close frames were exchanged.
    Lost,
    /// The peer did not accept or answer our Close frame within the timeout of the closing handshake.
    ClosingTimeout,
}

impl ProtocolFailure {
    /// Returns the code of the Close frame that is sent to the peer, if one is sent.
    ///
    /// See [RFC 6455, section 7.4.1](https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1). No failure has code
    /// 1003: text and binary messages are both accepted, and a reserved opcode is a protocol error.
    pub const fn close_code(&self) -> Option<u16> {
        match self {
            Self::MaskedFrame
            | Self::ReservedBits { .. }
            | Self::ReservedOpcode { .. }
            | Self::FragmentedControlFrame { .. }
            | Self::LongControlFrame { .. }
            | Self::LengthNotMinimal { .. }
            | Self::LengthTopBit { .. }
            | Self::UnexpectedContinuation
            | Self::InterruptedMessage { .. }
            | Self::CloseBodyOfOneByte
            | Self::ForbiddenCloseCode { .. } => Some(1002),
            Self::InvalidText { .. } | Self::InvalidDeflate | Self::InvalidCloseReason => Some(1007),
            Self::FrameTooLong { .. } | Self::MessageTooLong { .. } => Some(1009),
            Self::ClosedWhileConnecting
            | Self::Aborted
            | Self::OpeningTimeout
            | Self::LostWhileOpening
            | Self::MalformedHead { .. }
            | Self::HeadTooLong { .. }
            | Self::Status { .. }
            | Self::MissingHeader { .. }
            | Self::WrongHeader { .. }
            | Self::RepeatedHeader { .. }
            | Self::Extensions { .. }
            | Self::QueueFull { .. }
            | Self::Lost
            | Self::ClosingTimeout => None,
        }
    }
}

impl fmt::Display for ProtocolFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClosedWhileConnecting => f.write_str("the socket was closed before the connection was established"),
            Self::Aborted => f.write_str("the program aborted the connection"),
            Self::OpeningTimeout => f.write_str("the opening handshake took too long"),
            Self::LostWhileOpening => f.write_str("the connection ended before the response was complete"),
            Self::MalformedHead { rule } => write!(f, "the head of the response is malformed: {rule}"),
            Self::HeadTooLong { limit } => write!(f, "the head of the response has more than {limit} bytes"),
            Self::Status { found } => write!(f, "the status of the response is {found}, not 101"),
            Self::MissingHeader { name, expected } => {
                write!(f, "the response has no {name}; expected {expected}")
            }
            Self::WrongHeader { name, expected, found } => {
                write!(f, "the response's {name} is {found:?}; expected {expected}")
            }
            Self::RepeatedHeader { name } => write!(f, "the response has more than one {name}"),
            Self::Extensions { rule, found } => {
                write!(f, "the response's Sec-WebSocket-Extensions is {found:?}: {rule}")
            }
            Self::MaskedFrame => f.write_str("a frame of the server is masked"),
            Self::ReservedBits { bits, opcode } => {
                write!(f, "the reserved bits {bits:03b} are set on a frame with opcode {opcode:#x}")
            }
            Self::ReservedOpcode { opcode } => write!(f, "the opcode {opcode:#x} is reserved"),
            Self::FragmentedControlFrame { opcode } => {
                write!(f, "a control frame, of opcode {opcode:#x}, is fragmented")
            }
            Self::LongControlFrame { opcode } => {
                write!(f, "a control frame, of opcode {opcode:#x}, has more than 125 bytes")
            }
            Self::LengthNotMinimal { length } => {
                write!(f, "the length {length} of a frame is not in its shortest form")
            }
            Self::LengthTopBit { length } => write!(f, "the length {length:#x} of a frame has its top bit set"),
            Self::UnexpectedContinuation => f.write_str("a continuation frame has no message to continue"),
            Self::InterruptedMessage { opcode } => {
                write!(f, "a frame with opcode {opcode:#x} begins a message before the previous one has ended")
            }
            Self::FrameTooLong { limit, length } => {
                write!(f, "a frame has {length} bytes, more than the limit of {limit}")
            }
            Self::MessageTooLong { limit } => write!(f, "a message has more than the limit of {limit} bytes"),
            Self::InvalidText { position } => write!(f, "a text message is not UTF-8 from byte {position} on"),
            Self::InvalidDeflate => f.write_str("a compressed message is not in the DEFLATE format"),
            Self::CloseBodyOfOneByte => f.write_str("the body of the Close frame has one byte"),
            Self::ForbiddenCloseCode { code } => write!(f, "a Close frame must not contain the code {code}"),
            Self::InvalidCloseReason => f.write_str("the reason of the Close frame is not UTF-8"),
            Self::QueueFull { limit } => write!(f, "more than {limit} bytes wait to be sent"),
            Self::Lost => f.write_str("the connection ended without a Close frame in each direction"),
            Self::ClosingTimeout => f.write_str("the peer did not accept or answer the Close frame in time"),
        }
    }
}

impl Error for ProtocolFailure {}
