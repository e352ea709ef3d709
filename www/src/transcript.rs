//! What the journal says of each happening: one stable line, and the attributes that a reader sees.

use std::borrow::Cow;

use crate::page;
use crate::socket::{Refusal, Socket};

/// At most so many bytes of a message are shown as hexadecimal digits.
pub(crate) const SHOWN_BYTES: usize = 16;
/// At most so many characters of a text stand in the transcript.
const TRANSCRIBED_CHARACTERS: usize = 200;
/// At most so many characters of a text are shown.
const SHOWN_CHARACTERS: usize = 4000;

/// One happening.
pub(crate) struct Line {
    /// Its first word: `open`, `message`, `error`, `close`, `sent`, `exception`.
    pub(crate) kind: &'static str,
    /// The line without a time; none while it is not known.
    pub(crate) transcript: Option<String>,
    /// What is shown of it.
    pub(crate) parts: Vec<Part>,
}

/// A named value.
pub(crate) struct Part {
    /// Its name.
    pub(crate) key: Cow<'static, str>,
    /// Its value.
    pub(crate) value: String,
    /// Whether it matters less than the rest.
    pub(crate) aside: bool,
}

impl Line {
    /// The event `open`, with the attributes that have their values from now on.
    pub(crate) fn open(socket: &Socket) -> Self {
        let (protocol, extensions) = (quoted(&socket.protocol()), quoted(&socket.extensions()));
        Self::known(format!("open protocol={protocol} extensions={extensions}"))
            .with("protocol", protocol)
            .with("extensions", extensions)
    }

    /// The event `message` with a text.
    pub(crate) fn text_message(text: &str, origin: &str) -> Self {
        Self::known(format!("message text {}", quoted(&shortened(text, TRANSCRIBED_CHARACTERS))))
            .with("data", quoted(&shortened(text, SHOWN_CHARACTERS)))
            .aside("origin", origin.to_owned())
    }

    /// The event `message` with `size` bytes, of which `start` are known; `kind` is `binary` or `blob`.
    pub(crate) fn bytes_message(kind: &str, size: u64, start: &[u8], origin: &str) -> Self {
        let start = &start[..start.len().min(SHOWN_BYTES)];
        Self::known(format!("message {kind} {size} bytes {}", hexadecimal(start, "")).trim_end().to_owned())
            .with("data", format!("{kind}, {}", page::bytes(size)))
            .aside("", dump(start, size > start.len() as u64))
            .aside("origin", origin.to_owned())
    }

    /// The event `message` with a Blob whose bytes are still being read.
    pub(crate) fn unread_message(size: u64, origin: &str) -> Self {
        Self { kind: "message", transcript: None, parts: Vec::new() }
            .with("data", format!("blob, {}", page::bytes(size)))
            .aside("", "reading…".to_owned())
            .aside("origin", origin.to_owned())
    }

    /// The event `message` with a Blob whose bytes cannot be read.
    pub(crate) fn unreadable_message(size: u64, error: &str, origin: &str) -> Self {
        Self::known(format!("message blob {size} bytes unreadable"))
            .with("data", format!("blob, {}", page::bytes(size)))
            .with("unreadable", error.to_owned())
            .aside("origin", origin.to_owned())
    }

    /// The event `error`.
    pub(crate) fn error() -> Self {
        Self::known("error".to_owned())
    }

    /// The event `close`.
    pub(crate) fn close(code: u16, reason: &str, was_clean: bool) -> Self {
        let reason = quoted(reason);
        Self::known(format!("close code={code} reason={reason} clean={was_clean}"))
            .with("code", code.to_string())
            .with("reason", reason)
            .with("wasClean", was_clean.to_string())
    }

    /// A text that was sent.
    pub(crate) fn sent_text(text: &str) -> Self {
        let size = text.len() as u64;
        Self::known(format!("sent text {size} bytes"))
            .with("text", quoted(&shortened(text, SHOWN_CHARACTERS)))
            .aside("", page::bytes(size))
    }

    /// A file that was sent.
    pub(crate) fn sent_file(name: &str, size: u64) -> Self {
        Self::known(format!("sent blob {size} bytes")).with("file", quoted(name)).aside("", page::bytes(size))
    }

    /// An exception, with the member that threw it.
    pub(crate) fn exception(member: &'static str, refusal: &Refusal) -> Self {
        let Refusal { name, message, .. } = refusal;
        Self::known(format!("exception {name}: {message}"))
            .with(name.clone(), message.clone())
            .aside("thrown by", member.into())
    }

    /// Says that what was sent went nowhere, as the Standard has it of a socket that is closing or closed.
    pub(crate) fn discarded(self, socket: &Socket) -> Self {
        self.aside("discarded:", format!("the socket is {}", socket.ready_state()))
    }

    /// A happening of which everything is known; its kind is the first word.
    pub(crate) fn known(transcript: String) -> Self {
        const KINDS: [&str; 6] = ["open", "message", "error", "close", "sent", "exception"];
        let first = transcript.split(' ').next().unwrap_or_default();
        let kind = KINDS.into_iter().find(|kind| *kind == first).unwrap_or("other");
        Self { kind, transcript: Some(transcript), parts: Vec::new() }
    }

    fn with(mut self, key: impl Into<Cow<'static, str>>, value: String) -> Self {
        self.parts.push(Part { key: key.into(), value, aside: false });
        self
    }

    fn aside(mut self, key: &'static str, value: String) -> Self {
        self.parts.push(Part { key: key.into(), value, aside: true });
        self
    }
}

/// Puts a text into quotation marks, on one line.
pub(crate) fn quoted(text: &str) -> String {
    format!("{text:?}")
}

/// The first characters of a text, and an ellipsis for the rest.
fn shortened(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn hexadecimal(bytes: &[u8], between: &str) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(between)
}

/// The digits of the first bytes and what they are in ASCII, as a hex dump has them.
fn dump(start: &[u8], more: bool) -> String {
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
