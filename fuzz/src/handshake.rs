//! The response to the opening handshake, in reads of any sizes.

use samesocket_protocol::{Limits, Request};

use crate::session::{Event, Habits, Session};

/// The limit of the head.
const HEAD: usize = 1 << 10;

/// Whatever a server answers, and however it is read: the same events and the same diagnosis; a connection is established
/// only by a response that Rust's own string functions find to be one; and the subprotocol is one that was offered.
///
/// The first byte holds what is offered and how the bytes are read, the second the number of sizes that follow; the
/// rest is the server's.
///
/// # Panics
/// Where that is wrong.
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
    let run = |habits: Habits, sizes: &[u8]| {
        let mut session = Session::new(&request, Limits { head: HEAD, ..Limits::default() }, habits);
        session.read(bytes, sizes);
        let response = session.connection.take_response();
        let (events, failure, _) = session.finish();
        (events, failure, response)
    };
    let pieces = run(Habits { own_buffer: flag(0), idle: false, echo: false }, sizes);
    assert_eq!(pieces, run(Habits::default(), &[]), "how the bytes are read changes nothing");

    let (events, _, response) = pieces;
    let established = events.iter().position(|event| matches!(event, Event::Established { .. }));
    assert!(matches!(established, None | Some(0)), "it is told first");
    let Some(Event::Established { protocol, extensions }) = events.first() else { return };
    let response = response.expect("there was a response");
    assert_eq!(response.status, 101);
    let field = |name: &str| {
        let fields = response.headers.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name));
        let values: Vec<_> = fields.map(|(_, value)| String::from_utf8_lossy(value)).collect();
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
