//! The response to the opening handshake, as the script describes it.

use tungstenite::handshake::derive_accept_key;

use crate::{
    connection::{Connection, Disconnected},
    deflate::Inflater,
    heads,
    http::{Request, Response, push_header, status_line},
    http2,
    record::Handshake,
    script::{Accept, Answer, Fault, Pick, Script, Value},
};

/// The permessage-deflate response: no context takeover in either direction.
const DEFLATE: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// The value of `Link` in an interim response.
pub(crate) const EARLY_LINK: &[u8] = b"</style.css>; rel=preload; as=style";

/// The state of a connection after the opening handshake.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Accepted; the steps come next. With `packet=1` the response is queued but not yet written.
    Accepted { compress: bool },
    /// Refused or broken off; the client closes the connection.
    Drain,
    /// The socket must be closed at once.
    Drop,
    /// The connection must be reset, or the stream with this error code.
    Reset(Option<u32>),
}

/// Answers the opening handshake.
pub(crate) async fn respond(
    connection: &mut Connection,
    request: &Request,
    script: &Script,
) -> Result<Outcome, Disconnected> {
    if script.hold {
        let gate = connection.receiver.record().gate("handshake");
        connection.receive_until(gate).await.map_err(|disconnected| abort(connection, disconnected))?;
    }
    if let Some(fault) = script.fault {
        record_outcome(connection, Handshake::Aborted);
        return send_fault(connection, request, script, fault).await;
    }
    if let Some(head) = script.head {
        let key = request.header("sec-websocket-key").unwrap_or_default();
        connection.queue(&heads::with_accept(head, &derive_accept_key(key.as_bytes())));
        record_outcome(connection, Handshake::Accepted);
        return Ok(Outcome::Accepted { compress: false });
    }
    let extensions = extensions(request, &script.answer);
    if request.is_http2() {
        return answer_stream(connection, request, script, &extensions).await;
    }
    let refusal = match script.answer.status {
        Some(status) => Some(refuse(status, &script.answer)),
        None if request.header("sec-websocket-key").is_none() => {
            Some(Response::text(400, "the header Sec-WebSocket-Key is missing\n").bytes(true))
        }
        None => None,
    };
    if let Some(refusal) = refusal {
        record_outcome(connection, Handshake::Refused);
        queue_early(connection, &script.answer);
        connection.queue(&refusal);
        connection.finish_sending().await;
        return Ok(Outcome::Drain);
    }
    queue_early(connection, &script.answer);
    if script.answer.early > 0 && !script.packet {
        connection.flush().await?;
    }
    connection.receiver.inflate_with(inflater(&extensions));
    let compress = script.compress && !extensions.is_empty();
    connection.queue(&response(request, &script.answer, &extensions));
    record_outcome(connection, Handshake::Accepted);
    if !script.packet {
        connection.flush().await?;
    }
    Ok(Outcome::Accepted { compress })
}

/// Answers an extended CONNECT request.
async fn answer_stream(
    connection: &mut Connection,
    request: &Request,
    script: &Script,
    extensions: &[Vec<u8>],
) -> Result<Outcome, Disconnected> {
    if let Some(status) = script.answer.status {
        record_outcome(connection, Handshake::Refused);
        refuse_stream(connection, &Response::text(status, format!("status {status}\n")), &script.answer).await;
        return Ok(Outcome::Drain);
    }
    connection.receiver.inflate_with(inflater(extensions));
    if let Some(stream) = connection.http2() {
        if script.packet {
            stream.cork();
        }
        http2::answer(stream, request, &script.answer, extensions);
    }
    record_outcome(connection, Handshake::Accepted);
    if !script.packet {
        connection.flush().await?;
    }
    Ok(Outcome::Accepted { compress: script.compress && !extensions.is_empty() })
}

async fn refuse_stream(connection: &mut Connection, response: &Response, answer: &Answer) {
    if let Some(stream) = connection.http2() {
        let body = http2::refuse(stream, answer, response);
        connection.queue(&body);
        connection.finish_sending().await;
    }
}

/// Records that the client has left before the response.
pub(crate) fn abort(connection: &Connection, disconnected: Disconnected) -> Disconnected {
    record_outcome(connection, Handshake::Aborted);
    disconnected
}

/// Answers a request whose script is invalid, with 400.
pub(crate) async fn refuse_script(connection: &mut Connection, error: String) {
    let response = Response::text(400, format!("{error}\n"));
    connection.receiver.record().update(|record| {
        record.handshake = Some(Handshake::Refused);
        record.error = Some(error);
    });
    if connection.http2().is_some() {
        return refuse_stream(connection, &response, &Answer::default()).await;
    }
    connection.queue(&response.bytes(true));
    connection.finish_sending().await;
}

async fn send_fault(
    connection: &mut Connection,
    request: &Request,
    script: &Script,
    fault: Fault,
) -> Result<Outcome, Disconnected> {
    match fault {
        Fault::Nothing => {}
        Fault::Drop => return Ok(Outcome::Drop),
        Fault::Reset(code) => return Ok(Outcome::Reset(code)),
        Fault::Garbage | Fault::Half if request.is_http2() => {
            if let Some(stream) = connection.http2() {
                http2::break_response(stream, fault == Fault::Half).await;
            }
            connection.flush().await?;
        }
        Fault::Garbage => {
            connection.queue(b"\x00this is no HTTP\x00\r\n\r\n");
            connection.finish_sending().await;
        }
        Fault::Half => {
            let extensions = extensions(request, &script.answer);
            let whole = response(request, &script.answer, &extensions);
            connection.queue(&whole[..whole.len() / 2]);
            connection.finish_sending().await;
        }
    }
    Ok(Outcome::Drain)
}

fn record_outcome(connection: &Connection, handshake: Handshake) {
    connection.receiver.record().update(|record| record.handshake = Some(handshake));
}

fn queue_early(connection: &mut Connection, answer: &Answer) {
    for _ in 0..answer.early {
        let mut early = status_line(103);
        push_header(&mut early, "Link", EARLY_LINK);
        early.extend_from_slice(b"\r\n");
        connection.queue(&early);
    }
}

fn refuse(status: u16, answer: &Answer) -> Vec<u8> {
    // The body and its length are those of a plain-text response. The script's headers come first.
    let ordinary = Response::text(status, format!("status {status}\n")).bytes(true);
    let mut bytes = status_line(status);
    let rest = ordinary.get(bytes.len()..).unwrap_or_default().to_vec();
    if let Some(location) = &answer.location {
        push_header(&mut bytes, "Location", location);
    }
    push_literal(&mut bytes, &answer.headers);
    bytes.extend(rest);
    bytes
}

fn response(request: &Request, answer: &Answer, extensions: &[Vec<u8>]) -> Vec<u8> {
    let key = request.header("sec-websocket-key").unwrap_or_default();
    let right = derive_accept_key(key.as_bytes());
    let accept = match answer.accept {
        Accept::Right => Value::Other(right.into_bytes()),
        Accept::Wrong => Value::Other(derive_accept_key(b"another key").into_bytes()),
        Accept::Padded => Value::Other(format!(" \t {right} \t ").into_bytes()),
        Accept::Missing => Value::Missing,
    };
    let mut bytes = status_line(101);
    push_value(&mut bytes, "Upgrade", &answer.upgrade, b"websocket");
    push_value(&mut bytes, "Connection", &answer.connection, b"Upgrade");
    push_value(&mut bytes, "Sec-WebSocket-Accept", &accept, b"");
    for subprotocol in subprotocols(request, answer) {
        push_header(&mut bytes, "Sec-WebSocket-Protocol", &subprotocol);
    }
    for extension in extensions {
        push_header(&mut bytes, "Sec-WebSocket-Extensions", extension);
    }
    push_literal(&mut bytes, &answer.headers);
    if answer.fill > 0 {
        push_header(&mut bytes, "X-Fill", &vec![b'f'; answer.fill]);
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

pub(crate) fn subprotocols(request: &Request, answer: &Answer) -> Vec<Vec<u8>> {
    if !answer.subprotocols.is_empty() {
        return answer.subprotocols.clone();
    }
    let offered = request.offered();
    let picked = match answer.pick {
        Pick::First => offered.first().cloned(),
        Pick::Last => offered.last().cloned(),
        Pick::None => None,
        Pick::Upper => offered.first().map(|first| first.to_uppercase()),
    };
    picked.into_iter().map(String::into_bytes).collect()
}

fn extensions(request: &Request, answer: &Answer) -> Vec<Vec<u8>> {
    let offered = request.header("sec-websocket-extensions").is_some_and(|offer| offer.contains("permessage-deflate"));
    match (answer.extensions.is_empty(), answer.deflate && offered) {
        (false, _) => answer.extensions.clone(),
        (true, true) => vec![DEFLATE.into()],
        (true, false) => Vec::new(),
    }
}

/// The compression that the response permits to the client.
fn inflater(extensions: &[Vec<u8>]) -> Option<Inflater> {
    let text = String::from_utf8_lossy(&extensions.concat()).into_owned();
    text.contains("permessage-deflate").then(|| Inflater::new(!text.contains("client_no_context_takeover")))
}

fn push_value(bytes: &mut Vec<u8>, name: &str, value: &Value, right: &[u8]) {
    match value {
        Value::Right => push_header(bytes, name, right),
        Value::Missing => {}
        Value::Other(other) => push_header(bytes, name, other),
    }
}

fn push_literal(bytes: &mut Vec<u8>, headers: &[Vec<u8>]) {
    for header in headers {
        bytes.extend_from_slice(header);
        bytes.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the response to a client that offers `chat, mqtt` and permessage-deflate.
    fn response_to(query: &str) -> String {
        let request = Request {
            headers: [
                ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
                ("sec-websocket-protocol", "chat, mqtt"),
                ("sec-websocket-extensions", "permessage-deflate"),
            ]
            .map(|(name, value)| (name.to_owned(), value.into()))
            .to_vec(),
            ..Request::default()
        };
        let answer = Script::parse(query).unwrap().answer;
        let extensions = extensions(&request, &answer);
        String::from_utf8(response(&request, &answer, &extensions)).unwrap()
    }

    #[test]
    fn default_response_matches_the_rfc_example() {
        assert_eq!(
            response_to(""),
            "HTTP/1.1 101 Switching Protocols\r\n\
             Upgrade: websocket\r\n\
             Connection: Upgrade\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
             Sec-WebSocket-Protocol: chat\r\n\r\n"
        );
    }

    #[test]
    fn subprotocol_is_picked_or_set_by_the_script() {
        for (query, wanted) in [
            ("pick=last", "Protocol: mqtt\r\n\r\n"),
            ("pick=none", "xOo=\r\n\r\n"),
            ("pick=upper", "Protocol: CHAT\r\n\r\n"),
            ("subprotocol=", "Protocol: \r\n\r\n"),
            ("subprotocol=a&subprotocol=b", "Protocol: a\r\nSec-WebSocket-Protocol: b\r\n\r\n"),
        ] {
            let answer = response_to(query);
            assert!(answer.ends_with(wanted), "{query}: {answer}");
        }
    }

    #[test]
    fn required_headers_can_be_wrong_or_missing() {
        assert!(!response_to("accept=missing").contains("Accept"));
        assert!(!response_to("accept=wrong").contains("s3pPLMB"));
        assert!(response_to("accept=padded").contains(":  \t s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \t \r\n"));
        assert!(!response_to("upgrade=missing").contains("Upgrade: websocket"));
        assert!(response_to("upgrade=h2c").contains("Upgrade: h2c\r\n"));
        assert!(!response_to("connection=missing").contains("Connection"));
        assert!(response_to("connection=a,%20uPgRaDe").contains("Connection: a, uPgRaDe\r\n"));
    }

    #[test]
    fn extensions_are_negotiated_or_set_by_the_script() {
        assert!(!response_to("").contains("Extensions"));
        assert!(response_to("deflate=1").contains(DEFLATE));
        assert!(response_to("extensions=x-foo").contains("Extensions: x-foo\r\n"));
        assert!(response_to("header=Set-Cookie:%20a=b").contains("\r\nSet-Cookie: a=b\r\n"));
    }
}
