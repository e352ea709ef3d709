//! A connection without a network, whose bytes come in reads of any sizes.

use std::time::Duration;

use samesocket_protocol::{Connection, Failure, Kind, Limits, Message, Payload, Request, StreamAction};
use samesocket_spec::CloseEvent;
use samesocket_spec::state::Feedback;

/// What was told, in a form that is compared.
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

/// What is done while the bytes come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Habits {
    /// Read into the connection's own buffer.
    pub(crate) own_buffer: bool,
    /// Send each message back.
    pub(crate) echo: bool,
    /// Say that the connection is quiet, after each read.
    pub(crate) idle: bool,
}

/// A connection and what came of it.
pub(crate) struct Session {
    pub(crate) connection: Connection,
    habits: Habits,
    pub(crate) events: Vec<Event>,
    pub(crate) written: Vec<u8>,
}

impl Session {
    /// Begins the opening handshake, with the nonce and all masking keys zero, so that inputs mean the same each time.
    pub(crate) fn new(request: &Request, limits: Limits, habits: Habits) -> Self {
        let connection = Connection::new(request, limits, Box::new(|bytes| bytes.fill(0)), Duration::ZERO);
        let connection = connection.expect("the request is a good one");
        let mut session = Self { connection, habits, events: Vec::new(), written: Vec::new() };
        session.write();
        session
    }

    /// Gives bytes, in reads of these sizes over and over; none means all at once.
    pub(crate) fn read(&mut self, mut bytes: &[u8], sizes: &[u8]) {
        let mut sizes = sizes.iter().cycle();
        while !bytes.is_empty() {
            let size = sizes.next().map_or(bytes.len(), |&size| usize::from(size) + 1);
            let (mut piece, rest) = bytes.split_at(size.min(bytes.len()));
            bytes = rest;
            while !piece.is_empty() {
                piece = self.read_once(piece);
                self.look();
            }
        }
    }

    /// Closes, as a script does.
    pub(crate) fn close(&mut self) {
        self.connection.close(Some((1000, "")), Duration::ZERO);
        self.look();
    }

    /// Ends the stream.
    pub(crate) fn end(&mut self) {
        self.connection.receive_eof();
        self.look();
    }

    fn read_once<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        if !self.habits.own_buffer {
            self.connection.receive(piece);
            return &[];
        }
        let mut buffer = self.connection.read_buffer();
        let room = buffer.limit().min(piece.len());
        assert!(room > 0, "there is always room");
        let (now, later) = piece.split_at(room);
        buffer.get_mut().extend_from_slice(now);
        buffer.set_limit(0);
        later
    }

    fn look(&mut self) {
        while let Some(feedback) = self.connection.poll_event(Duration::ZERO) {
            let event = Event::from(feedback);
            if let Event::Message(message) = &event
                && self.habits.echo
            {
                let (kind, payload) = match message {
                    Message::Text(text) => (Kind::Text, Payload::Borrowed(text.as_bytes())),
                    Message::Binary(bytes) => (Kind::Binary, Payload::Shared(bytes)),
                };
                self.connection.send(kind, payload);
                self.write();
            }
            self.events.push(event);
        }
        self.write();
        if self.habits.idle {
            self.connection.release_memory();
        }
    }

    fn write(&mut self) {
        loop {
            let output = self.connection.pending_bytes();
            let size = output.len();
            if size == 0 {
                return;
            }
            self.written.extend_from_slice(output);
            self.connection.advance_written(size, Duration::ZERO);
        }
    }

    /// Checks what must hold for every connection whose stream has ended, and gives what was told and why it failed.
    pub(crate) fn finish(mut self) -> (Vec<Event>, Option<Failure>, Vec<u8>) {
        self.end();
        let (last, before) = self.events.split_last().expect("the end of the stream is told");
        let Event::Closed(closed) = last else { panic!("{last:?} is told last") };
        assert!(!before.iter().any(|event| matches!(event, Event::Closed(_))), "there is one end");
        let failed = before.contains(&Event::Failed);
        let failure = self.connection.failure().cloned();
        // A connection that is lost within the closing handshake has not failed, and still there is something to tell.
        assert!(!failed || failure.is_some(), "why it failed can be asked for");
        assert!(failed || matches!(failure, None | Some(Failure::Lost)), "a failure is told");
        let abnormal = closed.code == 1006 && closed.reason.is_empty() && !closed.was_clean;
        assert!(!failed || abnormal, "a failed connection tells nothing but that");
        assert_eq!(self.connection.stream_action(), StreamAction::Close);
        (self.events, failure, self.written)
    }
}
