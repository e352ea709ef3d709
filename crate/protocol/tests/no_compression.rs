//! A build without the feature `compression`: nothing is offered, and nothing compressed is accepted.
#![cfg(not(feature = "compression"))]

use std::time::Duration;

use samesocket_protocol::handshake::accept_key;
use samesocket_protocol::{Connection, Failure, Kind, Limits, Message, Payload, Request};
use samesocket_spec::state::Feedback;

/// Creates a connection. Returns it with the request that it sends.
fn opening() -> (Connection, String) {
    let request = Request { host: "example.com".to_owned(), ..Request::default() };
    let entropy = Box::new(|bytes: &mut [u8]| bytes.fill(7));
    let mut connection = Connection::new(&request, Limits::default(), entropy, Duration::ZERO).unwrap();
    let sent = String::from_utf8(connection.pending_bytes().to_vec()).unwrap();
    connection.advance_written(sent.len(), Duration::ZERO);
    (connection, sent)
}

/// Returns a connection whose server has answered with this additional field.
fn answered(field: &str) -> Connection {
    let (mut connection, request) = opening();
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    let accept = accept_key(key);
    let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    connection.receive(format!("{head}Sec-WebSocket-Accept: {accept}\r\n{field}\r\n").as_bytes());
    connection
}

fn events(connection: &mut Connection) -> Vec<Feedback<Message>> {
    std::iter::from_fn(|| connection.poll_event(Duration::ZERO)).collect()
}

#[test]
fn request_offers_no_extension() {
    assert!(!opening().1.to_ascii_lowercase().contains("extensions"));
}

#[test]
fn answer_with_an_extension_fails_the_connection() {
    for (answer, rule) in [
        ("permessage-deflate", "an extension was not offered"),
        ("permessage-deflate; server_no_context_takeover", "an extension was not offered"),
        ("x-other", "an extension was not offered"),
        ("", "the list is empty"),
        (" , ", "the list is empty"),
    ] {
        let mut connection = answered(&format!("Sec-WebSocket-Extensions: {answer}\r\n"));
        let seen = events(&mut connection);
        assert!(matches!(seen[..], [Feedback::Failed, Feedback::Closed(_)]), "{answer}: {seen:?}");
        let Some(Failure::Extensions { rule: found, .. }) = connection.failure() else { panic!("{answer}") };
        assert_eq!(*found, rule, "{answer}");
    }
}

#[test]
fn messages_pass_and_a_compressed_frame_is_refused() {
    let mut connection = answered("");
    assert!(matches!(events(&mut connection)[..], [Feedback::Established { .. }]));
    let long = "long enough to be worth compressing ".repeat(100);
    connection.send(Kind::Text, Payload::Borrowed(long.as_bytes()));
    let sent = connection.pending_bytes();
    assert_eq!((sent[0], sent.len()), (0x81, long.len() + 8));
    connection.receive(b"\x81\x05Hello");
    let seen = events(&mut connection);
    assert!(matches!(&seen[..], [Feedback::MessageReceived(Message::Text(text))] if &**text == "Hello"), "{seen:?}");
    connection.receive(b"\xc1\x05Hello");
    let seen = events(&mut connection);
    assert!(matches!(seen[..], [Feedback::Failed, Feedback::Closed(_)]), "{seen:?}");
    assert_eq!(connection.failure(), Some(&Failure::ReservedBits { bits: 4, opcode: 1 }));
}
