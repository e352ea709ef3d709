//! Properties of received frames.

use samesocket_protocol::handshake::accept_key;
use samesocket_protocol::{Failure, Limits, Message, Request};

use crate::session::{Behaviour, Event, Session};

/// The limit of one message, and half that of one frame.
const MESSAGE: u64 = 4 << 10;

/// The extensions that may have been negotiated.
const EXTENSIONS: [&str; 4] = [
    "permessage-deflate",
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    "permessage-deflate; server_max_window_bits=8; client_max_window_bits=8",
    "permessage-deflate; server_max_window_bits=9; client_max_window_bits=15",
];

/// Checks that the events of an established connection do not depend on how its bytes are read.
///
/// It also checks that there is one close event at the end, that no message exceeds the limit, and that valid frames are
/// written. The first byte encodes the extensions and the behaviour of the driver, the second the offset at which the script
/// closes, the third the number of read sizes that follow. The rest are the bytes of the server.
///
/// # Panics
/// Panics if a property does not hold.
pub fn decoder(data: &[u8]) {
    let [flags, close, count, rest @ ..] = data else { return };
    let (sizes, bytes) = rest.split_at(usize::from(count % 8).min(rest.len()));
    let flag = |bit: u32| flags & 1 << bit != 0;
    let behaviour = Behaviour {
        own_buffer: flag(0),
        echo: flag(1),
        release_memory: flag(2),
        next_message: flag(6),
        short_writes: flag(7),
        pauses: false,
    };
    let extensions = if flag(3) { EXTENSIONS[usize::from(flags >> 4 & 3)] } else { "" };

    if *close > 0 {
        let (before, after) = bytes.split_at(usize::from(*close - 1).min(bytes.len()));
        let mut session = established(extensions, behaviour);
        session.read(before, sizes);
        let events_before = session.events.len();
        session.close();
        session.read(after, sizes);
        let (events, ..) = check(session);
        let message_after = events[events_before..].iter().any(|event| matches!(event, Event::Message(_)));
        assert!(!message_after, "a message was received after the script has closed");
        return;
    }
    let mut pieces = established(extensions, behaviour);
    pieces.read(bytes, sizes);
    let pieces = check(pieces);
    let mut whole = established(extensions, Behaviour::default());
    whole.read(bytes, &[]);
    let whole = check(whole);
    // What is inflated at a time depends on the reads, and its length is checked before its text.
    let either = matches!(
        (&pieces.1, &whole.1),
        (Some(Failure::InvalidText { .. }), Some(Failure::MessageTooLong { .. }))
            | (Some(Failure::MessageTooLong { .. }), Some(Failure::InvalidText { .. }))
    );
    assert!(
        pieces == whole || either && pieces.0 == whole.0,
        "the result depends on how the bytes are read: {pieces:?}, {whole:?}"
    );
}

/// Creates a session that is established with these extensions.
fn established(extensions: &str, behaviour: Behaviour) -> Session {
    let request = Request { host: "h".to_owned(), path: "/".to_owned(), ..Request::default() };
    let limits = Limits { frame: 2 * MESSAGE, message: MESSAGE, ..Limits::default() };
    let mut session = Session::new(&request, limits, behaviour);
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

/// Ends the session, and checks its events and the bytes that it wrote.
fn check(session: Session) -> (Vec<Event>, Option<Failure>) {
    let (events, failure, written) = session.finish();
    for event in &events {
        if let Event::Message(message) = event {
            let size = match message {
                Message::Text(text) => text.len(),
                Message::Binary(bytes) => bytes.len(),
            };
            assert!(size as u64 <= MESSAGE, "a message of {size} bytes exceeds the limit");
        }
    }
    check_written(&written);
    (events, failure)
}

/// Checks that the bytes are complete, masked frames, and that nothing follows a Close frame.
fn check_written(mut bytes: &[u8]) {
    while let [first, second, rest @ ..] = bytes {
        assert!(second & 0x80 != 0, "a frame is not masked");
        assert!(matches!(first, 0x81 | 0x82 | 0xc1 | 0xc2 | 0x88 | 0x89 | 0x8a), "a frame begins with {first:#x}");
        let length = usize::from(second & 0x7f);
        let (length, rest) = match (length, rest) {
            (126, [high, low, rest @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), rest),
            (127, _) => panic!("a frame is longer than any message"),
            _ => (length, rest),
        };
        assert!(rest.len() >= 4 + length, "a frame is incomplete");
        bytes = &rest[4 + length..];
        assert!(first & 8 == 0 || length <= 125);
        assert!(*first != 0x88 || bytes.is_empty(), "bytes follow a Close frame");
    }
    assert!(bytes.is_empty(), "a frame is incomplete");
}
