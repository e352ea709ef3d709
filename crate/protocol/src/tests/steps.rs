//! The bounds of one call, counted in calls: a driver can release its lock between them.

use flate2::{Compress, Compression, FlushCompress};

use super::server::{ServerAssembler, sent};
use super::*;

/// The bytes that one call inflates, compresses or masks at most.
const STEP: usize = 64 << 10;

/// A message of zeros, compressed: 64 KiB hold 64 MiB.
fn bomb(size: usize) -> Vec<u8> {
    compressed(&vec![0; size])
}

fn compressed(message: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(message.len() + 1000);
    Compress::new(Compression::best(), false).compress_vec(message, &mut output, FlushCompress::Sync).unwrap();
    output.truncate(output.len() - 4);
    output
}

/// Polls until an event is returned or nothing remains, and returns the event and the number of calls.
fn poll_counted(driver: &mut Driver) -> (Option<Event>, usize) {
    for calls in 1.. {
        let event = driver.connection.poll_event(driver.now).map(Event::from);
        if event.is_some() || !driver.connection.has_more_events() {
            return (event, calls);
        }
    }
    unreachable!()
}

#[test]
fn inflating_64_mib_takes_a_call_per_64_kib() {
    let size = 64 << 20;
    let bomb = bomb(size);
    assert!(bomb.len() < 66_000, "{} bytes", bomb.len());
    for fragments in [1, 3] {
        let mut driver = Driver::established("permessage-deflate", Limits::default());
        let mut parts = bomb.chunks(bomb.len().div_ceil(fragments)).enumerate();
        let parts = parts.by_ref().map(|(index, part)| {
            let fin = if index + 1 == fragments { 0x80 } else { 0 };
            frame(fin | if index == 0 { 0x42 } else { 0 }, part)
        });
        driver.connection.receive(&parts.collect::<Vec<_>>().concat());
        let (event, calls) = poll_counted(&mut driver);
        assert!(event == Some(binary(&vec![0; size])));
        assert!((size / STEP..=size / STEP + 2).contains(&calls), "{calls} calls");
    }
}

/// Returns the number of calls that inflate a message, and checks it.
fn calls_to_inflate(message: &[u8], inflated: &[u8]) -> usize {
    let mut driver = Driver::established("permessage-deflate", Limits::default());
    driver.connection.receive(&frame(0xc2, message));
    let (event, calls) = poll_counted(&mut driver);
    assert!(event == Some(binary(inflated)));
    calls
}

#[test]
fn blocks_without_output_are_inflated_in_steps_too() {
    // Eight blocks with tables for the end of the block only. They take as long as 4 KiB of output.
    let mut bits = Vec::new();
    for _ in 0..8 {
        let header = [(0, 1), (2, 2), (0, 5), (0, 5), (14, 4)];
        // The code lengths 18 and 1 have codes of one bit.
        let code_lengths = [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1].map(|length| (length, 3));
        // 256 symbols without a code, the end of the block with one, a distance with one, and the end of the block.
        let codes = [(1, 1), (127, 7), (1, 1), (107, 7), (0, 1), (0, 1), (0, 1)];
        for (value, count) in header.into_iter().chain(code_lengths).chain(codes) {
            bits.extend((0..count).map(|bit| value >> bit & 1));
        }
    }
    let byte = |bits: &[u8]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit);
    let blocks: Vec<u8> = bits.chunks(8).map(byte).collect();
    assert_eq!(blocks.len(), 90);
    let message = [&blocks.repeat(2000)[..], &[0]].concat();
    let expected = message.len() * 8 / STEP;
    let calls = calls_to_inflate(&message, b"");
    assert!((expected..=expected + 2).contains(&calls), "{calls} calls");
    // Blocks without compression, of no bytes.
    let message = [0, 0, 0, 0xff, 0xff].repeat(20_000);
    let calls = calls_to_inflate(&message[..message.len() - 4], b"");
    assert!((12..=14).contains(&calls), "{calls} calls");
}

#[test]
fn text_is_inflated_in_a_call_per_8_kib_of_input_at_least() {
    let text = super::compression::tick(7).repeat(10_000).into_bytes();
    let calls = calls_to_inflate(&compressed(&text), &text);
    assert!((text.len() / STEP..=text.len() / STEP + 2).contains(&calls), "{calls} calls");
    let digits = digits(1 << 20);
    let message = compressed(&digits);
    let calls = calls_to_inflate(&message, &digits);
    assert!((message.len() * 8 / STEP..=message.len() * 9 / STEP).contains(&calls), "{calls} calls");
}

#[test]
fn next_message_inflates_in_steps_too() {
    let mut driver = Driver::established("permessage-deflate", Limits::default());
    driver.connection.receive(&frame(0xc2, &bomb(1 << 20)));
    let mut calls = 1;
    let message = loop {
        if let Some(message) = driver.connection.next_message() {
            break message;
        }
        assert!(driver.connection.has_more_events());
        calls += 1;
    };
    assert!(matches!(message, Message::Binary(bytes) if bytes.len() == 1 << 20));
    assert!((16..=18).contains(&calls), "{calls} calls");
}

#[test]
fn suspended_inflating_ends_with_close_failure_or_eof() {
    let suspended = || {
        let mut driver = Driver::established("permessage-deflate", Limits::default());
        driver.connection.receive(&[frame(0xc2, &bomb(1 << 20)), frame(0x88, b"")].concat());
        assert!(driver.connection.poll_event(driver.now).is_none() && driver.connection.has_more_events());
        driver
    };
    let mut closed_by_us = suspended();
    closed_by_us.close(None);
    closed_by_us.write(usize::MAX);
    closed_by_us.receive_eof();
    assert_eq!(closed_by_us.take_events(), [closed(1005, "", true)]);

    let mut lost = suspended();
    lost.connection.fail_queue_full();
    lost.poll();
    assert_eq!(lost.take_events(), failed());
    assert!(!lost.connection.has_more_events());

    let mut ended = suspended();
    ended.connection.receive_eof();
    let (event, _) = poll_counted(&mut ended);
    assert!(event == Some(binary(&vec![0; 1 << 20])));
}

/// Prepares a write, and returns the number of calls.
fn prepare_counted(driver: &mut Driver) -> usize {
    let mut calls = 1;
    while driver.connection.prepare_bytes() {
        calls += 1;
    }
    calls
}

#[test]
fn masking_a_large_message_takes_a_call_per_64_kib() {
    let mut driver = Driver::established("", Limits::default());
    driver.send_binary(vec![7; 1 << 20]);
    assert_eq!(prepare_counted(&mut driver), 16);
    assert_eq!(driver.connection.pending_bytes().len(), (1 << 20) + 14);
    assert!(!driver.connection.prepare_bytes());
}

#[test]
fn preparing_adds_at_most_64_kib_to_what_is_ready() {
    let mut driver = Driver::established("", Limits::default());
    driver.send_binary(vec![7; 3 << 20]);
    driver.connection.prepare_bytes();
    let mut written = 0;
    while driver.connection.prepare_bytes() {
        written += 1;
    }
    assert_eq!(written, 14, "the first call and the last one are not counted");
    for _ in 0..10 {
        driver.send_binary(vec![7; 50_000]);
    }
    driver.write(usize::MAX);
    assert_eq!(driver.connection.buffered_amount(), 0);
}

#[test]
fn compressing_takes_a_call_per_64_kib_of_input_or_output() {
    // Digits have nearly as many bytes after compression, and they are masked in steps, too.
    for (payload, expected) in [(vec![0; 1 << 20], 17..=18), (digits(1 << 20), 29..=31)] {
        let mut driver = Driver::established("permessage-deflate", Limits::default());
        driver.send_binary(payload.clone());
        let mut calls = 0;
        loop {
            calls += prepare_counted(&mut driver);
            let output = driver.connection.pending_bytes();
            assert!(output.len() <= 2 * STEP);
            let ready = output.len();
            if ready == 0 {
                break;
            }
            driver.written.extend_from_slice(&output[..ready]);
            driver.connection.advance_written(ready, driver.now);
        }
        // The last call finds nothing.
        assert!(expected.contains(&(calls - 1)), "{calls} calls");
        assert!(ServerAssembler::new(true).assemble(&driver.take_frames()) == [(2, payload)]);
        assert_eq!(driver.connection.buffered_amount(), 0);
    }
}

#[test]
fn compressing_is_interrupted_by_pong_and_failure() {
    let mut driver = Driver::established("permessage-deflate", Limits::default());
    driver.send_binary(vec![0; 1 << 20]);
    assert!(driver.connection.prepare_bytes());
    driver.connection.receive(&frame(0x89, b"p"));
    driver.poll();
    assert!(driver.connection.prepare_bytes());
    assert_eq!(driver.write(7), 7);
    assert_eq!(driver.take_frames(), [sent(0x8a, b"p")]);
    driver.connection.receive(&frame(0x83, b""));
    driver.poll();
    assert!(!driver.connection.prepare_bytes());
}
