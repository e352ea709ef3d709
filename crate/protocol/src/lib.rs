//! The client side of the WebSocket protocol (RFC 6455) and its compression (RFC 7692), without I/O.
//!
//! The caller passes in bytes and time, and gets bytes and events. A [`Connection`] opens no socket, starts no thread and reads no clock, so it
//! works with blocking I/O and with any asynchronous runtime. This is a complete client in a blocking loop:
//!
//! ```no_run
//! use std::io::{Read as _, Write as _};
//! use std::net::{Shutdown, TcpStream};
//! use std::time::{Duration, Instant};
//!
//! use samesocket_protocol::{Connection, Kind, Limits, Message, Payload, Request, StreamAction};
//! use samesocket_spec::state::Feedback;
//!
//! # fn random(bytes: &mut [u8]) {
//! #     std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(bytes)).expect("random bytes");
//! # }
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let start = Instant::now();
//!     let mut stream = TcpStream::connect("localhost:8080")?;
//!     let request = Request { host: "localhost:8080".into(), path: "/chat".into(), ..Request::default() };
//!     // `random` fills a slice from a cryptographic random number generator, such as the crate `getrandom`.
//!     let mut connection = Connection::new(&request, Limits::default(), Box::new(random), start.elapsed())?;
//!     let mut bytes = [0; 16 << 10];
//!     let mut half_closed = false;
//!     loop {
//!         // 1. Handle all events.
//!         while let Some(event) = connection.poll_event(start.elapsed()) {
//!             match event {
//!                 Feedback::Established { .. } => connection.send(Kind::Text, Payload::Borrowed(b"Hello")),
//!                 Feedback::MessageReceived(Message::Text(text)) => {
//!                     println!("{text}");
//!                     connection.close(Some((1000, "")), start.elapsed());
//!                 }
//!                 Feedback::Closed(event) => println!("closed: {}", event.code),
//!                 _ => {}
//!             }
//!         }
//!         // 2. Write all bytes.
//!         let pending = connection.pending_bytes();
//!         if !pending.is_empty() {
//!             match stream.write(pending) {
//!                 Ok(count @ 1..) => connection.advance_written(count, start.elapsed()),
//!                 Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
//!                 Ok(0) | Err(_) => connection.write_failed(),
//!             }
//!             continue;
//!         }
//!         // 3. Continue work that was done in part.
//!         if connection.has_more_events() {
//!             continue;
//!         }
//!         // 4. Shut down or close the stream.
//!         match connection.stream_action() {
//!             StreamAction::Keep => {}
//!             StreamAction::HalfClose if half_closed => {}
//!             StreamAction::HalfClose => {
//!                 half_closed = true;
//!                 stream.shutdown(Shutdown::Write)?;
//!             }
//!             StreamAction::Close => return Ok(()),
//!         }
//!         // 5. Read until the deadline.
//!         let wait = connection.deadline().map(|deadline| deadline.saturating_sub(start.elapsed()));
//!         stream.set_read_timeout(wait.map(|wait| wait.max(Duration::from_millis(1))))?;
//!         match stream.read(&mut bytes) {
//!             Ok(count @ 1..) => connection.receive(&bytes[..count]),
//!             Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut | std::io::ErrorKind::Interrupted) => {}
//!             Ok(0) => connection.receive_eof(),
//!             Err(_) => connection.read_failed(),
//!         }
//!         connection.handle_timeout(start.elapsed());
//!     }
//! }
//! ```
//!
//! Times are [`Duration`](std::time::Duration)s since a start that the driver chooses once for each connection.
//!
//! # After each call
//!
//! ## `Connection::new`
//! The request is ready. Write the [`pending_bytes`](Connection::pending_bytes), then read until
//! [`Feedback::Established`](samesocket_spec::state::Feedback::Established) or a failure.
//!
//! ## `poll_event`, `with_next_event`
//! - After an event, call it again. [`Feedback::Closed`](samesocket_spec::state::Feedback::Closed) is the last event.
//! - After `None`, check [`has_more_events`](Connection::has_more_events). If it is `true`, call again before the
//!   next read. Other work may run in between. One call inflates at most 64 KiB, so that a lock can be released in between.
//! - Then write, because events can queue answers: pongs and Close frames.
//! - The calls that return `None` can be saved: see [`may_have_event`](Connection::may_have_event).
//!
//! To slow the peer down, stop calling this and stop reading: TCP backpressure then stops the peer. After [`close`](Connection::close) do
//! not stop: messages are discarded then, and only reading detects the end.
//!
//! ## `with_next_message`, `next_message`
//! These return only messages, and are faster if many messages arrive together. Control frames and violations have no effect
//! before [`poll_event`](Connection::poll_event) is called, so call that after `None`.
//!
//! ## `read_buffer`, `receive`, `receive_eof`, `read_failed`
//! Call [`poll_event`](Connection::poll_event). After [`receive_eof`](Connection::receive_eof) and
//! [`read_failed`](Connection::read_failed), do not read any more.
//!
//! ## `lend_read_memory`, `take_read_memory`, `lend_write_memory`, `take_write_memory`
//! No call has to follow. If many connections share memory, lend it before a read, or before you send, and take it back before you
//! wait.
//!
//! ## `pending_bytes`
//! - If the slice is not empty, write it, and report how much was accepted with
//!   [`advance_written`](Connection::advance_written). A later call returns the rest.
//! - If it is empty, nothing waits to be written.
//! - If you hold a lock, first call [`prepare_bytes`](Connection::prepare_bytes) until it returns `false`, and release the
//!   lock between the calls. Each call compresses or masks at most 64 KiB of payload. Then drop the payloads of
//!   [`take_released_payloads`](Connection::take_released_payloads).
//! - If writing fails, call [`write_failed`](Connection::write_failed), and continue to read.
//! - If the stream buffers what it accepts, as TLS does, flush it. Report an incomplete flush with
//!   [`set_unflushed`](Connection::set_unflushed).
//!
//! ## `advance_written`, `write_failed`, `set_unflushed`
//! Check [`poll_event`](Connection::poll_event), [`stream_action`](Connection::stream_action) and
//! [`deadline`](Connection::deadline).
//!
//! ## `send`, `send_uncompressed`, `ping`
//! Write the [`pending_bytes`](Connection::pending_bytes). A connection whose queue is full has failed: call
//! [`poll_event`](Connection::poll_event). To avoid that, check [`queued_bytes`](Connection::queued_bytes) before.
//!
//! ## `close`, `abort`, `fail_queue_full`
//! Call [`poll_event`](Connection::poll_event), then write. Continue until the last event, and until
//! [`stream_action`](Connection::stream_action) is [`StreamAction::Close`].
//!
//! ## `stream_action`
//! - [`Keep`](StreamAction::Keep): nothing.
//! - [`HalfClose`](StreamAction::HalfClose): when all bytes are written and flushed, shut down the sending side once. Read until
//!   the end of the stream or the deadline.
//! - [`Close`](StreamAction::Close): close the stream. Events may still have to be polled.
//!
//! ## `deadline`
//! If there is one, call [`handle_timeout`](Connection::handle_timeout) when it has expired. Any other call can change it.
//!
//! ## `handle_timeout`
//! Call [`poll_event`](Connection::poll_event), and check [`stream_action`](Connection::stream_action).
//!
//! ## `redirect`, after `pause_at_redirects`
//! Check it whenever [`poll_event`](Connection::poll_event) has returned `None` during the opening handshake. If there is one,
//! drop the connection, or call [`refuse_redirect`](Connection::refuse_redirect) and then `poll_event`.
//!
//! ## `receive_connect_response`
//! Call [`poll_event`](Connection::poll_event). It is for a driver that has opened a stream of HTTP/2.
//!
//! ## `release_memory`
//! No call has to follow. Call it when the connection was idle for some time, if there is
//! [memory to spare](Connection::has_spare_memory).
//!
//! ## `take_response`
//! No call has to follow. The response is returned once.
//!
//! # From RFC to module
//!
//! Start reading at `connection`. `receive` and `send` are its two directions.
//!
//! | RFC | chapter | module |
//! | --- | --- | --- |
//! | [9112](https://www.rfc-editor.org/rfc/rfc9112) | 2 to 5, the head of a response | [`head`] |
//! | | 6 and 7, the body of a refusal | [`body`] |
//! | [6455](https://www.rfc-editor.org/rfc/rfc6455) | 4, opening handshake | [`handshake`] |
//! | | 5.2, frames | `frame` |
//! | | 5.3, masking | `mask` |
//! | | 5.4, fragmentation | `receive/assembler`, `send/queue` |
//! | | 7, closing handshake | `close`, `connection` |
//! | | 7.1.7, failing the connection | `error`, `connection` |
//! | | 8.1, UTF-8 | `receive/utf8` |
//! | | 9.1, negotiation of extensions | [`extensions`] |
//! | [8441](https://www.rfc-editor.org/rfc/rfc8441) | 5, opening handshake over HTTP/2 | [`handshake`] |
//! | [7692](https://www.rfc-editor.org/rfc/rfc7692) | 7.1, parameters | [`extensions`], `compression` |
//! | | 7.2, compression | [`deflate`] |
//! | none | received bytes and frames | `receive/read_buffer`, `receive/decoder` |
//! | none | messages to send | `send/queue`, `send/write_buffer`, `send/buffered_amount` |
//! | none | messages, limits, phases | `message`, `limits`, `phase` |
//!
//! # Features
//!
//! `compression`, a default feature, is permessage-deflate. Without it, the package does not depend on `flate2`, and
//! the modules [`deflate`] and [`extensions`] do not exist. Nothing is offered to the server then, and a server that
//! answers with an extension fails the connection.

pub mod body;
mod close;
mod compression;
mod connection;
#[cfg(feature = "compression")]
pub mod deflate;
mod error;
#[cfg(feature = "compression")]
pub mod extensions;
mod frame;
pub mod handshake;
pub mod head;
mod limits;
mod mask;
mod message;
#[cfg(not(feature = "compression"))]
mod no_compression;
mod phase;
mod receive;
mod send;
#[cfg(all(test, feature = "compression"))]
mod tests;

#[cfg(not(feature = "compression"))]
use self::no_compression::{deflate, extensions};

pub use self::compression::Compression;
pub use self::connection::Connection;
pub use self::error::Failure;
pub use self::handshake::{InvalidRequest, Request};
pub use self::limits::{Limits, MESSAGE_OVERHEAD};
pub use self::mask::Entropy;
pub use self::message::{BorrowedMessage, Kind, LongBinary, Message, Payload};
pub use self::phase::StreamAction;
pub use self::send::queue::WriteMemory;
pub use samesocket_spec::Response;
