//! Tests of a connection without I/O.

use super::connection::Connection;
use super::frames::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PADDED, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE,
    write_frame, write_window_update,
};
use super::{CONNECTION_WINDOW, WINDOW};

const INITIAL_WINDOW_SIZE: u16 = 4;

/// A parsed frame of the server.
#[derive(Debug, PartialEq, Eq)]
struct Sent {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

/// The client's side of a connection.
struct Client {
    connection: Connection,
    frames: Vec<u8>,
}

impl Client {
    /// Starts a connection with this initial window.
    fn new(window: u32) -> Self {
        let mut client = Self { connection: Connection::new(), frames: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec() };
        client.settings(window);
        client
    }

    fn settings(&mut self, window: u32) {
        let payload = [&INITIAL_WINDOW_SIZE.to_be_bytes()[..], &window.to_be_bytes()].concat();
        self.frame(SETTINGS, 0, 0, &payload);
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        write_frame(kind, flags, stream, payload, &mut self.frames);
    }

    /// Requests a path, in a block without compression.
    fn open(&mut self, stream: u32, path: &str) {
        self.frame(HEADERS, END_HEADERS, stream, &block(path));
    }

    /// Passes the frames on in reads of this size, and returns what the server sends.
    fn flush_in(&mut self, size: usize) -> Vec<Sent> {
        let mut sent = Vec::new();
        for read in std::mem::take(&mut self.frames).chunks_mut(size) {
            self.connection.read(read).unwrap();
            self.connection.send();
            sent.extend_from_slice(self.connection.output());
            self.connection.clear();
        }
        parse(&sent)
    }

    fn flush(&mut self) -> Vec<Sent> {
        self.flush_in(usize::MAX)
    }
}

fn block(path: &str) -> Vec<u8> {
    // A literal `:path`, whose name is in the static table.
    [&[4, u8::try_from(path.len()).unwrap()], path.as_bytes()].concat()
}

fn parse(mut bytes: &[u8]) -> Vec<Sent> {
    let mut frames = Vec::new();
    while let Some((&[a, b, c, kind, flags, stream @ ..], rest)) = bytes.split_first_chunk::<9>() {
        let (payload, rest) = rest.split_at(u32::from_be_bytes([0, a, b, c]) as usize);
        frames.push(Sent { kind, flags, stream: u32::from_be_bytes(stream), payload: payload.to_vec() });
        bytes = rest;
    }
    frames
}

/// Returns the data of a stream.
fn data(frames: &[Sent], stream: u32) -> Vec<u8> {
    let own = frames.iter().filter(|frame| frame.kind == DATA && frame.stream == stream);
    own.flat_map(|frame| frame.payload.clone()).collect()
}

/// Returns a masked message, whose mask is zero, and its echo.
fn message(size: u16) -> (Vec<u8>, Vec<u8>) {
    let [a, b] = size.to_be_bytes();
    let payload = vec![7; usize::from(size)];
    ([&[0x82, 0xfe, a, b, 0, 0, 0, 0], &payload[..]].concat(), [&[0x82, 126, a, b], &payload[..]].concat())
}

#[test]
fn echo_survives_reads_of_any_size() {
    let (request, answer) = message(1000);
    for size in [1, 2, 7, 9, 100, usize::MAX] {
        let mut client = Client::new(1 << 20);
        client.frame(HEADERS, 0, 1, &block("/deflate")[..3]);
        client.frame(CONTINUATION, END_HEADERS, 1, &block("/deflate")[3..]);
        let (first, second) = request.split_at(500);
        let padded = |data: &[u8], padding: u8| [&[padding], data, &vec![1; usize::from(padding)]].concat();
        client.frame(DATA, PADDED, 1, &padded(first, 200));
        client.frame(DATA, PADDED | END_STREAM, 1, &padded(second, 0));
        client.frame(PING, 0, 0, b"12345678");
        let sent = client.flush_in(size);
        let headers = sent.iter().find(|frame| frame.kind == HEADERS).unwrap();
        assert!(headers.stream == 1 && headers.payload.ends_with(b"permessage-deflate"));
        assert!(data(&sent, 1) == answer, "reads of {size}");
        assert!(sent.iter().any(|frame| (frame.kind, frame.flags) == (PING, ACK) && frame.payload == b"12345678"));
        let ends = sent.iter().filter(|frame| frame.kind == DATA && frame.flags & END_STREAM != 0);
        assert_eq!(ends.count(), 1);
    }
}

#[test]
fn full_window_stops_only_its_stream() {
    let mut client = Client::new(100);
    let (request, answer) = message(1000);
    client.open(1, "/echo");
    client.open(3, "/echo");
    write_window_update(3, 10_000, &mut client.frames);
    client.frame(DATA, 0, 1, &request);
    client.frame(DATA, 0, 3, &request);
    let sent = client.flush();
    assert!(data(&sent, 1) == answer[..100]);
    assert!(data(&sent, 3) == answer);

    // Fewer initial bytes than the stream has sent make its window negative.
    client.settings(50);
    write_window_update(1, 60, &mut client.frames);
    let sent = client.flush();
    assert!(data(&sent, 1) == answer[100..110]);

    write_window_update(1, 10_000, &mut client.frames);
    assert!(data(&client.flush(), 1) == answer[110..]);
}

#[test]
fn full_connection_stops_every_stream_until_it_is_renewed() {
    let mut client = Client::new(1 << 20);
    let (request, answer) = message(40_000);
    for stream in [1, 3] {
        client.open(stream, "/echo");
        for piece in request.chunks(16_384) {
            client.frame(DATA, 0, stream, piece);
        }
    }
    let sent = client.flush();
    assert!(data(&sent, 1) == answer);
    assert!(data(&sent, 3) == answer[..65_535 - answer.len()]);
    assert!(!client.connection.can_send());
    write_window_update(0, 1 << 20, &mut client.frames);
    assert!(data(&client.flush(), 3) == answer[65_535 - answer.len()..]);
}

#[test]
fn flood_takes_turns_and_ends_with_reset() {
    let mut client = Client::new(1 << 30);
    write_window_update(0, 1 << 30, &mut client.frames);
    client.open(1, "/flood/binary/1000/1000000");
    client.open(3, "/echo");
    let (request, answer) = message(1000);
    client.frame(DATA, 0, 3, &request);
    let sent = client.flush();
    assert!(data(&sent, 3) == answer);
    let flood = data(&sent, 1);
    assert!(flood.len() < 100_000 && flood[..4] == [0x82, 126, 0x03, 0xe8]);
    assert!(sent.iter().all(|frame| frame.payload.len() <= 16_384));
    assert!(client.connection.can_send());
    client.frame(RST_STREAM, 0, 1, &8_u32.to_be_bytes());
    assert_eq!(client.flush(), []);
    assert!(!client.connection.can_send());
}

#[test]
fn windows_are_renewed_in_steps() {
    let mut client = Client::new(0);
    client.open(1, "/discard/0/0");
    client.open(3, "/ignore");
    client.flush();
    let mut renewed = [0, 0, 0, 0];
    let pieces = CONNECTION_WINDOW / 2 / 16_384;
    for stream in [1, 3] {
        for _ in 0..pieces / 2 {
            client.frame(DATA, 0, stream, &[0; 16_384]);
            for frame in client.flush() {
                assert_eq!(frame.kind, WINDOW_UPDATE);
                let increment = u32::from_be_bytes(frame.payload.try_into().unwrap());
                assert!(increment >= WINDOW / 2);
                renewed[frame.stream as usize] += increment;
            }
        }
    }
    assert_eq!(renewed, [CONNECTION_WINDOW / 2, CONNECTION_WINDOW / 4, 0, 0]);
}

#[test]
fn close_is_answered_and_ends_the_stream() {
    let mut client = Client::new(1 << 20);
    client.open(1, "/echo");
    client.frame(DATA, 0, 1, &[0x88, 0x80, 0, 0, 0, 0]);
    let sent = client.flush();
    let last = sent.last().unwrap();
    assert_eq!((last.kind, last.flags, &last.payload[..]), (DATA, END_STREAM, &[0x88, 0][..]));
    // What the client sends in the meantime is not an error.
    client.frame(DATA, END_STREAM, 1, b"x");
    assert_eq!(client.flush(), []);
}
