//! Events in words, to be compared as whole lists.

use futures::StreamExt;
use samesocket::{CloseEvent, Event, Message, WebSocket};

/// What an event is, in a line; long payloads by their length and their sum.
pub fn line(event: &Event) -> String {
    match event {
        Event::Open => "open".to_owned(),
        Event::Message(message) => match &message.data {
            Message::Text(text) if text.len() <= SHORT => format!("text {:?}", text.as_str()),
            Message::Text(text) => format!("text: {}", digest(text.as_bytes())),
            Message::Binary(bytes) => binary(bytes),
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

/// All events of a socket.
pub async fn lines(socket: &WebSocket) -> Vec<String> {
    socket.events().map(|event| line(&event)).collect().await
}

/// Up to how many bytes a message is told whole.
const SHORT: usize = 64;

/// What a binary message is, in a line.
pub fn binary(bytes: &[u8]) -> String {
    if bytes.len() <= SHORT { format!("binary {}", bytes.escape_ascii()) } else { format!("binary: {}", digest(bytes)) }
}

/// What is in a long message: one byte again and again, bytes that count up, or something else.
pub fn digest(bytes: &[u8]) -> String {
    let count = bytes.len();
    if bytes.iter().all(|byte| *byte == bytes[0]) {
        format!("{count} times {}", bytes[0].escape_ascii())
    } else if bytes.iter().zip((0..251).cycle()).all(|(byte, expected)| *byte == expected) {
        format!("{count} counting up")
    } else {
        format!("{count} others, begun {}", bytes[..SHORT].escape_ascii())
    }
}
