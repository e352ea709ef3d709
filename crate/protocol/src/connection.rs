//! One connection: the opening handshake, messages, the closing handshake, failures.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use bytes::buf::Limit;

use crate::close::ReceivedClose;
use crate::compression::Compression;
use crate::deflate::Deflater;
use crate::error::Failure;
use crate::frame::Opcode;
use crate::handshake::{ClientHandshake, InvalidRequest, Negotiated, Request};
use crate::limits::{Limits, STEP};
use crate::mask::Entropy;
use crate::message::{BorrowedMessage, Kind, Message, Payload};
use crate::phase::{Phase, StreamAction};
use crate::receive::decoder::{Decoded, Decoder};
use crate::send::queue::{SendQueue, WriteMemory};
use samesocket_spec::close::CloseFrame;
use samesocket_spec::state::Feedback;
use samesocket_spec::{CloseEvent, Response};

/// The client side of one connection, without I/O.
///
/// The [crate's documentation](crate) shows a driver, and states what to do after each call. All times are the time since a
/// moment that the driver chooses, the same for all calls.
///
/// ```
/// use samesocket_protocol::{Connection, Kind, Limits, Payload, Request};
/// use std::time::Duration;
///
/// let request = Request { host: "example.com".to_owned(), path: "/chat".to_owned(), ..Request::default() };
/// # fn random(bytes: &mut [u8]) {
/// #     bytes.fill(7);
/// # }
/// // `random` fills a slice from a cryptographic random number generator.
/// let mut connection = Connection::new(&request, Limits::default(), Box::new(random), Duration::ZERO)?;
/// assert!(connection.pending_bytes().starts_with(b"GET /chat HTTP/1.1\r\nHost: example.com\r\n"));
/// # Ok::<(), samesocket_protocol::InvalidRequest>(())
/// ```
pub struct Connection {
    limits: Limits,
    phase: Phase,
    decoder: Decoder,
    queue: SendQueue,
    /// Whether the stream has ended.
    eof: bool,
    /// Whether reading has failed, so that the stream has no regular end.
    read_failed: bool,
    /// Whether writing to the stream, or flushing it, has failed.
    broken: bool,
    our_close: OurClose,
    /// The peer's Close frame.
    received: Option<ReceivedClose>,
    /// The events that were not returned.
    events: VecDeque<Feedback<Message>>,
    failure: Option<Failure>,
    response: Option<Response>,
    pings: Pings,
    /// The time from which the current deadline counts.
    since: Duration,
}

/// Our Close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OurClose {
    Absent,
    /// It follows; see [`Connection::expect_close`].
    Expected,
    /// It is queued or sent.
    Queued,
}

/// The pings of both directions; see [RFC 6455, section 5.5.2](https://www.rfc-editor.org/rfc/rfc6455#section-5.5.2).
#[derive(Default)]
struct Pings {
    /// The number of the next ping. The payload of a ping is its number.
    next: u64,
    /// The number of pings that were answered, which are the first ones.
    answered: u64,
    /// The number of pings that the peer has sent.
    received: u64,
    /// The time of the peer's last ping.
    last_received: Option<Duration>,
}

impl fmt::Debug for Connection {
    /// Leaves out all that was sent and received. It contains credentials and cookies.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("stream_action", &self.stream_action())
            .field("queued_bytes", &self.queued_bytes())
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Formats all buffers, which `Debug` leaves out.
    #[cfg(all(test, feature = "compression"))]
    pub(crate) fn buffers(&self) -> String {
        format!("{:?} {:?}", self.queue, self.decoder)
    }

    /// Creates a connection and begins the opening handshake, over a stream that is connected.
    ///
    /// `entropy` must be a cryptographic random number generator: it supplies the nonce and the masking keys.
    ///
    /// Next, write the [`pending_bytes`](Self::pending_bytes), which hold the request.
    ///
    /// # Errors
    /// [`InvalidRequest`], if the request cannot be encoded.
    pub fn new(request: &Request, limits: Limits, entropy: Entropy, now: Duration) -> Result<Self, InvalidRequest> {
        request.check()?;
        let mut queue = SendQueue::new(entropy, limits.queue);
        let (opening, head) = ClientHandshake::new(request, queue.nonce(), limits.head);
        queue.set_request(head);
        Ok(Self {
            decoder: Decoder::new(&limits),
            limits,
            phase: Phase::Opening(Box::new(opening)),
            queue,
            eof: false,
            read_failed: false,
            broken: false,
            our_close: OurClose::Absent,
            received: None,
            events: VecDeque::new(),
            failure: None,
            response: None,
            pings: Pings::default(),
            since: now,
        })
    }

    /// Returns the next event, or `None` if there is none at present.
    ///
    /// One call inflates at most 64 KiB of a compressed message, from at most 8 KiB, and handles at most about 1,000 frames. After
    /// `None`, check [`has_more_events`](Self::has_more_events): if it is `true`, call again before reading more.
    ///
    /// The last event is [`Feedback::Closed`].
    pub fn poll_event(&mut self, now: Duration) -> Option<Feedback<Message>> {
        self.with_next_event(now, |event| event.map(BorrowedMessage::into_message))
    }

    /// Calls `receive` with the next event, and returns its result, or `None` if there is no event at present.
    ///
    /// It works like [`poll_event`](Self::poll_event), but a message that lies in the read buffer in one piece is lent.
    #[inline]
    pub fn with_next_event<R>(
        &mut self,
        now: Duration,
        receive: impl FnOnce(Feedback<BorrowedMessage<'_>>) -> R,
    ) -> Option<R> {
        let mut receive = Some(receive);
        // The most frequent case takes the shortest path.
        let result =
            self.with_next_message(|message| receive.take().map(|receive| receive(Feedback::MessageReceived(message))));
        if let Some(result) = result {
            return result;
        }
        let event = self.next_event(now)?;
        receive.map(|receive| receive(event.map(BorrowedMessage::Owned)))
    }

    /// Calls `receive` with the next message, if the read buffer holds it as one complete uncompressed frame.
    ///
    /// Returns `None` for everything else, which is left to the other methods.
    #[inline]
    pub fn with_next_message<R>(&mut self, receive: impl FnOnce(BorrowedMessage<'_>) -> R) -> Option<R> {
        if self.expects_message() { self.decoder.with_message(receive) } else { None }
    }

    /// Returns the next message, if it is complete and precedes the next control frame and the next violation.
    ///
    /// Neither has an effect before [`poll_event`](Self::poll_event) is called. So the answers to these messages can be sent
    /// before later frames end the connection. After `None`, call `poll_event`.
    pub fn next_message(&mut self) -> Option<Message> {
        if self.expects_message() { self.decoder.next_message(&mut { STEP }) } else { None }
    }

    /// Returns whether the last call that returned no event has stopped early.
    ///
    /// One call inflates at most 64 KiB, and handles at most about 1,000 frames, so that a driver can release its lock in between. If this
    /// is `true`, call [`poll_event`](Self::poll_event) again before you read or wait.
    pub const fn has_more_events(&self) -> bool {
        self.decoder.is_suspended()
    }

    /// Returns whether [`poll_event`](Self::poll_event) may return an event before more bytes are read.
    ///
    /// It is a shortcut: after a read that brought whole messages, and only these, it is `false` once they were returned.
    pub fn may_have_event(&self) -> bool {
        !self.events.is_empty() || self.eof || !self.decoder.is_drained() || matches!(self.phase, Phase::Opening(_))
    }

    /// Returns whether the next event is known to be other than a message, or follows a ping or a pong.
    ///
    /// A driver that has messages to deliver delivers them first, so that answers to them are sent before a Close or a violation has
    /// its effect.
    pub fn has_other_event(&self) -> bool {
        !self.events.is_empty() || self.eof || self.decoder.has_other_next()
    }

    /// Returns the buffer for the next read, with room for at least one byte.
    ///
    /// Append the bytes that were read, then call [`poll_event`](Self::poll_event). Do not write to the existing content of the
    /// buffer: it may be the memory of a message.
    pub fn read_buffer(&mut self) -> Limit<&mut Vec<u8>> {
        self.decoder.read_buffer()
    }

    /// Appends bytes that were read into another buffer. [`read_buffer`](Self::read_buffer) avoids this copy.
    ///
    /// Next, call [`poll_event`](Self::poll_event).
    pub fn receive(&mut self, bytes: &[u8]) {
        self.decoder.extend(bytes);
    }

    /// Reports that no more bytes will be read, because the stream has ended.
    ///
    /// Next, call [`poll_event`](Self::poll_event).
    pub fn receive_eof(&mut self) {
        self.eof = true;
    }

    /// Reports that no more bytes will be read, because reading has failed.
    ///
    /// It differs from [`receive_eof`](Self::receive_eof) if the server has refused the handshake with a body without a length:
    /// that is not complete then.
    ///
    /// Next, call [`poll_event`](Self::poll_event).
    pub fn read_failed(&mut self) {
        (self.eof, self.read_failed) = (true, true);
    }

    /// Returns the next bytes to write, or an empty slice if nothing waits.
    ///
    /// Next, write them, and call [`advance_written`](Self::advance_written) with the number of bytes that the stream has
    /// accepted. About 1 MiB of payload is masked ahead of a write, or compressed until 64 KiB are ready. Call
    /// [`prepare_bytes`](Self::prepare_bytes) first to do this in steps.
    pub fn pending_bytes(&mut self) -> &[u8] {
        self.queue.pending_bytes()
    }

    /// Returns whether [`pending_bytes`](Self::pending_bytes) would return any. It changes nothing.
    pub fn has_pending_bytes(&self) -> bool {
        self.queue.has_pending_bytes()
    }

    /// Masks or compresses at most 64 KiB of payload for the next write; returns whether there is more to do for it.
    ///
    /// It is optional: a driver that holds a lock calls it until it returns `false`, and releases the lock between two calls.
    /// [`pending_bytes`](Self::pending_bytes) has nothing left to do then.
    pub fn prepare_bytes(&mut self) -> bool {
        self.queue.prepare()
    }

    /// Returns the payloads that were sent as [`Payload::Shared`] and are not needed any more.
    ///
    /// The connection keeps them until the next call of [`pending_bytes`](Self::pending_bytes), which drops them. The owner of
    /// a `Bytes` may run any code when it is dropped. So a caller that holds a lock takes them first, and drops them after it
    /// has released the lock.
    pub fn take_released_payloads(&mut self) -> Vec<Bytes> {
        self.queue.take_released_payloads()
    }

    /// Reports that the stream has accepted the first `bytes` of those that [`pending_bytes`](Self::pending_bytes) returned.
    ///
    /// This reduces [`buffered_amount`](Self::buffered_amount), and can change the [`deadline`](Self::deadline).
    pub fn advance_written(&mut self, bytes: usize, now: Duration) {
        // Without a message in front of it, what is written is an answer to a ping, which brings an expected Close no nearer.
        let is_progress = self.our_close != OurClose::Expected || self.queue.has_messages();
        self.queue.advance_written(bytes);
        self.decoder.on_written(bytes);
        if bytes > 0 && is_progress && matches!(self.phase, Phase::Established) {
            self.since = now;
        }
    }

    /// Reports that writing to the stream, or flushing it, has failed. Drops everything that waits to be sent.
    ///
    /// Continue to read, because the peer may have sent bytes before. Call [`receive_eof`](Self::receive_eof) at the end.
    pub fn write_failed(&mut self) {
        self.broken = true;
        self.queue.drop_all();
    }

    /// Returns whether the stream has accepted our Close frame, which it may not have flushed.
    pub fn has_written_close(&self) -> bool {
        self.queue.has_written_close()
    }

    /// Returns whether [`write_failed`](Self::write_failed) was called.
    pub const fn has_write_failed(&self) -> bool {
        self.broken
    }

    /// Sets whether the stream holds bytes that it has accepted and not flushed, and returns whether that changed.
    ///
    /// Only streams with a buffer of their own, such as TLS, need this. While it is set, our Close frame does not count as sent.
    /// If it returned `true`, check [`poll_event`](Self::poll_event) and [`stream_action`](Self::stream_action) again. The end of a flush
    /// is progress, and so can change the [`deadline`](Self::deadline).
    pub fn set_unflushed(&mut self, unflushed: bool, now: Duration) -> bool {
        let changed = self.queue.set_unflushed(unflushed);
        if changed && !unflushed && matches!(self.phase, Phase::Established) {
            self.since = now;
        }
        changed
    }

    /// Sends a message. The payload of a text message must be UTF-8.
    ///
    /// The payload counts in [`buffered_amount`](Self::buffered_amount) in any case. It is sent only if the connection is
    /// established and not closing. If the queue is full, the connection fails with [`Failure::QueueFull`].
    ///
    /// Next, write the [`pending_bytes`](Self::pending_bytes).
    #[inline]
    pub fn send(&mut self, kind: Kind, payload: Payload<'_>) {
        self.send_as(kind, payload, true);
    }

    /// Sends a message like [`send`](Self::send), but never compresses it.
    ///
    /// The size of a compressed message tells an observer something about its content. So a message should not be compressed if
    /// it has both a secret and text that an attacker chooses.
    ///
    /// Next, write the [`pending_bytes`](Self::pending_bytes).
    pub fn send_uncompressed(&mut self, kind: Kind, payload: Payload<'_>) {
        self.send_as(kind, payload, false);
    }

    #[inline]
    fn send_as(&mut self, kind: Kind, payload: Payload<'_>, compress: bool) {
        let opcode = match kind {
            Kind::Text => Opcode::Text,
            Kind::Binary => Opcode::Binary,
        };
        if !matches!(self.phase, Phase::Established) || self.is_close_queued() {
            self.queue.count_lost(&payload);
        } else if !self.queue.send(opcode, payload, compress) {
            self.fail_queue_full();
        }
    }

    /// Fails the connection with [`Failure::QueueFull`], for a driver that queues messages itself.
    ///
    /// Next, call [`poll_event`](Self::poll_event).
    pub fn fail_queue_full(&mut self) {
        // The stream is closed at once, so no deadline counts from now.
        self.fail(Failure::QueueFull { limit: self.limits.queue }, self.since);
    }

    /// Sends a ping, and returns its number. Returns `None` if the connection is not established, or closing.
    ///
    /// The first ping has number 0. The payload is the number, in 8 bytes with the most significant one first. A ping replaces one
    /// that was not framed yet, because the answer to it answers both.
    ///
    /// Next, write the [`pending_bytes`](Self::pending_bytes).
    pub const fn ping(&mut self) -> Option<u64> {
        if !matches!(self.phase, Phase::Established) || self.is_close_queued() {
            return None;
        }
        let number = self.pings.next;
        self.pings.next += 1;
        self.queue.ping(number);
        Some(number)
    }

    /// Returns how many pings were answered. They are the first ones, so each ping with a smaller number was answered.
    ///
    /// A pong answers all earlier pings as well, because a peer may answer only the latest one; see [RFC 6455, section
    /// 5.5.3](https://www.rfc-editor.org/rfc/rfc6455#section-5.5.3). A pong is ignored if its payload is not that of a
    /// ping.
    pub const fn answered_pings(&self) -> u64 {
        self.pings.answered
    }

    /// Returns how many pings the peer has sent, and the time of the last one. They are answered without a call.
    pub const fn received_pings(&self) -> (u64, Option<Duration>) {
        (self.pings.received, self.pings.last_received)
    }

    /// Closes the connection; see [the Standard](https://websockets.spec.whatwg.org/#concept-websocket-close).
    ///
    /// An opening connection fails. An established one starts the closing handshake: our Close frame follows all messages that
    /// were sent, and received messages are discarded from now on. Otherwise nothing happens.
    ///
    /// Next, call [`poll_event`](Self::poll_event), write, and continue to read until [`Feedback::Closed`].
    pub fn close(&mut self, frame: CloseFrame<'_>, now: Duration) {
        match self.phase {
            Phase::Opening(_) => self.fail_opening(Failure::ClosedWhileConnecting, now),
            Phase::Established if !self.is_close_queued() => {
                self.start_closing_handshake(frame, now);
                self.decoder.discard();
            }
            Phase::Established | Phase::Ended(_) => {}
        }
    }

    /// Records that [`close`](Self::close) follows when everything is there that is to be sent before it, such as a file that is being
    /// read. The closing timeout counts from now on.
    pub const fn expect_close(&mut self, now: Duration) {
        if matches!(self.phase, Phase::Established) && !self.is_close_queued() {
            self.our_close = OurClose::Expected;
            self.since = now;
        }
    }

    /// Returns the time at which [`handle_timeout`](Self::handle_timeout) has to be called.
    ///
    /// Any other call can change it, so read it again before you wait.
    pub fn deadline(&self) -> Option<Duration> {
        let wait = match &self.phase {
            Phase::Opening(opening) => {
                let end = self.since.saturating_add(self.limits.opening);
                return Some(opening.body_deadline().map_or(end, |deadline| deadline.min(end)));
            }
            Phase::Established if self.received.is_some() && self.queue.is_empty() => self.limits.drain,
            Phase::Established if self.our_close != OurClose::Absent => self.limits.closing,
            Phase::Ended(StreamAction::HalfClose) => self.limits.drain,
            Phase::Established | Phase::Ended(_) => return None,
        };
        Some(self.since.saturating_add(wait))
    }

    /// Handles an expired deadline. Does nothing if the deadline has not expired.
    ///
    /// Next, call [`poll_event`](Self::poll_event), and check [`stream_action`](Self::stream_action).
    pub fn handle_timeout(&mut self, now: Duration) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        match &mut self.phase {
            Phase::Opening(_) => self.fail_opening(Failure::OpeningTimeout, now),
            Phase::Established => self.finish(Failure::ClosingTimeout),
            Phase::Ended(action) => *action = StreamAction::Close,
        }
    }

    /// Ends the connection at once: nothing more is sent or received, and the peer gets no Close frame.
    ///
    /// The last event is a [`Feedback::Closed`] with code 1006, even if the peer's Close frame has arrived. If that event was
    /// queued before, it stays as it is. The [`failure`](Self::failure) is [`Failure::Aborted`].
    ///
    /// Next, call [`poll_event`](Self::poll_event), and take the [`stream_action`](Self::stream_action), which is
    /// [`StreamAction::Close`]. Reset the stream, if it can be reset.
    pub fn abort(&mut self) {
        if let Phase::Ended(action) = &mut self.phase {
            *action = StreamAction::Close;
            return;
        }
        self.received = None;
        self.finish(Failure::Aborted);
    }

    /// Returns the action on the stream that the driver has to take after it has written and flushed the pending bytes.
    pub fn stream_action(&self) -> StreamAction {
        match self.phase {
            Phase::Ended(StreamAction::HalfClose) if self.eof && self.queue.is_empty() => StreamAction::Close,
            Phase::Opening(_) | Phase::Established => StreamAction::Keep,
            Phase::Ended(action) => action,
        }
    }

    /// Returns the payload bytes of sent messages that the stream has not accepted.
    ///
    /// See [`bufferedAmount`](https://websockets.spec.whatwg.org/#dom-websocket-bufferedamount). Payloads that will never be
    /// written count for ever.
    pub const fn buffered_amount(&self) -> u64 {
        self.queue.buffered_amount()
    }

    /// Returns the bytes that count towards [`Limits::queue`].
    pub fn queued_bytes(&self) -> u64 {
        self.queue.queued_bytes()
    }

    /// Returns why the connection failed, or did not close cleanly, for diagnosis.
    pub const fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// Reports the head of the response to an extended CONNECT, which the driver has sent in place of the request.
    ///
    /// This is the opening handshake over HTTP/2; see [RFC 8441](https://www.rfc-editor.org/rfc/rfc8441). The stream of the
    /// connection is then that of the CONNECT: its data are frames, or the body of a refusal. A status of 2xx accepts.
    /// [`Request::connect_fields`] returns the fields of the request. The [`pending_bytes`](Self::pending_bytes), which hold
    /// a request of HTTP/1.1, are dropped. Call it before anything was written or read, and only once.
    ///
    /// Next, call [`poll_event`](Self::poll_event).
    ///
    /// ```
    /// use samesocket_protocol::{Connection, Limits, Request, Response};
    /// use samesocket_spec::state::Feedback;
    /// use std::time::Duration;
    ///
    /// let request = Request { host: "example.com".to_owned(), ..Request::default() };
    /// let now = Duration::ZERO;
    /// # let random = Box::new(|bytes: &mut [u8]| bytes.fill(7));
    /// let mut connection = Connection::new(&request, Limits::default(), random, now)?;
    /// connection.receive_connect_response(Response::new(200), now);
    /// assert!(connection.pending_bytes().is_empty());
    /// assert!(matches!(connection.poll_event(now), Some(Feedback::Established { .. })));
    /// # Ok::<(), samesocket_protocol::InvalidRequest>(())
    /// ```
    pub fn receive_connect_response(&mut self, response: Response, now: Duration) {
        let Phase::Opening(opening) = &mut self.phase else { return };
        self.queue.set_request(Vec::new());
        let result = opening.respond(response, now);
        self.response = opening.take_response();
        match result {
            Ok(Some(negotiated)) => self.establish(negotiated),
            Ok(None) => {}
            Err(failure) => self.fail(failure, now),
        }
    }

    /// Makes the opening handshake pause when the server redirects it; see [`redirect`](Self::redirect).
    ///
    /// By default a redirect is a refusal. Call it before the response is read.
    pub fn pause_at_redirects(&mut self) {
        if let Phase::Opening(opening) = &mut self.phase {
            opening.pause_at_redirects();
        }
    }

    /// Returns the head of the redirect at which the opening handshake has paused.
    ///
    /// There is no event then, and nothing more is read. Check it after [`poll_event`](Self::poll_event) has returned
    /// `None`, and before you read or wait. To follow the redirect, drop the connection with its stream, and create one for
    /// the new URL: [`samesocket_spec::redirect`] has the rules. Otherwise call
    /// [`refuse_redirect`](Self::refuse_redirect).
    ///
    /// ```
    /// use samesocket_protocol::{Connection, Failure, Limits, Request};
    /// use std::time::Duration;
    ///
    /// let request = Request { host: "example.com".to_owned(), ..Request::default() };
    /// let now = Duration::ZERO;
    /// # let random = Box::new(|bytes: &mut [u8]| bytes.fill(7));
    /// let mut connection = Connection::new(&request, Limits::default(), random, now)?;
    /// connection.pause_at_redirects();
    /// connection.receive(b"HTTP/1.1 302 Found\r\nLocation: /new\r\nContent-Length: 3\r\n\r\n");
    /// assert!(connection.poll_event(now).is_none());
    /// assert_eq!(connection.redirect().and_then(|response| response.header("Location")), Some("/new"));
    /// // This program does not follow it after all.
    /// connection.refuse_redirect();
    /// connection.receive(b"bye");
    /// assert!(connection.poll_event(now).is_some());
    /// assert_eq!(connection.failure(), Some(&Failure::Status { found: 302 }));
    /// # Ok::<(), samesocket_protocol::InvalidRequest>(())
    /// ```
    pub fn redirect(&self) -> Option<&Response> {
        match &self.phase {
            Phase::Opening(opening) => opening.redirect(),
            Phase::Established | Phase::Ended(_) => None,
        }
    }

    /// Continues after a pause at a [`redirect`](Self::redirect), which is a refusal then. Otherwise nothing happens.
    ///
    /// Next, call [`poll_event`](Self::poll_event).
    pub fn refuse_redirect(&mut self) {
        if let Phase::Opening(opening) = &mut self.phase {
            opening.refuse_redirect();
        }
    }

    /// Returns whether the server has refused the opening handshake and the body of its response is still being read.
    ///
    /// A redirect at which the handshake has [paused](Self::redirect) is such a response.
    pub fn is_refused(&self) -> bool {
        matches!(&self.phase, Phase::Opening(opening) if opening.body_deadline().is_some())
    }

    /// Ends a refusal without the rest of its body, for a driver with a deadline of its own. Returns whether there was
    /// a refusal.
    ///
    /// Next, call [`poll_event`](Self::poll_event).
    pub fn end_refusal(&mut self, now: Duration) -> bool {
        let is_refused = self.is_refused();
        if is_refused {
            self.fail_opening(Failure::OpeningTimeout, now);
        }
        is_refused
    }

    /// Returns the response to the opening handshake, once. It is available when the handshake has succeeded or failed.
    ///
    /// A refusal has the first 64 KiB of its body. The connection fails when the body is complete, after
    /// [two seconds](crate::body::BODY_TIMEOUT), or at the deadline of the opening handshake.
    pub const fn take_response(&mut self) -> Option<Response> {
        self.response.take()
    }

    /// Lends memory to the read buffer, if it has none. `lend` is called only then. The content of the memory does not matter.
    ///
    /// With [`take_read_memory`](Self::take_read_memory), connections that receive little can share their memory.
    pub fn lend_read_memory(&mut self, lend: impl FnOnce() -> Vec<u8>) {
        self.decoder.lend_memory(lend);
    }

    /// Takes the memory of the read buffer, and leaves the buffer without any.
    ///
    /// Returns `None` if there is none, if it holds bytes that were not decoded, or if it is larger than 4 KiB: then more such
    /// bytes are likely to follow.
    pub fn take_read_memory(&mut self) -> Option<Vec<u8>> {
        self.decoder.take_memory()
    }

    /// Lends memory to frame small messages in, if the connection has none. `lend` is called only then. Call it before
    /// [`send`](Self::send).
    ///
    /// With [`take_write_memory`](Self::take_write_memory), connections that send little can share their memory.
    #[inline]
    pub fn lend_write_memory(&mut self, lend: impl FnOnce() -> WriteMemory) {
        self.queue.lend_memory(lend);
    }

    /// Takes the memory in which small messages were framed, and leaves the connection without any.
    ///
    /// Returns `None` if there is none, if something waits to be written, or if it is larger than 4 KiB: then more to send is
    /// likely to follow.
    pub fn take_write_memory(&mut self) -> Option<WriteMemory> {
        self.queue.take_memory()
    }

    /// Returns whether there is memory that [`release_memory`](Self::release_memory) would release.
    ///
    /// A driver that shares the memory for reading and writing need not wait for idle connections that hold none.
    pub fn has_spare_memory(&self) -> bool {
        self.response.is_some() || self.decoder.has_spare_memory() || self.queue.has_spare_memory()
    }

    /// Releases the memory that an idle connection does not need, and the [response](Self::take_response).
    ///
    /// Call it when nothing was sent or received for some time.
    pub fn release_memory(&mut self) {
        self.decoder.release_memory();
        self.queue.release_memory();
        self.response = None;
        self.events.shrink_to_fit();
    }

    /// Returns whether the next event can be a message.
    #[inline]
    fn expects_message(&self) -> bool {
        self.events.is_empty() && matches!(self.phase, Phase::Established) && self.received.is_none()
    }

    /// Returns the next event of any kind.
    #[inline(never)]
    fn next_event(&mut self, now: Duration) -> Option<Feedback<Message>> {
        let mut budget = STEP;
        loop {
            if let Some(event) = self.events.pop_front() {
                if self.events.is_empty() {
                    // Free the list, because events other than messages are rare.
                    self.events = VecDeque::new();
                }
                return Some(event);
            }
            match self.step(now, &mut budget) {
                Ok(Decoded::Part | Decoded::Control(..)) => {}
                Ok(Decoded::Message(message)) => return Some(Feedback::MessageReceived(message)),
                Ok(Decoded::Wait) if self.handle_eof(now) => {}
                Ok(Decoded::Wait | Decoded::Suspended) => return None,
                Err(failure) => self.fail(failure, now),
            }
        }
    }

    /// Processes received bytes up to one result.
    fn step(&mut self, now: Duration, budget: &mut usize) -> Result<Decoded, Failure> {
        match &mut self.phase {
            Phase::Opening(_) => self.open(now),
            Phase::Established if self.received.is_none() => self.read(now, budget),
            // RFC 6455, section 1.4: bytes after the peer's Close frame are discarded.
            Phase::Established | Phase::Ended(_) => {
                self.decoder.clear();
                Ok(Decoded::Wait)
            }
        }
    }

    /// Reads the part of the response that has arrived.
    fn open(&mut self, now: Duration) -> Result<Decoded, Failure> {
        let Phase::Opening(opening) = &mut self.phase else { return Ok(Decoded::Wait) };
        let result = opening.parse(self.decoder.bytes(), now);
        self.response = opening.take_response();
        let (used, negotiated) = result?;
        self.decoder.consume(used);
        let Some(negotiated) = negotiated else { return Ok(Decoded::Wait) };
        self.establish(negotiated);
        Ok(Decoded::Part)
    }

    /// Ends the opening handshake, which has succeeded.
    fn establish(&mut self, negotiated: Negotiated) {
        self.phase = Phase::Established;
        // Release the memory of the request, which is larger than most messages need.
        self.queue.release_memory();
        self.decoder.establish(&self.limits, negotiated.deflate.as_ref());
        let Compression { level, min_size, .. } = negotiated.compression;
        if let Some(deflater) = negotiated.deflate.as_ref().map(|deflate| Deflater::with_level(deflate, level)) {
            self.queue.set_deflater(deflater, min_size);
        }
        self.events
            .push_back(Feedback::Established { protocol: negotiated.protocol, extensions: negotiated.extensions });
    }

    /// Decodes the next frame, and handles it if it is a control frame.
    fn read(&mut self, now: Duration, budget: &mut usize) -> Result<Decoded, Failure> {
        let (opcode, payload) = match self.decoder.read(budget)? {
            Decoded::Control(opcode, payload) => (opcode, payload),
            other => return Ok(other),
        };
        match opcode {
            Opcode::Close => self.handle_close(ReceivedClose::parse(&payload)?, now),
            Opcode::Ping => {
                self.pings.received += 1;
                self.pings.last_received = Some(now);
                self.queue.pong(payload);
            }
            _ => self.handle_pong(&payload),
        }
        Ok(Decoded::Part)
    }

    /// Handles a pong; see [RFC 6455, section 5.5.3](https://www.rfc-editor.org/rfc/rfc6455#section-5.5.3).
    fn handle_pong(&mut self, payload: &[u8]) {
        let Ok(number) = payload.try_into().map(u64::from_be_bytes) else { return };
        if self.queue.framed_ping().is_some_and(|latest| number <= latest) {
            self.pings.answered = self.pings.answered.max(number + 1);
        }
    }

    /// Handles the peer's Close frame; see [RFC 6455, section 7.1.3](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.3).
    fn handle_close(&mut self, received: ReceivedClose, now: Duration) {
        self.decoder.discard();
        if self.is_close_queued() {
            self.since = now;
        } else {
            self.start_closing_handshake(received.echo(), now);
            self.events.push_back(Feedback::ClosingHandshakeStarted);
        }
        self.received = Some(received);
    }

    /// Returns whether our Close frame is queued or sent.
    const fn is_close_queued(&self) -> bool {
        matches!(self.our_close, OurClose::Queued)
    }

    /// Queues our Close frame; see [RFC 6455, section 7.1.2](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.2).
    fn start_closing_handshake(&mut self, frame: CloseFrame<'_>, now: Duration) {
        self.our_close = OurClose::Queued;
        self.since = now;
        self.queue.close(frame);
    }

    /// Handles the end of the stream after all bytes are processed, and returns whether that queued an event.
    fn handle_eof(&mut self, now: Duration) -> bool {
        match self.phase {
            _ if !self.eof => false,
            Phase::Opening(_) if self.redirect().is_some() => false,
            Phase::Opening(_) => {
                self.fail_opening(Failure::LostWhileOpening, now);
                true
            }
            // A peer that has shut down only its sending side still reads.
            Phase::Established if self.received.is_some() && !self.queue.is_empty() => false,
            Phase::Established if self.is_close_queued() => {
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

    /// Fails a connection during the opening handshake. If the server has refused it, the failure is that refusal, with
    /// the part of the body that has arrived. A redirect at which the handshake has paused is no refusal.
    fn fail_opening(&mut self, failure: Failure, now: Duration) {
        let Phase::Opening(opening) = &mut self.phase else { return };
        let refusal = opening.end_refusal(self.eof && !self.read_failed);
        self.response = opening.take_response();
        self.fail(refusal.unwrap_or(failure), now);
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
        self.events.extend([Feedback::Failed, Feedback::Closed(CloseEvent::abnormal())]);
    }

    /// Ends a connection that has not failed. The close is clean if both Close frames were exchanged; otherwise `failure` is
    /// recorded.
    ///
    /// See [RFC 6455, section 7.1.4](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.4).
    fn finish(&mut self, failure: Failure) {
        let sent = self.queue.is_close_sent() && !self.broken;
        let received = self.received.take();
        if !sent || received.is_none() {
            self.failure = Some(failure);
        }
        let event = received.map_or_else(CloseEvent::abnormal, |received| received.into_event(sent));
        self.queue.drop_all();
        self.phase = Phase::Ended(StreamAction::Close);
        self.decoder.end();
        self.events.push_back(Feedback::Closed(event));
    }
}
