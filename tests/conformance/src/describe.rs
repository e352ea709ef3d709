//! The notation of observations.
//!
//! Each observation is one line:
//!
//! - `open`, `message text "a"`, `message arraybuffer 3 #…`, `message blob 3 #…`, `error`, `close 1000 "bye" clean`: an
//!   event. `in CLOSING` follows if the ready state is not the usual one for the event, `from …` follows if the origin
//!   of the message is not the server's, and `×3` follows for three equal messages in a row;
//! - `readyState OPEN`, `url ws://server/`: an attribute;
//! - `throws SyntaxError 12`: an exception with its legacy code;
//! - `server …`: an entry in the record of the server;
//! - `nothing: …`: an expected event or state that did not come; the script ends there.

use crate::script::Field;
use crate::server::{Close, Record};
use crate::subject::{Thrown, pattern};

pub(crate) fn describe_thrown(thrown: &Thrown) -> String {
    format!("throws {} {}", thrown.name, thrown.code)
}

/// Describes a short text in quotes, and a long one by its size and a hash.
pub(crate) fn describe_text(text: &str) -> String {
    if text.len() <= 64 { format!("{text:?}") } else { format!("{} {}", text.len(), hash(text.as_bytes())) }
}

pub(crate) fn describe_bytes(kind: &str, bytes: &[u8]) -> String {
    format!("{kind} {} {}", bytes.len(), hash(bytes))
}

/// Returns an FNV-1a hash, or a word for the bytes of the pattern and for repeated letters.
fn hash(bytes: &[u8]) -> String {
    if bytes == pattern(bytes.len()) {
        return "pattern".to_owned();
    }
    if bytes.iter().all(|byte| *byte == b'a') {
        return "all a".to_owned();
    }
    let hash = bytes.iter().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    format!("#{hash:08x}")
}

pub(crate) fn describe_record(record: &Record, field: Field) -> String {
    assert_eq!(record.error, None, "the server does not know a step of the script");
    match field {
        Field::Messages => {
            let messages = record.messages.iter().map(|message| match &message.text {
                Some(text) if message.kind == "text" => format!("text {}", describe_text(text)),
                _ => format!("{} {}", message.kind, message.length),
            });
            format!("server received {}", messages.collect::<Vec<_>>().join(", "))
        }
        Field::Close => match &record.close {
            None => "server saw no Close".to_owned(),
            Some(Close { code: None, .. }) => "server saw an empty Close".to_owned(),
            Some(Close { code: Some(code), reason }) => format!("server saw Close {code} {reason:?}"),
        },
        Field::CloseCode => match record.close.as_ref().and_then(|close| close.code) {
            None => "server saw no code".to_owned(),
            Some(code) => format!("server saw the code {code}"),
        },
        Field::Pongs => {
            let pongs = record.frames.iter().filter(|frame| frame.opcode == 10);
            let texts: Vec<_> = pongs.map(|frame| frame.text.clone().unwrap_or_default()).collect();
            format!("server saw pongs {texts:?}")
        }
        Field::Offered => format!("server was offered {:?}", record.offered),
        Field::Extension(name) => {
            let offers = record.headers.get("sec-websocket-extensions").map_or("", String::as_str);
            let offered = offers.split([',', ';']).any(|offer| offer.trim() == name);
            format!("server was {}offered {name}", if offered { "" } else { "not " })
        }
        Field::Header(name) => match record.headers.get(name) {
            Some(value) => format!("server saw {name}: {value}"),
            None => format!("server saw no {name}"),
        },
    }
}
