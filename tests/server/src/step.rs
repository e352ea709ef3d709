//! The steps of `do=STEP,STEP,...` after the opening handshake.

use crate::{
    frame::{self, Shape},
    query,
    record::Kind,
};

/// The largest payload that a step can ask for, in bytes.
const LARGEST: usize = 1 << 28;

/// One thing that the server does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Sends a message in one frame.
    Message(Kind, Vec<u8>),
    /// Sends a message in a frame for each piece.
    Fragments(Kind, Vec<Vec<u8>>),
    /// Writes bytes as they are.
    Bytes(Vec<u8>),
    /// Sends a Close frame with this body.
    Close(Vec<u8>),
    /// Sends the offered subprotocols as text.
    Offered,
    /// Writes what the next steps send at once, up to one that does more.
    Together,
    /// Sends many binary messages that begin with their index.
    Flood { count: u32, size: usize },
    /// Sends no more; the client may.
    Fin,
    /// Closes the socket at once.
    Drop,
    /// Resets the TCP connection.
    Reset,
    /// Reads so many data messages.
    Await(u64),
    /// Echoes so many messages, or all until the client's Close, which is answered.
    Echo(Option<u64>),
    /// Reads until the client's Close.
    AwaitClose,
    /// Reads until the client's Close and answers it, with the same body unless there is one.
    Answer(Option<Vec<u8>>),
    /// Waits for a release.
    Gate(String),
    /// Reads nothing until a release, or until the client goes.
    LazyMessage(Option<String>),
    /// Reads no faster from here on.
    ReadSlow { bytes_per_second: u32 },
    /// Waits for the client's end.
    End,
}

impl Step {
    /// Reads the raw value of `do`.
    pub(crate) fn parse_list(raw: &str) -> Result<Vec<Self>, String> {
        let mut steps: Vec<Self> = Vec::new();
        for raw in raw.split(',').filter(|raw| !raw.is_empty()) {
            if steps.last().is_some_and(Self::is_last) {
                return Err(format!("the step `{raw}` can never be reached"));
            }
            steps.push(Self::parse(raw)?);
        }
        Ok(steps)
    }

    /// Whether a step after this one would never be reached.
    fn is_last(&self) -> bool {
        matches!(self, Self::Drop | Self::Reset | Self::Echo(None) | Self::LazyMessage(None) | Self::End)
    }

    fn parse(raw: &str) -> Result<Self, String> {
        let (name, value) = match raw.split_once(':') {
            Some((name, value)) => (name, Some(value)),
            None => (raw, None),
        };
        let argument = Argument { raw, value };
        Self::sending(name, argument)
            .or_else(|| Self::breaking(name, argument))
            .or_else(|| Self::waiting(name, argument))
            .unwrap_or_else(|| Err(format!("unknown step `{name}`")))
    }

    /// The steps that keep to the protocol.
    fn sending(name: &str, argument: Argument<'_>) -> Option<Result<Self, String>> {
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
                size: usize::try_from(size).unwrap_or(LARGEST).min(LARGEST),
            }),
            "offered" => argument.none(Self::Offered),
            "together" => argument.none(Self::Together),
            _ => return None,
        })
    }

    /// The steps that break it.
    fn breaking(name: &str, argument: Argument<'_>) -> Option<Result<Self, String>> {
        let bytes = |bytes: Vec<u8>| argument.none(Self::Bytes(bytes));
        Some(match name {
            "raw" => argument.hex().map(Self::Bytes),
            "badutf8" => bytes(frame::whole(frame::TEXT, b"ok\xff")),
            "badutf8-split" => bytes(Shape::unfinished(frame::TEXT).frame(b"ok\xff")),
            "rsv" => argument.number(1..=7).map(|rsv| {
                let shape = Shape { rsv: u8::try_from(rsv).unwrap_or_default(), ..Shape::whole(frame::TEXT) };
                Self::Bytes(shape.frame(b"rsv"))
            }),
            "opcode" => argument.number(0..=15).map(|opcode| {
                let opcode = u8::try_from(opcode).unwrap_or_default();
                Self::Bytes(frame::whole(opcode, b""))
            }),
            "masked" => {
                let shape = Shape { mask: Some(*b"mask"), ..Shape::whole(frame::TEXT) };
                Ok(Self::Bytes(shape.frame(&argument.bytes())))
            }
            "lone-continuation" => bytes(frame::whole(frame::CONTINUATION, b"lone")),
            "nested-start" => {
                let mut start = Shape::unfinished(frame::TEXT).frame(b"outer");
                start.extend(frame::whole(frame::TEXT, b"inner"));
                bytes(start)
            }
            "big-ping" => bytes(frame::whole(frame::PING, &[b'p'; 126])),
            "fragmented-ping" => bytes(Shape::unfinished(frame::PING).frame(b"part")),
            "nonminimal" => bytes(frame::nonminimal()),
            "huge-length" => bytes(frame::huge_length()),
            "close-hex" => argument.hex().map(Self::Close),
            "fin" => argument.none(Self::Fin),
            "drop" => argument.none(Self::Drop),
            "reset" => argument.none(Self::Reset),
            _ => return None,
        })
    }

    /// The steps that read, or refuse to.
    fn waiting(name: &str, argument: Argument<'_>) -> Option<Result<Self, String>> {
        Some(match name {
            "await" => argument.number(1..=u32::MAX).map(|n| Self::Await(n.into())),
            "echo" if argument.value.is_none() => Ok(Self::Echo(None)),
            "echo" => argument.number(1..=u32::MAX).map(|n| Self::Echo(Some(n.into()))),
            "await-close" => argument.none(Self::AwaitClose),
            "answer" if argument.value.is_none() => Ok(Self::Answer(None)),
            "answer" => argument.close_body().map(|body| Self::Answer(Some(body))),
            "answer-empty" => argument.none(Self::Answer(Some(Vec::new()))),
            "gate" => argument.name().map(Self::Gate),
            "read-gate" => argument.name().map(|name| Self::LazyMessage(Some(name))),
            "read-never" => argument.none(Self::LazyMessage(None)),
            "read-slow" => argument.number(1..=u32::MAX).map(|bytes_per_second| Self::ReadSlow { bytes_per_second }),
            "end" => argument.none(Self::End),
            _ => return None,
        })
    }
}

/// What stands behind a step's name, still percent-encoded.
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

    fn name(self) -> Result<String, String> {
        self.value.map(query::decode_text).filter(|name| !name.is_empty()).ok_or_else(|| self.wrong("wants a name"))
    }

    fn bytes(self) -> Vec<u8> {
        query::decode(self.value.unwrap_or_default())
    }

    fn pieces(self) -> Vec<Vec<u8>> {
        let value = self.value.unwrap_or_default();
        value.split('|').map(query::decode).collect()
    }

    fn hex(self) -> Result<Vec<u8>, String> {
        query::unhex(&self.bytes()).ok_or_else(|| self.wrong("wants hexadecimal digits"))
    }

    fn number(self, range: std::ops::RangeInclusive<u32>) -> Result<u32, String> {
        let value = self.value.unwrap_or_default();
        self.parse(value).ok().filter(|number| range.contains(number)).ok_or_else(|| {
            let wish = format!("wants a number from {} to {}", range.start(), range.end());
            self.wrong(&wish)
        })
    }

    fn size(self) -> Result<usize, String> {
        let largest = u32::try_from(LARGEST).unwrap_or(u32::MAX);
        let size = self.number(0..=largest)?;
        Ok(usize::try_from(size).unwrap_or(LARGEST))
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
            _ => return Err(self.wrong("wants the kind `text` or `bin`")),
        };
        let pieces = pieces.split('|').map(query::decode).collect();
        Ok(Step::Fragments(kind, pieces))
    }

    /// Nothing, `CODE` or `CODE:REASON` as the body of a Close frame.
    fn close_body(self) -> Result<Vec<u8>, String> {
        let Some(value) = self.value else {
            return Ok(Vec::new());
        };
        let (code, reason) = value.split_once(':').unwrap_or((value, ""));
        let code = code.parse::<u16>().map_err(|_| self.wrong("wants a code of 16 bits"))?;
        let mut body = code.to_be_bytes().to_vec();
        body.extend(query::decode(reason));
        Ok(body)
    }

    fn split(self) -> Result<(&'a str, &'a str), String> {
        self.value.and_then(|value| value.split_once(':')).ok_or_else(|| self.wrong("wants two values"))
    }

    fn parse(self, value: &str) -> Result<u32, String> {
        value.parse().map_err(|_| self.wrong("wants a number"))
    }

    fn wrong(self, wish: &str) -> String {
        format!("the step `{}` {wish}", self.raw)
    }
}

/// Bytes that count up to a prime, so that a shifted or lost one shows.
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
    fn commas_separate_before_decoding() {
        assert_eq!(
            Step::parse_list("text:a%2Cb,close:1000:bye%3A,end").unwrap(),
            [Step::Message(Kind::Text, b"a,b".to_vec()), Step::Close(b"\x03\xe8bye:".to_vec()), Step::End,]
        );
    }

    #[test]
    fn a_wrong_step_is_named() {
        for (raw, wanted) in [
            ("text:a,txt:b", "unknown step `txt`"),
            ("bin:abc", "the step `bin:abc` wants hexadecimal digits"),
            ("rsv:8", "the step `rsv:8` wants a number from 1 to 7"),
            ("close:65536", "the step `close:65536` wants a code of 16 bits"),
            ("fin:1", "the step `fin:1` takes no value"),
            ("gate", "the step `gate` wants a name"),
            ("flood:1", "the step `flood:1` wants two values"),
            ("echo,text:a", "the step `text:a` can never be reached"),
        ] {
            assert_eq!(Step::parse_list(raw).unwrap_err(), wanted);
        }
    }

    #[test]
    fn a_close_may_have_no_body_a_code_or_any_bytes() {
        assert_eq!(one("close"), Step::Close(Vec::new()));
        assert_eq!(one("close:65535"), Step::Close(vec![255, 255]));
        assert_eq!(one("close-hex:03"), Step::Close(vec![3]));
        assert_eq!(one("answer"), Step::Answer(None));
        assert_eq!(one("answer-empty"), Step::Answer(Some(Vec::new())));
        assert_eq!(one("answer:1000"), Step::Answer(Some(vec![3, 232])));
    }

    #[test]
    fn binary_payloads_follow_a_pattern() {
        let Step::Message(Kind::Binary, payload) = one("bytes:252") else {
            panic!("not a binary message");
        };
        assert_eq!(payload[249..], [249, 250, 0]);
    }

    #[test]
    fn each_breach_is_the_one_it_is_called_after() {
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
