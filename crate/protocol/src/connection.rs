//! One connection: the opening handshake, messages, the closing handshake, failing.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::buf::Limit;

use crate::close::Received;
use crate::deflate::Deflater;
use crate::error::Failure;
use crate::frame::{Entropy, Opcode};
use crate::handshake::{ClientHandshake, InvalidRequest, Request, Response};
use crate::limits::Limits;
use crate::message::{BorrowedMessage, Kind, Message, Payload};
use crate::phase::{Phase, StreamAction};
use crate::receive::decoder::{Decoder, Read};
use crate::send::queue::SendQueue;
use samesocket_spec::CloseEvent;
use samesocket_spec::close::CloseFrame;
use samesocket_spec::state::Feedback;

/// One connection.
#[derive(Debug)]
pub struct Connection {
    limits: Limits,
    phase: Phase,
    decoder: Decoder,
    queue: SendQueue,
    eof: bool,
    /// Whether the stream has failed to take bytes, or to pass on what it had taken.
    broken: bool,
    /// Whether our Close frame is sent, or waits behind the messages.
    close_sent: bool,
    /// The peer's Close frame.
    received: Option<Received>,
    pending: VecDeque<Feedback<Message>>,
    failure: Option<Failure>,
    response: Option<Response>,
    pong: Option<Vec<u8>>,
    /// When the last thing happened that a deadline counts from.
    since: Duration,
}

impl Connection {
    /// Begins the opening handshake, over a stream that is connected.
    ///
    /// The masking keys and the nonce come from `entropy`, which must be a cryptographic source.
    pub fn new(request: &Request, limits: Limits, entropy: Entropy, now: Duration) -> Result<Self, InvalidRequest> {
        request.check()?;
        let mut queue = SendQueue::new(entropy, limits.queue);
        let (opening, head) = ClientHandshake::new(request, queue.nonce(), limits.head);
        queue.begin(head);
        Ok(Self {
            decoder: Decoder::new(&limits),
            limits,
            phase: Phase::Opening(Box::new(opening)),
            queue,
            eof: false,
            broken: false,
            close_sent: false,
            received: None,
            pending: VecDeque::new(),
            failure: None,
            response: None,
            pong: None,
            since: now,
        })
    }

    /// Gives the next feedback, if there is any.
    pub fn poll_event(&mut self, now: Duration) -> Option<Feedback<Message>> {
        self.with_next_event(now, |feedback| feedback.map(BorrowedMessage::into_message))
    }

    /// Lends the next feedback to `take`, if there is any: a message that lies whole in the read buffer is not copied.
    #[inline]
    pub fn with_next_event<R>(
        &mut self,
        now: Duration,
        take: impl FnOnce(Feedback<BorrowedMessage<'_>>) -> R,
    ) -> Option<R> {
        let mut take = Some(take);
        // By far the commonest case goes the shortest way.
        let lent = self.with_next_message(|lent| take.take().map(|take| take(Feedback::MessageReceived(lent))));
        if let Some(result) = lent {
            return result;
        }
        let feedback = self.next_feedback(now)?;
        take.map(|take| take(feedback.map(BorrowedMessage::Owned)))
    }

    /// Lends the next message, if that comes next and lies whole in the read buffer; nothing else is looked at.
    #[inline]
    pub fn with_next_message<R>(&mut self, take: impl FnOnce(BorrowedMessage<'_>) -> R) -> Option<R> {
        if self.may_lend() { self.decoder.lend(take) } else { None }
    }

    /// Gives the next message, if all of it has come before a control frame and whatever is wrong, which has no effect yet.
    ///
    /// So what answers messages can be sent before frames after them have their effect.
    pub fn next_message(&mut self) -> Option<Message> {
        if self.may_lend() { self.decoder.next_message() } else { None }
    }

    /// Gives the buffer to read into next: as much as fits, at least one byte.
    pub fn read_buffer(&mut self) -> Limit<&mut Vec<u8>> {
        self.decoder.buffer()
    }

    /// Takes bytes that were read elsewhere; [`read_buffer`](Self::read_buffer) saves this copy.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.decoder.extend(bytes);
    }

    /// Notes that the stream gives no more bytes, be it by its end or by an error.
    pub fn receive_eof(&mut self) {
        self.eof = true;
    }

    /// Gives the next bytes to write; none, if nothing waits.
    pub fn pending_bytes(&mut self) -> &[u8] {
        self.queue.pending_bytes()
    }

    /// Notes that the stream has taken the first `bytes` of those that [`pending_bytes`](Self::pending_bytes) gave.
    pub fn advance_written(&mut self, bytes: usize, now: Duration) {
        self.queue.advance_written(bytes);
        if bytes > 0 && matches!(self.phase, Phase::Established) {
            self.since = now;
        }
    }

    /// Notes that the stream takes no more bytes, or has not passed on all that it took; what it may still give is worth
    /// reading.
    pub fn write_failed(&mut self) {
        self.broken = true;
        self.queue.drop_all();
    }

    /// Whether the stream takes no more bytes, as was [noted](Self::write_failed).
    pub const fn has_write_failed(&self) -> bool {
        self.broken
    }

    /// Notes whether the stream holds bytes that it has taken and not passed on; whether that has changed.
    ///
    /// While it does, the peer has not been sent what waits for nothing else.
    pub fn set_unflushed(&mut self, held: bool) -> bool {
        self.queue.set_unflushed(held)
    }

    /// Sends a message; a text's payload is UTF-8.
    ///
    /// Its bytes are counted in any case; they go out if the connection is established and not closing.
    #[inline]
    pub fn send(&mut self, kind: Kind, payload: Payload<'_>) {
        let opcode = match kind {
            Kind::Text => Opcode::Text,
            Kind::Binary => Opcode::Binary,
        };
        if !matches!(self.phase, Phase::Established) || self.close_sent {
            self.queue.count(&payload);
        } else if !self.queue.send(opcode, payload) {
            self.fail_queue_full();
        }
    }

    /// Fails, as when there is no room for a message: elsewhere more waits to be sent than the limit of the queue allows.
    pub fn fail_queue_full(&mut self) {
        // TCP is closed at once, so that no deadline counts from now.
        self.fail(Failure::QueueFull { limit: self.limits.queue }, self.since);
    }

    /// Sends a ping with these bytes, at most 125; later ones take the place of one that still waits.
    pub fn ping(&mut self, payload: &[u8]) {
        if matches!(self.phase, Phase::Established) && !self.close_sent {
            self.queue.ping(payload);
        }
    }

    /// Gives the payload of the last pong, once.
    pub fn take_pong(&mut self) -> Option<Vec<u8>> {
        self.pong.take()
    }

    /// Closes the connection, as the Standard has it: fails one that is not yet established, else starts the closing
    /// handshake, unless it has started.
    pub fn close(&mut self, frame: CloseFrame<'_>, now: Duration) {
        match self.phase {
            Phase::Opening(_) => self.fail(Failure::ClosedWhileConnecting, now),
            Phase::Established if !self.close_sent => {
                self.start_closing_handshake(frame, now);
                self.decoder.discard();
            }
            Phase::Established | Phase::Ended(_) => {}
        }
    }

    /// Tells when [`handle_timeout`](Self::handle_timeout) is to be called.
    pub fn deadline(&self) -> Option<Duration> {
        let wait = match self.phase {
            Phase::Opening(_) => self.limits.opening,
            Phase::Established if self.received.is_some() && self.queue.is_empty() => self.limits.drain,
            Phase::Established if self.close_sent => self.limits.closing,
            Phase::Ended(StreamAction::HalfClose) => self.limits.drain,
            Phase::Established | Phase::Ended(_) => return None,
        };
        Some(self.since.saturating_add(wait))
    }

    /// Acts on a deadline, if one has come.
    pub fn handle_timeout(&mut self, now: Duration) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        match &mut self.phase {
            Phase::Opening(_) => self.fail(Failure::OpeningTimeout, now),
            Phase::Established => self.finish(Failure::ClosingTimeout),
            Phase::Ended(tcp) => *tcp = StreamAction::Close,
        }
    }

    /// Tells what to do to TCP.
    pub fn stream_action(&self) -> StreamAction {
        match self.phase {
            Phase::Ended(StreamAction::HalfClose) if self.eof && self.queue.is_empty() => StreamAction::Close,
            Phase::Opening(_) | Phase::Established => StreamAction::Keep,
            Phase::Ended(tcp) => tcp,
        }
    }

    /// The payload bytes of messages that the stream has not taken; it never falls for what will not go out.
    pub const fn buffered_amount(&self) -> u64 {
        self.queue.buffered_amount()
    }

    /// Gives the bytes that wait to be sent, by the measure of [`Limits::queue`].
    pub fn queued_bytes(&self) -> u64 {
        self.queue.queued_bytes()
    }

    /// Tells what went wrong, for diagnosis.
    pub const fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// Gives the response to the opening handshake, once.
    pub fn take_response(&mut self) -> Option<Response> {
        self.response.take()
    }

    /// Gives back what memory a quiet connection can do without; to be called when it has been quiet for a while.
    pub fn release_memory(&mut self) {
        self.decoder.release_memory();
        self.queue.release_memory();
        self.response = None;
        self.pending.shrink_to_fit();
    }

    /// Whether what comes next may be a message.
    fn may_lend(&self) -> bool {
        self.pending.is_empty() && matches!(self.phase, Phase::Established) && self.received.is_none()
    }

    /// Gives the next feedback, if there is any, however it comes about.
    #[inline(never)]
    fn next_feedback(&mut self, now: Duration) -> Option<Feedback<Message>> {
        loop {
            if let Some(feedback) = self.pending.pop_front() {
                return Some(feedback);
            }
            match self.step(now) {
                Ok(Read::Part | Read::Control(..)) => {}
                Ok(Read::Message(message)) => return Some(Feedback::MessageReceived(message)),
                Ok(Read::Wait) if self.settle(now) => {}
                Ok(Read::Wait) => return None,
                Err(failure) => self.fail(failure, now),
            }
        }
    }

    /// Looks at the bytes that have come, as far as one result goes.
    fn step(&mut self, now: Duration) -> Result<Read, Failure> {
        match &mut self.phase {
            Phase::Opening(_) => self.open(),
            Phase::Established if self.received.is_none() => self.read(now),
            // Nothing is processed after the peer's Close frame.
            Phase::Established | Phase::Ended(_) => {
                self.decoder.clear();
                Ok(Read::Wait)
            }
        }
    }

    /// Reads the response, or what is there of it.
    fn open(&mut self) -> Result<Read, Failure> {
        let Phase::Opening(opening) = &mut self.phase else { return Ok(Read::Wait) };
        let result = opening.take(self.decoder.bytes());
        self.response = opening.response();
        let (taken, negotiated) = result?;
        self.decoder.take(taken);
        let Some(negotiated) = negotiated else { return Ok(Read::Wait) };
        self.phase = Phase::Established;
        self.decoder.establish(&self.limits, negotiated.deflate.as_ref());
        if let Some(deflate) = &negotiated.deflate {
            self.queue.compress(Deflater::new(deflate));
        }
        self.pending
            .push_back(Feedback::Established { protocol: negotiated.protocol, extensions: negotiated.extensions });
        Ok(Read::Part)
    }

    fn read(&mut self, now: Duration) -> Result<Read, Failure> {
        let (opcode, payload) = match self.decoder.read()? {
            Read::Control(opcode, payload) => (opcode, payload),
            other => return Ok(other),
        };
        match opcode {
            Opcode::Close => self.take_close(Received::read(&payload)?, now),
            Opcode::Ping => self.queue.pong(payload),
            _ => self.pong = Some(payload),
        }
        Ok(Read::Part)
    }

    fn take_close(&mut self, received: Received, now: Duration) {
        self.decoder.discard();
        if self.close_sent {
            self.since = now;
        } else {
            self.start_closing_handshake(received.echo(), now);
            self.pending.push_back(Feedback::ClosingHandshakeStarted);
        }
        self.received = Some(received);
    }

    fn start_closing_handshake(&mut self, frame: CloseFrame<'_>, now: Duration) {
        self.close_sent = true;
        self.since = now;
        self.queue.close(frame);
    }

    /// Acts on the end of the stream, once everything before it is looked at; `true` if there is something to tell.
    fn settle(&mut self, now: Duration) -> bool {
        match self.phase {
            _ if !self.eof => false,
            Phase::Opening(_) => {
                self.fail(Failure::LostWhileOpening, now);
                true
            }
            // A peer that has only shut its sending side down still reads.
            Phase::Established if self.received.is_some() && !self.queue.is_empty() => false,
            Phase::Established if self.close_sent => {
                self.finish(Failure::Lost);
                true
            }
            Phase::Established => {
                self.fail(Failure::Lost, now);
                true
            }
            Phase::Ended(_) => false,
        }
    }

    /// Fails the connection.
    ///
    /// See [RFC 6455, section 7.1.7](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.7).
    fn fail(&mut self, failure: Failure, now: Duration) {
        let code = failure.close_code();
        match self.phase {
            Phase::Ended(_) => return,
            Phase::Established if code.is_some() => {
                self.queue.abort(code);
                self.phase = Phase::Ended(StreamAction::HalfClose);
            }
            Phase::Opening(_) | Phase::Established => {
                self.queue.drop_all();
                self.phase = Phase::Ended(StreamAction::Close);
            }
        }
        self.decoder.end();
        self.since = now;
        self.failure = Some(failure);
        self.pending.extend([Feedback::Failed, Feedback::Closed(CloseEvent::abnormal())]);
    }

    /// Ends a connection that has not failed: cleanly, if the peer's Close frame came and ours was sent; otherwise
    /// `failure` tells why not.
    ///
    /// See [RFC 6455, section 7.1.4](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.4).
    fn finish(&mut self, failure: Failure) {
        let sent = self.queue.close_transmitted() && !self.broken;
        let received = self.received.take();
        if !sent || received.is_none() {
            self.failure = Some(failure);
        }
        let event = received.map_or_else(CloseEvent::abnormal, |received| received.into_event(sent));
        self.queue.drop_all();
        self.phase = Phase::Ended(StreamAction::Close);
        self.decoder.end();
        self.pending.push_back(Feedback::Closed(event));
    }
}
