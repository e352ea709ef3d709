//! Events as text, so that tests can compare whole lists of events.

use futures::StreamExt;
use samesocket::{CloseEvent, Event, Message, WebSocket};

/// Describes an event in one line. A long payload is summarized.
pub fn describe(event: &Event) -> String {
    match event {
        Event::Open => "open".to_owned(),
        Event::Message(message) => match &message.data {
            Message::Text(text) if text.len() <= MAX_VERBATIM_LEN => format!("text {:?}", text.as_str()),
            Message::Text(text) => format!("text: {}", summarize(text.as_bytes())),
            Message::Binary(bytes) => describe_binary(bytes),
            Message::Blob(blob) => format!("blob of {}", blob.size()),
            other => format!("{other:?}"),
        },
        Event::Error => "error".to_owned(),
        Event::Close(CloseEvent { code, reason, was_clean, .. }) => {
            format!("close {code} {reason:?} {}", if *was_clean { "clean" } else { "unclean" })
        }
        other => format!("{other:?}"),
    }
}

/// Collects the descriptions of all events of a socket.
pub async fn describe_all(socket: &WebSocket) -> Vec<String> {
    socket.events().map(|event| describe(&event)).collect().await
}

/// The largest message that is described with its whole payload, in bytes. Arbitrary.
const MAX_VERBATIM_LEN: usize = 64;

/// Describes a binary message in one line.
pub fn describe_binary(bytes: &[u8]) -> String {
    if bytes.len() <= MAX_VERBATIM_LEN {
        format!("binary {}", bytes.escape_ascii())
    } else {
        format!("binary: {}", summarize(bytes))
    }
}

/// Summarizes a long payload: one repeated byte, bytes that count up, or the start of other bytes.
pub fn summarize(bytes: &[u8]) -> String {
    let count = bytes.len();
    if bytes.iter().all(|byte| *byte == bytes[0]) {
        format!("{count} times {}", bytes[0].escape_ascii())
    } else if bytes.iter().zip((0..251).cycle()).all(|(byte, expected)| *byte == expected) {
        format!("{count} counting up")
    } else {
        format!("{count} others, starting with {}", bytes[..MAX_VERBATIM_LEN].escape_ascii())
    }
}
