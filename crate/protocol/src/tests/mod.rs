//! Tests of whole connections. They compare complete lists of events and the bytes written.

mod borrowing;
mod closing;
mod compression;
mod connect;
mod errors;
mod incompressible;
mod memory;
mod opening;
mod properties;
mod redirects;
mod reference_inflater;
mod sending;
mod server;
mod steps;
mod violations;

use std::time::Duration;

use bytes::BufMut;

use crate::connection::Connection;
use crate::error::Failure;
use crate::handshake::{self, Request};
use crate::limits::Limits;
use crate::mask::Entropy;
use crate::message::{Kind, Message, Payload};
use crate::phase::StreamAction;
use samesocket_spec::close::CloseFrame;
use samesocket_spec::state::Feedback;
use samesocket_spec::{CloseEvent, Response};

/// An event in a form that can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    Open(String, String),
    Text(String),
    Binary(Vec<u8>),
    Closing,
    Failed,
    Closed(u16, String, bool),
}

impl From<Feedback<Message>> for Event {
    fn from(feedback: Feedback<Message>) -> Self {
        match feedback {
            Feedback::Established { protocol, extensions } => Self::Open(protocol, extensions),
            Feedback::MessageReceived(Message::Text(text)) => Self::Text(text),
            Feedback::MessageReceived(Message::Binary(bytes)) => Self::Binary(bytes.to_vec()),
            Feedback::ClosingHandshakeStarted => Self::Closing,
            Feedback::Failed => Self::Failed,
            Feedback::Closed(CloseEvent { code, reason, was_clean, .. }) => Self::Closed(code, reason, was_clean),
        }
    }
}

fn open() -> Event {
    Event::Open(String::new(), String::new())
}

fn text(text: &str) -> Event {
    Event::Text(text.to_owned())
}

fn binary(bytes: &[u8]) -> Event {
    Event::Binary(bytes.to_owned())
}

fn closed(code: u16, reason: &str, clean: bool) -> Event {
    Event::Closed(code, reason.to_owned(), clean)
}

/// Returns the last events of a failed connection.
fn failed() -> [Event; 2] {
    [Event::Failed, closed(1006, "", false)]
}

/// A driver whose clock and stream are controlled by the test.
struct Driver {
    connection: Connection,
    now: Duration,
    events: Vec<Event>,
    /// The bytes that were written.
    written: Vec<u8>,
}

fn request() -> Request {
    Request { host: "h".to_owned(), path: "/".to_owned(), ..Request::default() }
}

/// Returns a deterministic generator of bytes.
fn entropy() -> Entropy {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    Box::new(move |bytes| {
        for byte in bytes {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = state.to_be_bytes()[0];
        }
    })
}

/// Returns random bytes, the same at each call.
pub(crate) fn noise(size: usize) -> Vec<u8> {
    let mut noise = vec![0; size];
    entropy()(&mut noise);
    noise
}

/// Returns random digits, which shrink by a seventh.
fn digits(size: usize) -> Vec<u8> {
    noise(size).iter().map(|byte| b"0123456789abcdef"[usize::from(byte % 16)]).collect()
}

impl Driver {
    fn new(request: &Request, limits: Limits) -> Self {
        let connection = Connection::new(request, limits, entropy(), Duration::ZERO).unwrap();
        let mut driver = Self { connection, now: Duration::ZERO, events: Vec::new(), written: Vec::new() };
        driver.write(usize::MAX);
        driver
    }

    /// Creates an established connection with these extensions, and takes the event for it.
    fn established(extensions: &str, limits: Limits) -> Self {
        let mut driver = Self::new(&request(), limits);
        let response = driver.response(extensions);
        driver.receive(response.as_bytes());
        assert_eq!(driver.take_events(), [Event::Open(String::new(), extensions.to_owned())]);
        driver.written.clear();
        driver
    }

    /// Returns a valid response to the request.
    fn response(&self, extensions: &str) -> String {
        let mut fields = String::new();
        if !extensions.is_empty() {
            fields = format!("Sec-WebSocket-Extensions: {extensions}\r\n");
        }
        self.response_with(&fields)
    }

    fn response_with(&self, fields: &str) -> String {
        let accept = handshake::accept_key(&server::key(&self.written));
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n{fields}\r\n"
        )
    }

    fn poll(&mut self) {
        loop {
            while let Some(event) = self.next_event() {
                self.events.push(event.into());
            }
            if !self.connection.has_more_events() {
                return;
            }
        }
    }

    fn next_event(&mut self) -> Option<Feedback<Message>> {
        let may_have_event = self.connection.may_have_event();
        let event = self.connection.poll_event(self.now);
        assert!(may_have_event || event.is_none(), "{event:?}");
        event
    }

    /// Receives bytes through the read buffer, polls events, and writes all pending bytes.
    fn receive(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let mut buffer = self.connection.read_buffer();
            let piece = &bytes[..bytes.len().min(buffer.remaining_mut())];
            assert!(!piece.is_empty(), "the read buffer has room");
            buffer.put_slice(piece);
            bytes = &bytes[piece.len()..];
            self.poll();
            self.write(usize::MAX);
        }
    }

    fn receive_eof(&mut self) {
        self.connection.receive_eof();
        self.poll();
        self.write(usize::MAX);
        self.poll();
    }

    /// Writes at most `most` bytes, and returns how many there were.
    fn write(&mut self, most: usize) -> usize {
        let mut all = 0;
        loop {
            let has_pending_bytes = self.connection.has_pending_bytes();
            let output = self.connection.pending_bytes();
            assert_eq!(has_pending_bytes, !output.is_empty());
            let size = output.len().min(most - all);
            if size == 0 {
                self.poll();
                return all;
            }
            self.written.extend_from_slice(&output[..size]);
            all += size;
            self.connection.advance_written(size, self.now);
        }
    }

    fn close(&mut self, frame: CloseFrame<'_>) {
        self.connection.close(frame, self.now);
        self.poll();
    }

    fn send_text(&mut self, text: &str) {
        self.connection.send(Kind::Text, Payload::Borrowed(text.as_bytes()));
    }

    fn send_binary(&mut self, bytes: impl Into<bytes::Bytes>) {
        self.connection.send(Kind::Binary, Payload::Shared(&bytes.into()));
    }

    fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.connection.handle_timeout(self.now);
        self.poll();
    }

    fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Takes the frames that were written since the last call.
    fn take_frames(&mut self) -> Vec<server::Frame> {
        server::frames(&std::mem::take(&mut self.written))
    }
}

/// Encodes a frame of a server.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ ..126 => bytes.push(u8::try_from(length).unwrap()),
        length @ 126..0x1_0000 => {
            bytes.push(126);
            bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            bytes.push(127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    bytes
}

/// Encodes the body of a Close frame.
fn close_body(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_bytes()].concat()
}
