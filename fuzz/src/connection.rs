//! Properties of a connection with a model of a server, while time moves and reads and writes are short.

use std::time::Duration;

use bytes::Bytes;
use samesocket_protocol::handshake::accept_key;
use samesocket_protocol::{
    Connection, Failure, Kind, Limits, MESSAGE_OVERHEAD, Message, Payload, Request, StreamAction,
};
use samesocket_spec::state::Feedback;

use crate::script::{Script, Sent};
use crate::server::{self, Extensions, Receiver};

/// The bytes that may wait to be sent: less than some scripts send.
const QUEUE: u64 = 3 << 20;

/// The time of each deadline.
const OPENING: Duration = Duration::from_secs(20);
const CLOSING: Duration = Duration::from_secs(10);
const DRAIN: Duration = Duration::from_secs(2);

/// Checks a connection with a model of a server.
///
/// The first byte encodes the extensions. The rest are actions of the client, the server, the network and the clock.
///
/// - There is one close event. It is the last event.
/// - Each message that was sent arrives once and in order, in both directions, until the connection closes.
/// - bufferedAmount is the number of payload bytes that were not written.
/// - A deadline changes the state when it has expired, and not before.
///
/// # Panics
/// Panics if a property does not hold.
pub fn connection(data: &[u8]) {
    let mut script = Script::new(data);
    let mut model = Model::new(Extensions::of(script.byte()));
    while !script.is_over() && !model.is_over {
        model.act(&mut script);
    }
    model.finish();
}

#[expect(clippy::struct_excessive_bools, reason = "each is seen independently")]
struct Model {
    connection: Connection,
    now: Duration,
    receiver: Receiver,
    sender: server::Sender,
    /// Whether the server's response is on its way.
    responded: bool,
    /// The bytes of the server that have not arrived.
    incoming: Vec<u8>,
    /// The messages that the server has sent before its Close frame.
    expected: Vec<Sent>,
    /// Whether the server has sent a Close frame, and whether it has ended the stream.
    server_closed: bool,
    eof: bool,
    /// The messages that the client has received.
    received: Vec<Sent>,
    /// The messages that the client has sent, until it closed.
    sent: Vec<Sent>,
    /// All payload bytes that the client has sent, and those that count for ever.
    sent_bytes: u64,
    lost_bytes: u64,
    established: bool,
    closing: bool,
    failed: bool,
    write_failed: bool,
    is_over: bool,
    /// The number of close events.
    closed: usize,
    /// The number of messages received when the client closed.
    received_at_close: Option<usize>,
}

impl Model {
    fn new(extensions: Extensions) -> Self {
        let request = Request { host: "h".to_owned(), path: "/".to_owned(), ..Request::default() };
        let limits = Limits { queue: QUEUE, opening: OPENING, closing: CLOSING, drain: DRAIN, ..Limits::default() };
        // The masking keys differ from byte to byte, so that a misaligned mask is found.
        let mut last = 0_u8;
        let entropy = move |bytes: &mut [u8]| {
            for byte in bytes {
                last = last.wrapping_mul(5).wrapping_add(3);
                *byte = last;
            }
        };
        let connection = Connection::new(&request, limits, Box::new(entropy), Duration::ZERO);
        Self {
            connection: connection.expect("the request is valid"),
            now: Duration::ZERO,
            receiver: Receiver::new(extensions),
            sender: server::Sender::new(extensions),
            responded: false,
            incoming: Vec::new(),
            expected: Vec::new(),
            server_closed: false,
            eof: false,
            received: Vec::new(),
            sent: Vec::new(),
            sent_bytes: 0,
            lost_bytes: 0,
            established: false,
            closing: false,
            failed: false,
            write_failed: false,
            is_over: false,
            closed: 0,
            received_at_close: None,
        }
    }

    /// Executes one action of the script.
    fn act(&mut self, script: &mut Script<'_>) {
        match script.below(16) {
            0 | 1 => self.client_sends(script),
            2 => self.client_closes(script),
            3 => drop(self.connection.ping()),
            4 | 5 => self.server_sends(script),
            6 => self.server_pings(script),
            7 => self.server_closes(script),
            8 => self.respond(),
            9 | 10 => {
                let size = script.size().max(1);
                self.read(size, script.flag());
            }
            11 | 12 => {
                let size = script.size();
                self.write(size, script.flag());
            }
            13 => self.pass_time(Duration::from_millis(100) * u32::from(script.byte())),
            14 => self.connection.release_memory(),
            _ => match script.below(8) {
                0 => self.end_stream(),
                1 => self.fail_writes(),
                2 => {
                    self.connection.set_unflushed(true, self.now);
                }
                3 => {
                    self.connection.set_unflushed(false, self.now);
                    self.poll();
                }
                4 => assert!(self.connection.answered_pings() <= self.connection.ping().unwrap_or(u64::MAX)),
                _ => self.take_messages(),
            },
        }
        self.check_buffered_amount();
    }

    fn client_sends(&mut self, script: &mut Script<'_>) {
        let message = script.message();
        let size = message.payload.len() as u64;
        let is_transmitted = self.established && !self.closing && !self.failed && !self.is_over;
        let queued = self.connection.queued_bytes() + size;
        let kind = if message.is_text { Kind::Text } else { Kind::Binary };
        if script.flag() {
            self.connection.send(kind, Payload::Borrowed(&message.payload));
        } else {
            self.connection.send(kind, Payload::Shared(&Bytes::from(message.payload.clone())));
        }
        self.sent_bytes += size;
        if !is_transmitted || self.write_failed {
            self.lost_bytes += size;
            return;
        }
        let is_full = matches!(self.connection.failure(), Some(Failure::QueueFull { limit: QUEUE }));
        assert!(is_full || queued <= QUEUE, "{queued} bytes are in the queue");
        assert!(!is_full || queued + MESSAGE_OVERHEAD > QUEUE, "the queue is full with {queued} bytes");
        if is_full {
            self.lost_bytes += size;
            self.poll();
            assert!(self.failed);
        } else {
            self.sent.push(message);
        }
    }

    fn client_closes(&mut self, script: &mut Script<'_>) {
        let code = [None, Some((1000, "")), Some((3000, "reason"))][usize::from(script.below(3))];
        self.connection.close(code, self.now);
        if self.received_at_close.is_none() {
            self.received_at_close = Some(self.received.len());
        }
        self.closing = true;
        self.poll();
    }

    fn server_sends(&mut self, script: &mut Script<'_>) {
        let message = script.message();
        let (compress, pieces) = (script.flag(), script.byte());
        // At most some hundred fragments, so that an execution stays short.
        let piece = if pieces & 1 == 0 { usize::MAX } else { message.payload.len() / usize::from(pieces) + 1 };
        if self.responded && !self.server_closed && !self.eof {
            self.incoming.extend(self.sender.message(&message, compress, piece));
            self.expected.push(message);
        }
    }

    fn server_pings(&mut self, script: &mut Script<'_>) {
        let (first, size) = (0x89 + script.below(2), usize::from(script.byte() & 0x7f).min(125));
        if self.responded && !self.server_closed && !self.eof {
            self.incoming.extend(server::frame(first, &vec![2; size]));
        }
    }

    fn server_closes(&mut self, script: &mut Script<'_>) {
        let code = [None, Some(1000), Some(1001), Some(4999)][usize::from(script.below(4))];
        if self.responded && !self.server_closed && !self.eof {
            self.incoming.extend(server::close_frame(code));
            self.server_closed = true;
        }
    }

    /// Sends the server's response, once the request has arrived.
    fn respond(&mut self) {
        if self.receiver.request.is_some() && !self.responded && !self.eof {
            self.incoming.extend(self.receiver.response(accept_key).into_bytes());
            self.responded = true;
        }
    }

    /// Delivers bytes of the server.
    fn read(&mut self, size: usize, own_buffer: bool) {
        let size = size.min(self.incoming.len());
        let mut bytes: Vec<u8> = self.incoming.drain(..size).collect();
        if own_buffer {
            while !bytes.is_empty() {
                let mut buffer = self.connection.read_buffer();
                let room = buffer.limit().min(bytes.len());
                assert!(room > 0, "the read buffer has no room");
                buffer.get_mut().extend(bytes.drain(..room));
                buffer.set_limit(0);
                self.poll();
            }
        } else {
            self.connection.receive(&bytes);
            self.poll();
        }
    }

    /// Writes at most `size` bytes.
    fn write(&mut self, size: usize, prepare: bool) {
        if self.write_failed {
            return;
        }
        while prepare && self.connection.prepare_bytes() {
            drop(self.connection.take_released_payloads());
        }
        let bytes = self.connection.pending_bytes();
        let size = size.min(bytes.len());
        self.receiver.receive(&bytes[..size]);
        self.connection.advance_written(size, self.now);
        self.poll();
    }

    /// Lets time pass, up to each deadline on the way.
    fn pass_time(&mut self, duration: Duration) {
        let end = self.now + duration;
        for _ in 0..10 {
            let Some(deadline) = self.connection.deadline().filter(|&deadline| deadline <= end) else { break };
            if let Some(before) = deadline.checked_sub(Duration::from_nanos(1)).filter(|&before| before >= self.now) {
                let state = (self.connection.stream_action(), self.connection.deadline());
                self.connection.handle_timeout(before);
                assert_eq!(state, (self.connection.stream_action(), self.connection.deadline()), "it is too early");
            }
            self.now = self.now.max(deadline);
            self.connection.handle_timeout(self.now);
            let changed = self.connection.deadline() != Some(deadline);
            assert!(changed, "the deadline had no effect");
            self.poll();
        }
        self.now = end;
    }

    fn end_stream(&mut self) {
        // The bytes of the server before the end arrive first.
        self.read(usize::MAX, false);
        self.eof = true;
        self.connection.receive_eof();
        self.poll();
    }

    fn fail_writes(&mut self) {
        if !self.write_failed {
            self.lost_bytes = self.connection.buffered_amount();
            self.write_failed = true;
            self.connection.write_failed();
            self.poll();
        }
    }

    /// Takes messages without control frames.
    fn take_messages(&mut self) {
        while let Some(message) = self.connection.next_message() {
            self.receive(message);
        }
        self.poll();
    }

    fn receive(&mut self, message: Message) {
        assert!(self.established && !self.failed && !self.is_over, "a message was received too late or too early");
        assert!(self.received_at_close.is_none(), "a message was received after the client has closed");
        let message = match message {
            Message::Text(text) => Sent { is_text: true, payload: text.into_bytes() },
            Message::Binary(bytes) => Sent { is_text: false, payload: bytes.to_vec() },
        };
        let index = self.received.len();
        assert_eq!(Some(&message), self.expected.get(index), "message {index} differs");
        self.received.push(message);
    }

    fn poll(&mut self) {
        loop {
            let Some(event) = self.connection.poll_event(self.now) else {
                if self.connection.has_more_events() {
                    continue;
                }
                return;
            };
            assert!(!self.is_over, "{event:?} follows the close event");
            match event {
                Feedback::Established { extensions, .. } => {
                    assert!(self.responded && !self.established && !self.failed);
                    assert_eq!(extensions.is_empty(), self.sender.is_plain());
                    self.established = true;
                }
                Feedback::MessageReceived(message) => self.receive(message),
                Feedback::ClosingHandshakeStarted => {
                    assert!(self.established && self.server_closed && !self.closing);
                    assert_eq!(self.received.len(), self.expected.len(), "messages before the Close frame are missing");
                    self.closing = true;
                }
                Feedback::Failed => self.failed = true,
                Feedback::Closed(event) => {
                    self.closed += 1;
                    self.is_over = true;
                    assert!(!event.was_clean || self.server_closed && !self.failed && !self.write_failed);
                }
            }
            let failure = self.connection.failure();
            let is_allowed = match failure {
                None => true,
                Some(Failure::ClosedWhileConnecting) => self.closing && !self.established,
                Some(Failure::OpeningTimeout) => !self.established && self.now >= OPENING,
                Some(Failure::LostWhileOpening) => !self.established && self.eof,
                Some(Failure::QueueFull { .. }) => self.established,
                Some(Failure::Lost) => self.established && self.eof,
                Some(Failure::ClosingTimeout) => self.closing && self.now >= DRAIN,
                Some(_) => false,
            };
            assert!(is_allowed, "the connection failed: {failure:?}");
        }
    }

    /// Compares bufferedAmount with the bytes that the server has received.
    fn check_buffered_amount(&self) {
        let amount = self.connection.buffered_amount();
        let waiting = amount.saturating_sub(self.lost_bytes);
        assert!(self.connection.queued_bytes() >= waiting, "{waiting} bytes wait, and not all of them count");
        if self.failed || self.is_over || self.write_failed {
            let least = self.lost_bytes.min(self.sent_bytes);
            assert!((least..=self.sent_bytes).contains(&amount), "bufferedAmount is {amount} after a failure");
            return;
        }
        let allowed = self.receiver.buffered_amounts(&self.sent, self.lost_bytes);
        assert!(allowed.contains(&amount), "bufferedAmount is {amount}, not in {allowed:?}");
    }

    /// Lets the connection end, and checks what has arrived.
    fn finish(mut self) {
        self.connection.set_unflushed(false, self.now);
        self.write(usize::MAX, false);
        self.respond();
        self.read(usize::MAX, true);
        while !self.write_failed && !self.connection.pending_bytes().is_empty() {
            self.write(usize::MAX, true);
        }
        self.check_buffered_amount();
        self.receiver.check_order(&self.sent);
        if self.established && !self.failed && !self.is_over && !self.write_failed {
            assert_eq!(self.receiver.messages.len(), self.sent.len(), "messages did not arrive");
            assert_eq!(self.receiver.close.is_some(), self.closing, "the Close frame");
            let expected = if self.received_at_close.is_none() { self.expected.len() } else { self.received.len() };
            assert_eq!(self.received.len(), expected, "messages were not received");
        }
        if !self.eof {
            self.end_stream();
        }
        // Not even a stream that accepts no more bytes keeps the connection open.
        for _ in 0..4 {
            self.pass_time(CLOSING + OPENING);
        }
        self.receiver.check_order(&self.sent);
        self.check_buffered_amount();
        assert_eq!(self.closed, 1, "the number of close events");
        assert_eq!(self.connection.stream_action(), StreamAction::Close);
        assert_eq!(self.connection.deadline(), None);
        assert!(self.connection.poll_event(self.now).is_none());
    }
}
