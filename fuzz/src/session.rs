//! A connection without a network, which receives bytes in reads of any sizes.

use std::time::Duration;

use samesocket_protocol::{Connection, Failure, Kind, Limits, Message, Payload, Request, StreamAction};
use samesocket_spec::redirect::location_url;
use samesocket_spec::state::Feedback;
use samesocket_spec::{CloseEvent, Response};

/// An event in a form that can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Established { protocol: String, extensions: String },
    Message(Message),
    ClosingHandshakeStarted,
    Failed,
    Closed(CloseEvent),
}

impl From<Feedback<Message>> for Event {
    fn from(feedback: Feedback<Message>) -> Self {
        match feedback {
            Feedback::Established { protocol, extensions } => Self::Established { protocol, extensions },
            Feedback::MessageReceived(message) => Self::Message(message),
            Feedback::ClosingHandshakeStarted => Self::ClosingHandshakeStarted,
            Feedback::Failed => Self::Failed,
            Feedback::Closed(event) => Self::Closed(event),
        }
    }
}

/// The behaviour of the driver while it receives bytes.
#[expect(clippy::struct_excessive_bools, reason = "an input switches each of them independently")]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Behaviour {
    /// Whether to read into the connection's buffer.
    pub(crate) own_buffer: bool,
    /// Whether to send each message back.
    pub(crate) echo: bool,
    /// Whether to release memory after each read.
    pub(crate) release_memory: bool,
    /// Whether to take messages without control frames first.
    pub(crate) next_message: bool,
    /// Whether the stream accepts a few bytes at a time.
    pub(crate) short_writes: bool,
    /// Whether to pause at redirects, and not to follow them after all.
    pub(crate) pauses: bool,
}

/// A connection, its events, and the bytes that it wrote.
pub(crate) struct Session {
    pub(crate) connection: Connection,
    behaviour: Behaviour,
    pub(crate) events: Vec<Event>,
    pub(crate) written: Vec<u8>,
}

impl Session {
    /// Begins the opening handshake. The nonce and all masking keys are zero, so that results are reproducible.
    pub(crate) fn new(request: &Request, limits: Limits, behaviour: Behaviour) -> Self {
        let connection = Connection::new(request, limits, Box::new(|bytes| bytes.fill(0)), Duration::ZERO);
        let mut connection = connection.expect("the request is valid");
        if behaviour.pauses {
            connection.pause_at_redirects();
        }
        let mut session = Self { connection, behaviour, events: Vec::new(), written: Vec::new() };
        session.write();
        session
    }

    /// Receives bytes in reads of these sizes, which repeat. Without sizes, there is one read.
    pub(crate) fn read(&mut self, mut bytes: &[u8], sizes: &[u8]) {
        let mut sizes = sizes.iter().cycle();
        while !bytes.is_empty() {
            let size = sizes.next().map_or(bytes.len(), |&size| usize::from(size) + 1);
            let (mut piece, rest) = bytes.split_at(size.min(bytes.len()));
            bytes = rest;
            while !piece.is_empty() {
                piece = self.read_once(piece);
                self.poll();
            }
        }
    }

    /// Closes the connection, as a script does.
    pub(crate) fn close(&mut self) {
        self.connection.close(Some((1000, "")), Duration::ZERO);
        self.poll();
    }

    /// Reports the end of the stream.
    pub(crate) fn end(&mut self) {
        self.connection.receive_eof();
        self.poll();
    }

    fn read_once<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        if !self.behaviour.own_buffer {
            self.connection.receive(piece);
            return &[];
        }
        let mut buffer = self.connection.read_buffer();
        let room = buffer.limit().min(piece.len());
        assert!(room > 0, "the read buffer has room");
        let (now, later) = piece.split_at(room);
        buffer.get_mut().extend_from_slice(now);
        buffer.set_limit(0);
        later
    }

    fn poll(&mut self) {
        while self.behaviour.next_message {
            let Some(message) = self.connection.next_message() else { break };
            self.handle(Event::Message(message));
        }
        loop {
            let Some(event) = self.connection.poll_event(Duration::ZERO) else {
                if self.connection.has_more_events() {
                    continue;
                }
                if let Some(redirect) = self.connection.redirect() {
                    check_location(redirect);
                    self.connection.refuse_redirect();
                    continue;
                }
                break;
            };
            self.handle(Event::from(event));
        }
        self.write();
        if self.behaviour.release_memory {
            self.connection.release_memory();
        }
    }

    fn handle(&mut self, event: Event) {
        match &event {
            Event::Message(message) if self.behaviour.echo => {
                let (kind, payload) = match message {
                    Message::Text(text) => (Kind::Text, Payload::Borrowed(text.as_bytes())),
                    Message::Binary(bytes) => (Kind::Binary, Payload::Shared(bytes)),
                };
                self.connection.send(kind, payload);
                self.write();
            }
            _ => {}
        }
        self.events.push(event);
    }

    fn write(&mut self) {
        let most = if self.behaviour.short_writes { 7 } else { usize::MAX };
        loop {
            let output = self.connection.pending_bytes();
            let size = output.len().min(most);
            if size == 0 {
                return;
            }
            self.written.extend_from_slice(&output[..size]);
            self.connection.advance_written(size, Duration::ZERO);
        }
    }

    /// Ends the stream, checks the properties of an ended connection, and returns the events, the failure and the bytes written.
    pub(crate) fn finish(mut self) -> (Vec<Event>, Option<Failure>, Vec<u8>) {
        self.end();
        let (last, before) = self.events.split_last().expect("the end of the stream causes an event");
        let Event::Closed(closed) = last else { panic!("{last:?} is the last event") };
        assert!(!before.iter().any(|event| matches!(event, Event::Closed(_))), "there is more than one close event");
        let failed = before.contains(&Event::Failed);
        let failure = self.connection.failure().cloned();
        // A connection that is lost during the closing handshake has not failed, but has a reason for the unclean close.
        assert!(!failed || failure.is_some(), "a failed connection has no failure");
        assert!(failed || matches!(failure, None | Some(Failure::Lost)), "a failure caused no event");
        let abnormal = closed.code == 1006 && closed.reason.is_empty() && !closed.was_clean;
        assert!(!failed || abnormal, "a failed connection closed normally");
        assert_eq!(self.connection.stream_action(), StreamAction::Close);
        (self.events, failure, self.written)
    }
}

/// Checks the URL that a redirect leads to, if it has one.
fn check_location(redirect: &Response) {
    let base = url::Url::parse("https://user@h/path?query").expect("a URL");
    let parse = |location: &str| base.join(location).ok().map(String::from);
    let Ok(url) = location_url(redirect, &"wss://user@h/path?query".to_owned(), parse) else { return };
    assert!(url.starts_with("wss://"), "{url:?} is not encrypted");
    assert!(url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#'), "{url:?} breaks the request");
}
