//! Parsing of a request's query into the script that the server runs.

use crate::{heads::Head, http2, query, step::Step};

/// The script of one connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Script {
    pub(crate) answer: Answer,
    /// Whether to wait for the gate `handshake` before answering.
    pub(crate) hold: bool,
    /// The fault to send instead of a response.
    pub(crate) fault: Option<Fault>,
    /// The head to send instead of a response. `{accept}` stands for the right value of `Sec-WebSocket-Accept`.
    pub(crate) head: Option<&'static [u8]>,
    /// Whether to write the response together with the first steps.
    pub(crate) packet: bool,
    /// Whether to compress the server's own messages.
    pub(crate) compress: bool,
    /// The steps before the response.
    pub(crate) first: Vec<Step>,
    pub(crate) steps: Vec<Step>,
}

/// The options of the response to the opening handshake.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) subprotocols: Vec<Vec<u8>>,
    pub(crate) pick: Pick,
    pub(crate) extensions: Vec<Vec<u8>>,
    pub(crate) deflate: bool,
    pub(crate) accept: Accept,
    pub(crate) upgrade: Value,
    pub(crate) connection: Value,
    pub(crate) status: Option<u16>,
    pub(crate) location: Option<Vec<u8>>,
    /// The number of interim responses.
    pub(crate) early: u32,
    /// Whether the headers of the response end the stream.
    pub(crate) end_stream: bool,
    /// The number of bytes in header fields that only fill the response.
    pub(crate) fill: usize,
    /// The header fields whose names stay as they are, over HTTP/2.
    pub(crate) fields: Vec<Vec<u8>>,
    pub(crate) headers: Vec<Vec<u8>>,
}

/// The choice among the offered subprotocols.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Pick {
    #[default]
    First,
    Last,
    None,
    Upper,
}

/// The value of `Sec-WebSocket-Accept`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Accept {
    #[default]
    Right,
    Wrong,
    Missing,
    Padded,
}

/// The value of a header: correct, missing, or another one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Value {
    #[default]
    Right,
    Missing,
    Other(Vec<u8>),
}

/// A fault in place of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Garbage,
    Nothing,
    Drop,
    /// With this error code, over HTTP/2.
    Reset(Option<u32>),
    Half,
}

impl Script {
    /// Parses a query. The error names the key or value that is unknown or invalid.
    pub(crate) fn parse(query: &str) -> Result<Self, String> {
        let mut script = Self::default();
        let mut raw_steps = None;
        for (key, raw) in query::pairs(query) {
            let word = query::decode_text(raw);
            let wrong = || format!("the key `{key}` cannot be `{word}`");
            let answer = &mut script.answer;
            match key.as_str() {
                "id" => {}
                "subprotocol" => answer.subprotocols.push(query::decode(raw)),
                "pick" => answer.pick = Pick::parse(&word).ok_or_else(wrong)?,
                "extensions" => answer.extensions.push(query::decode(raw)),
                "deflate" => {
                    script.compress = word == "send";
                    answer.deflate = script.compress || flag(&word).ok_or_else(wrong)?;
                }
                "accept" => answer.accept = Accept::parse(&word).ok_or_else(wrong)?,
                "upgrade" => answer.upgrade = Value::parse(raw),
                "connection" => answer.connection = Value::parse(raw),
                "status" => answer.status = Some(status(&word).ok_or_else(wrong)?),
                "location" => answer.location = Some(query::decode(raw)),
                "early" => answer.early = word.parse().map_err(|_| wrong())?,
                "end-stream" => answer.end_stream = flag(&word).ok_or_else(wrong)?,
                "field" => answer.fields.push(query::decode(raw)),
                "fill" => answer.fill = word.parse().map_err(|_| wrong())?,
                "header" => answer.headers.push(query::decode(raw)),
                "head" => script.head = Some(Head::bytes(&word).ok_or_else(wrong)?),
                "handshake" => script.fault = Some(Fault::parse(&word).ok_or_else(wrong)?),
                "hold" if word == "handshake" => script.hold = true,
                "hold" => return Err(wrong()),
                "packet" => script.packet = flag(&word).ok_or_else(wrong)?,
                "first" => script.first.extend(Step::parse_list(raw)?),
                "do" if raw_steps.is_none() => raw_steps = Some(raw),
                "do" => return Err("the key `do` appears twice".to_owned()),
                _ => return Err(format!("unknown key `{key}`")),
            }
        }
        if let Some(step) = script.first.iter().find(|step| !matches!(step, Step::Gate(_) | Step::Http2(_))) {
            return Err(format!("the step `{step:?}` cannot precede the response"));
        }
        script.steps = match raw_steps {
            Some(raw) => Step::parse_list(raw)?,
            None => vec![Step::Echo(None)],
        };
        Ok(script)
    }
}

impl Script {
    /// Returns the key or step that the version of HTTP does not have, if there is one.
    pub(crate) fn unsupported(&self, is_http2: bool) -> Option<&'static str> {
        if is_http2 {
            return self.head.map(|_| "the key `head` needs HTTP/1.1");
        }
        let is_of_http2 = |step: &Step| matches!(step, Step::Http2(_));
        if self.first.iter().chain(&self.steps).any(is_of_http2) {
            return Some("a step needs HTTP/2");
        }
        if self.answer.status == Some(101) {
            return Some("the key `status` cannot be `101`");
        }
        let needs_http2 = self.answer.end_stream || !self.answer.fields.is_empty();
        needs_http2.then_some("the keys `end-stream` and `field` need HTTP/2")
    }
}

impl Pick {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "first" => Some(Self::First),
            "last" => Some(Self::Last),
            "none" => Some(Self::None),
            "upper" => Some(Self::Upper),
            _ => None,
        }
    }
}

impl Accept {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "wrong" => Some(Self::Wrong),
            "missing" => Some(Self::Missing),
            "padded" => Some(Self::Padded),
            _ => None,
        }
    }
}

impl Value {
    fn parse(raw: &str) -> Self {
        match raw {
            "missing" => Self::Missing,
            _ => Self::Other(query::decode(raw)),
        }
    }
}

impl Fault {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "garbage" => Some(Self::Garbage),
            "nothing" => Some(Self::Nothing),
            "drop" => Some(Self::Drop),
            "half" => Some(Self::Half),
            "reset" => Some(Self::Reset(None)),
            _ => http2::parse_error_code(word.strip_prefix("reset:")?).map(|code| Self::Reset(Some(code))),
        }
    }
}

/// Parses `1` or `0`.
fn flag(word: &str) -> Option<bool> {
    match word {
        "1" => Some(true),
        "0" => Some(false),
        _ => None,
    }
}

/// Parses a status.
fn status(word: &str) -> Option<u16> {
    word.parse().ok().filter(|status| (100..=599).contains(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_without_steps_echoes() {
        let script = Script::parse("id=a").unwrap();
        assert_eq!(script.steps, [Step::Echo(None)]);
        assert_eq!(script.answer, Answer::default());
    }

    #[test]
    fn repeated_keys_are_all_kept() {
        let answer = Script::parse("subprotocol=a&subprotocol=&header=A:%20b+c").unwrap().answer;
        assert_eq!(answer.subprotocols, [b"a".to_vec(), Vec::new()]);
        assert_eq!(answer.headers, [b"A: b+c".to_vec()]);
    }

    #[test]
    fn unknown_keys_and_values_are_named() {
        for (query, wanted) in [
            ("stauts=404", "unknown key `stauts`"),
            ("status=99", "the key `status` cannot be `99`"),
            ("first=text:a", "the step `Message(Text, [97])` cannot precede the response"),
            ("pick=best", "the key `pick` cannot be `best`"),
            ("hold=open", "the key `hold` cannot be `open`"),
            ("early=yes", "the key `early` cannot be `yes`"),
            ("head=none", "the key `head` cannot be `none`"),
            ("do=a&do=b", "the key `do` appears twice"),
            ("do=ecko", "unknown step `ecko`"),
        ] {
            assert_eq!(Script::parse(query).unwrap_err(), wanted);
        }
    }

    #[test]
    fn deflate_applies_to_one_direction_or_both() {
        let script = Script::parse("deflate=1").unwrap();
        assert!(script.answer.deflate && !script.compress);
        let script = Script::parse("deflate=send").unwrap();
        assert!(script.answer.deflate && script.compress);
    }
}
