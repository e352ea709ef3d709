//! Violations of the protocol, and the examples of the RFCs. Each input is also split at every byte.

use super::server::sent;
use super::*;
use crate::mask::Mask;
use crate::send::write_buffer::WriteBuffer;

/// The events, the failure, and the frames written.
type Result = (Vec<Event>, Option<Failure>, Vec<server::Frame>);

/// Receives the bytes after the opening handshake in one read, in two reads split at every byte, and one by one.
fn received(extensions: &str, bytes: &[u8]) -> Result {
    let run = |pieces: &[&[u8]]| {
        let mut driver = Driver::established(extensions, Limits::default());
        for piece in pieces {
            driver.receive(piece);
        }
        (driver.take_events(), driver.connection.failure().cloned(), driver.take_frames())
    };
    let whole = run(&[bytes]);
    for cut in 0..=bytes.len() {
        let (before, after) = bytes.split_at(cut);
        assert_eq!(run(&[before, after]), whole, "cut at {cut}");
    }
    assert_eq!(run(&bytes.chunks(1).collect::<Vec<_>>()), whole, "one by one");
    whole
}

/// Checks that the bytes fail the connection at once with this code.
fn refused(extensions: &str, bytes: &[u8], code: u16, failure: Failure) {
    let expected = (failed().to_vec(), Some(failure), vec![sent(0x88, &code.to_be_bytes())]);
    assert_eq!(received(extensions, bytes), expected, "{bytes:x?}");
    let with_more = [bytes, &frame(0x81, b"more"), &frame(0x88, &[])].concat();
    assert_eq!(received(extensions, &with_more), expected, "later bytes are ignored");
}

const DEFLATE: &str = "permessage-deflate";

#[test]
fn message_in_packet_of_response_is_received() {
    let head = Driver::new(&request(), Limits::default()).response("");
    let bytes = [head.as_bytes(), &frame(0x81, "né".as_bytes())].concat();
    for cut in 0..bytes.len() {
        let mut driver = Driver::new(&request(), Limits::default());
        driver.receive(&bytes[..cut]);
        driver.receive(&bytes[cut..]);
        assert_eq!(driver.take_events(), [open(), text("né")], "cut at {cut}");
    }
}

#[test]
fn masked_frame_is_refused() {
    refused("", b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 1002, Failure::MaskedFrame);
    refused("", b"\x82\x80", 1002, Failure::MaskedFrame);
}

#[test]
fn empty_close_is_echoed_empty() {
    assert_eq!(received("", &frame(0x88, &[])), (vec![Event::Closing], None, vec![sent(0x88, &[])]));
}

#[test]
fn close_body_of_one_byte_is_refused() {
    refused("", &frame(0x88, &[3]), 1002, Failure::CloseBodyOfOneByte);
}

#[test]
fn close_code_not_for_frames_is_refused() {
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
        refused("", &frame(0x88, &close_body(code, "x")), 1002, Failure::ForbiddenCloseCode { code });
    }
}

#[test]
fn close_reason_not_utf_8_is_refused() {
    refused("", &frame(0x88, b"\x03\xe8ab\xff"), 1007, Failure::InvalidCloseReason);
}

#[test]
fn reserved_bits() {
    for (first, bits) in [(0xc1, 4), (0xa1, 2), (0x91, 1), (0xf2, 7), (0xc9, 4), (0xc0, 4)] {
        refused("", &[first], 1002, Failure::ReservedBits { bits, opcode: first & 0xf });
    }
    for (first, bits) in [(0xe1, 6), (0x91, 1), (0xc8, 4), (0xc9, 4), (0xca, 4)] {
        refused(DEFLATE, &[first], 1002, Failure::ReservedBits { bits, opcode: first & 0xf });
    }
}

#[test]
fn rsv1_on_a_continuation() {
    let bytes = [&frame(0x41, b"\xf2\x48")[..], &[0xc0]].concat();
    refused(DEFLATE, &bytes, 1002, Failure::ReservedBits { bits: 4, opcode: 0 });
}

#[test]
fn length_not_minimal_or_with_top_bit_is_refused() {
    refused("", b"\x82\x7e\x00\x7d", 1002, Failure::LengthNotMinimal { length: 125 });
    refused("", b"\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff", 1002, Failure::LengthNotMinimal { length: 65535 });
    refused("", b"\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x01", 1002, Failure::LengthTopBit { length: (1 << 63) + 1 });
}

#[test]
fn control_frame_too_long_or_fragmented_is_refused() {
    for opcode in [8, 9, 10] {
        refused("", &[0x80 | opcode, 126], 1002, Failure::LongControlFrame { opcode });
        refused("", &[0x80 | opcode, 127], 1002, Failure::LongControlFrame { opcode });
        refused("", &[opcode], 1002, Failure::FragmentedControlFrame { opcode });
    }
}

#[test]
fn invalid_text_in_incomplete_frame_is_refused() {
    refused("", b"\x81\x7e\x10\x00ab\xc3\xa9\xff", 1007, Failure::InvalidText { position: 4 });
    refused("", b"\x81\x0aab\xed\xa0", 1007, Failure::InvalidText { position: 2 });
}

#[test]
fn invalid_text_in_incomplete_message_is_refused() {
    refused(
        "",
        &[&frame(0x01, b"a\xe2")[..], &frame(0x00, b"\x28")].concat(),
        1007,
        Failure::InvalidText { position: 1 },
    );
    refused(
        "",
        &[&frame(0x01, b"a\xe2")[..], &frame(0x80, b"\x82")].concat(),
        1007,
        Failure::InvalidText { position: 1 },
    );
}

#[test]
fn invalid_text_after_inflating_is_refused() {
    // A stored block in an incomplete frame.
    let bytes = b"\xc1\x20\x00\x03\x00\xfc\xffab\xff";
    refused(DEFLATE, bytes, 1007, Failure::InvalidText { position: 2 });
    refused(DEFLATE, &frame(0xc1, b"\x00\x02\x00\xfd\xffa\xc3\x00"), 1007, Failure::InvalidText { position: 1 });
}

#[test]
fn invalid_deflate_is_refused() {
    refused(DEFLATE, b"\xc1\x01\xff", 1007, Failure::InvalidDeflate);
    refused(DEFLATE, b"\xc1\x05\x00\x01\x00\x00\x00", 1007, Failure::InvalidDeflate);
}

#[test]
fn reserved_opcodes_are_refused() {
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        refused("", &[0x80 | opcode], 1002, Failure::ReservedOpcode { opcode });
        refused(DEFLATE, &[0xc0 | opcode], 1002, Failure::ReservedOpcode { opcode });
    }
}

#[test]
fn fragments_out_of_order_are_refused() {
    for first in [0x00, 0x80] {
        refused("", &frame(first, b""), 1002, Failure::UnexpectedContinuation);
        let after = [frame(0x01, b"a"), frame(0x80, b"b")].concat();
        let driver = received("", &[after, frame(first, b"c")].concat());
        assert_eq!((&driver.0[..1], driver.1), (&[text("ab")][..], Some(Failure::UnexpectedContinuation)));
    }
    for (first, opcode) in [(0x01, 1), (0x81, 1), (0x82, 2)] {
        let bytes = [frame(0x01, b"a"), frame(first, b"b")].concat();
        refused("", &bytes, 1002, Failure::InterruptedMessage { opcode });
    }
}

#[test]
fn limits_are_checked_at_the_header() {
    let limits = Limits { frame: 200_000, message: 100_000, ..Limits::default() };
    let run = |extensions: &str, pieces: &[&[u8]]| {
        let mut driver = Driver::established(extensions, limits.clone());
        for piece in pieces {
            driver.receive(piece);
        }
        let sent = driver.take_frames();
        (driver.take_events(), driver.connection.failure().cloned(), sent)
    };
    let too_long = |failure| (failed().to_vec(), Some(failure), vec![sent(0x88, &close_body(1009, ""))]);
    let header = |first: u8, length: u64| [&[first, 127][..], &length.to_be_bytes()].concat();
    assert_eq!(run("", &[&header(0x82, 200_001)]), too_long(Failure::FrameTooLong { limit: 200_000, length: 200_001 }));
    assert_eq!(
        run(DEFLATE, &[&header(0xc2, u64::MAX >> 1)]),
        too_long(Failure::FrameTooLong { limit: 200_000, length: u64::MAX >> 1 })
    );
    let long = Failure::MessageTooLong { limit: 100_000 };
    assert_eq!(run("", &[&header(0x82, 100_001)]), too_long(long.clone()));
    for first in [0x01, 0x02] {
        let fragments = [frame(first, &vec![0; 60_000]), frame(0x00, &vec![0; 40_000])].concat();
        let whole = if first == 0x01 { text(&"\0".repeat(100_000)) } else { binary(&vec![0; 100_000]) };
        assert_eq!(run("", &[&fragments, &frame(0x80, b"")]), (vec![whole], None, Vec::new()));
        assert_eq!(run("", &[&fragments, b"\x80\x01"]), too_long(long.clone()));
    }
    // A bomb fails while it is inflated, long before its frame is complete.
    let mut compress = flate2::Compress::new(flate2::Compression::best(), false);
    let mut bomb = Vec::with_capacity(1 << 20);
    compress.compress_vec(&vec![0; 3_000_000], &mut bomb, flate2::FlushCompress::Sync).unwrap();
    assert_eq!(run(DEFLATE, &[&header(0xc2, 199_999), &bomb[..1000]]), too_long(long));
}

#[test]
fn eof_without_close_frame_fails() {
    let mut driver = Driver::established("", Limits::default());
    driver.receive(&frame(0x81, b"a"));
    driver.receive_eof();
    assert_eq!(driver.take_events(), [&[text("a")][..], &failed()].concat());
    assert_eq!(driver.connection.failure(), Some(&Failure::Lost));
}

#[test]
fn examples_of_rfc_6455_5_7_pass() {
    assert_eq!(received("", b"\x81\x05\x48\x65\x6c\x6c\x6f").0, [text("Hello")]);
    assert_eq!(received("", b"\x01\x03\x48\x65\x6c\x80\x02\x6c\x6f").0, [text("Hello")]);
    let pong = vec![sent(0x8a, b"Hello")];
    assert_eq!(received("", b"\x89\x05\x48\x65\x6c\x6c\x6f"), (vec![], None, pong));
    let short = [&b"\x82\x7e\x01\x00"[..], &[7; 256]].concat();
    assert_eq!(received("", &short).0, [binary(&[7; 256])]);
    let mut driver = Driver::established("", Limits::default());
    driver.receive(&[&b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"[..], &vec![7; 65536]].concat());
    assert_eq!(driver.take_events(), [binary(&vec![7; 65536])]);
    // The masked examples are frames of the client.
    let mut mask = Mask::new([0x37, 0xfa, 0x21, 0x3d]);
    let mut out = WriteBuffer::default();
    mask.append(b"Hello", &mut out);
    assert_eq!(out.bytes(), [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
}

#[test]
fn examples_of_rfc_7692_7_2_3_pass() {
    let hello = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00";
    assert_eq!(received(DEFLATE, hello).0, [text("Hello")]);
    assert_eq!(received(DEFLATE, b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00").0, [text("Hello")]);
    // With context takeover, and without.
    let shared = [&hello[..], b"\xc1\x05\xf2\x00\x11\x00\x00"].concat();
    assert_eq!(received(DEFLATE, &shared).0, [text("Hello"), text("Hello")]);
    let none = "permessage-deflate; server_no_context_takeover";
    assert_eq!(received(none, &[&hello[..], hello].concat()).0, [text("Hello"), text("Hello")]);
    assert_eq!(received(none, &shared).1, Some(Failure::InvalidDeflate));
    // A stored block.
    let stored = b"\xc1\x0b\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00";
    assert_eq!(received(DEFLATE, stored).0, [text("Hello")]);
    // A block with BFINAL set, with padding after it and without.
    let last = [&b"\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00"[..], hello].concat();
    assert_eq!(received(DEFLATE, &last).0, [text("Hello"), text("Hello")]);
    let bare = [&b"\xc1\x07\xf3\x48\xcd\xc9\xc9\x07\x00"[..], hello].concat();
    assert_eq!(received(DEFLATE, &bare).0, [text("Hello"), text("Hello")]);
    // Two blocks.
    let two = b"\xc1\x0d\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00";
    assert_eq!(received(DEFLATE, two).0, [text("Hello")]);
    // An empty message, and an uncompressed one.
    assert_eq!(received(DEFLATE, b"\xc1\x01\x00\x81\x01a").0, [text(""), text("a")]);
}

#[test]
fn compressed_message_cut_within_a_block_is_refused() {
    // The message that follows is valid. It must not be taken for the rest of the block.
    let next = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00";
    for cut in [
        // Within the content of a stored block.
        &b"\xc2\x07\x00\x05\x00\xfa\xff\x48\x65"[..],
        // Within the code that ends a block.
        b"\xc1\x06\xf2\x48\xcd\xc9\xc9\x07",
        b"\xc1\x01\x03",
    ] {
        for parameters in ["", "; server_no_context_takeover"] {
            let bytes = [cut, next].concat();
            let (events, failure, _) = received(&format!("{DEFLATE}{parameters}"), &bytes);
            assert_eq!((events, failure), (failed().to_vec(), Some(Failure::InvalidDeflate)), "{cut:x?} {parameters}");
        }
    }
    // Within the header of a block with codes of its own.
    let cut = b"\xc2\x09\x00\x01\x00\xfe\xff\x41\x04\xe0\x01";
    let (events, failure, _) = received(&format!("{DEFLATE}; server_no_context_takeover"), cut);
    assert_eq!((events, failure), (failed().to_vec(), Some(Failure::InvalidDeflate)));
}

#[test]
fn empty_compressed_payload_is_an_empty_message() {
    for parameters in ["", "; server_no_context_takeover"] {
        let extensions = format!("{DEFLATE}{parameters}");
        let close = vec![sent(0x88, &close_body(1000, ""))];
        for empty in [&b"\xc1\x00"[..], b"\x41\x00\x80\x00", b"\x41\x00\x00\x00\x80\x00"] {
            let bytes = [empty, b"\x81\x01x\x88\x02\x03\xe8"].concat();
            assert_eq!(received(&extensions, &bytes), (vec![text(""), text("x"), Event::Closing], None, close.clone()));
            // The window is kept for the message that follows.
            let hello = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00";
            let bytes = [hello, empty, hello].concat();
            assert_eq!(received(&extensions, &bytes).0, [text("Hello"), text(""), text("Hello")]);
        }
    }
    let shared = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x00\xc1\x05\xf2\x00\x11\x00\x00";
    assert_eq!(received(DEFLATE, shared).0, [text("Hello"), text(""), text("Hello")]);
}

#[test]
fn control_frames_between_fragments_are_handled() {
    let bytes = [frame(0x01, b"a"), frame(0x89, b"p"), frame(0x8a, b""), frame(0x80, b"b")].concat();
    assert_eq!(received("", &bytes), (vec![text("ab")], None, vec![sent(0x8a, b"p")]));
}
