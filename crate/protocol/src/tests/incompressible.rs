//! Messages that do not get smaller: they are sent uncompressed, and a message that was begun grows by little.

use std::fmt::Write as _;

use super::server::{Frame, ServerAssembler, sent_fragments};
use super::*;

const DEFLATE: [&str; 3] = [
    "permessage-deflate",
    "permessage-deflate; client_no_context_takeover",
    "permessage-deflate; client_max_window_bits=9",
];

/// Returns one of many random texts without repetitions, of 64 letters.
fn base64(number: usize, size: usize) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    noise((number + 1) * size)[number * size..].iter().map(|&byte| char::from(DIGITS[usize::from(byte % 64)])).collect()
}

/// Returns the samples of a tone as 32-bit numbers: not random, but without repetitions.
fn tone(start: u16, samples: u16) -> Vec<u8> {
    (start..start.saturating_add(samples)).flat_map(|i| (f32::from(i) * 0.01).sin().to_le_bytes()).collect()
}

/// Returns a text of about this size.
fn log(size: usize) -> String {
    let mut text = String::new();
    for i in 0_u32.. {
        if text.len() >= size {
            break;
        }
        writeln!(text, "{i} GET /item/{} took {} ms", i.wrapping_mul(7919) % 1000, i.wrapping_mul(31) % 97).unwrap();
    }
    text
}

fn takeover(extensions: &str) -> bool {
    !extensions.contains("client_no")
}

/// Sends a message, checks that the server restores it, and returns its frames.
fn sent_frames(driver: &mut Driver, server: &mut ServerAssembler, opcode: u8, payload: &[u8]) -> Vec<Frame> {
    let before = driver.connection.buffered_amount();
    if opcode == 1 {
        driver.send_text(std::str::from_utf8(payload).unwrap());
    } else {
        driver.send_binary(payload.to_vec());
    }
    assert_eq!(driver.connection.buffered_amount(), before + payload.len() as u64);
    driver.write(usize::MAX);
    assert_eq!(driver.connection.buffered_amount(), before);
    let frames = driver.take_frames();
    assert!(server.assemble(&frames) == [(opcode, payload.to_vec())]);
    frames
}

fn length(frames: &[Frame]) -> usize {
    frames.iter().map(|frame| frame.payload.len()).sum()
}

fn firsts(frames: &[Frame]) -> Vec<u8> {
    frames.iter().map(|frame| frame.first).collect()
}

#[test]
fn random_message_is_sent_uncompressed() {
    for extensions in DEFLATE {
        let mut driver = Driver::established(extensions, Limits::default());
        let mut server = ServerAssembler::new(takeover(extensions));
        for size in [64, 255, 256, 300, 1000, 4096, 16_384, 16_385, 65_536, 65_537, 1 << 20, (1 << 20) + 1, 5 << 20] {
            let (frames, fragments) =
                (sent_frames(&mut driver, &mut server, 2, &noise(size)), sent_fragments(2, &noise(size)));
            assert_eq!(firsts(&frames), firsts(&fragments), "{extensions} {size}");
        }
    }
}

#[test]
fn random_messages_leave_the_context_as_it_was() {
    let mut driver = Driver::established("permessage-deflate", Limits::default());
    let mut server = ServerAssembler::new(true);
    let text = log(1000);
    let first = length(&sent_frames(&mut driver, &mut server, 1, text.as_bytes()));
    for size in [256, 1000, 20_000, 100_000, 1 << 20] {
        assert_eq!(firsts(&sent_frames(&mut driver, &mut server, 2, &noise(size))), [0x82]);
        let again = length(&sent_frames(&mut driver, &mut server, 1, text.as_bytes()));
        assert!(again * 10 < first, "{again} bytes after {size} random ones");
    }
}

#[test]
fn message_that_does_not_get_smaller_is_uncompressed() {
    for extensions in DEFLATE {
        for size in [256, 300, 1000] {
            let mut driver = Driver::established(extensions, Limits::default());
            let mut server = ServerAssembler::new(takeover(extensions));
            for round in 0..20 {
                let frames = sent_frames(&mut driver, &mut server, 1, base64(round, size).as_bytes());
                assert_eq!(firsts(&frames), [0x81], "{extensions} {size} {round}");
            }
            let frames = sent_frames(&mut driver, &mut server, 2, &log(5000).into_bytes());
            assert_eq!(firsts(&frames), [0xc2], "{extensions} {size}");
            assert!(length(&frames) < 2500);
        }
        for samples in [100, 4000, 16_000, 50_000] {
            let mut driver = Driver::established(extensions, Limits::default());
            let mut server = ServerAssembler::new(takeover(extensions));
            let frames = sent_frames(&mut driver, &mut server, 2, &tone(0, samples));
            assert_eq!(firsts(&frames), [0x82], "{extensions} {samples}");
        }
    }
}

#[test]
fn messages_that_repeat_each_other_are_compressed() {
    let mut driver = Driver::established("permessage-deflate", Limits::default());
    let mut server = ServerAssembler::new(true);
    let token = base64(0, 400);
    for i in 0..10 {
        let message = format!("{{\"token\":\"{token}\",\"id\":{i}}}");
        let frames = sent_frames(&mut driver, &mut server, 1, message.as_bytes());
        let (first, most) = match i {
            // Nothing is known about the first one, and the second one is sent so that others can refer to it.
            0 => (0x81, message.len()),
            1 => (0xc1, message.len() + 6),
            _ => (0xc1, 30),
        };
        assert!(firsts(&frames) == [first] && length(&frames) <= most, "{i}");
    }
}

#[test]
fn context_begins_anew_after_an_attempt_in_vain() {
    for extensions in DEFLATE {
        let mut driver = Driver::established(extensions, Limits::default());
        let mut server = ServerAssembler::new(takeover(extensions));
        for i in 0..50 {
            let text = log(300 + usize::from(i) * 50);
            assert_eq!(firsts(&sent_frames(&mut driver, &mut server, 1, text.as_bytes())), [0xc1], "{extensions} {i}");
            assert_eq!(
                firsts(&sent_frames(&mut driver, &mut server, 2, &tone(i * 70, 70))),
                [0x82],
                "{extensions} {i}"
            );
        }
    }
}

#[test]
fn message_that_turns_random_grows_by_at_most_0_1_percent() {
    let text = log(100_000).into_bytes();
    let random = noise(3_000_000);
    let cases = [
        [&text[..], &random[..]].concat(),
        [&random[..500_000], &text[..], &random[..2_000_000]].concat(),
        [&text[..], &random[..40_000], &text[..10_000], &random[..100_000], &text[..]].concat(),
        [&text[..2000], &random[..14_000]].concat(),
        [&text[..2000], &random[..900_000]].concat(),
        // The first fragment gets smaller, and the others look compressible, but are not.
        [&text.repeat(11)[..(1 << 20) + 100], &tone(0, u16::MAX).repeat(10)[..2_000_000]].concat(),
    ];
    for extensions in DEFLATE {
        let mut driver = Driver::established(extensions, Limits::default());
        let mut server = ServerAssembler::new(takeover(extensions));
        for (case, message) in cases.iter().enumerate() {
            let frames = sent_frames(&mut driver, &mut server, 2, message);
            let length = length(&frames);
            assert!(
                length <= message.len() + message.len() / 1000,
                "{extensions} {case}: {length} of {}",
                message.len()
            );
            assert!(frames.iter().all(|frame| !frame.payload.is_empty()), "{extensions} {case}");
            let after = sent_frames(&mut driver, &mut server, 1, &text[..1000]);
            assert_eq!(firsts(&after), [0xc1], "{extensions} {case}");
        }
        // The random part of a message that has begun compressed is stored.
        let frames = sent_frames(&mut driver, &mut server, 2, &cases[0]);
        let compressed_text = length(&sent_frames(&mut driver, &mut server, 2, &text));
        assert_eq!(firsts(&frames), [0x42, 0x00, 0x80]);
        assert!(length(&frames) < random.len() + compressed_text + random.len() / 1000);
    }
}

#[test]
fn fragments_of_a_large_compressed_message_are_not_empty() {
    for extensions in DEFLATE {
        let mut driver = Driver::established(extensions, Limits::default());
        let mut server = ServerAssembler::new(takeover(extensions));
        for size in [(1 << 20) + 1, 2 << 20, (4 << 20) + 5] {
            for message in [vec![0; size], log(size).as_bytes()[..size].to_vec()] {
                let frames = sent_frames(&mut driver, &mut server, 2, &message);
                assert_eq!(frames[0].first, 0x42);
                assert_eq!(frames.len(), size.div_ceil(1 << 20));
                assert!(frames.iter().all(|frame| !frame.payload.is_empty()), "{extensions} {size}");
            }
        }
    }
}

#[test]
fn each_fragment_can_be_inflated_when_it_arrives() {
    let mut driver = Driver::established("permessage-deflate", Limits::default());
    let message = log(3 << 20).into_bytes();
    driver.send_binary(message.clone());
    driver.write(usize::MAX);
    let mut inflate = flate2::Decompress::new(false);
    let mut output = Vec::with_capacity(message.len() + 1);
    for (index, frame) in driver.take_frames().iter().enumerate() {
        inflate.decompress_vec(&frame.payload, &mut output, flate2::FlushDecompress::Sync).unwrap();
        assert_eq!(output.len(), message.len().min((index + 1) << 20));
    }
    assert!(output == message);
}

#[test]
fn compressible_bytes_of_many_values_are_compressed() {
    let mut driver = Driver::established("permessage-deflate", Limits::default());
    let mut server = ServerAssembler::new(true);
    for size in [1000, 20_000, 200_000, 2 << 20] {
        let ramp: Vec<u8> = (0..size).map(|i: usize| (i % 251).to_le_bytes()[0]).collect();
        let frames = sent_frames(&mut driver, &mut server, 2, &ramp);
        assert_eq!(frames[0].first & 0x40, 0x40, "{size}");
        assert!(length(&frames) < size / 2);
    }
}
