use flate2::{Compress, Compression, FlushCompress};

use super::reference_inflater::inflate;
use super::server::ServerAssembler;
use super::*;
use crate::compression::Compression as Settings;
use crate::deflate::{Deflater, Inflater};
use crate::extensions::{Deflate, accept};

/// Returns one of many similar messages, like the ticks of a price.
pub(super) fn tick(i: usize) -> String {
    format!(
        "{{\"symbol\":\"EURUSD\",\"bid\":{},\"ask\":{},\"time\":{},\"note\":\"{}\"}}",
        i * 7919 % 10_007,
        i * 31,
        i,
        "é".repeat(i % 150)
    )
}

/// Returns the message as the reference compressor encodes it.
fn compressed(compress: &mut Compress, bytes: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(bytes.len() * 2 + 100);
    compress.compress_vec(bytes, &mut output, FlushCompress::Sync).unwrap();
    assert!(output.ends_with(&[0, 0, 0xff, 0xff]));
    output.truncate(output.len() - 4);
    output
}

#[test]
fn flate2_output_is_inflated_at_every_window() {
    for bits in 9..=15 {
        for takeover in [true, false] {
            let mut extensions = format!("permessage-deflate; server_max_window_bits={bits}");
            if !takeover {
                extensions.push_str("; server_no_context_takeover");
            }
            let mut driver = Driver::established(&extensions, Limits::default());
            let mut compress = Compress::new_with_window_bits(Compression::default(), false, bits);
            for i in 0..200 {
                let message = tick(i).repeat(1 + i % 13);
                if !takeover {
                    compress.reset();
                }
                driver.receive(&frame(0xc1, &compressed(&mut compress, message.as_bytes())));
                if i % 20 == 0 {
                    driver.connection.release_memory();
                }
                assert_eq!(driver.take_events(), [text(&message)], "{extensions} {i}");
            }
        }
    }
}

#[test]
fn deflated_messages_are_inflated_by_flate2() {
    for extensions in ["permessage-deflate", "permessage-deflate; client_no_context_takeover; client_max_window_bits=9"]
    {
        let takeover = !extensions.contains("client_no");
        let mut driver = Driver::established(extensions, Limits::default());
        let mut server = ServerAssembler::new(takeover);
        let mut sizes = 0;
        for i in 0..200 {
            let message = tick(i).repeat(1 + i % 13);
            driver.send_text(&message);
            driver.write(usize::MAX);
            let frames = driver.take_frames();
            sizes += frames.iter().map(|frame| frame.payload.len()).sum::<usize>();
            assert_eq!(frames[0].first, if message.len() < 256 { 0x81 } else { 0xc1 });
            assert_eq!(server.assemble(&frames), [(1, message.into_bytes())]);
            if i % 50 == 49 {
                driver.connection.release_memory();
            }
        }
        assert!(sizes < 60_000, "{sizes}");
    }
}

#[test]
fn client_window_is_limited_by_the_server() {
    // Random data that is repeated at long distances, so that a compressor looks back as far as possible.
    let noise = noise(40_000);
    let data: Vec<u8> = [&noise[..200], &noise[..230], &noise[..900], &noise[..], &noise[..]].concat();
    for (bits, level) in (8..=15).flat_map(|bits| [1, 2, 6, 9].map(|level| (bits, level))) {
        let answer = format!("permessage-deflate; client_max_window_bits={bits}");
        let deflate = accept(&answer, Some(&Settings::default())).unwrap();
        let mut deflater = Deflater::with_level(&deflate, level);
        let (mut output, mut farthest) = (Vec::new(), 0);
        for piece in data.chunks(3000) {
            deflater.deflate(piece, true);
            let message = [deflater.deflated(), &[0, 0, 0xff, 0xff]].concat();
            farthest = farthest.max(inflate(&message, &mut output));
            deflater.clear();
        }
        assert!(output == data);
        assert!(farthest <= 1 << bits, "{farthest} at {bits} bits, level {level}");
        assert!(farthest > 0);
    }
}

#[test]
fn empty_compressed_payload_is_an_empty_message() {
    for parameters in ["", "; server_no_context_takeover", "; server_max_window_bits=9"] {
        let extensions = format!("permessage-deflate{parameters}");
        for (opcode, event) in [(1, text as fn(&str) -> Event), (2, |text: &str| binary(text.as_bytes()))] {
            let mut driver = Driver::established(&extensions, Limits::default());
            let fragments = |payloads: &[&[u8]]| -> Vec<u8> {
                let last = payloads.len() - 1;
                let first = |index| if index == 0 { 0x40 | opcode } else { 0 } | if index == last { 0x80 } else { 0 };
                payloads.iter().enumerate().flat_map(|(index, payload)| frame(first(index), payload)).collect()
            };
            let mut compress = Compress::new(Compression::default(), false);
            let mut message = |text: &str| {
                if parameters == "; server_no_context_takeover" {
                    compress.reset();
                }
                compressed(&mut compress, text.as_bytes())
            };
            let hello = message("hello");
            // The same text refers to the first one, over the empty messages in between.
            let again = message("hello hello");
            let bytes = [
                fragments(&[b""]),
                fragments(&[b"", b""]),
                fragments(&[&hello]),
                fragments(&[b""]),
                fragments(&[b"", b"", b""]),
                frame(0x80 | opcode, b"x"),
                fragments(&[b"", &again[..2], b"", &again[2..], b""]),
                fragments(&[b""]),
                // A block with BFINAL set ends the stream.
                fragments(&[b"\x03\x00"]),
                fragments(&[b"", b""]),
                frame(0x88, &close_body(1000, "")),
            ]
            .concat();
            for size in [usize::MAX, 1] {
                if size == 1 {
                    driver = Driver::established(&extensions, Limits::default());
                }
                bytes.chunks(size.min(bytes.len())).for_each(|piece| driver.receive(piece));
                let messages = ["", "", "hello", "", "", "x", "hello hello", "", "", ""].map(event);
                let expected = [&messages[..], &[Event::Closing]].concat();
                assert_eq!(driver.take_events(), expected, "{extensions} {opcode}");
                driver.receive_eof();
                assert_eq!(driver.take_events(), [closed(1000, "", true)]);
            }
        }
    }
}

#[test]
fn reference_inflater_agrees_with_flate2() {
    let mut compress = Compress::new(Compression::best(), false);
    let mut output = Vec::new();
    let mut expected = Vec::new();
    for i in 0..50 {
        let message = tick(i).repeat(20);
        let bytes = [&compressed(&mut compress, message.as_bytes())[..], &[0, 0, 0xff, 0xff]].concat();
        inflate(&bytes, &mut output);
        expected.extend_from_slice(message.as_bytes());
    }
    assert!(output == expected);
}

#[test]
fn large_compressed_message_is_fragmented_around_pong() {
    let mut driver = Driver::established("permessage-deflate", Limits::default());
    let digits = digits(3_500_000);
    driver.send_binary(digits.clone());
    driver.write(100);
    assert_eq!(driver.connection.buffered_amount(), 3_500_000);
    driver.receive(&frame(0x89, b"p"));
    let frames = driver.take_frames();
    let firsts: Vec<_> = frames.iter().map(|frame| frame.first).collect();
    assert_eq!(firsts, [0x42, 0x8a, 0x00, 0x00, 0x80]);
    assert!(ServerAssembler::new(true).assemble(&frames) == [(10, b"p".to_vec()), (2, digits)]);
}

#[test]
fn empty_message_is_deflated_to_a_block() {
    let (mut deflater, mut inflater) = (Deflater::new(&Deflate::default()), Inflater::new(&Deflate::default()));
    for message in [&b"a"[..], b"", b"", b"b", b""] {
        deflater.deflate(message, true);
        let mut result = Vec::new();
        let mut sink = |inflated: &[u8]| {
            result.extend_from_slice(inflated);
            Ok(())
        };
        assert_eq!(inflater.inflate(deflater.deflated(), &mut 100, &mut sink), Ok(deflater.deflated().len()));
        assert_eq!((inflater.finish(), &result[..]), (Ok(()), message));
        deflater.clear();
    }
}

#[test]
fn deflate_defaults_are_those_of_rfc_7692() {
    assert_eq!(accept("permessage-deflate", Some(&Settings::default())), Ok(Deflate::default()));
    assert_eq!(Deflate::default().client_max_window_bits, 15);
}

/// Creates an established connection with these settings, and this answer of the server.
fn established_with(compression: Option<Settings>, answer: &str) -> Driver {
    let mut driver = Driver::new(&Request { compression, ..request() }, Limits::default());
    let response = driver.response(answer);
    driver.receive(response.as_bytes());
    assert_eq!(driver.take_events(), [Event::Open(String::new(), answer.to_owned())]);
    driver.written.clear();
    driver
}

#[test]
fn answer_that_violates_the_offer_fails_the_connection() {
    let settings = Settings::default();
    let takeover = Settings { server_context_takeover: false, ..settings };
    let server_bits = Settings { server_max_window_bits: 10, ..settings };
    let client_bits = Settings { client_max_window_bits: 10, ..settings };
    for (compression, answer) in [
        (None, "permessage-deflate"),
        (Some(settings), "x-webkit-deflate-frame"),
        (Some(takeover), "permessage-deflate"),
        (Some(server_bits), "permessage-deflate"),
        (Some(server_bits), "permessage-deflate; server_max_window_bits=15"),
        (Some(client_bits), "permessage-deflate; client_max_window_bits=11"),
    ] {
        let mut driver = Driver::new(&Request { compression, ..request() }, Limits::default());
        let response = driver.response(answer);
        driver.receive(response.as_bytes());
        assert_eq!(driver.take_events(), failed(), "{answer}");
        assert!(matches!(driver.connection.failure(), Some(Failure::Extensions { .. })), "{answer}");
    }
}

#[test]
fn request_without_compression_offers_no_extension() {
    let mut driver = Driver::new(&Request { compression: None, ..request() }, Limits::default());
    assert!(!String::from_utf8_lossy(&driver.written).contains("Extensions"));
    let response = driver.response("");
    driver.receive(response.as_bytes());
    assert_eq!(driver.take_events(), [open()]);
}

#[test]
fn messages_of_the_least_size_are_compressed() {
    for (min_size, sizes) in [(0, [0, 100, 300]), (100, [99, 100, 300]), (1000, [999, 1000, 100_000])] {
        let compression = Some(Settings { min_size, ..Settings::default() });
        let mut driver = established_with(compression, "permessage-deflate");
        for size in sizes {
            driver.send_text(&"a".repeat(size));
            driver.write(usize::MAX);
        }
        let firsts: Vec<_> = driver.take_frames().iter().map(|frame| frame.first).collect();
        assert_eq!(firsts, [0x81, 0xc1, 0xc1], "{min_size}");
    }
}

#[test]
fn short_messages_of_all_kinds_survive_compression() {
    let compression = Some(Settings { min_size: 0, level: 9, ..Settings::default() });
    let mut driver = established_with(compression, "permessage-deflate");
    let noise = noise(400);
    let payloads: Vec<_> = (0..400).map(|size| noise[noise.len() - size..].to_vec()).collect();
    for payload in &payloads {
        driver.send_binary(payload.clone());
        driver.write(usize::MAX);
    }
    let received = ServerAssembler::new(true).assemble(&driver.take_frames());
    assert!(received == payloads.into_iter().map(|payload| (2, payload)).collect::<Vec<_>>());
}

#[test]
fn higher_levels_compress_more() {
    let message = (0..200).map(tick).collect::<String>();
    let sizes = [1, 6, 9].map(|level| {
        let compression = Some(Settings { level, ..Settings::default() });
        let mut driver = established_with(compression, "permessage-deflate");
        driver.send_text(&message);
        driver.write(usize::MAX)
    });
    assert!(sizes[0] > sizes[1] && sizes[1] >= sizes[2], "{sizes:?}");
}

#[test]
fn client_keeps_the_limits_that_it_has_announced() {
    let compression =
        Some(Settings { client_context_takeover: false, client_max_window_bits: 9, ..Settings::default() });
    let mut driver = established_with(compression, "permessage-deflate");
    let message = tick(7).repeat(50);
    let mut frames = Vec::new();
    for _ in 0..2 {
        driver.send_text(&message);
        driver.write(usize::MAX);
        frames.extend(driver.take_frames());
    }
    assert_eq!(frames[0].payload, frames[1].payload, "a message refers to an earlier one");
    let mut output = Vec::new();
    assert!(inflate(&[&frames[0].payload[..], &[0, 0, 0xff, 0xff]].concat(), &mut output) <= 512);
    assert!(output == message.as_bytes());
}

#[test]
fn message_sent_uncompressed_is_not_in_the_window() {
    let mut driver = Driver::established("permessage-deflate", Limits::default());
    let (small, large) = (tick(1).repeat(9), tick(2).repeat(20_000));
    let mut expected = Vec::new();
    for text in [&small, &large, &small, &large] {
        driver.connection.send_uncompressed(Kind::Text, Payload::Borrowed(text.as_bytes()));
        driver.send_text(text);
        expected.extend([(1, text.clone().into_bytes()), (1, text.clone().into_bytes())]);
    }
    driver.write(usize::MAX);
    let frames = driver.take_frames();
    let firsts: Vec<_> = frames.iter().map(|frame| frame.first).filter(|first| first & 0xf != 0).collect();
    let compressed = firsts.iter().map(|first| first & 0x40 != 0).collect::<Vec<_>>();
    assert_eq!(compressed, [false, true].repeat(4));
    assert!(ServerAssembler::new(true).assemble(&frames) == expected);
}

#[test]
fn deflater_refers_to_bytes_within_its_reach_only() {
    for (bits, reach) in [(8, 250), (9, 250), (10, 762), (15, 32_506)] {
        let deflate = Deflate { client_max_window_bits: bits, ..Deflate::default() };
        for (size, shrinks) in [(reach, true), (reach + 3, false)] {
            let mut deflater = Deflater::new(&deflate);
            let message = noise(size);
            deflater.deflate(&message, true);
            deflater.clear();
            deflater.deflate(&message, true);
            assert_eq!(
                (deflater.reach(), deflater.deflated().len() < size),
                (reach, shrinks),
                "{bits} bits, {size} bytes"
            );
        }
    }
    assert_eq!(Deflater::new(&Deflate { client_no_context_takeover: true, ..Deflate::default() }).reach(), 0);
}
