//! The steps of `do=STEP,STEP,...` after the opening handshake.

use crate::{
    frame::{self, FrameSpec},
    http2::{Misbehaviour, parse_error_code},
    query,
    record::Kind,
};

/// The largest payload that a step can send, in bytes. Arbitrary.
const MAX_PAYLOAD_LEN: usize = 1 << 28;

/// One step of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Sends a message in one frame.
    Message(Kind, Vec<u8>),
    /// Sends a message with one frame for each piece.
    Fragments(Kind, Vec<Vec<u8>>),
    /// Writes bytes as they are.
    Bytes(Vec<u8>),
    /// Sends a Close frame with this body.
    Close(Vec<u8>),
    /// Sends the offered subprotocols as text.
    Offered,
    /// Coalesces the bytes of the next steps into one write, until a step does more than send.
    Together,
    /// Sends many binary messages that begin with their index.
    Flood { count: u32, size: usize },
    /// Shuts the write side down. The client can still send.
    Fin,
    /// Closes the socket at once.
    Drop,
    /// Resets the TCP connection, or the stream with this error code.
    Reset(Option<u32>),
    /// Does what only HTTP/2 has.
    Http2(Misbehaviour),
    /// Reads this number of data messages.
    Await(u64),
    /// Echoes this number of messages, or all messages until the client's Close, and answers that.
    Echo(Option<u64>),
    /// Reads until a pong of the client.
    AwaitPong,
    /// Reads until the client's Close.
    AwaitClose,
    /// Reads until the client's Close and answers with this body, or with the client's body.
    Answer(Option<Vec<u8>>),
    /// Waits until this gate is opened.
    Gate(String),
    /// Reads nothing until this gate is opened or the client disconnects.
    PauseReading(Option<String>),
    /// Limits the read rate from here on.
    ReadSlow { bytes_per_second: u32 },
    /// Waits until the client disconnects.
    End,
}

impl Step {
    /// Parses the value of `do`, still percent-encoded.
    pub(crate) fn parse_list(raw: &str) -> Result<Vec<Self>, String> {
        let mut steps: Vec<Self> = Vec::new();
        for raw in raw.split(',').filter(|raw| !raw.is_empty()) {
            if steps.last().is_some_and(Self::ends_script) {
                return Err(format!("the step `{raw}` cannot be reached"));
            }
            steps.push(Self::parse(raw)?);
        }
        Ok(steps)
    }

    /// Returns whether no step can run after this one.
    fn ends_script(&self) -> bool {
        matches!(self, Self::Drop | Self::Reset(_) | Self::Echo(None) | Self::PauseReading(None) | Self::End)
    }

    fn parse(raw: &str) -> Result<Self, String> {
        let (name, value) = match raw.split_once(':') {
            Some((name, value)) => (name, Some(value)),
            None => (raw, None),
        };
        let argument = Argument { raw, value };
        Self::parse_valid(name, argument)
            .or_else(|| Self::parse_invalid(name, argument))
            .or_else(|| Self::parse_waiting(name, argument))
            .or_else(|| {
                let parsed = Misbehaviour::parse(name, argument.value)?;
                Some(parsed.map(Self::Http2).map_err(|expected| argument.wrong(expected)))
            })
            .unwrap_or_else(|| Err(format!("unknown step `{name}`")))
    }

    /// Parses the steps that send valid frames.
    fn parse_valid(name: &str, argument: Argument<'_>) -> Option<Result<Self, String>> {
        Some(match name {
            "text" => Ok(Self::Message(Kind::Text, argument.bytes())),
            "bin" => argument.hex().map(|bytes| Self::Message(Kind::Binary, bytes)),
            "bytes" => argument.size().map(|size| Self::Message(Kind::Binary, pattern(size))),
            "chars" => argument.size().map(|size| Self::Message(Kind::Text, vec![b'a'; size])),
            "ping" => Ok(Self::Bytes(frame::whole(frame::PING, &argument.bytes()))),
            "pong" => Ok(Self::Bytes(frame::whole(frame::PONG, &argument.bytes()))),
            "frames" => argument.fragments(),
            "interleave" => Ok(Self::Bytes(frame::fragmented(
                frame::TEXT,
                0,
                &argument.pieces(),
                &frame::whole(frame::PING, b"between"),
            ))),
            "close" => argument.close_body().map(Self::Close),
            "flood" => argument.pair().map(|(count, size)| Self::Flood {
                count,
                size: usize::try_from(size).unwrap_or(MAX_PAYLOAD_LEN).min(MAX_PAYLOAD_LEN),
            }),
            "offered" => argument.none(Self::Offered),
            "together" => argument.none(Self::Together),
            _ => return None,
        })
    }

    /// Parses the steps that break the protocol or the connection.
    fn parse_invalid(name: &str, argument: Argument<'_>) -> Option<Result<Self, String>> {
        let bytes = |bytes: Vec<u8>| argument.none(Self::Bytes(bytes));
        Some(match name {
            "raw" => argument.hex().map(Self::Bytes),
            "badutf8" => bytes(frame::whole(frame::TEXT, b"ok\xff")),
            "badutf8-split" => bytes(FrameSpec::unfinished(frame::TEXT).frame(b"ok\xff")),
            "rsv" => argument.number(1..=7).map(|rsv| {
                let spec = FrameSpec { rsv: u8::try_from(rsv).unwrap_or_default(), ..FrameSpec::whole(frame::TEXT) };
                Self::Bytes(spec.frame(b"rsv"))
            }),
            "opcode" => argument.number(0..=15).map(|opcode| {
                let opcode = u8::try_from(opcode).unwrap_or_default();
                Self::Bytes(frame::whole(opcode, b""))
            }),
            "masked" => {
                let spec = FrameSpec { mask: Some(*b"mask"), ..FrameSpec::whole(frame::TEXT) };
                Ok(Self::Bytes(spec.frame(&argument.bytes())))
            }
            "lone-continuation" => bytes(frame::whole(frame::CONTINUATION, b"lone")),
            "nested-start" => {
                let mut start = FrameSpec::unfinished(frame::TEXT).frame(b"outer");
                start.extend(frame::whole(frame::TEXT, b"inner"));
                bytes(start)
            }
            "big-ping" => bytes(frame::whole(frame::PING, &[b'p'; 126])),
            "fragmented-ping" => bytes(FrameSpec::unfinished(frame::PING).frame(b"part")),
            "nonminimal" => bytes(frame::nonminimal()),
            "huge-length" => bytes(frame::huge_length()),
            "close-hex" => argument.hex().map(Self::Close),
            "fin" => argument.none(Self::Fin),
            "drop" => argument.none(Self::Drop),
            "reset" => argument.error_code().map(Self::Reset),
            _ => return None,
        })
    }

    /// Parses the steps that read, wait, or pause reading.
    fn parse_waiting(name: &str, argument: Argument<'_>) -> Option<Result<Self, String>> {
        Some(match name {
            "await" => argument.number(1..=u32::MAX).map(|n| Self::Await(n.into())),
            "echo" if argument.value.is_none() => Ok(Self::Echo(None)),
            "echo" => argument.number(1..=u32::MAX).map(|n| Self::Echo(Some(n.into()))),
            "await-pong" => argument.none(Self::AwaitPong),
            "await-close" => argument.none(Self::AwaitClose),
            "answer" if argument.value.is_none() => Ok(Self::Answer(None)),
            "answer" => argument.close_body().map(|body| Self::Answer(Some(body))),
            "answer-empty" => argument.none(Self::Answer(Some(Vec::new()))),
            "gate" => argument.name().map(Self::Gate),
            "read-gate" => argument.name().map(|name| Self::PauseReading(Some(name))),
            "read-never" => argument.none(Self::PauseReading(None)),
            "read-slow" => argument.number(1..=u32::MAX).map(|bytes_per_second| Self::ReadSlow { bytes_per_second }),
            "end" => argument.none(Self::End),
            _ => return None,
        })
    }
}

/// The argument of a step, still percent-encoded.
#[derive(Debug, Clone, Copy)]
struct Argument<'a> {
    raw: &'a str,
    value: Option<&'a str>,
}

impl<'a> Argument<'a> {
    fn none(self, step: Step) -> Result<Step, String> {
        match self.value {
            None => Ok(step),
            Some(_) => Err(self.wrong("takes no value")),
        }
    }

    fn error_code(self) -> Result<Option<u32>, String> {
        let code = |word| parse_error_code(word).ok_or_else(|| self.wrong("needs the number or name of an error code"));
        self.value.map(code).transpose()
    }

    fn name(self) -> Result<String, String> {
        self.value.map(query::decode_text).filter(|name| !name.is_empty()).ok_or_else(|| self.wrong("needs a name"))
    }

    fn bytes(self) -> Vec<u8> {
        query::decode(self.value.unwrap_or_default())
    }

    fn pieces(self) -> Vec<Vec<u8>> {
        let value = self.value.unwrap_or_default();
        value.split('|').map(query::decode).collect()
    }

    fn hex(self) -> Result<Vec<u8>, String> {
        query::unhex(&self.bytes()).ok_or_else(|| self.wrong("needs hexadecimal digits"))
    }

    fn number(self, range: std::ops::RangeInclusive<u32>) -> Result<u32, String> {
        let value = self.value.unwrap_or_default();
        self.parse(value).ok().filter(|number| range.contains(number)).ok_or_else(|| {
            let expected = format!("needs a number from {} to {}", range.start(), range.end());
            self.wrong(&expected)
        })
    }

    fn size(self) -> Result<usize, String> {
        let largest = u32::try_from(MAX_PAYLOAD_LEN).unwrap_or(u32::MAX);
        let size = self.number(0..=largest)?;
        Ok(usize::try_from(size).unwrap_or(MAX_PAYLOAD_LEN))
    }

    fn pair(self) -> Result<(u32, u32), String> {
        let (first, second) = self.split()?;
        Ok((self.parse(first)?, self.parse(second)?))
    }

    fn fragments(self) -> Result<Step, String> {
        let (kind, pieces) = self.split()?;
        let kind = match kind {
            "text" => Kind::Text,
            "bin" => Kind::Binary,
            _ => return Err(self.wrong("needs the kind `text` or `bin`")),
        };
        let pieces = pieces.split('|').map(query::decode).collect();
        Ok(Step::Fragments(kind, pieces))
    }

    /// Parses an empty argument, `CODE` or `CODE:REASON` into the body of a Close frame.
    fn close_body(self) -> Result<Vec<u8>, String> {
        let Some(value) = self.value else {
            return Ok(Vec::new());
        };
        let (code, reason) = value.split_once(':').unwrap_or((value, ""));
        let code = code.parse::<u16>().map_err(|_| self.wrong("needs a 16-bit code"))?;
        let mut body = code.to_be_bytes().to_vec();
        body.extend(query::decode(reason));
        Ok(body)
    }

    fn split(self) -> Result<(&'a str, &'a str), String> {
        self.value.and_then(|value| value.split_once(':')).ok_or_else(|| self.wrong("needs two values"))
    }

    fn parse(self, value: &str) -> Result<u32, String> {
        value.parse().map_err(|_| self.wrong("needs a number"))
    }

    fn wrong(self, expected: &str) -> String {
        format!("the step `{}` {expected}", self.raw)
    }
}

/// Returns the bytes `i % 251`. The period is a prime, so a lost or shifted byte is noticed.
pub(crate) fn pattern(size: usize) -> Vec<u8> {
    (0..251).cycle().take(size).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(raw: &str) -> Step {
        let mut steps = Step::parse_list(raw).expect(raw);
        assert_eq!(steps.len(), 1, "{raw}");
        steps.remove(0)
    }

    #[test]
    fn commas_separate_steps_before_decoding() {
        assert_eq!(
            Step::parse_list("text:a%2Cb,close:1000:bye%3A,end").unwrap(),
            [Step::Message(Kind::Text, b"a,b".to_vec()), Step::Close(b"\x03\xe8bye:".to_vec()), Step::End,]
        );
    }

    #[test]
    fn invalid_step_is_named_in_the_error() {
        for (raw, wanted) in [
            ("text:a,txt:b", "unknown step `txt`"),
            ("bin:abc", "the step `bin:abc` needs hexadecimal digits"),
            ("rsv:8", "the step `rsv:8` needs a number from 1 to 7"),
            ("close:65536", "the step `close:65536` needs a 16-bit code"),
            ("fin:1", "the step `fin:1` takes no value"),
            ("gate", "the step `gate` needs a name"),
            ("flood:1", "the step `flood:1` needs two values"),
            ("echo,text:a", "the step `text:a` cannot be reached"),
        ] {
            assert_eq!(Step::parse_list(raw).unwrap_err(), wanted);
        }
    }

    #[test]
    fn close_body_may_be_empty_a_code_or_any_bytes() {
        assert_eq!(one("close"), Step::Close(Vec::new()));
        assert_eq!(one("close:65535"), Step::Close(vec![255, 255]));
        assert_eq!(one("close-hex:03"), Step::Close(vec![3]));
        assert_eq!(one("answer"), Step::Answer(None));
        assert_eq!(one("answer-empty"), Step::Answer(Some(Vec::new())));
        assert_eq!(one("answer:1000"), Step::Answer(Some(vec![3, 232])));
    }

    #[test]
    fn bytes_step_sends_the_pattern() {
        let Step::Message(Kind::Binary, payload) = one("bytes:252") else {
            panic!("not a binary message");
        };
        assert_eq!(payload[249..], [249, 250, 0]);
    }

    #[test]
    fn invalid_frame_steps_have_the_named_fault() {
        for (raw, bytes) in [
            ("raw:8100", &b"\x81\x00"[..]),
            ("badutf8", b"\x81\x03ok\xff"),
            ("badutf8-split", b"\x01\x03ok\xff"),
            ("rsv:4", b"\xc1\x03rsv"),
            ("opcode:11", b"\x8b\x00"),
            ("masked:%00", b"\x81\x81maskm"),
            ("lone-continuation", b"\x80\x04lone"),
            ("nested-start", b"\x01\x05outer\x81\x05inner"),
            ("fragmented-ping", b"\x09\x04part"),
        ] {
            assert_eq!(one(raw), Step::Bytes(bytes.to_vec()), "{raw}");
        }
    }
}
