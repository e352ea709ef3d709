//! Properties of the opening handshake's request.

use std::time::Duration;

use samesocket_protocol::{Connection, Limits, Request};

/// Checks that a request either is refused, or is encoded so that a plain parser reads back exactly its fields.
///
/// The input is text. Its lines are the host, the path, the query, the origin and the subprotocols, separated by spaces. Each
/// further pair of lines is a header field. Vertical tabs stand for line feeds within a line, and a line `\0` for no value.
///
/// # Panics
/// Panics if a property does not hold.
pub fn request(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let text: Vec<String> = text.split('\n').map(|line| line.replace('\x0b', "\n")).collect();
    let mut lines = text.into_iter();
    let mut line = || lines.next().unwrap_or_default();
    let (host, path) = (line(), line());
    let query = Some(line()).filter(|query| query != "\0");
    let origin = Some(line()).filter(|origin| origin != "\0");
    let protocols = line();
    let protocols: Vec<String> = protocols.split_terminator(' ').map(str::to_owned).collect();
    let mut headers = Vec::new();
    while let Some(name) = lines.next() {
        headers.push((name, lines.next().unwrap_or_default()));
    }
    let request = Request { host, path, query, protocols, origin, headers, ..Request::default() };
    let checked = request.check();
    let built = Connection::new(&request, Limits::default(), Box::new(|bytes| bytes.fill(0)), Duration::ZERO);
    match (checked, built) {
        (Ok(()), Ok(mut connection)) => check(&request, connection.pending_bytes()),
        (Err(checked), Err(built)) => {
            assert_eq!(checked, built);
            assert!(!checked.part.is_empty() && !checked.to_string().is_empty());
        }
        (checked, _) => panic!("the check and the connection differ: {checked:?}"),
    }
}

/// Checks the bytes of a request that was accepted.
fn check(request: &Request, bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).expect("the request is text");
    let head = text.strip_suffix("\r\n\r\n").expect("the request ends with an empty line");
    let mut lines = head.split("\r\n");
    let line = lines.next().expect("a request line");
    let slash = if request.path.starts_with('/') { "" } else { "/" };
    let query = request.query.as_deref().filter(|query| !query.is_empty());
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    assert_eq!(line, format!("GET {slash}{}{query} HTTP/1.1", request.path));
    let target = line.strip_prefix("GET ").and_then(|line| line.strip_suffix(" HTTP/1.1")).expect("a target");
    assert!(!target.contains(|letter: char| letter.is_whitespace() || letter.is_control()), "the target is {target:?}");

    let mut fields: Vec<(&str, &str)> = lines
        .map(|line| {
            assert!(!line.chars().any(|letter| letter.is_control() && letter.is_ascii() && letter != '\t'), "{line:?}");
            line.split_once(": ").expect("each line is a field")
        })
        .collect();
    let mut take = |name: &str| {
        let found = fields.iter().position(|(found, _)| found.eq_ignore_ascii_case(name))?;
        Some(fields.remove(found).1)
    };
    let mut expect = |name: &str, value: &str| assert_eq!(take(name), Some(value), "{name}");
    expect("Host", &request.host);
    expect("Connection", "Upgrade");
    expect("Upgrade", "websocket");
    expect("Sec-WebSocket-Version", "13");
    expect("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==");
    if !request.protocols.is_empty() {
        expect("Sec-WebSocket-Protocol", &request.protocols.join(", "));
    }
    assert!(take("Sec-WebSocket-Extensions").is_some_and(|offer| offer.starts_with("permessage-deflate")));
    if let Some(origin) = &request.origin {
        assert_eq!(take("Origin"), Some(&**origin));
    }
    let is_set = |name: &str| request.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
    for name in ["Pragma", "Cache-Control"] {
        assert!(is_set(name) || take(name) == Some("no-cache"), "{name}");
    }
    let own: Vec<(&str, &str)> = request.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(fields, own);
}
