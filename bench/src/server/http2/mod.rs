//! WebSockets over HTTP/2 ([RFC 8441](https://www.rfc-editor.org/rfc/rfc8441)), with frames that are written by hand.
//!
//! `connection` has no I/O. `frames` parses what the client sends, `stream` is one WebSocket, and `sender` obeys the
//! client's windows.

mod connection;
mod frames;
mod sender;
mod stream;
#[cfg(test)]
mod tests;

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd as _;

use anyhow::Result;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio_rustls::rustls::{ServerConnection, StreamOwned};

use self::connection::Connection;

/// The number of streams that a client may open. No job opens as many.
const MAX_STREAMS: u32 = 20_000;

/// The window of a stream for receiving. Arbitrary: it never limits a job, because the server reads at once.
const WINDOW: u32 = 16 << 20;

/// The window of the connection for receiving, which does not limit a job, either.
const CONNECTION_WINDOW: u32 = 64 << 20;

/// A blocking stream that knows whether a read would block.
pub(super) trait Transport: Read + Write {
    /// Returns whether there is something to read.
    fn is_readable(&mut self) -> io::Result<bool>;
}

impl Transport for TcpStream {
    fn is_readable(&mut self) -> io::Result<bool> {
        let mut fds = [PollFd::from_borrowed_fd(self.as_fd(), PollFlags::IN)];
        Ok(poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))? > 0)
    }
}

impl Transport for StreamOwned<ServerConnection, TcpStream> {
    fn is_readable(&mut self) -> io::Result<bool> {
        let state = self.conn.process_new_packets().map_err(io::Error::other)?;
        Ok(state.plaintext_bytes_to_read() > 0 || self.sock.is_readable()?)
    }
}

/// Serves a connection.
pub(super) fn serve(mut transport: impl Transport) -> Result<()> {
    let mut connection = Connection::new();
    let mut buffer = Vec::new();
    loop {
        connection.send();
        transport.write_all(connection.output())?;
        transport.flush()?;
        connection.clear();
        // Streams with output go on while the client sends nothing. What it sends can be urgent for other streams.
        if connection.can_send() && !transport.is_readable()? {
            continue;
        }
        buffer.resize(connection.buffer_size(), 0);
        let count = transport.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        connection.read(&mut buffer[..count])?;
    }
}
