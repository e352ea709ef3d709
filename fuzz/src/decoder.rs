//! Frames of a server, in reads of any sizes.

use samesocket_protocol::handshake::accept_key;
use samesocket_protocol::{Failure, Limits, Message, Request};

use crate::session::{Event, Habits, Session};

/// The limit of one message, and twice that of one frame.
const MESSAGE: u64 = 4 << 10;

/// What may have been negotiated.
const EXTENSIONS: [&str; 4] = [
    "permessage-deflate",
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    "permessage-deflate; server_max_window_bits=8; client_max_window_bits=8",
    "permessage-deflate; server_max_window_bits=9; client_max_window_bits=15",
];

/// Whatever a server sends once the connection is established, and however it is read: the same events, of which the
/// close event is the last and only one; no message beyond the limit; and what goes out are frames as a server
/// expects them.
///
/// The first byte holds what was negotiated and how the bytes are read, the second whether and where the script closes, the
/// third the number of sizes that follow; the rest is the server's.
///
/// # Panics
/// Where that is wrong.
pub fn decoder(data: &[u8]) {
    let [flags, close, count, rest @ ..] = data else { return };
    let (sizes, bytes) = rest.split_at(usize::from(count % 8).min(rest.len()));
    let flag = |bit: u32| flags & 1 << bit != 0;
    let habits = Habits { own_buffer: flag(0), echo: flag(1), idle: flag(2) };
    let extensions = if flag(3) { EXTENSIONS[usize::from(flags >> 4 & 3)] } else { "" };

    if *close > 0 {
        let (before, after) = bytes.split_at(usize::from(*close - 1).min(bytes.len()));
        let mut session = established(extensions, habits);
        session.read(before, sizes);
        let told = session.events.len();
        session.close();
        session.read(after, sizes);
        let (events, ..) = check(session);
        let message_after = events[told..].iter().any(|event| matches!(event, Event::Message(_)));
        assert!(!message_after, "no message is told once the script has closed");
        return;
    }
    let mut pieces = established(extensions, habits);
    pieces.read(bytes, sizes);
    let pieces = check(pieces);
    let mut whole = established(extensions, Habits::default());
    whole.read(bytes, &[]);
    let whole = check(whole);
    // A server that looks back beyond the window it has agreed to is found out only where the window is all there is.
    let found_out = |failure: &Option<Failure>| *failure == Some(Failure::InvalidDeflate);
    let beyond = extensions.contains("server_max_window_bits") && found_out(&pieces.1) != found_out(&whole.1);
    assert!(pieces == whole || beyond, "how the bytes are read changes nothing: {pieces:?}, {whole:?}");
}

/// A session that is established, with the extensions that the server's answer has.
fn established(extensions: &str, habits: Habits) -> Session {
    let request = Request { host: "h".to_owned(), path: "/".to_owned(), ..Request::default() };
    let limits = Limits { frame: 2 * MESSAGE, message: MESSAGE, ..Limits::default() };
    let mut session = Session::new(&request, limits, habits);
    let accept = accept_key("AAAAAAAAAAAAAAAAAAAAAA==");
    let field = if extensions.is_empty() { "" } else { "Sec-WebSocket-Extensions: " };
    let end = if extensions.is_empty() { "" } else { "\r\n" };
    let response = format!(
        "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\
         {field}{extensions}{end}\r\n"
    );
    session.read(response.as_bytes(), &[]);
    let protocol = String::new();
    assert_eq!(session.events, [Event::Established { protocol, extensions: extensions.to_owned() }]);
    session.written.clear();
    session
}

fn check(session: Session) -> (Vec<Event>, Option<Failure>) {
    let (events, failure, written) = session.finish();
    for event in &events {
        if let Event::Message(message) = event {
            let size = match message {
                Message::Text(text) => text.len(),
                Message::Binary(bytes) => bytes.len(),
            };
            assert!(size as u64 <= MESSAGE, "a message of {size} bytes is beyond the limit");
        }
    }
    check_written(&written);
    (events, failure)
}

/// Checks that a client may write this: whole frames, masked, with a Close frame as the last one if there is any.
fn check_written(mut bytes: &[u8]) {
    while let [first, second, rest @ ..] = bytes {
        assert!(second & 0x80 != 0, "it is masked");
        assert!(matches!(first, 0x81 | 0x82 | 0xc1 | 0xc2 | 0x88 | 0x89 | 0x8a), "{first:#x} begins a frame");
        let length = usize::from(second & 0x7f);
        let (length, rest) = match (length, rest) {
            (126, [high, low, rest @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), rest),
            (127, _) => panic!("no message is as long as that"),
            _ => (length, rest),
        };
        assert!(rest.len() >= 4 + length, "the frame is whole");
        bytes = &rest[4 + length..];
        assert!(first & 8 == 0 || length <= 125);
        assert!(*first != 0x88 || bytes.is_empty(), "nothing follows a Close frame");
    }
    assert!(bytes.is_empty(), "the frame is whole");
}
