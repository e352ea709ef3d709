use flate2::{Compress, Compression, FlushCompress};

use super::reference_inflater::inflate;
use super::server::ServerAssembler;
use super::*;
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
    for bits in 8..=15 {
        let deflate = accept(&format!("permessage-deflate; client_max_window_bits={bits}")).unwrap();
        let mut deflater = Deflater::new(&deflate);
        let (mut output, mut farthest) = (Vec::new(), 0);
        for piece in data.chunks(3000) {
            deflater.deflate(piece, true);
            let message = [deflater.deflated(), &[0, 0, 0xff, 0xff]].concat();
            farthest = farthest.max(inflate(&message, &mut output));
            deflater.clear();
        }
        assert!(output == data);
        assert!(farthest <= 1 << bits, "{farthest} at {bits} bits");
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
    assert_eq!(accept("permessage-deflate"), Ok(Deflate::default()));
    assert_eq!(Deflate::default().client_max_window_bits, 15);
}
