use super::server::{ServerAssembler, sent, sent_fragments};
use super::*;
use crate::limits::MAX_QUEUED_PONGS;

fn driver() -> Driver {
    Driver::established("", Limits::default())
}

#[test]
fn buffered_amount_falls_with_accepted_payload_bytes() {
    let mut driver = driver();
    driver.send_text("hello");
    driver.send_binary(vec![1; 300]);
    assert_eq!(driver.connection.buffered_amount(), 305);
    // The header of a short frame has 6 bytes, and that of a longer frame 8.
    for (bytes, left) in [(6, 305), (2, 303), (3, 300), (8, 300), (299, 1), (1, 0)] {
        assert_eq!(driver.write(bytes), bytes);
        assert_eq!(driver.connection.buffered_amount(), left);
    }
    assert_eq!(driver.take_frames(), [sent(0x81, b"hello"), sent(0x82, &[1; 300])]);
}

#[test]
fn buffered_amount_of_large_message_falls_in_steps() {
    let mut driver = driver();
    driver.send_binary(vec![1; 5_000_000]);
    let mut before = 5_000_000;
    while driver.write(300_000) > 0 {
        let now = driver.connection.buffered_amount();
        assert!(now < before && before - now <= 300_000);
        before = now;
    }
    assert_eq!(before, 0);
    assert!(driver.take_frames() == sent_fragments(2, &vec![1; 5_000_000]));
}

#[test]
fn masked_output_is_bounded() {
    let mut driver = driver();
    for size in [40_000_000, 10, 70_000, 0] {
        driver.send_binary(vec![0; size]);
    }
    while driver.connection.buffered_amount() > 0 {
        assert!(driver.connection.pending_bytes().len() <= (1 << 20) + (64 << 10) + 14);
        driver.write(33_333);
    }
}

#[test]
fn empty_messages_are_sent_and_received() {
    let mut driver = driver();
    driver.send_text("");
    driver.send_binary(Vec::new());
    driver.write(usize::MAX);
    assert_eq!(driver.take_frames(), [sent(0x81, b""), sent(0x82, b"")]);
    driver.receive(&[frame(0x81, b""), frame(0x82, b"")].concat());
    assert_eq!(driver.take_events(), [text(""), binary(b"")]);
}

#[test]
fn each_frame_has_its_own_masking_key() {
    let mut driver = driver();
    for _ in 0..500 {
        driver.send_binary(vec![0; 4]);
    }
    driver.write(usize::MAX);
    let mut keys: Vec<_> = driver.written.chunks(10).map(|frame| frame[2..6].to_owned()).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 500);
}

#[test]
fn pings_are_answered_in_order_before_queued_messages() {
    let mut driver = driver();
    driver.connection.receive(&[frame(0x89, b"one"), frame(0x89, &[2; 125]), frame(0x8a, b"x")].concat());
    driver.poll();
    driver.send_text("after");
    driver.write(usize::MAX);
    assert_eq!(driver.take_frames(), [sent(0x8a, b"one"), sent(0x8a, &[2; 125]), sent(0x81, b"after")]);
    assert_eq!(driver.take_events(), []);

    driver.send_binary(vec![0; 3_000_000]);
    driver.send_text("z");
    driver.write(10);
    driver.receive(&frame(0x89, b"p"));
    let order: Vec<_> = driver.take_frames().iter().map(|frame| frame.first).collect();
    assert_eq!(order, [0x02, 0x8a, 0x00, 0x80, 0x81]);
}

#[test]
fn large_message_is_sent_in_fragments_of_a_mebibyte() {
    for size in [1 << 20, (1 << 20) + 1, 2 << 20, 3_000_000] {
        let mut driver = driver();
        // A character of three bytes may be split.
        let text = "\u{20ac}".repeat(size / 3);
        driver.send_text(&text);
        driver.send_binary(vec![7; size]);
        while driver.write(777_777) > 0 {}
        let expected = [sent_fragments(1, text.as_bytes()), sent_fragments(2, &vec![7; size])].concat();
        assert!(driver.take_frames() == expected, "{size}");
    }
}

#[test]
fn too_many_pings_answers_the_latest() {
    let mut driver = driver();
    let pings: Vec<_> = (0..=MAX_QUEUED_PONGS).map(|number| frame(0x89, number.to_string().as_bytes())).collect();
    driver.connection.receive(&pings.concat());
    driver.poll();
    driver.write(usize::MAX);
    let expected: Vec<_> = (1..=MAX_QUEUED_PONGS).map(|number| sent(0x8a, number.to_string().as_bytes())).collect();
    assert_eq!(driver.take_frames(), expected);
}

#[test]
fn pong_answers_its_ping_and_earlier_ones() {
    let mut driver = driver();
    for number in 0..4_u64 {
        assert_eq!(driver.connection.ping(), Some(number));
        driver.write(usize::MAX);
        assert_eq!(driver.take_frames(), [sent(0x89, &number.to_be_bytes())]);
    }
    for (pong, answered) in [(1, 2), (0, 2), (1, 2), (3, 4)] {
        driver.receive(&frame(0x8a, &u64::to_be_bytes(pong)));
        assert_eq!(driver.connection.answered_pings(), answered, "{pong}");
    }
    assert_eq!(driver.take_events(), []);
}

#[test]
fn pong_with_another_payload_answers_no_ping() {
    let mut driver = driver();
    driver.receive(&frame(0x8a, &0_u64.to_be_bytes()));
    assert_eq!(driver.connection.ping(), Some(0));
    driver.receive(
        &[frame(0x8a, b""), frame(0x8a, b"\0"), frame(0x8a, &[0; 9]), frame(0x8a, &[0, 0, 0, 0, 0, 0, 0, 1])].concat(),
    );
    assert_eq!(driver.connection.answered_pings(), 0);
    driver.receive(&frame(0x8a, &[0; 8]));
    assert_eq!(driver.connection.answered_pings(), 1);
}

#[test]
fn ping_that_is_not_framed_is_answered_by_the_next_one() {
    let mut driver = driver();
    driver.send_binary(vec![0; 100_000]);
    driver.write(10);
    assert_eq!([driver.connection.ping(), driver.connection.ping()], [Some(0), Some(1)]);
    driver.write(usize::MAX);
    let firsts: Vec<_> = driver.take_frames().into_iter().map(|frame| (frame.first, frame.payload.len())).collect();
    assert_eq!(firsts, [(0x82, 100_000), (0x89, 8)]);
    driver.receive(&frame(0x8a, &1_u64.to_be_bytes()));
    assert_eq!(driver.connection.answered_pings(), 2);
}

#[test]
fn frames_without_a_message_are_handled_in_steps() {
    let fragments = [frame(0x01, b"a"), frame(0x00, b"").repeat(3000), frame(0x80, b"")].concat();
    for (bytes, expected) in [
        (frame(0x89, b"").repeat(3000), (3000, 0)),
        (fragments.clone(), (0, 1)),
        // Those behind a message, which are looked at without its event.
        ([frame(0x81, b"first"), fragments].concat(), (0, 2)),
    ] {
        let mut driver = Driver::established("", Limits::default());
        driver.connection.receive(&bytes);
        let (mut steps, mut messages) = (1, 0);
        loop {
            let connection = &mut driver.connection;
            let is_message = connection.next_message().is_some() || connection.poll_event(driver.now).is_some();
            match is_message {
                true => messages += 1,
                false if connection.has_more_events() => steps += 1,
                false => break,
            }
        }
        assert_eq!((driver.connection.received_pings().0, messages), expected);
        // Each step is of two calls.
        assert!((2..5).contains(&steps), "{steps} steps");
    }
}

#[test]
fn received_pings_are_counted_and_dated() {
    let mut driver = driver();
    assert_eq!(driver.connection.received_pings(), (0, None));
    driver.receive(&[frame(0x89, b"a"), frame(0x89, b"b")].concat());
    assert_eq!(driver.connection.received_pings(), (2, Some(Duration::ZERO)));
    driver.wait(5);
    driver.receive(&frame(0x89, b"c"));
    assert_eq!(driver.connection.received_pings(), (3, Some(Duration::from_secs(5))));
}

#[test]
fn send_over_queue_limit_fails() {
    let mut driver = Driver::established("", Limits { queue: 1000, ..Limits::default() });
    driver.send_binary(vec![0; 900]);
    assert_eq!(driver.write(800), 800);
    driver.send_binary(vec![0; 600]);
    driver.poll();
    assert_eq!(driver.take_events(), []);
    driver.send_binary(vec![0; 300]);
    driver.poll();
    assert_eq!(driver.take_events(), failed());
    assert_eq!(driver.connection.failure(), Some(&Failure::QueueFull { limit: 1000 }));
    assert_eq!(driver.connection.stream_action(), StreamAction::Close);
    assert_eq!(driver.connection.pending_bytes(), b"");
    assert_eq!(driver.connection.buffered_amount(), 108 + 600 + 300);
}

#[test]
fn empty_messages_fill_the_queue() {
    let mut driver = Driver::established("", Limits { queue: 1000, ..Limits::default() });
    for _ in 0..62 {
        driver.send_text("");
    }
    assert_eq!(driver.connection.failure(), None);
    driver.send_text("");
    assert_eq!(driver.connection.failure(), Some(&Failure::QueueFull { limit: 1000 }));
}

#[test]
fn messages_that_were_sent_too_early_take_no_place_in_the_queue() {
    let mut driver = Driver::new(&request(), Limits { queue: 1000, ..Limits::default() });
    driver.send_binary(vec![0; 990]);
    let response = driver.response("");
    driver.receive(response.as_bytes());
    assert_eq!((driver.connection.queued_bytes(), driver.connection.buffered_amount()), (0, 990));
    driver.send_text("abc");
    driver.poll();
    assert_eq!((driver.take_events(), driver.connection.failure()), (vec![open()], None));
}

#[test]
fn send_while_opening_or_closing_only_counts() {
    let mut early = Driver::new(&request(), Limits::default());
    early.written.clear();
    early.send_text("abc");
    assert_eq!(early.connection.ping(), None);
    early.write(usize::MAX);
    assert_eq!((early.written.len(), early.connection.buffered_amount()), (0, 3));

    let mut late = driver();
    late.close(None);
    late.send_text("abc");
    assert_eq!(late.connection.ping(), None);
    late.write(usize::MAX);
    assert_eq!((late.take_frames(), late.connection.buffered_amount()), (vec![sent(0x88, b"")], 3));
}

#[test]
fn messages_of_all_sizes_arrive_in_order() {
    let sizes = [0, 1, 125, 126, 127, 16_384, 16_385, 65_535, 65_536, 1 << 20, (1 << 20) + 1, 3 << 20, 5];
    for extensions in ["", "permessage-deflate", "permessage-deflate; client_no_context_takeover"] {
        let mut driver = Driver::established(extensions, Limits::default());
        let mut server = ServerAssembler::new(!extensions.contains("no_context"));
        let payloads: Vec<Vec<u8>> =
            sizes.iter().map(|&size| (0..size).map(|i: usize| (i / 7 % 251).to_le_bytes()[0]).collect()).collect();
        for payload in &payloads {
            driver.send_binary(payload.clone());
        }
        let total: usize = sizes.iter().sum();
        assert_eq!(driver.connection.buffered_amount(), total as u64);
        while driver.write(99_991) > 0 {}
        assert_eq!(driver.connection.buffered_amount(), 0);
        let expected: Vec<_> = payloads.into_iter().map(|payload| (2, payload)).collect();
        assert!(server.assemble(&driver.take_frames()) == expected, "{extensions}");
    }
}

#[test]
fn shared_payloads_are_released_once_they_are_written() {
    let mut driver = Driver::established("", Limits::default());
    // Long enough to be kept as it is, instead of being copied into a frame at once.
    let payload = vec![7; 1 << 20];
    driver.send_binary(payload.clone());
    assert!(driver.connection.queued_bytes() >= payload.len() as u64);
    assert_eq!(driver.connection.take_released_payloads(), Vec::<bytes::Bytes>::new());
    let mut released = Vec::new();
    loop {
        let size = driver.connection.pending_bytes().len();
        if size == 0 {
            break;
        }
        driver.connection.advance_written(size, driver.now);
        released.extend(driver.connection.take_released_payloads());
    }
    assert_eq!((released, driver.connection.queued_bytes()), (vec![bytes::Bytes::from(payload)], 0));
}

#[test]
fn write_failure_is_remembered_and_drops_the_queue() {
    let mut driver = Driver::established("", Limits::default());
    driver.send_text("lost");
    assert!(!driver.connection.has_write_failed());
    driver.connection.write_failed();
    assert!(driver.connection.has_write_failed());
    // What is never sent counts for ever.
    assert_eq!((driver.connection.queued_bytes(), driver.connection.pending_bytes().len()), (4, 0));
}

#[test]
fn full_queue_fails_an_ended_connection_only_once() {
    let mut driver = Driver::established("", Limits::default());
    for _ in 0..2 {
        driver.connection.fail_queue_full();
        assert_eq!(driver.connection.failure(), Some(&Failure::QueueFull { limit: Limits::default().queue }));
    }
    driver.poll();
    assert_eq!(driver.take_events(), failed());
}
