use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;

use super::compression::tick;
use super::server::ServerAssembler;
use super::*;

/// Generates frames and invalid bytes.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        8 => (any::<u8>(), payload.clone()).prop_map(|(first, payload)| frame(first, &payload)),
        8 => (prop::sample::select(vec![0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0xc1, 0xc2, 0x89, 0x8a]), "[a-zé]{0,30}")
            .prop_map(|(first, text)| frame(first, text.as_bytes())),
        2 => (0..6000_u16, "[a-z]{0,9}").prop_map(|(code, reason)| frame(0x88, &close_body(code, &reason))),
        1 => payload,
    ]
}

/// Receives the bytes in reads of these sizes. Returns the events, the failure, and the frames written except pongs.
fn received_in_reads(
    extensions: &str,
    bytes: &[u8],
    sizes: &[usize],
    eof: bool,
) -> (Vec<Event>, Option<Failure>, Vec<u8>) {
    let mut driver = Driver::established(extensions, Limits { message: 300, ..Limits::default() });
    let mut rest = bytes;
    for &size in sizes.iter().cycle() {
        let (piece, after) = rest.split_at(size.clamp(1, rest.len().max(1)).min(rest.len()));
        driver.receive(piece);
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    if eof {
        driver.receive_eof();
    }
    let mut messages: Vec<u8> = Vec::new();
    for frame in driver.take_frames().iter().filter(|frame| frame.first != 0x8a) {
        messages.push(frame.first);
        messages.extend_from_slice(&frame.payload);
    }
    (driver.take_events(), driver.connection.failure().cloned(), messages)
}

/// The content of a sent message.
#[derive(Clone, Copy, Debug)]
enum Content {
    Random,
    /// Random letters, in a text message.
    Letters,
    Zeros,
    Ramp,
    Words,
    /// Words, then random bytes.
    TurnsRandom,
    /// Random bytes, then words.
    TurnsCompressible,
    /// The same random letters each time.
    Same,
}

const CONTENTS: [Content; 8] = [
    Content::Random,
    Content::Letters,
    Content::Zeros,
    Content::Ramp,
    Content::Words,
    Content::TurnsRandom,
    Content::TurnsCompressible,
    Content::Same,
];

/// Returns the opcode and the payload of a message.
fn content(content: Content, seed: usize, size: usize) -> (u8, Vec<u8>) {
    let random = |size| noise(seed + size).split_off(seed);
    let letters = |bytes: Vec<u8>| bytes.into_iter().map(|byte| b'0' + byte % 64).collect();
    let words = |size| tick(seed).into_bytes().into_iter().cycle().take(size).collect::<Vec<u8>>();
    match content {
        Content::Random => (2, random(size)),
        Content::Letters => (1, letters(random(size))),
        Content::Zeros => (2, vec![0; size]),
        Content::Ramp => (2, (0..=255).cycle().take(size).collect()),
        Content::Words => (2, words(size)),
        Content::TurnsRandom => (2, [words(size / 3), random(size - size / 3)].concat()),
        Content::TurnsCompressible => (2, [random(size / 3), words(size - size / 3)].concat()),
        Content::Same => (1, letters(noise(size))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_content_is_restored_and_does_not_grow(
        messages in prop::collection::vec(
            (
                prop::sample::select(CONTENTS.to_vec()),
                0..1000_usize,
                prop_oneof![4 => 0..2000_usize, 2 => 0..70_000_usize, 1 => 0..2_500_000_usize],
                prop_oneof![Just(usize::MAX), 0..100_000_usize],
                any::<bool>(),
            ),
            1..12,
        ),
        takeover: bool,
        bits in 8..=15_u8,
        idle: bool,
    ) {
        let mut extensions = format!("permessage-deflate; client_max_window_bits={bits}");
        if !takeover {
            extensions.push_str("; client_no_context_takeover");
        }
        let mut driver = Driver::established(&extensions, Limits::default());
        let mut server = ServerAssembler::with_window(takeover, bits);
        let (mut expected, mut total) = (Vec::new(), 0);
        // One of two messages that resemble each other may grow by 6 bytes, if later ones can refer to it.
        let reach = (1 << bits.max(9)) - 262;
        let growth = messages.iter().filter(|(_, _, size, _, _)| takeover && *size <= reach).count() / 2 * 6;
        for (kind, seed, size, write, ping) in messages {
            let (opcode, payload) = content(kind, seed, size);
            if opcode == 1 {
                driver.send_text(std::str::from_utf8(&payload).unwrap());
            } else {
                driver.send_binary(payload.clone());
            }
            total += payload.len();
            expected.push((opcode, payload));
            driver.write(write);
            if ping {
                driver.receive(&frame(0x89, b"p"));
                expected.push((10, b"p".to_vec()));
            }
            if idle {
                driver.connection.release_memory();
            }
        }
        while driver.write(99_991) > 0 {}
        prop_assert_eq!(driver.connection.buffered_amount(), 0);
        let frames = driver.take_frames();
        let sent: usize = frames.iter().filter(|frame| frame.first & 8 == 0).map(|frame| frame.payload.len()).sum();
        prop_assert!(sent <= total + total / 10_000 + growth, "{} bytes of {}", sent, total);
        // A pong may overtake messages.
        let is_pong = |message: &(u8, Vec<u8>)| message.0 == 10;
        let (pongs, arrived): (Vec<_>, Vec<_>) = server.assemble(&frames).into_iter().partition(is_pong);
        let (expected_pongs, expected): (Vec<_>, Vec<_>) = expected.into_iter().partition(is_pong);
        prop_assert_eq!(pongs, expected_pongs);
        prop_assert!(arrived == expected);
        let empty = frames.iter().filter(|frame| frame.payload.is_empty()).count();
        prop_assert_eq!(empty, expected.iter().filter(|(_, payload)| payload.is_empty()).count());
    }
}

proptest! {
    #[test]
    fn events_do_not_depend_on_read_sizes(
        pieces in prop::collection::vec(pieces(), 0..12),
        sizes in prop::collection::vec(1..50_usize, 1..6),
        deflate: bool,
    ) {
        let extensions = if deflate { "permessage-deflate" } else { "" };
        let bytes = pieces.concat();
        let whole = received_in_reads(extensions, &bytes, &[usize::MAX], true);
        let (events, failure, _) = &whole;
        let is_end = |event: &Event| matches!(event, Event::Closed(..));
        prop_assert_eq!(events.iter().filter(|event| is_end(event)).count(), 1);
        prop_assert!(is_end(events.last().unwrap()));
        prop_assert_eq!(events.contains(&Event::Failed), failure.is_some());
        prop_assert_eq!(&received_in_reads(extensions, &bytes, &sizes, true), &whole);
        prop_assert_eq!(&received_in_reads(extensions, &bytes, &[1], true), &whole);
    }

    #[test]
    fn invalid_response_fails_for_all_read_sizes(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "(HTTP/1.1 |101|100| x|\r\n|\n|a:|Upgrade: websocket|Connection: Upgrade|[ -~]){0,30}".prop_map(String::into_bytes),
        ],
        size in 1..30_usize,
    ) {
        let run = |size: usize| {
            let mut driver = Driver::new(&request(), Limits { head: 100, ..Limits::default() });
            bytes.chunks(size).for_each(|piece| driver.receive(piece));
            driver.receive_eof();
            (driver.take_events(), driver.connection.failure().cloned())
        };
        let whole = run(1000);
        prop_assert_eq!(&whole.0, &failed());
        prop_assert_eq!(run(size), whole);
    }

    #[test]
    fn fragmented_messages_arrive_whole(
        messages in prop::collection::vec(
            (any::<bool>(), any::<bool>(), ".{0,60}", 0..700_usize, prop::collection::vec(0..50_000_usize, 0..4)),
            1..6,
        ),
        sizes in prop::collection::vec(1..40_000_usize, 1..6),
        takeover: bool,
    ) {
        let extensions =
            if takeover { "permessage-deflate" } else { "permessage-deflate; server_no_context_takeover" };
        let mut compress = Compress::new(Compression::default(), false);
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        for (is_text, compressed, unit, times, cuts) in messages {
            let content = unit.repeat(times);
            let (opcode, event) =
                if is_text { (1, text(&content)) } else { (2, binary(content.as_bytes())) };
            expected.push(event);
            let mut payload = content.into_bytes();
            if compressed {
                if !takeover {
                    compress.reset();
                }
                let mut output = Vec::with_capacity(payload.len() * 2 + 100);
                compress.compress_vec(&payload, &mut output, FlushCompress::Sync).unwrap();
                // zlib writes nothing for an empty message right after a flush. RFC 7692 encodes it as one byte.
                output.truncate(output.len().saturating_sub(4));
                if output.is_empty() {
                    output.push(0);
                }
                payload = output;
            }
            let mut first = opcode | if compressed { 0x40 } else { 0 };
            let mut rest = &payload[..];
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                bytes.extend(frame(first, piece));
                bytes.extend(frame(0x89, b"between"));
                (first, rest) = (0, after);
            }
            bytes.extend(frame(first | 0x80, rest));
        }
        let mut driver = Driver::established(extensions, Limits::default());
        let (mut rest, mut sizes) = (&bytes[..], sizes.iter().cycle());
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
            driver.receive(piece);
            rest = after;
        }
        prop_assert!(driver.take_events() == expected);
    }

    #[test]
    fn sent_messages_arrive_for_all_write_sizes(
        messages in prop::collection::vec((any::<bool>(), ".{0,30}", 0..3000_usize, 0..100_000_usize), 1..8),
        deflate: bool,
    ) {
        let extensions = if deflate { "permessage-deflate" } else { "" };
        let mut driver = Driver::established(extensions, Limits::default());
        let mut expected = Vec::new();
        for (is_text, unit, times, write) in messages {
            let content = unit.repeat(times);
            if is_text {
                driver.send_text(&content);
            } else {
                driver.send_binary(content.clone());
            }
            expected.push((if is_text { 1 } else { 2 }, content.into_bytes()));
            driver.write(write);
        }
        driver.close(Some((1000, "")));
        driver.write(usize::MAX);
        expected.push((8, close_body(1000, "")));
        prop_assert!(ServerAssembler::new(true).assemble(&driver.take_frames()) == expected);
        prop_assert_eq!(driver.connection.buffered_amount(), 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// The memory of a long message is shared with the read buffer.
    #[test]
    fn kept_messages_are_not_changed_by_later_reads(
        messages in prop::collection::vec(
            (
                prop_oneof![4 => Just(0x82_u8), 1 => Just(0x81), 1 => Just(0x89)],
                prop_oneof![1 => 0..300_usize, 4 => 16_000..40_000_usize, 1 => 0..200_000_usize],
                1..4_usize,
                any::<bool>(),
            ),
            1..20,
        ),
        reads in prop::collection::vec(prop_oneof![1..300_usize, 1..200_000_usize], 1..6),
        release: bool,
    ) {
        let content = |number: usize, size: usize| noise(number + size).split_off(number);
        let mut stream = Vec::new();
        let mut expected = Vec::new();
        for (number, &(first, size, fragments, keep)) in messages.iter().enumerate() {
            match first {
                0x89 => stream.extend(frame(first, b"ping")),
                0x81 => {
                    stream.extend(frame(first, &vec![b'a'; size]));
                    expected.push((text(&"a".repeat(size)), keep));
                }
                _ => {
                    let payload = content(number, size);
                    let parts: Vec<_> = payload.chunks(size.div_ceil(fragments).max(1)).collect();
                    let last = parts.len().saturating_sub(1);
                    for (part, bytes) in parts.iter().enumerate() {
                        let opcode = if part == 0 { 2 } else { 0 };
                        stream.extend(frame(if part == last { opcode | 0x80 } else { opcode }, bytes));
                    }
                    if !parts.is_empty() {
                        expected.push((binary(&payload), keep));
                    }
                }
            }
        }
        let mut driver = Driver::established("", Limits::default());
        let mut kept = Vec::new();
        let mut received = 0;
        let mut rest = &stream[..];
        for &size in reads.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let mut buffer = driver.connection.read_buffer();
            let (now, later) = rest.split_at(size.min(buffer.remaining_mut()).min(rest.len()));
            buffer.put_slice(now);
            rest = later;
            while let Some(event) = driver.connection.poll_event(driver.now) {
                let Feedback::MessageReceived(message) = event else { panic!("{event:?}") };
                let (expected, keep) = &expected[received];
                let event = |message: &Message| Event::from(Feedback::MessageReceived(message.clone()));
                prop_assert!(event(&message) == *expected);
                if *keep {
                    kept.push((received, message));
                }
                received += 1;
            }
            if release {
                driver.connection.release_memory();
            }
        }
        prop_assert_eq!(received, expected.len());
        for (number, message) in kept {
            prop_assert!(Event::from(Feedback::MessageReceived(message)) == expected[number].0);
        }
    }
}
