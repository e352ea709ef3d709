//! The memory of one connection, measured with a counting allocator.
#![cfg(all(feature = "compression", not(target_family = "wasm")))]

use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use bytes::{BufMut, Bytes};
use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;
use samesocket_protocol::handshake::accept_key;
use samesocket_protocol::{Connection, Kind, Limits, Message, Payload, Request};
use samesocket_spec::state::Feedback;

const KIB: i64 = 1 << 10;

/// The most memory of an idle connection, without that of compression.
const QUIET: i64 = 16 * KIB;

/// The most memory of an inflater with its window.
const INFLATER: i64 = 48 * KIB;

fn established(deflate: bool) -> Connection {
    established_within(Limits::default(), deflate)
}

fn established_within(limits: Limits, deflate: bool) -> Connection {
    let request = Request { host: "h".to_owned(), path: "/".to_owned(), ..Request::default() };
    let entropy = Box::new(|bytes: &mut [u8]| bytes.fill(0));
    let mut connection = Connection::new(&request, limits, entropy, Duration::ZERO).unwrap();
    write(&mut connection);
    let extensions = if deflate { "Sec-WebSocket-Extensions: permessage-deflate\r\n" } else { "" };
    let accept = accept_key("AAAAAAAAAAAAAAAAAAAAAA==");
    let head = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    let response = format!("{head}Sec-WebSocket-Accept: {accept}\r\n{extensions}\r\n");
    connection.receive(response.as_bytes());
    assert!(matches!(connection.poll_event(Duration::ZERO), Some(Feedback::Established { .. })));
    connection
}

/// Receives bytes through the read buffer, and returns the number of messages.
fn read(connection: &mut Connection, bytes: &[u8]) -> usize {
    let mut messages = 0;
    read_each(connection, bytes, |_| messages += 1);
    messages
}

/// Receives bytes through the read buffer, and calls `receive` with each message.
fn read_each(connection: &mut Connection, mut bytes: &[u8], mut receive: impl FnMut(Message)) {
    while !bytes.is_empty() {
        let mut buffer = connection.read_buffer();
        let (now, later) = bytes.split_at(buffer.remaining_mut().min(bytes.len()));
        buffer.put_slice(now);
        bytes = later;
        loop {
            while let Some(event) = connection.poll_event(Duration::ZERO) {
                let Feedback::MessageReceived(message) = event else { panic!("{event:?}") };
                receive(message);
            }
            if !connection.has_more_events() {
                break;
            }
        }
    }
}

/// Receives bytes through the read buffer, and ignores the events.
fn read_what_comes(connection: &mut Connection, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let mut buffer = connection.read_buffer();
        let (now, later) = bytes.split_at(buffer.remaining_mut().min(bytes.len()));
        if now.is_empty() {
            return;
        }
        buffer.put_slice(now);
        bytes = later;
        while connection.poll_event(Duration::ZERO).is_some() || connection.has_more_events() {}
    }
}

fn write(connection: &mut Connection) {
    loop {
        let bytes = connection.pending_bytes().len();
        if bytes == 0 {
            return;
        }
        connection.advance_written(bytes, Duration::ZERO);
    }
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = match payload.len() {
        length @ 0..126 => vec![u8::try_from(length).unwrap()],
        length => match u16::try_from(length) {
            Ok(length) => [&[126][..], &length.to_be_bytes()].concat(),
            Err(_) => [&[127][..], &(length as u64).to_be_bytes()].concat(),
        },
    };
    [&[first][..], &length, payload].concat()
}

fn compressed(payload: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(payload.len() + 100);
    Compress::new(Compression::default(), false).compress_vec(payload, &mut output, FlushCompress::Sync).unwrap();
    output.truncate(output.len() - 4);
    frame(0xc1, &output)
}

/// Measures the memory of a connection that becomes idle after `work`.
fn measure_idle(deflate: bool, work: impl FnOnce(&mut Connection)) -> AllocationInfo {
    let mut connection = None;
    measure(|| {
        let mut quiet = established(deflate);
        work(&mut quiet);
        quiet.release_memory();
        connection = Some(quiet);
    })
}

/// Sends and receives uncompressed messages of many sizes.
fn converse(connection: &mut Connection) {
    for size in [0, 64, 250, 60_000] {
        assert_eq!(read(connection, &frame(0x81, &vec![b'a'; size]).repeat(100)), 100);
    }
    for size in [0, 64, 255] {
        for _ in 0..100 {
            connection.send(Kind::Text, Payload::Borrowed(&vec![b'a'; size]));
            write(connection);
        }
    }
}

#[test]
fn idle_connection_holds_under_16_kib() {
    for deflate in [false, true] {
        let fresh = measure_idle(deflate, |_| {});
        assert!(fresh.bytes_current < QUIET, "{fresh:?}");
        let used = measure_idle(deflate, converse);
        assert!(used.bytes_current < QUIET, "{used:?}");
    }
}

#[test]
fn idle_connection_keeps_its_window_and_no_deflater() {
    let received = measure_idle(true, |connection| {
        converse(connection);
        assert_eq!(read(connection, &compressed(&vec![b'a'; 60_000])), 1);
    });
    assert!(received.bytes_current < QUIET + INFLATER, "{received:?}");
    assert!(received.bytes_current > 32 * KIB, "the window is kept: {received:?}");
    let sent = measure_idle(true, |connection| {
        connection.send(Kind::Text, Payload::Borrowed(&[b'a'; 5000]));
        write(connection);
    });
    assert!(sent.bytes_current < QUIET && sent.bytes_max > 200 << 10, "{sent:?}");
}

#[test]
fn receiving_allocates_once_a_message_and_sending_never() {
    for size in [64, 1000, 16 << 10] {
        let mut connection = established(false);
        let bytes = frame(0x82, &vec![7; size]).repeat(100);
        // The buffers reach their largest size.
        read(&mut connection, &bytes.repeat(20));
        let received = measure(|| assert_eq!(read(&mut connection, &bytes), 100));
        assert!(received.count_total <= 101, "{size}: {received:?}");
        let payload = Bytes::from(vec![7; size]);
        let send_all = |connection: &mut Connection| {
            for _ in 0..100 {
                connection.send(Kind::Binary, Payload::Shared(&payload));
            }
            write(connection);
        };
        send_all(&mut connection);
        let sent = measure(|| send_all(&mut connection));
        assert!(sent.count_total == 0, "{size}: {sent:?}");
    }
}

#[test]
fn kept_message_keeps_at_most_8_times_its_length() {
    for size in [100, 300, 9_000, 16_383, 16_384, 20_000, 60_000, 140_000] {
        let mut connection = established(false);
        let bytes = frame(0x82, &vec![7; size]).repeat(2 + 200_000 / size);
        let mut kept = Vec::with_capacity(100);
        let taken = measure(|| {
            while kept.len() < 100 {
                // One of many messages is kept.
                let before = kept.len();
                read_each(&mut connection, &bytes, |message| {
                    if kept.len() == before {
                        kept.push(message);
                    }
                });
            }
        });
        let most = 100 * 8 * i64::try_from(size).unwrap() + 160 * KIB;
        assert!(taken.bytes_current <= most, "{size}: {taken:?}");
    }
}

#[test]
fn messages_that_wait_hold_no_more_than_their_limit() {
    let queue = 4 << 20;
    for size in [0, 1, 100] {
        let mut connection = established_within(Limits { queue, ..Limits::default() }, false);
        let payload = vec![7; size];
        let taken = measure(|| {
            while connection.failure().is_none() {
                let used = connection.queued_bytes();
                connection.send(Kind::Binary, Payload::Borrowed(&payload));
                assert!(connection.queued_bytes() <= queue || connection.failure().is_some(), "{used} before");
            }
        });
        // The list of messages is in memory twice while it grows.
        assert!(taken.bytes_max < queue * 2 + OUTPUT.unsigned_abs(), "{size}: {taken:?}");
    }
}

#[test]
fn bytes_that_were_passed_at_once_are_released_after_they_were_decoded() {
    let bytes = frame(0x82, &[b'x'; 50]).repeat(200_000);
    let mut connection = established(false);
    let taken = measure(|| {
        connection.receive(&bytes);
        let mut messages = 0;
        while connection.poll_event(Duration::ZERO).is_some() || connection.has_more_events() {
            messages += 1;
        }
        assert!(messages >= 200_000);
        assert!(connection.read_buffer().remaining_mut() > 0);
    });
    assert!(taken.bytes_current < 200 * KIB, "{taken:?}");
}

/// The limit of a message in the following tests.
const MESSAGE: i64 = 512 << 10;

/// The most memory beside a message: the read buffer, an inflater with its scratch buffer, and answers to pings.
const BESIDE: i64 = (128 + 48 + 64 + 16) * KIB;

/// Generates fragmented messages, complete or not, compressed bombs, and control frames.
fn pieces() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let sizes = prop::collection::vec(0..100_000_usize, 1..16);
    let message = (prop::sample::select(vec![0x01, 0x02]), sizes, prop::bool::weighted(0.9)).prop_map(
        |(first, sizes, is_whole)| {
            let fragment = |(index, size): (usize, &usize)| {
                let fin = if is_whole && index + 1 == sizes.len() { 0x80 } else { 0x00 };
                frame(fin | if index == 0 { first } else { 0x00 }, &vec![b'a'; *size])
            };
            sizes.iter().enumerate().flat_map(fragment).collect()
        },
    );
    let bomb = (1..2_000_000_usize).prop_map(|size| {
        let mut output = Vec::with_capacity(size / 100 + 1000);
        Compress::new(Compression::fast(), false)
            .compress_vec(&vec![b'a'; size], &mut output, FlushCompress::Sync)
            .unwrap();
        output.truncate(output.len() - 4);
        frame(0xc1, &output)
    });
    let control = (prop::sample::select(vec![0x89, 0x8a]), 0..126_usize)
        .prop_map(|(first, size)| frame(first, &vec![b'p'; size]).repeat(70));
    prop::collection::vec(prop_oneof![6 => message, 2 => bomb, 1 => control], 1..8)
}

/// The most memory of the output, with the bookkeeping of queued messages.
const OUTPUT: i64 = (4 << 20) + 320 * KIB;

/// A message of this size that is sent, or bytes that the stream accepts.
#[derive(Clone, Debug)]
enum Act {
    Send(usize),
    Take(usize),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let sizes = || prop_oneof![0..300_usize, 0..20_000_usize, 0..3_000_000_usize];
    let act = prop_oneof![3 => sizes().prop_map(Act::Send), 2 => sizes().prop_map(Act::Take)];
    prop::collection::vec(act, 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn received_bytes_keep_memory_bounded(pieces in pieces()) {
        let mut connection = None;
        let taken = measure(|| {
            let limits = Limits { message: MESSAGE.unsigned_abs(), ..Limits::default() };
            let mut fresh = established_within(limits, true);
            for piece in &pieces {
                read_what_comes(&mut fresh, piece);
            }
            connection = Some(fresh);
        });
        // A message that grows may move, and is in memory twice in the meantime.
        prop_assert!(taken.bytes_max < (2 * MESSAGE + BESIDE).unsigned_abs(), "{taken:?}");
        prop_assert!(taken.bytes_current < MESSAGE + BESIDE, "{taken:?}");
    }

    #[test]
    fn slow_stream_keeps_output_memory_bounded(acts in acts()) {
        let payload = Bytes::from(vec![7; 3_000_000]);
        let mut connection = established_within(Limits { queue: u64::MAX, ..Limits::default() }, false);
        let taken = measure(|| {
            for act in &acts {
                match act {
                    Act::Send(size) => connection.send(Kind::Binary, Payload::Shared(&payload.slice(..*size))),
                    Act::Take(size) => {
                        let ready = connection.pending_bytes().len();
                        connection.advance_written(ready.min(*size), Duration::ZERO);
                    }
                }
            }
        });
        prop_assert!(taken.bytes_current < OUTPUT, "{taken:?}");
    }
}
