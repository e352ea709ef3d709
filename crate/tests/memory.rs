//! What one connection costs in memory, by an allocator that counts.
#![cfg(not(target_family = "wasm"))]

use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use bytes::{BufMut, Bytes};
use flate2::{Compress, Compression, FlushCompress};
use samesocket::spec::state::Feedback;
use samesocket::wire::connection::Connection;
use samesocket::wire::handshake::{Request, accept_of};
use samesocket::wire::limits::Limits;
use samesocket::wire::message::{Kind, Payload};

const KIB: i64 = 1 << 10;

/// What a quiet connection may hold, apart from what compression takes.
const QUIET: i64 = 16 * KIB;

/// What an inflater holds, its window included, once it has been needed.
const INFLATER: i64 = 48 * KIB;

fn established(deflate: bool) -> Connection {
    let request = Request { host: "h".to_owned(), path: "/".to_owned(), ..Request::default() };
    let entropy = Box::new(|bytes: &mut [u8]| bytes.fill(0));
    let mut connection = Connection::new(&request, Limits::default(), entropy, Duration::ZERO).unwrap();
    write(&mut connection);
    let extensions = if deflate { "Sec-WebSocket-Extensions: permessage-deflate\r\n" } else { "" };
    let accept = accept_of("AAAAAAAAAAAAAAAAAAAAAA==");
    let head = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    let response = format!("{head}Sec-WebSocket-Accept: {accept}\r\n{extensions}\r\n");
    connection.receive(response.as_bytes());
    assert!(matches!(connection.poll_feedback(Duration::ZERO), Some(Feedback::Established { .. })));
    connection
}

/// Gives bytes by way of the connection's own buffer, and takes the messages; tells how many there were.
fn read(connection: &mut Connection, mut bytes: &[u8]) -> usize {
    let mut messages = 0;
    while !bytes.is_empty() {
        let mut buffer = connection.read_buffer();
        let (now, later) = bytes.split_at(buffer.remaining_mut().min(bytes.len()));
        buffer.put_slice(now);
        bytes = later;
        while let Some(feedback) = connection.poll_feedback(Duration::ZERO) {
            assert!(matches!(feedback, Feedback::MessageReceived(_)), "{feedback:?}");
            messages += 1;
        }
    }
    messages
}

fn write(connection: &mut Connection) {
    loop {
        let bytes = connection.transmit().len();
        if bytes == 0 {
            return;
        }
        connection.transmitted(bytes, Duration::ZERO);
    }
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    let length =
        if length < 126 { vec![length.to_be_bytes()[1]] } else { [&[126][..], &length.to_be_bytes()].concat() };
    [&[first][..], &length, payload].concat()
}

fn compressed(payload: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(payload.len() + 100);
    Compress::new(Compression::default(), false).compress_vec(payload, &mut output, FlushCompress::Sync).unwrap();
    output.truncate(output.len() - 4);
    frame(0xc1, &output)
}

/// What a connection holds after this and once it has been quiet.
fn held(deflate: bool, work: impl FnOnce(&mut Connection)) -> AllocationInfo {
    let mut connection = None;
    measure(|| {
        let mut quiet = established(deflate);
        work(&mut quiet);
        quiet.idle();
        connection = Some(quiet);
    })
}

/// Messages of all sizes in both directions, none of which is compressed.
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
fn a_quiet_connection_holds_under_16_kib_before_its_first_compressed_message() {
    for deflate in [false, true] {
        let fresh = held(deflate, |_| {});
        assert!(fresh.bytes_current < QUIET, "{fresh:?}");
        let used = held(deflate, converse);
        assert!(used.bytes_current < QUIET, "{used:?}");
    }
}

#[test]
fn a_connection_holds_its_window_more_after_a_compressed_message_and_no_deflater_when_quiet() {
    let received = held(true, |connection| {
        converse(connection);
        assert_eq!(read(connection, &compressed(&vec![b'a'; 60_000])), 1);
    });
    assert!(received.bytes_current < QUIET + INFLATER, "{received:?}");
    assert!(received.bytes_current > 32 * KIB, "the window is kept: {received:?}");
    let sent = held(true, |connection| {
        connection.send(Kind::Text, Payload::Borrowed(&[b'a'; 5000]));
        write(connection);
    });
    assert!(sent.bytes_current < QUIET && sent.bytes_max > 200 << 10, "{sent:?}");
}

#[test]
fn receiving_allocates_once_a_message_and_sending_not_at_all() {
    for size in [64, 1000, 16 << 10] {
        let mut connection = established(false);
        let bytes = frame(0x82, &vec![7; size]).repeat(100);
        // The buffers are as large as they get.
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
