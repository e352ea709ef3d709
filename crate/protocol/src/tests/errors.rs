//! The texts of failures.

use super::*;
use crate::head::HeadParser;

#[test]
fn failure_text_says_what_was_found() {
    let (name, expected) = ("Upgrade", "websocket".to_owned());
    let texts = [
        (Failure::ClosedWhileConnecting, "the socket was closed before the connection was established"),
        (Failure::Aborted, "the program aborted the connection"),
        (Failure::OpeningTimeout, "the opening handshake took too long"),
        (Failure::LostWhileOpening, "the connection ended before the response was complete"),
        (Failure::MalformedHead { rule: "no rule" }, "the head of the response is malformed: no rule"),
        (Failure::HeadTooLong { limit: 9 }, "the head of the response has more than 9 bytes"),
        (Failure::Status { found: 404 }, "the status of the response is 404, not 101"),
        (
            Failure::MissingHeader { name, expected: expected.clone() },
            "the response has no Upgrade; expected websocket",
        ),
        (
            Failure::WrongHeader { name, expected, found: "h2".to_owned() },
            "the response's Upgrade is \"h2\"; expected websocket",
        ),
        (Failure::RepeatedHeader { name }, "the response has more than one Upgrade"),
        (
            Failure::Extensions { rule: "no rule", found: "x".to_owned() },
            "the response's Sec-WebSocket-Extensions is \"x\": no rule",
        ),
        (Failure::MaskedFrame, "a frame of the server is masked"),
        (Failure::ReservedBits { bits: 4, opcode: 9 }, "the reserved bits 100 are set on a frame with opcode 0x9"),
        (Failure::ReservedOpcode { opcode: 11 }, "the opcode 0xb is reserved"),
        (Failure::FragmentedControlFrame { opcode: 8 }, "a control frame, of opcode 0x8, is fragmented"),
        (Failure::LongControlFrame { opcode: 8 }, "a control frame, of opcode 0x8, has more than 125 bytes"),
        (Failure::LengthNotMinimal { length: 5 }, "the length 5 of a frame is not in its shortest form"),
        (Failure::LengthTopBit { length: 1 << 63 }, "the length 0x8000000000000000 of a frame has its top bit set"),
        (Failure::UnexpectedContinuation, "a continuation frame has no message to continue"),
        (
            Failure::InterruptedMessage { opcode: 1 },
            "a frame with opcode 0x1 begins a message before the previous one has ended",
        ),
        (Failure::FrameTooLong { limit: 5, length: 6 }, "a frame has 6 bytes, more than the limit of 5"),
        (Failure::MessageTooLong { limit: 5 }, "a message has more than the limit of 5 bytes"),
        (Failure::InvalidText { position: 3 }, "a text message is not UTF-8 from byte 3 on"),
        (Failure::InvalidDeflate, "a compressed message is not in the DEFLATE format"),
        (Failure::CloseBodyOfOneByte, "the body of the Close frame has one byte"),
        (Failure::ForbiddenCloseCode { code: 1005 }, "a Close frame must not contain the code 1005"),
        (Failure::InvalidCloseReason, "the reason of the Close frame is not UTF-8"),
        (Failure::QueueFull { limit: 5 }, "more than 5 bytes wait to be sent"),
        (Failure::Lost, "the connection ended without a Close frame in each direction"),
        (Failure::ClosingTimeout, "the peer did not accept or answer the Close frame in time"),
    ];
    for (failure, text) in texts {
        assert_eq!(failure.to_string(), text);
    }
}

#[test]
fn debug_shows_no_value_of_a_header_field() {
    let headers = vec![("Authorization".to_owned(), "secret".to_owned())];
    let request = Request { query: Some("secret".to_owned()), headers, ..request() };
    assert_eq!(format!("{request:?}"), r#"Request { host: "h", path: "/", headers: ["Authorization"], .. }"#);
    let invalid = Request { path: "secret secret".to_owned(), ..request }.check().unwrap_err();
    assert_eq!(format!("{invalid:?}"), r#"InvalidRequest { part: "path", .. }"#);

    let mut parser = HeadParser::new(100);
    assert_eq!(parser.read(b"HTTP/1.1 200 OK\r\nA: secret\r\nB: secret"), Ok((37, None)));
    assert_eq!(format!("{parser:?}"), "HeadParser { room: 63, status: Some((Http11, 200)), fields: 0, .. }");

    let driver = Driver::established("", Limits::default());
    assert_eq!(
        format!("{:?}", driver.connection),
        "Connection { stream_action: Keep, queued_bytes: 0, failure: None, .. }"
    );
}
