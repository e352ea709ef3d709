//! The response to an extended CONNECT request, as the script describes it
//! ([RFC 8441, section 5](https://www.rfc-editor.org/rfc/rfc8441#section-5)).

use super::{
    frames,
    stream::{Field, Stream},
    wire::Command,
};
use crate::{
    handshake,
    http::{Request, Response},
    script::Answer,
};

/// The largest value of a field that only fills the response, in bytes. Arbitrary.
const MAX_FILLING_LEN: usize = 4096;

/// Sends the response that accepts the WebSocket, after the interim ones.
pub(crate) fn answer(stream: &mut Stream, request: &Request, answer: &Answer, extensions: &[Vec<u8>]) {
    inform(stream, answer);
    let named = |name: &str, values: Vec<Vec<u8>>| values.into_iter().map(|value| (name.to_owned(), value)).collect();
    let mut fields: Vec<Field> = named("sec-websocket-protocol", handshake::subprotocols(request, answer));
    let extensions: Vec<Field> = named("sec-websocket-extensions", extensions.to_vec());
    fields.extend(extensions);
    fields.extend(literal_fields(answer));
    let _ = stream.respond(200, &fields, answer.end_stream);
}

/// Sends a response with another status. Returns its body, which the caller sends.
pub(crate) fn refuse(stream: &mut Stream, answer: &Answer, ordinary: &Response) -> Vec<u8> {
    inform(stream, answer);
    let mut fields: Vec<Field> = answer.location.iter().map(|url| ("location".to_owned(), url.clone())).collect();
    fields.extend(literal_fields(answer));
    fields.extend(ordinary.fields());
    let _ = stream.respond(ordinary.status(), &fields, answer.end_stream);
    if answer.end_stream { Vec::new() } else { ordinary.body().to_vec() }
}

/// Sends a response without a status, or half of one, which ends the TCP connection.
pub(crate) async fn break_response(stream: &mut Stream, is_cut: bool) {
    if is_cut {
        let block = frames::block([(":status", &b"200"[..])]);
        stream.wire().write(frames::frame(frames::HEADERS, 0, stream.id(), &block)).await;
        stream.wire().end_connection(Command::Drop);
    } else {
        let _ = stream.respond_with_block(&frames::block([("garbage", &b"there is no status"[..])]));
    }
}

fn inform(stream: &mut Stream, answer: &Answer) {
    for _ in 0..answer.early {
        let _ = stream.inform(103, &[("link".to_owned(), handshake::EARLY_LINK.to_vec())]);
    }
}

/// Returns the fields that the script has as text.
fn literal_fields(answer: &Answer) -> Vec<Field> {
    let lower_case = answer.headers.iter().map(|header| {
        let (name, value) = split_field(header);
        (name.to_ascii_lowercase(), value)
    });
    let mut fields: Vec<Field> = lower_case.collect();
    fields.extend(answer.fields.iter().map(|field| split_field(field)));
    let mut left = answer.fill;
    while left > 0 {
        let length = left.min(MAX_FILLING_LEN);
        fields.push(("x-fill".to_owned(), vec![b'f'; length]));
        left -= length;
    }
    fields
}

/// Splits `NAME: VALUE`. A pseudo-header starts with a colon.
fn split_field(field: &[u8]) -> Field {
    let colon = field.iter().skip(1).position(|&byte| byte == b':');
    let (name, value) = field.split_at(colon.map_or(field.len(), |at| at + 1));
    let value = value.strip_prefix(b":").unwrap_or(value);
    (String::from_utf8_lossy(name).into_owned(), value.trim_ascii_start().to_vec())
}
