use super::server::{sent, sent_fragments};
use super::*;

fn driver() -> Driver {
    Driver::established("", Limits::default())
}

#[test]
fn close_of_server_is_echoed_and_server_ends_tcp() {
    for (body, echo, event) in [
        (close_body(1001, "bye"), close_body(1001, "bye"), closed(1001, "bye", true)),
        (close_body(3000, ""), close_body(3000, ""), closed(3000, "", true)),
        (Vec::new(), Vec::new(), closed(1005, "", true)),
    ] {
        let mut driver = driver();
        driver.receive(&frame(0x88, &body));
        assert_eq!(driver.take_events(), [Event::Closing]);
        assert_eq!(driver.take_frames(), [sent(0x88, &echo)]);
        assert_eq!(driver.connection.stream_action(), StreamAction::Keep);
        assert_eq!(driver.connection.deadline(), Some(Duration::from_secs(2)));
        driver.receive_eof();
        assert_eq!(driver.take_events(), [event]);
        assert_eq!((driver.connection.stream_action(), driver.connection.deadline()), (StreamAction::Close, None));
        assert_eq!(driver.connection.failure(), None);
    }
}

#[test]
fn server_that_leaves_tcp_open_times_out() {
    let mut driver = driver();
    driver.receive(&frame(0x88, &close_body(1000, "")));
    driver.wait(1);
    assert_eq!(driver.take_events(), [Event::Closing]);
    driver.wait(1);
    assert_eq!(driver.take_events(), [closed(1000, "", true)]);
    assert_eq!(driver.connection.stream_action(), StreamAction::Close);
}

#[test]
fn our_close_is_answered_by_first_close_frame() {
    let mut driver = driver();
    driver.close(Some((1000, "why")));
    driver.write(usize::MAX);
    assert_eq!(driver.take_frames(), [sent(0x88, &close_body(1000, "why"))]);
    assert_eq!(driver.connection.deadline(), Some(Duration::from_secs(60)));
    driver.receive(&[frame(0x88, &close_body(4000, "ok")), frame(0x88, &close_body(4001, "no"))].concat());
    assert_eq!(driver.connection.deadline(), Some(Duration::from_secs(2)));
    driver.receive_eof();
    assert_eq!(driver.take_events(), [closed(4000, "ok", true)]);
    assert_eq!(driver.take_frames(), []);
}

#[test]
fn messages_after_our_close_are_checked_and_discarded() {
    let data = [frame(0x81, b"\xff"), frame(0x02, &vec![7; 70_000]), frame(0x89, b"ping"), frame(0x80, b"")].concat();
    let mut good = driver();
    good.close(None);
    good.receive(&data);
    good.receive(&frame(0x88, &[]));
    good.receive_eof();
    assert_eq!(good.take_events(), [closed(1005, "", true)]);
    assert_eq!(good.take_frames(), [sent(0x88, &[])]);

    let mut bad = driver();
    bad.close(None);
    bad.write(usize::MAX);
    bad.receive(&frame(0x80, b""));
    assert_eq!(bad.take_events(), failed());
    assert_eq!(bad.connection.failure(), Some(&Failure::UnexpectedContinuation));
    assert_eq!(bad.take_frames(), [sent(0x88, &[])], "no second Close frame follows");
}

#[test]
fn close_within_a_frame_discards_its_rest() {
    for length in [10_usize, 200_000] {
        for cut in [0, 1, 9, 5_000, 100_000] {
            let bytes = frame(0x82, &vec![1; length]);
            let cut = cut.min(bytes.len() - 1);
            let mut driver = driver();
            driver.receive(&bytes[..cut]);
            // The user can close between a read and the poll after it.
            let read = bytes.len().min(cut + 4096);
            let mut buffer = driver.connection.read_buffer();
            let read = read.min(cut + buffer.remaining_mut());
            buffer.put_slice(&bytes[cut..read]);
            driver.close(Some((1000, "")));
            driver.receive(&bytes[read..]);
            driver.receive(&frame(0x88, &close_body(1000, "")));
            driver.receive_eof();
            assert_eq!(driver.take_events(), [closed(1000, "", true)], "{length} {cut}");
        }
    }
}

#[test]
fn close_is_clean_only_after_flush() {
    for passes_on in [true, false] {
        let mut driver = driver();
        driver.receive(&frame(0x88, &close_body(1000, "")));
        assert!(driver.connection.set_unflushed(true, driver.now));
        driver.receive_eof();
        driver.wait(3);
        assert_eq!(driver.take_events(), [Event::Closing]);
        if passes_on {
            assert!(driver.connection.set_unflushed(false, driver.now));
            driver.poll();
        } else {
            driver.wait(60);
        }
        assert_eq!(driver.take_events(), [closed(1000, "", passes_on)]);
    }
}

#[test]
fn bytes_after_close_of_server_are_ignored() {
    let mut driver = driver();
    let bytes = [frame(0x88, &close_body(1000, "")), frame(0x81, b"late"), frame(0x89, b"p"), vec![0xff; 9]];
    driver.receive(&bytes.concat());
    driver.receive_eof();
    assert_eq!(driver.take_events(), [Event::Closing, closed(1000, "", true)]);
    assert_eq!(driver.take_frames(), [sent(0x88, &close_body(1000, ""))]);
}

#[test]
fn close_within_fragmented_message_is_clean() {
    let mut driver = driver();
    driver.receive(&[frame(0x01, b"un"), frame(0x88, &[])].concat());
    driver.receive_eof();
    assert_eq!(driver.take_events(), [Event::Closing, closed(1005, "", true)]);
}

#[test]
fn queued_messages_precede_our_close_frame() {
    for by_us in [true, false] {
        let mut driver = driver();
        driver.send_text("one");
        driver.send_binary(vec![2; 3_000_000]);
        driver.send_text("three");
        if by_us {
            driver.close(Some((1000, "")));
        }
        driver.receive(&frame(0x88, &close_body(1000, "")));
        driver.receive_eof();
        let frames = driver.take_frames();
        let mut expected = vec![sent(0x81, b"one")];
        expected.extend(sent_fragments(2, &vec![2; 3_000_000]));
        expected.extend([sent(0x81, b"three"), sent(0x88, &close_body(1000, ""))]);
        assert!(frames == expected);
        assert_eq!(driver.take_events().last(), Some(&closed(1000, "", true)));
        assert_eq!(driver.connection.buffered_amount(), 0);
    }
}

#[test]
fn half_closed_peer_gets_queued_messages() {
    let mut driver = driver();
    driver.send_binary(vec![2; 3_000_000]);
    driver.connection.receive(&frame(0x88, &[]));
    driver.connection.receive_eof();
    driver.poll();
    assert_eq!(driver.take_events(), [Event::Closing]);
    driver.write(1_000_000);
    assert_eq!(driver.take_events(), []);
    driver.write(usize::MAX);
    assert_eq!(driver.take_events(), [closed(1005, "", true)]);
}

#[test]
fn close_while_opening_fails_and_sends_nothing() {
    let mut driver = Driver::new(&request(), Limits::default());
    driver.written.clear();
    driver.close(Some((1000, "")));
    assert_eq!(driver.take_events(), failed());
    assert_eq!(driver.connection.failure(), Some(&Failure::ClosedWhileConnecting));
    assert_eq!(driver.connection.stream_action(), StreamAction::Close);
    assert_eq!(driver.connection.pending_bytes(), b"");
}

#[test]
fn lost_connection_fails_unless_it_was_closing() {
    let mut lost = driver();
    lost.receive_eof();
    assert_eq!(lost.take_events(), failed());
    assert_eq!(
        (lost.connection.failure(), lost.connection.stream_action()),
        (Some(&Failure::Lost), StreamAction::Close)
    );
    assert_eq!(lost.take_frames(), []);

    let mut within = driver();
    within.receive(&frame(0x81, b"hello")[..4]);
    within.receive_eof();
    assert_eq!(within.take_events(), failed());

    let mut closing = driver();
    closing.close(None);
    closing.receive_eof();
    assert_eq!(closing.take_events(), [closed(1006, "", false)]);
    assert_eq!(
        (closing.connection.failure(), closing.connection.stream_action()),
        (Some(&Failure::Lost), StreamAction::Close)
    );
}

#[test]
fn peer_that_never_answers_our_close_times_out() {
    let mut driver = driver();
    driver.close(None);
    driver.wait(30);
    // The deadline counts from the last bytes that the stream accepted.
    driver.write(usize::MAX);
    driver.wait(59);
    assert_eq!(driver.take_events(), []);
    driver.wait(1);
    assert_eq!(driver.take_events(), [closed(1006, "", false)]);
    assert_eq!(driver.connection.failure(), Some(&Failure::ClosingTimeout));
}

#[test]
fn close_that_is_expected_times_out_if_it_never_follows() {
    for follows in [false, true] {
        let mut driver = driver();
        driver.wait(5);
        driver.connection.expect_close(driver.now);
        // Progress counts.
        driver.send_text("before it");
        driver.wait(30);
        driver.write(usize::MAX);
        // An answer to a ping is none.
        driver.receive(&frame(0x89, b"ping"));
        driver.wait(30);
        driver.write(usize::MAX);
        driver.wait(29);
        assert_eq!(
            (driver.take_events(), driver.connection.deadline()),
            (vec![], Some(driver.now + Duration::from_secs(1)))
        );
        if follows {
            driver.close(None);
            driver.wait(59);
            assert_eq!(driver.take_events(), []);
        }
        driver.wait(1);
        assert_eq!(driver.take_events(), [closed(1006, "", false)]);
        assert_eq!(driver.connection.failure(), Some(&Failure::ClosingTimeout));
    }
}

#[test]
fn close_that_is_expected_does_not_time_out_while_a_compressed_message_is_written() {
    let mut driver = Driver::established("permessage-deflate", Limits::default());
    // The payload counts until the last byte of its frame is written.
    driver.connection.send(Kind::Text, Payload::Borrowed(&digits(1 << 20)));
    driver.connection.expect_close(driver.now);
    for _ in 0..5 {
        driver.wait(59);
        assert_eq!(driver.write(64 << 10), 64 << 10);
    }
    assert_eq!((driver.take_events(), driver.connection.buffered_amount()), (vec![], 1 << 20));
    driver.wait(60);
    assert_eq!(driver.take_events(), [closed(1006, "", false)]);
}

#[test]
fn peer_that_never_reads_our_answer_times_out() {
    let mut driver = driver();
    driver.connection.receive(&frame(0x88, &close_body(1000, "x")));
    driver.poll();
    driver.wait(59);
    assert_eq!(driver.take_events(), [Event::Closing]);
    driver.wait(1);
    assert_eq!(driver.take_events(), [closed(1000, "x", false)]);
    assert_eq!(driver.connection.failure(), Some(&Failure::ClosingTimeout));
}

#[test]
fn write_failure_still_reads_and_closes_uncleanly() {
    let mut driver = driver();
    driver.send_text("lost");
    driver.connection.write_failed();
    driver.send_text("lost too");
    driver.receive(&[frame(0x81, b"a"), frame(0x88, &close_body(1000, ""))].concat());
    driver.receive_eof();
    assert_eq!(driver.take_events(), [text("a"), Event::Closing, closed(1000, "", false)]);
    assert_eq!(driver.take_frames(), []);
    assert_eq!(driver.connection.failure(), Some(&Failure::Lost));
    assert_eq!(driver.connection.buffered_amount(), 12, "unsent payloads count for ever");
}

#[test]
fn unflushed_close_frame_was_not_sent() {
    for broken in [false, true] {
        let mut driver = driver();
        driver.receive(&frame(0x88, &close_body(1000, "")));
        assert_eq!(driver.take_frames(), [sent(0x88, &close_body(1000, ""))]);
        if broken {
            driver.connection.write_failed();
        }
        driver.receive_eof();
        assert_eq!(driver.take_events(), [Event::Closing, closed(1000, "", !broken)]);
        assert_eq!(driver.connection.failure(), broken.then_some(&Failure::Lost));
    }
}

#[test]
fn failed_connection_half_closes_until_eof_or_timeout() {
    for eof in [true, false] {
        let mut driver = driver();
        driver.connection.receive(&frame(0x83, b""));
        driver.poll();
        assert_eq!(driver.take_events(), failed());
        assert_eq!(driver.connection.stream_action(), StreamAction::HalfClose);
        if eof {
            driver.connection.receive_eof();
            assert_eq!(driver.connection.stream_action(), StreamAction::HalfClose, "bytes are pending");
        }
        driver.write(usize::MAX);
        assert_eq!(driver.take_frames(), [sent(0x88, &close_body(1002, ""))]);
        driver.receive(&frame(0x81, b"ignored"));
        if !eof {
            assert_eq!(driver.connection.stream_action(), StreamAction::HalfClose);
            driver.wait(2);
        }
        assert_eq!((driver.take_events(), driver.connection.stream_action()), (vec![], StreamAction::Close));
        driver.close(None);
        driver.receive_eof();
        driver.wait(100);
        assert_eq!(driver.take_events(), []);
    }
}

#[test]
fn failure_drops_queue_and_sends_no_close_in_a_frame() {
    let mut whole = driver();
    whole.send_text("made");
    whole.receive(&frame(0x83, b""));
    assert_eq!(whole.take_frames(), [sent(0x81, b"made"), sent(0x88, &close_body(1002, ""))]);

    let mut within = driver();
    within.send_binary(vec![0; 3_000_000]);
    within.connection.prepare_bytes();
    within.receive(&frame(0x83, b""));
    let (frames, rest) = server::frames_and_rest(&within.written);
    assert_eq!((frames, rest.len()), (vec![], (64 << 10) + 14));
    assert_eq!(within.connection.buffered_amount(), 3_000_000 - (64 << 10));

    let mut between = driver();
    between.send_binary(vec![0; 3_000_000]);
    between.write(10);
    between.receive(&frame(0x83, b""));
    let firsts: Vec<_> = between.take_frames().iter().map(|frame| frame.first).collect();
    assert_eq!(firsts, [0x02, 0x88]);
    assert_eq!(between.connection.buffered_amount(), 3_000_000 - (1 << 20));
}

#[test]
fn opening_handshake_times_out() {
    let mut driver = Driver::new(&request(), Limits::default());
    assert_eq!(driver.connection.deadline(), Some(Duration::from_secs(60)));
    driver.receive(b"HTTP/1.1 1");
    driver.wait(60);
    assert_eq!(driver.take_events(), failed());
    assert_eq!(
        (driver.connection.failure(), driver.connection.stream_action()),
        (Some(&Failure::OpeningTimeout), StreamAction::Close)
    );
}

/// Checks that an abort ends the connection with these events and without another byte.
fn assert_aborts(mut driver: Driver, events: &[Event]) {
    driver.written.clear();
    for _ in 0..2 {
        driver.connection.abort();
        driver.poll();
        driver.write(usize::MAX);
    }
    driver.receive_eof();
    driver.wait(100);
    assert_eq!((driver.take_events(), driver.written.len()), (events.to_vec(), 0));
    assert_eq!(driver.connection.failure(), Some(&Failure::Aborted));
    assert_eq!((driver.connection.stream_action(), driver.connection.deadline()), (StreamAction::Close, None));
}

#[test]
fn abort_ends_a_connection_in_each_state() {
    let abnormal = closed(1006, "", false);
    let end = std::slice::from_ref(&abnormal);
    assert_aborts(Driver::new(&request(), Limits::default()), end);
    let mut open = driver();
    open.send_binary(vec![0; 100_000]);
    open.connection.receive(&frame(0x81, b"not decoded"));
    assert_aborts(open, end);
    let mut closing = driver();
    closing.close(Some((1000, "")));
    assert_aborts(closing, end);
    let mut closed_by_peer = driver();
    closed_by_peer.receive(&frame(0x88, &close_body(1001, "bye")));
    assert_aborts(closed_by_peer, &[Event::Closing, abnormal.clone()]);
    let mut both_closed = driver();
    both_closed.close(None);
    both_closed.write(usize::MAX);
    both_closed.receive(&frame(0x88, &close_body(1001, "bye")));
    assert_aborts(both_closed, end);
}

#[test]
fn abort_after_the_end_changes_no_event() {
    let mut driver = driver();
    driver.close(None);
    driver.write(usize::MAX);
    driver.receive(&frame(0x88, &close_body(1001, "bye")));
    driver.receive_eof();
    driver.connection.abort();
    driver.poll();
    assert_eq!((driver.take_events(), driver.connection.failure()), (vec![closed(1001, "bye", true)], None));

    let mut failed_before = Driver::established("", Limits::default());
    failed_before.receive(&frame(0x83, b""));
    assert_eq!(failed_before.connection.stream_action(), StreamAction::HalfClose);
    failed_before.connection.abort();
    failed_before.poll();
    assert_eq!(failed_before.connection.stream_action(), StreamAction::Close);
    assert_eq!(failed_before.take_events(), failed());
    assert_eq!(failed_before.connection.failure(), Some(&Failure::ReservedOpcode { opcode: 3 }));
}
