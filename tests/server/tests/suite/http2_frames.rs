//! Tests of the misbehaviour over HTTP/2, with a client that shows each frame.

use std::{fmt::Write as _, io};

use samesocket_fault_server::{End, GoAwaySeen, Http2, Server, Until};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    http2_client::start_http2,
    raw_client::{record, within},
};

const NAMES: [&str; 10] = [
    "DATA",
    "HEADERS",
    "PRIORITY",
    "RST_STREAM",
    "SETTINGS",
    "PUSH_PROMISE",
    "PING",
    "GOAWAY",
    "WINDOW_UPDATE",
    "CONTINUATION",
];
const SETTINGS_ACK: &str = "SETTINGS 0 flags 1";
/// The frame that widens the window of the connection to 1 MiB.
const CONNECTION_WINDOW: &str = "WINDOW_UPDATE 0 000f0001";
/// A response with status 200 and nothing else.
const OK: &str = "HEADERS 1 flags 4 88";

/// A connection whose frames are descriptions: the type, the stream, the flags, and the payload or its length.
struct FrameClient {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl FrameClient {
    /// Connects without TLS. Returns the server's settings, too.
    async fn connect(server: &Server) -> (Self, String) {
        let stream = within(TcpStream::connect(server.addresses().h2c.unwrap())).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut client = Self { stream, buffer: Vec::new() };
        client.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        client.send(4, 0, 0, b"").await;
        let settings = client.frame().await.unwrap();
        client.send(4, 1, 0, b"").await;
        let mut rest = client.frames(2).await;
        rest.sort();
        assert_eq!(rest, [SETTINGS_ACK, CONNECTION_WINDOW]);
        (client, settings)
    }

    /// Connects and sends a request on stream 1.
    async fn open(server: &Server, query: &str) -> Self {
        let (mut client, _) = Self::connect(server).await;
        client.request(1, query).await;
        client
    }

    /// Sends an extended CONNECT request. Its fields are literals.
    async fn request(&mut self, stream: u32, query: &str) {
        let path = format!("/ws?{query}");
        let fields = [
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "http"),
            (":path", &path),
            (":authority", "h"),
        ];
        let mut block = Vec::new();
        for text in fields.iter().flat_map(|(name, value)| ["", name, value]) {
            block.push(u8::try_from(text.len()).unwrap());
            assert!(text.len() < 127, "{text}");
            block.extend_from_slice(text.as_bytes());
        }
        self.send(1, 4, stream, &block).await;
    }

    async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let frame = [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat();
        self.write(&frame).await;
    }

    async fn write(&mut self, bytes: &[u8]) {
        within(self.stream.write_all(bytes)).await.unwrap();
    }

    async fn frames(&mut self, count: usize) -> Vec<String> {
        let mut frames = Vec::new();
        for _ in 0..count {
            frames.push(self.frame().await.unwrap());
        }
        frames
    }

    /// Reads a frame.
    async fn frame(&mut self) -> io::Result<String> {
        loop {
            if let Some((&[high, middle, low, kind, flags, a, b, c, d], rest)) = self.buffer.split_first_chunk::<9>() {
                let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
                if rest.len() >= length {
                    let mut text = format!("{} {}", NAMES[usize::from(kind)], u32::from_be_bytes([a, b, c, d]));
                    if flags != 0 {
                        write!(text, " flags {flags}").unwrap();
                    }
                    if length > 24 {
                        write!(text, " length {length}").unwrap();
                    } else if length > 0 {
                        text.push(' ');
                        rest[..length].iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
                    }
                    self.buffer.drain(..9 + length);
                    return Ok(text);
                }
            }
            if within(self.stream.read_buf(&mut self.buffer)).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Sends a ping, and reads frames until its answer.
    async fn frames_until_pong(&mut self) -> Vec<String> {
        self.send(6, 0, 0, b"question").await;
        let mut frames = Vec::new();
        loop {
            let frame = self.frame().await.unwrap();
            if frame == "PING 0 flags 1 7175657374696f6e" {
                return frames;
            }
            frames.push(frame);
        }
    }
}

/// Requests `query` on a new connection, and compares the frames.
async fn expect(server: &Server, query: &str, frames: &[&str]) {
    let mut client = FrameClient::open(server, query).await;
    assert_eq!(client.frames(frames.len()).await, frames, "{query}");
    assert_eq!(client.frames_until_pong().await, [""; 0], "{query}");
}

#[tokio::test]
async fn stream_is_reset_in_every_state() {
    let server = start_http2().await;
    for (query, frames) in [
        ("handshake=reset:7", &["RST_STREAM 1 00000007"][..]),
        ("handshake=reset:13", &["RST_STREAM 1 0000000d"]),
        ("early=1&first=frame:3:0:stream:00000007&handshake=nothing", &["RST_STREAM 1 00000007"]),
        ("do=reset", &[OK, "RST_STREAM 1 00000008"]),
        ("do=raw:810561,reset:enhance-your-calm", &[OK, "DATA 1 810561", "RST_STREAM 1 0000000b"]),
        ("do=text:a,reset:2", &[OK, "DATA 1 810161", "RST_STREAM 1 00000002"]),
        ("do=close:1000,reset:0", &[OK, "DATA 1 880203e8", "RST_STREAM 1 00000000"]),
        ("do=fin,reset:5", &[OK, "DATA 1 flags 1", "RST_STREAM 1 00000005"]),
        ("do=drop", &[OK, "DATA 1 flags 1", "RST_STREAM 1 00000000"]),
    ] {
        expect(&server, query, frames).await;
    }
}

#[tokio::test]
async fn goaway_names_streams_before_or_after_the_own() {
    let server = start_http2().await;
    for (query, frames) in [
        ("first=goaway:before:0&handshake=nothing", &["GOAWAY 0 0000000000000000"][..]),
        ("do=goaway:this:0,text:a", &[OK, "GOAWAY 0 0000000100000000", "DATA 1 810161"]),
        ("do=goaway:all:enhance-your-calm", &[OK, "GOAWAY 0 7fffffff0000000b"]),
        ("do=goaway:4:1", &[OK, "GOAWAY 0 0000000400000001"]),
    ] {
        expect(&server, query, frames).await;
    }
    // New connections are accepted meanwhile.
    assert_eq!(server.store().connections().len(), 4);
}

#[tokio::test]
async fn settings_are_left_out_set_and_withdrawn() {
    let server = start_http2().await;
    let (_client, settings) = FrameClient::connect(&server).await;
    assert_eq!(settings, "SETTINGS 0 000600100000000800000001");
    server.set_http2(Http2::new().without_connect_protocol().max_concurrent_streams(2).initial_window_size(0));
    let (_client, settings) = FrameClient::connect(&server).await;
    assert_eq!(settings, "SETTINGS 0 000600100000000300000002000400000000");
    server.set_http2(Http2::new());
    let mut client = FrameClient::open(&server, "id=s&do=settings:8:0|3:1,gate:go,text:a").await;
    assert_eq!(client.frames(2).await, [OK, "SETTINGS 0 000800000000000300000001"]);
    client.send(4, 1, 0, b"").await;
    within(server.store().wait_connection(3, |seen| seen.settings_ack_count == 2)).await;
    server.store().release("s", "go");
    assert_eq!(client.frames(1).await, ["DATA 1 810161"]);
}

#[tokio::test]
async fn response_may_be_interim_wrong_or_at_its_end() {
    let server = start_http2().await;
    for (query, frames) in [
        ("end-stream=1&do=", &["HEADERS 1 flags 5 88"][..]),
        // The literals `:status: 101`, and the name in upper case.
        ("status=101&end-stream=1&header=a:b", &["HEADERS 1 flags 5 length"]),
        ("field=A:b&do=", &["HEADERS 1 flags 4 00073a737461747573033230300001410162"]),
        ("handshake=garbage", &["HEADERS 1 flags 4 length"]),
        ("do=text:a,trailers:x:y", &[OK, "DATA 1 810161", "HEADERS 1 flags 5"]),
        ("fill=60000&do=", &["HEADERS 1 length 16384", "CONTINUATION 1 length 16384", "CONTINUATION 1 flags 4 length"]),
        ("early=2&do=", &["HEADERS 1 flags 4 length", "HEADERS 1 flags 4", "HEADERS 1 flags 4 88"]),
        ("status=204", &["HEADERS 1 flags 4 length", "DATA 1 7374617475"]),
        ("status=301&end-stream=1", &["HEADERS 1 flags 5 length"]),
    ] {
        let mut client = FrameClient::open(&server, query).await;
        let seen = client.frames(frames.len()).await;
        for (seen, start) in seen.iter().zip(frames) {
            assert!(seen.starts_with(start), "{query}: {seen}");
        }
    }
}

#[tokio::test]
async fn floods_are_written_as_they_are() {
    let server = start_http2().await;
    let padded = "DATA 1 flags 8 length 256";
    for (query, frames) in [
        ("do=padded:3,text:a", &[OK, padded, padded, padded, "DATA 1 810161"][..]),
        ("do=empty:2", &[OK, "DATA 1", "DATA 1"]),
        ("do=pings:2", &[OK, "PING 0 6120736372697074", "PING 0 6120736372697074"]),
        ("do=settings-flood:2,text:a", &[OK, "SETTINGS 0", "SETTINGS 0", "DATA 1 810161"]),
        ("do=frame:5:4:3:00000002", &[OK, "PUSH_PROMISE 3 flags 4 00000002"]),
    ] {
        expect(&server, query, frames).await;
    }
    let mut client = FrameClient::open(&server, "first=continuations:2:1").await;
    let frames = ["HEADERS 1 00073a73746174757303323030", "CONTINUATION 1 000b782d636f6e74696e7565640163"];
    assert_eq!(client.frames(3).await, [frames[0], frames[1], frames[1]]);
    let mut client = FrameClient::open(&server, "do=pings:20000,text:a").await;
    assert_eq!(client.frames(20_001).await[20_000], "PING 0 6120736372697074");
    assert_eq!(client.frame().await.unwrap(), "DATA 1 810161");
    // A padded flood ends when the window is used up: 255 times 256 bytes, and 255 that are left.
    let mut client = FrameClient::open(&server, "do=padded:300,text:a").await;
    let frames = client.frames(257).await;
    assert_eq!((&*frames[255], &*frames[256]), (padded, "DATA 1 flags 8 length 255"));
    client.send(8, 0, 0, &100_000_u32.to_be_bytes()).await;
    client.send(8, 0, 1, &100_000_u32.to_be_bytes()).await;
    let frames = client.frames(46).await;
    assert_eq!((&*frames[0], &*frames[45]), ("DATA 1 flags 8 00", "DATA 1 810161"));
}

#[tokio::test]
async fn pings_are_not_answered_after_the_step() {
    let server = start_http2().await;
    let mut client = FrameClient::open(&server, "id=p&do=text:a,ignore-pings,text:b,gate:go,text:c").await;
    assert_eq!(client.frames(3).await, [OK, "DATA 1 810161", "DATA 1 810162"]);
    client.send(6, 0, 0, b"question").await;
    within(server.store().wait_connection(1, |seen| seen.ping_count == 1)).await;
    server.store().release("p", "go");
    assert_eq!(client.frame().await.unwrap(), "DATA 1 810163");
    server.set_http2(Http2::new().answer_pings(false));
    let (mut client, _) = FrameClient::connect(&server).await;
    client.send(6, 0, 0, b"question").await;
    client.request(1, "do=text:a").await;
    assert_eq!(client.frames(2).await, [OK, "DATA 1 810161"]);
}

#[tokio::test]
async fn windows_are_held_until_they_are_released() {
    let server = start_http2().await;
    // A binary message of 60,000 bytes. The server reports half of a window at once.
    let message = [&[0x82, 0xfe, 0xea, 0x60, 0, 0, 0, 0][..], &vec![0; 60_000]].concat();
    for (target, stream) in [("stream", 1), ("connection", 0)] {
        let messages = if stream == 0 { 9 } else { 1 };
        let query = format!(
            "id={target}&do=hold-window:{target},await:{messages},text:a,gate:go,release-window:{target},text:b"
        );
        let mut client = FrameClient::open(&server, &query).await;
        let mut other_updates = 0;
        let expect_text = async |client: &mut FrameClient, text: &str, updates: &mut Vec<String>| loop {
            let frame = client.frame().await.unwrap();
            if frame == text {
                break;
            }
            updates.push(frame);
        };
        assert_eq!(client.frame().await.unwrap(), OK);
        for piece in message.repeat(messages).chunks(16_000) {
            client.send(0, 0, 1, piece).await;
            if stream == 0 {
                // Use up no window of the stream: wait for each update of it.
                other_updates += piece.len();
                if other_updates > 32_000 {
                    other_updates = 0;
                    assert!(client.frame().await.unwrap().starts_with("WINDOW_UPDATE 1 "));
                }
            }
        }
        let mut before = Vec::new();
        expect_text(&mut client, "DATA 1 810161", &mut before).await;
        let held = format!("WINDOW_UPDATE {stream} ");
        assert!(!before.iter().any(|frame| frame.starts_with(&held)), "{before:?}");
        server.store().release(target, "go");
        let mut after = Vec::new();
        expect_text(&mut client, "DATA 1 810162", &mut after).await;
        assert!(after.iter().any(|frame| frame.starts_with(&held)), "{after:?}");
    }
    expect(
        &server,
        "do=window:stream:5,window:connection:6",
        &[OK, "WINDOW_UPDATE 1 00000005", "WINDOW_UPDATE 0 00000006"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn packet_joins_the_headers_and_the_first_data() {
    let server = start_http2().await;
    for _ in 0..50 {
        let mut client = FrameClient::open(&server, "packet=1&do=text:a,close:1001").await;
        assert!(within(client.stream.read_buf(&mut client.buffer)).await.unwrap() > 0);
        assert_eq!(client.buffer, b"\0\0\x01\x01\x04\0\0\0\x01\x88\0\0\x07\0\0\0\0\0\x01\x81\x01a\x88\x02\x03\xe9");
    }
    let mut client = FrameClient::open(&server, "packet=1&do=bytes:100000").await;
    let frames = client.frames(5).await;
    assert_eq!((&*frames[0], &*frames[4]), (OK, "DATA 1 length 16383"));
}

#[tokio::test]
async fn silent_server_sends_nothing() {
    let server = start_http2().await;
    server.set_http2(Http2::new().silent());
    let mut stream = within(TcpStream::connect(server.addresses().h2c.unwrap())).await.unwrap();
    within(stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x07")).await.unwrap();
    within(server.store().wait_connection(1, |seen| seen.settings.get(&3) == Some(&7))).await;
    stream.shutdown().await.unwrap();
    let mut rest = Vec::new();
    within(stream.read_to_end(&mut rest)).await.unwrap();
    assert_eq!(rest, b"");
}

#[tokio::test]
async fn tcp_connection_is_dropped_or_reset() {
    let server = start_http2().await;
    for (query, frames, kind) in [
        ("do=text:a,drop-tcp", &[OK, "DATA 1 810161"][..], io::ErrorKind::UnexpectedEof),
        ("do=text:a,reset-tcp", &[OK, "DATA 1 810161"], io::ErrorKind::ConnectionReset),
        ("handshake=half", &["HEADERS 1 00073a73746174757303323030"], io::ErrorKind::UnexpectedEof),
    ] {
        let mut client = FrameClient::open(&server, &format!("id=t&{query}")).await;
        if kind != io::ErrorKind::ConnectionReset {
            assert_eq!(client.frames(frames.len()).await, frames, "{query}");
        }
        let error = loop {
            match client.frame().await {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), kind, "{query}");
        assert_eq!(record(&server, "t", Until::End).await.end, Some(End::Server), "{query}");
    }
}

#[tokio::test]
async fn frames_of_the_client_are_recorded() {
    let server = start_http2().await;
    let mut client = FrameClient::open(&server, "id=c&do=pings:1").await;
    assert_eq!(client.frames(2).await, [OK, "PING 0 6120736372697074"]);
    client.send(6, 1, 0, b"a script").await;
    client.send(6, 0, 0, b"question").await;
    client.send(4, 0, 0, &[0, 4, 0, 1, 0, 0]).await;
    client.send(3, 0, 1, &[0, 0, 0, 5]).await;
    client.send(7, 0, 0, &[0, 0, 0, 2, 0, 0, 0, 11]).await;
    let seen = within(server.store().wait_connection(1, |seen| seen.goaway.is_some())).await;
    assert_eq!(seen.goaway, Some(GoAwaySeen { last_stream: 2, code: 11 }));
    assert_eq!(seen.settings.get(&4), Some(&65_536));
    let counts = (seen.stream_count, seen.settings_ack_count, seen.ping_count, seen.pong_count, seen.reset_count);
    assert_eq!(counts, (1, 1, 1, 1, 1));
    let stream = record(&server, "c", Until::End).await;
    assert_eq!((stream.end, stream.stream_error), (Some(End::Reset), Some(5)));
}
