//! The entries of the log: a stable line for tests, and the parts that a visitor sees.

use std::borrow::Cow;

use crate::dom;
use crate::socket::{Socket, ThrownException};

/// The most bytes of a message that are shown in hexadecimal. Arbitrary.
pub(crate) const SHOWN_BYTES: usize = 16;
/// The most characters of a text in the transcript. Arbitrary.
const MAX_TRANSCRIPT_CHARS: usize = 200;
/// The most characters of a text that are shown. Arbitrary.
const MAX_SHOWN_CHARS: usize = 4000;

/// One entry of the log.
pub(crate) struct LogEntry {
    /// The kind: `open`, `message`, `error`, `close`, `sent` or `exception`.
    pub(crate) kind: &'static str,
    /// The line for tests, without a time. It is `None` until its content is known.
    pub(crate) transcript: Option<String>,
    /// The parts that are shown.
    pub(crate) parts: Vec<Part>,
}

/// A named value.
pub(crate) struct Part {
    /// The name.
    pub(crate) key: Cow<'static, str>,
    /// The value.
    pub(crate) value: String,
    /// Whether the part is shown in a softer color.
    pub(crate) secondary: bool,
}

impl LogEntry {
    /// Creates the entry of an `open` event, with the attributes that have values from then on.
    pub(crate) fn open(socket: &Socket) -> Self {
        let (protocol, extensions) = (quoted(&socket.protocol()), quoted(&socket.extensions()));
        Self::from_transcript(format!("open protocol={protocol} extensions={extensions}"))
            .with("protocol", protocol)
            .with("extensions", extensions)
    }

    /// Creates the entry of a `message` event with text.
    pub(crate) fn text_message(text: &str, origin: &str) -> Self {
        Self::from_transcript(format!("message text {}", quoted(&truncated(text, MAX_TRANSCRIPT_CHARS))))
            .with("data", quoted(&truncated(text, MAX_SHOWN_CHARS)))
            .secondary("origin", origin.to_owned())
    }

    /// Creates the entry of a `message` event with `size` bytes that begin with `start`. `kind` is `binary` or `blob`.
    pub(crate) fn bytes_message(kind: &str, size: u64, start: &[u8], origin: &str) -> Self {
        let start = &start[..start.len().min(SHOWN_BYTES)];
        Self::from_transcript(format!("message {kind} {size} bytes {}", hexadecimal(start, "")).trim_end().to_owned())
            .with("data", format!("{kind}, {}", dom::bytes(size)))
            .secondary("", hex_dump(start, size > start.len() as u64))
            .secondary("origin", origin.to_owned())
    }

    /// Creates the entry of a `message` event with a Blob whose bytes are still being read.
    pub(crate) fn pending_blob_message(size: u64, origin: &str) -> Self {
        Self { kind: "message", transcript: None, parts: Vec::new() }
            .with("data", format!("blob, {}", dom::bytes(size)))
            .secondary("", "reading…".to_owned())
            .secondary("origin", origin.to_owned())
    }

    /// Creates the entry of a `message` event with a Blob whose bytes cannot be read.
    pub(crate) fn failed_blob_message(size: u64, error: &str, origin: &str) -> Self {
        Self::from_transcript(format!("message blob {size} bytes unreadable"))
            .with("data", format!("blob, {}", dom::bytes(size)))
            .with("unreadable", error.to_owned())
            .secondary("origin", origin.to_owned())
    }

    /// Creates the entry of an `error` event.
    pub(crate) fn error() -> Self {
        Self::from_transcript("error".to_owned())
    }

    /// Creates the entry of a `close` event.
    pub(crate) fn close(code: u16, reason: &str, was_clean: bool) -> Self {
        let reason = quoted(reason);
        Self::from_transcript(format!("close code={code} reason={reason} clean={was_clean}"))
            .with("code", code.to_string())
            .with("reason", reason)
            .with("wasClean", was_clean.to_string())
    }

    /// Creates the entry of a sent text.
    pub(crate) fn sent_text(text: &str) -> Self {
        let size = text.len() as u64;
        Self::from_transcript(format!("sent text {size} bytes"))
            .with("text", quoted(&truncated(text, MAX_SHOWN_CHARS)))
            .secondary("", dom::bytes(size))
    }

    /// Creates the entry of a sent file.
    pub(crate) fn sent_file(name: &str, size: u64) -> Self {
        Self::from_transcript(format!("sent blob {size} bytes"))
            .with("file", quoted(name))
            .secondary("", dom::bytes(size))
    }

    /// Creates the entry of an exception, with the member that threw it.
    pub(crate) fn exception(member: &'static str, exception: &ThrownException) -> Self {
        let ThrownException { name, message, .. } = exception;
        Self::from_transcript(format!("exception {name}: {message}"))
            .with(name.clone(), message.clone())
            .secondary("thrown by", member.into())
    }

    /// Adds that the data was discarded, as the Standard requires for a socket that is closing or closed.
    pub(crate) fn discarded(self, socket: &Socket) -> Self {
        self.secondary("discarded:", format!("the socket is {}", socket.ready_state()))
    }

    /// Creates an entry from its transcript. The first word is the kind.
    pub(crate) fn from_transcript(transcript: String) -> Self {
        const KINDS: [&str; 6] = ["open", "message", "error", "close", "sent", "exception"];
        let first = transcript.split(' ').next().unwrap_or_default();
        let kind = KINDS.into_iter().find(|kind| *kind == first).unwrap_or("other");
        Self { kind, transcript: Some(transcript), parts: Vec::new() }
    }

    fn with(mut self, key: impl Into<Cow<'static, str>>, value: String) -> Self {
        self.parts.push(Part { key: key.into(), value, secondary: false });
        self
    }

    fn secondary(mut self, key: &'static str, value: String) -> Self {
        self.parts.push(Part { key: key.into(), value, secondary: true });
        self
    }
}

/// Quotes a text, on one line.
pub(crate) fn quoted(text: &str) -> String {
    format!("{text:?}")
}

/// Truncates a text, with an ellipsis for the rest.
fn truncated(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Formats bytes in hexadecimal.
fn hexadecimal(bytes: &[u8], between: &str) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(between)
}

/// Formats bytes as a hex dump: hexadecimal digits, then ASCII.
fn hex_dump(start: &[u8], more: bool) -> String {
    let printed = |&byte: &u8| {
        if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' }
    };
    let ellipsis = if more { "…" } else { "" };
    let characters: String = start.iter().map(printed).collect();
    if start.is_empty() {
        String::new()
    } else {
        format!("{}{ellipsis}  {characters}{ellipsis}", hexadecimal(start, " "))
    }
}
