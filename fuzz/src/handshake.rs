//! Properties of the response to the opening handshake.

use samesocket_protocol::{Limits, Request};

use crate::session::{Behaviour, Event, Session};

/// The limit of the head in bytes.
const HEAD: usize = 1 << 10;

/// Checks that the result of the opening handshake does not depend on how the response is read, nor on a pause at a redirect.
///
/// The URL that a redirect leads to is encrypted, and can be sent in a request.
///
/// It also checks an accepted response with plain string functions. The first byte encodes the offered subprotocols and the
/// behaviour of the driver, the second the number of read sizes that follow. The rest are the bytes of the server.
///
/// # Panics
/// Panics if a property does not hold.
pub fn handshake(data: &[u8]) {
    let [flags, count, rest @ ..] = data else { return };
    let (sizes, bytes) = rest.split_at(usize::from(count % 8).min(rest.len()));
    let flag = |bit: u32| flags & 1 << bit != 0;
    let offered: &[&str] = [&[][..], &["chat"], &["chat", "superchat"]][usize::from(flags >> 4) % 3];
    let request = Request {
        host: "h".to_owned(),
        path: "/".to_owned(),
        protocols: offered.iter().map(|&protocol| protocol.to_owned()).collect(),
        ..Request::default()
    };
    let run = |behaviour: Behaviour, sizes: &[u8]| {
        let mut session = Session::new(&request, Limits { head: HEAD, ..Limits::default() }, behaviour);
        session.read(bytes, sizes);
        let response = session.connection.take_response();
        let (events, failure, _) = session.finish();
        (events, failure, response)
    };
    let pieces = run(Behaviour { own_buffer: flag(0), short_writes: flag(1), ..Behaviour::default() }, sizes);
    assert_eq!(pieces, run(Behaviour::default(), &[]), "the result depends on how the bytes are read");
    let pausing = Behaviour { pauses: true, ..Behaviour::default() };
    assert_eq!(pieces, run(pausing, sizes), "a redirect that is not followed is no refusal like any other");

    let (events, _, response) = pieces;
    let established = events.iter().position(|event| matches!(event, Event::Established { .. }));
    assert!(matches!(established, None | Some(0)), "another event precedes it");
    let Some(Event::Established { protocol, extensions }) = events.first() else { return };
    let response = response.expect("a response was received");
    assert_eq!(response.status(), 101);
    let field = |name: &str| {
        let fields = response.headers().filter(|(found, _)| found.eq_ignore_ascii_case(name));
        let values: Vec<_> = fields.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect();
        values.join(", ")
    };
    assert_eq!(field("Upgrade").to_ascii_lowercase(), "websocket");
    assert!(field("Connection").to_ascii_lowercase().contains("upgrade"));
    assert_eq!(field("Sec-WebSocket-Accept"), "ICX+Yqv66kxgM0FcWaLWlFLwTAI=");
    assert_eq!(field("Sec-WebSocket-Protocol"), *protocol);
    assert_eq!(field("Sec-WebSocket-Extensions"), *extensions);
    assert!(extensions.is_empty() || extensions.contains("permessage-deflate"));
    assert!(if offered.is_empty() { protocol.is_empty() } else { offered.contains(&&**protocol) });
}
