//! RFC 6455 and RFC 7692, the client's side, without I/O: bytes and time in, bytes and the Standard's feedback out.
//!
//! START HERE: [`Connection`](connection::Connection) is one connection over a byte stream that somebody else opened. Its owner, the driver,
//!
//! 1. writes what [`pending_bytes`](connection::Connection::pending_bytes) gives, and tells [`advance_written`](connection::Connection::advance_written);
//! 2. reads into [`read_buffer`](connection::Connection::read_buffer), or tells [`receive_eof`](connection::Connection::receive_eof);
//! 3. calls [`handle_timeout`](connection::Connection::handle_timeout) when [`deadline`](connection::Connection::deadline) has come;
//! 4. after each of these and each command asks [`poll_event`](connection::Connection::poll_event) until it gives nothing,
//!    and does to TCP what [`stream_action`](connection::Connection::stream_action) says.
//!
//! Time is a [`Duration`](std::time::Duration) since any moment that the driver chose, the same for all calls. Messages are made when they
//! are asked for: a driver that stops asking, and reading, lets TCP slow the peer down. It must ask and read again
//! once it has called [`close`](connection::Connection::close).
//!
//! | RFC | chapter | module |
//! | --- | --- | --- |
//! | [6455](https://www.rfc-editor.org/rfc/rfc6455) | 4, opening handshake | [`handshake`] |
//! | | 9.1, negotiating extensions | [`extensions`] |
//! | | 5.2 and 5.3, frames and masking | [`frame`] |
//! | | 5.4, fragmentation | [`message`] |
//! | | 8.1, UTF-8 | [`receive::utf8`] |
//! | | 7, closing | [`close`] |
//! | | 7.1.7, failing | [`error`] |
//! | [7692](https://www.rfc-editor.org/rfc/rfc7692) | 7.1, parameters | [`extensions`] |
//! | | 7.2, compression | [`deflate`] |
//! | none | what is to be sent | [`send::queue`], [`send::write_buffer`] |
//! | none | what comes | [`decoder`], [`read_buffer`] |
//! | none | how far a connection has come | [`phase`] |
//! | none | how much, and how long | [`limits`] |

mod close;
mod connection;
pub mod deflate;
mod error;
pub mod extensions;
mod frame;
pub mod handshake;
mod limits;
mod message;
mod phase;
mod receive;
mod send;
#[cfg(test)]
mod tests;

pub use self::connection::Connection;
pub use self::error::Failure;
pub use self::frame::Entropy;
pub use self::handshake::{InvalidRequest, Request, Response};
pub use self::limits::{Limits, MESSAGE_OVERHEAD};
pub use self::message::{BorrowedMessage, Kind, Message, Payload};
pub use self::phase::StreamAction;
