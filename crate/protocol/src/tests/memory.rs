use super::*;
use crate::message::BorrowedMessage;

/// Returns the room of the buffer for the next read.
fn room(driver: &mut Driver) -> usize {
    driver.connection.read_buffer().remaining_mut()
}

#[test]
fn large_binary_frame_is_read_into_its_message() {
    let mut driver = Driver::established("", Limits::default());
    let bytes = frame(0x82, &[9; 10_000].repeat(60));
    driver.receive(&bytes[..1000]);
    let missing = bytes.len() - 1000;
    let mut buffer = driver.connection.read_buffer();
    assert_eq!(buffer.remaining_mut(), missing, "the buffer holds the rest of the frame and nothing after it");
    let before = buffer.get_ref().as_ptr();
    buffer.put_slice(&bytes[1000..]);
    let Some(Feedback::MessageReceived(Message::Binary(message))) = driver.connection.poll_event(driver.now) else {
        panic!("the message is complete");
    };
    assert_eq!(message.as_ptr(), before, "it was not copied");
    assert!(message.iter().all(|&byte| byte == 9) && message.len() == 600_000);
}

#[test]
fn read_after_large_frame_is_small() {
    let mut driver = Driver::established("", Limits::default());
    let bytes = frame(0x82, &[9; 10_000].repeat(60));
    driver.receive(&bytes[..1000]);
    driver.connection.read_buffer().put_slice(&bytes[1000..]);
    assert!(driver.connection.poll_event(driver.now).is_some());
    assert_eq!(room(&mut driver), 4096);
    driver.connection.read_buffer().put_slice(&bytes[..4096]);
    assert!(driver.connection.poll_event(driver.now).is_none());
    assert_eq!(room(&mut driver), bytes.len() - 4096);
    driver.connection.read_buffer().put_slice(&bytes[4096..bytes.len() - 1]);
    assert!(driver.connection.poll_event(driver.now).is_none());
    assert_eq!(room(&mut driver), 1, "the last byte is read into the message, too");
}

#[test]
fn text_is_read_into_the_read_buffer() {
    let mut driver = Driver::established("", Limits::default());
    driver.receive(&frame(0x81, &vec![b'a'; 600_000])[..20]);
    assert_eq!(room(&mut driver), 4096);
}

#[test]
fn short_binary_frame_is_borrowed_from_the_read_buffer() {
    let mut driver = Driver::established("", Limits::default());
    let bytes = frame(0x82, &vec![7; 15_000]);
    driver.receive(&bytes[..20]);
    let mut buffer = driver.connection.read_buffer();
    assert_eq!(buffer.remaining_mut(), bytes.len() - 20, "the buffer holds the rest of the frame");
    buffer.put_slice(&bytes[20..10_000]);
    assert!(driver.connection.poll_event(driver.now).is_none());
    driver.connection.release_memory();
    driver.connection.read_buffer().put_slice(&bytes[10_000..]);
    let lent = driver.connection.with_next_event(
        driver.now,
        |feedback| matches!(feedback, Feedback::MessageReceived(BorrowedMessage::Binary(message)) if *message == bytes[4..]),
    );
    assert_eq!(lent, Some(true));
}

#[test]
fn long_binary_frame_shares_the_memory_of_the_read_buffer() {
    let mut driver = Driver::established("", Limits::default());
    let frames = [frame(0x82, &vec![7; 20_000]), frame(0x82, &vec![8; 20_000]), frame(0x82, &[9; 1000])];
    let mut buffer = driver.connection.read_buffer();
    buffer.get_mut().reserve_exact(42_000);
    buffer.set_limit(42_000);
    buffer.put_slice(&frames.concat()[..41_000]);
    let address = buffer.get_ref().as_ptr();
    let mut message = || {
        let lent = driver.connection.with_next_message(|message| match message {
            BorrowedMessage::LongBinary(bytes) => (bytes.as_slice().to_vec(), bytes.into_bytes()),
            other => panic!("a message of {} bytes is not long", other.len()),
        });
        let (lent, owned) = lent.unwrap();
        assert!(lent == owned);
        owned
    };
    for (message, start) in [(message(), 4), (message(), 20_008)] {
        assert_eq!((message.len(), message.as_ptr()), (20_000, address.wrapping_add(start)));
    }
    driver.connection.read_buffer().put_slice(&frames.concat()[41_000..]);
    driver.poll();
    assert_eq!(driver.take_events(), [binary(&[9; 1000])]);
}

#[test]
fn less_is_read_at_once_while_long_messages_are_answered() {
    const READS: usize = 20;
    let mut driver = Driver::established("", Limits::default());
    let mut stream = frame(0x82, &vec![7; 16 << 10]).into_iter().cycle();
    // Fills all reads, answers the messages or not, and returns the largest one of the last reads.
    let mut read = |is_answered: bool| {
        let rooms: Vec<_> = (0..READS)
            .map(|_| {
                let room = room(&mut driver);
                driver.connection.read_buffer().put_slice(&stream.by_ref().take(room).collect::<Vec<_>>());
                driver.poll();
                for _ in driver.take_events().iter().filter(|_| is_answered) {
                    driver.send_binary(vec![8; 16 << 10]);
                }
                driver.write(usize::MAX);
                room
            })
            .collect();
        rooms[READS - 4..].iter().max().copied().unwrap()
    };
    let [before, meanwhile, after] = [false, true, false].map(&mut read);
    assert!(before > 100 << 10 && meanwhile < 70 << 10 && after == before, "{before} {meanwhile} {after}");
}

#[test]
fn frame_over_limit_fails_before_it_is_complete() {
    let mut driver = Driver::established("", Limits { message: 19_999, ..Limits::default() });
    driver.receive(&frame(0x82, &vec![7; 20_000])[..20]);
    assert!(matches!(driver.connection.failure(), Some(Failure::MessageTooLong { limit: 19_999 })));
}

#[test]
fn announced_length_is_not_reserved_at_once() {
    let mut driver = Driver::established("", Limits { frame: u64::MAX, message: u64::MAX, ..Limits::default() });
    driver.receive(&[0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
    assert!(room(&mut driver) <= 1 << 20);
    driver.receive(&vec![7; 3 << 20]);
    assert!(room(&mut driver) <= 4 << 20);
}

#[test]
fn fragmented_message_ends_without_spare_memory() {
    let mut driver = Driver::established("", Limits::default());
    driver.receive(&frame(0x02, b"a"));
    for _ in 0..200_000 {
        driver.connection.receive(&frame(0x00, b"b"));
        driver.poll();
    }
    driver.connection.receive(&frame(0x80, b"c"));
    let Some(Feedback::MessageReceived(Message::Binary(message))) = driver.connection.poll_event(driver.now) else {
        panic!("the message is complete");
    };
    assert_eq!(message.len(), 200_002);
    let memory: Vec<u8> = message.into();
    assert!(memory.capacity() < 260_000, "{}", memory.capacity());
}

#[test]
fn release_memory_frees_buffers() {
    let mut driver = Driver::established("permessage-deflate; server_no_context_takeover", Limits::default());
    for _ in 0..20 {
        driver.receive(&frame(0x81, &[b'a'; 5000]));
    }
    assert!(room(&mut driver) > 4096);
    driver.send_binary(vec![7; 5 << 20]);
    driver.write(usize::MAX);
    driver.connection.release_memory();
    assert_eq!(room(&mut driver), 4096);
    let debug = driver.connection.buffers();
    assert!(debug.contains("memory: []") && debug.contains("messages: []"), "{debug}");
    driver.take_events();
    driver.receive(&frame(0x81, b"still"));
    assert_eq!(driver.take_events(), [text("still")]);
}

#[test]
fn release_memory_loses_nothing() {
    let mut driver = Driver::new(&request(), Limits::default());
    let response = driver.response("permessage-deflate");
    let (first, second) = response.split_at(50);
    driver.receive(first.as_bytes());
    driver.connection.release_memory();
    driver.receive(second.as_bytes());
    driver.send_text("waits");
    driver.connection.release_memory();
    driver.receive(b"\x01\x03ab\xc3");
    driver.connection.release_memory();
    driver.receive(b"\x80\x02\xa9c");
    assert_eq!(driver.take_events()[1..], [text("abéc")]);
    assert_eq!(server::frames(&driver.written[driver.written.len() - 11..]), [server::sent(0x81, b"waits")]);
}

#[test]
fn connections_share_the_memory_of_small_reads() {
    let [mut one, mut other] = [(); 2].map(|()| Driver::established("", Limits::default()));
    let mut memory = one.connection.take_read_memory().unwrap();
    assert_eq!((memory.len(), one.connection.take_read_memory()), (0, None));
    memory.extend_from_slice(b"of no meaning");
    let address = memory.as_ptr();

    // A connection with memory of its own takes no other, and the head of a frame stays.
    other.receive(b"\x81");
    other.connection.lend_read_memory(|| panic!("it has memory"));
    assert_eq!(other.connection.take_read_memory(), None);
    other.receive(b"\x05hello");
    assert_eq!(other.take_events(), [text("hello")]);
    assert!(other.connection.take_read_memory().is_some());

    other.connection.lend_read_memory(|| memory);
    other.receive(&frame(0x81, b"next"));
    assert_eq!(other.take_events(), [text("next")]);
    let returned = other.connection.take_read_memory().unwrap();
    assert_eq!(returned.as_ptr(), address);
}

#[test]
fn connections_share_the_memory_of_small_writes() {
    let [mut one, mut other] = [(); 2].map(|()| Driver::established("", Limits::default()));
    assert!(one.connection.take_write_memory().is_none(), "it has sent nothing");
    one.send_text("hello");
    assert!(one.connection.take_write_memory().is_none(), "it has something to write");
    let address = one.connection.pending_bytes().as_ptr();
    one.write(usize::MAX);
    let memory = one.connection.take_write_memory().unwrap();
    assert!(one.connection.take_write_memory().is_none());

    other.connection.lend_write_memory(|| memory);
    other.send_text("next");
    other.connection.lend_write_memory(|| panic!("it has memory"));
    assert_eq!(other.connection.pending_bytes().as_ptr(), address);
    other.write(usize::MAX);
    assert_eq!(other.take_frames(), [server::sent(0x81, b"next")]);

    // Memory for more than small messages stays, because more of them are likely to follow.
    other.send_binary(vec![7; 10_000]);
    other.write(usize::MAX);
    assert!(other.connection.take_write_memory().is_none());
    assert_eq!(other.take_frames(), [server::sent(0x82, &[7; 10_000])]);
}

#[test]
fn connection_that_gives_its_memory_back_has_none_to_spare() {
    let mut driver = Driver::established("", Limits::default());
    assert!(driver.connection.has_spare_memory(), "it keeps the response");
    drop(driver.connection.take_response());
    let give_back = |driver: &mut Driver| {
        drop((driver.connection.take_read_memory(), driver.connection.take_write_memory()));
        driver.connection.has_spare_memory()
    };
    for _ in 0..3 {
        driver.send_text("hello");
        driver.receive(&[frame(0x81, b"hello"), frame(0x89, b"ping")].concat());
        assert!(driver.connection.has_spare_memory());
        assert!(!give_back(&mut driver));
        // The head of a frame is needed.
        driver.receive(b"\x81");
        driver.receive(b"\x00");
        assert!(!give_back(&mut driver));
    }
    for sends in [true, false] {
        let message = vec![7; 100_000];
        if sends {
            driver.send_binary(message);
            driver.write(usize::MAX);
        } else {
            driver.receive(&frame(0x81, &message));
        }
        assert!(give_back(&mut driver), "large memory stays: {sends}");
        driver.connection.release_memory();
        assert!(!driver.connection.has_spare_memory());
    }
}

#[cfg(feature = "compression")]
#[test]
fn memory_of_compression_is_spare_until_it_is_released() {
    for extensions in ["permessage-deflate", "permessage-deflate; server_no_context_takeover"] {
        let request = Request { compression: Some(crate::Compression::default()), ..request() };
        let mut driver = Driver::new(&request, Limits::default());
        let response = driver.response(extensions);
        driver.receive(response.as_bytes());
        for _ in 0..2 {
            driver.send_text(&"hello ".repeat(1000));
            // RFC 7692, section 7.2.3.1.
            driver.receive(&frame(0xc1, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]));
            assert_eq!(driver.take_events().last(), Some(&text("Hello")));
            assert!(driver.connection.has_spare_memory());
            driver.connection.release_memory();
            assert!(!driver.connection.has_spare_memory(), "{extensions}");
        }
    }
}

#[test]
fn new_connection_is_small() {
    assert!(size_of::<Connection>() < 1200, "{}", size_of::<Connection>());
}

#[test]
fn established_connection_holds_no_memory_of_its_handshake() {
    let driver = Driver::established("", Limits::default());
    let debug = driver.connection.buffers();
    assert!(debug.contains("output: WriteBuffer { memory: []"), "{debug}");
}
