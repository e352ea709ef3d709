use super::*;
use crate::message::{BorrowedMessage, LongBinary};
use crate::receive::read_buffer::ReadBuffer;

/// Puts bytes into the read buffer without polling events.
fn receive(driver: &mut Driver, frames: &[Vec<u8>]) {
    driver.connection.read_buffer().put_slice(&frames.concat());
}

/// Returns the next messages, borrowed or owned, until there are none.
fn next_messages(driver: &mut Driver) -> Vec<Event> {
    let event = |message| Event::from(Feedback::MessageReceived(message));
    let next = || {
        let lent = driver.connection.with_next_message(|lent| event(lent.into_message()));
        lent.or_else(|| driver.connection.next_message().map(event))
    };
    std::iter::from_fn(next).collect()
}

#[test]
fn next_message_stops_at_a_control_frame() {
    let mut driver = Driver::established("permessage-deflate", Limits::default());
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let before = [frame(0x81, b"a"), frame(0xc1, &hello), frame(0x01, b"b"), frame(0x80, b"c")];
    let part = frame(0x02, b"d");
    let behind = [frame(0x89, b"ping"), frame(0x80, b"e"), frame(0x81, b"f"), frame(0x88, b"")];
    receive(&mut driver, &[&before[..], &[part], &behind].concat());
    assert_eq!(next_messages(&mut driver), [text("a"), text("Hello"), text("bc")]);
    assert!(driver.connection.pending_bytes().is_empty());
    // Polling handles the control frame. The messages after it are available again.
    let next = driver.connection.poll_event(driver.now).map(Event::from);
    assert_eq!((next, next_messages(&mut driver)), (Some(binary(b"de")), vec![text("f")]));
    driver.poll();
    assert_eq!(driver.take_events(), [Event::Closing]);
}

#[test]
fn next_message_stops_at_a_violation() {
    for wrong in [frame(0x83, b""), frame(0x80, b""), frame(0x81, b"\xff"), frame(0xc1, b"\xff"), frame(0x82, &[0; 9])]
    {
        let mut driver = Driver::established("permessage-deflate", Limits { message: 8, ..Limits::default() });
        receive(&mut driver, &[frame(0x81, b"a"), wrong, frame(0x81, b"b")]);
        assert_eq!(next_messages(&mut driver), [text("a")]);
        assert!(next_messages(&mut driver).is_empty() && driver.connection.failure().is_none());
        driver.poll();
        assert_eq!(driver.take_events(), failed());
        assert!(next_messages(&mut driver).is_empty());
    }
}

#[test]
fn borrowed_message_has_the_length_of_its_payload() {
    let owned = |message| BorrowedMessage::Owned(message);
    let mut read_buffer = ReadBuffer::default();
    read_buffer.extend(&[7; 20]);
    let messages = [
        (BorrowedMessage::Text("\u{e9}"), 2),
        (BorrowedMessage::Binary(&[1, 2, 3]), 3),
        (BorrowedMessage::LongBinary(LongBinary::new(&mut read_buffer, 4..10)), 6),
        (owned(Message::Text(String::new())), 0),
        (owned(Message::Binary(bytes::Bytes::from_static(b"12345"))), 5),
    ];
    for (message, length) in messages {
        assert_eq!((message.len(), message.is_empty()), (length, length == 0), "{message:?}");
    }
}

#[test]
fn control_frames_and_violations_are_known_to_be_next() {
    let next = |behind: &[u8]| {
        let mut driver = Driver::established("", Limits::default());
        driver.connection.receive(&[&frame(0x81, b"a")[..], behind].concat());
        let message = driver.connection.with_next_message(|message| message.len());
        assert_eq!((message, driver.connection.next_message()), (Some(1), None));
        (driver.connection.may_have_event(), driver.connection.has_other_event())
    };
    assert_eq!(next(b""), (false, false));
    for part_of_a_message in [&b"\x81"[..], b"\x81\x05hel", b"\x01\x03hel"] {
        assert!(!next(part_of_a_message).1, "{part_of_a_message:?}");
    }
    for other in
        [&b"\x89\x00"[..], b"\x88\x02\x03\xe8", b"\x8a\x01", b"\x01\x01b\x89\x00", b"\x83\x00", b"\x81\x01\xff"]
    {
        assert_eq!(next(other), (true, true), "{other:?}");
    }
    let mut driver = Driver::established("", Limits::default());
    driver.connection.receive_eof();
    assert!(driver.connection.may_have_event() && driver.connection.has_other_event());
}

#[test]
fn message_that_was_read_directly_may_be_an_event_until_it_is_returned() {
    let mut driver = Driver::established("", Limits::default());
    let bytes = frame(0x82, &[9; 10_000].repeat(60));
    driver.receive(&bytes[..1000]);
    driver.connection.read_buffer().put_slice(&bytes[1000..]);
    // A driver may read once more before it polls.
    assert!(driver.connection.read_buffer().remaining_mut() > 0);
    assert!(driver.connection.may_have_event());
    driver.poll();
    assert_eq!(driver.take_events(), [binary(&bytes[10..])]);
    assert!(!driver.connection.may_have_event());
}
