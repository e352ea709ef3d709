//! One client connection or stream after its HTTP request: buffered writes, rate-limited reads, and which side ended it.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf as _, BytesMut};
use tokio::{
    io::{AsyncRead as _, AsyncWrite as _, AsyncWriteExt as _, ReadBuf},
    time::{Instant, Sleep, sleep},
};

use crate::{
    http2::{self, Misbehaviour},
    receiver::Receiver,
    record::End,
    socket::{Socket, end_for_error},
};

/// The most bytes that one read takes. Arbitrary.
const READ_CHUNK: usize = 16 * 1024;

/// The high-water mark of received messages, in bytes. Above it, a blocked write stops reading. Arbitrary.
const MAX_QUEUED_BYTES: usize = 1 << 20;

/// The error when the client has disconnected or has broken the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Disconnected;

/// One connection. Every future of its methods is cancel safe.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: Socket,
    pub(crate) receiver: Receiver,
    outgoing: BytesMut,
    read_limit: Option<RateLimit>,
    /// The side that ended the connection first, and how.
    end: Option<End>,
    /// Whether nothing more can be read.
    disconnected: bool,
    /// Whether the server has sent its FIN, so that it cannot write any more.
    write_shut_down: bool,
}

/// A limit on the read rate.
#[derive(Debug)]
struct RateLimit {
    bytes_per_second: u32,
    next: Pin<Box<Sleep>>,
}

impl Connection {
    /// Creates a connection from a socket. `rest` are the bytes that were read after the request.
    pub(crate) fn new(socket: Socket, receiver: Receiver, rest: &[u8]) -> Self {
        let mut connection = Self {
            socket,
            receiver,
            outgoing: BytesMut::new(),
            read_limit: None,
            end: None,
            disconnected: false,
            write_shut_down: false,
        };
        connection.receiver.feed(rest, &mut connection.outgoing);
        connection
    }

    /// Returns the stream, if the connection is one of HTTP/2.
    pub(crate) fn http2(&mut self) -> Option<&mut http2::Stream> {
        self.socket.http2()
    }

    /// Writes the queued bytes, and does what only HTTP/2 has, if the connection is a stream.
    ///
    /// Nothing is read meanwhile.
    pub(crate) async fn misbehave(&mut self, step: Misbehaviour) -> Result<(), Disconnected> {
        self.flush().await?;
        if let Some(stream) = self.socket.http2() {
            http2::misbehave(stream, step).await;
        }
        self.flush().await
    }

    /// Queues bytes for the next [`Connection::flush`].
    pub(crate) fn queue(&mut self, bytes: &[u8]) {
        self.outgoing.extend_from_slice(bytes);
    }

    /// Writes the queued bytes, in one write if the system allows it.
    ///
    /// It reads while a write is blocked, because the client may write before it reads.
    pub(crate) async fn flush(&mut self) -> Result<(), Disconnected> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Reads once and answers pings.
    ///
    /// # Errors
    /// The client has disconnected.
    pub(crate) async fn receive(&mut self) -> Result<(), Disconnected> {
        if self.disconnected {
            return Err(Disconnected);
        }
        poll_fn(|cx| self.poll_fill(cx)).await;
        if self.disconnected {
            return Err(Disconnected);
        }
        // The next call reports a failed write. The steps may still need the bytes that were just read.
        let _ = self.flush().await;
        Ok(())
    }

    /// Reads until `other` completes.
    pub(crate) async fn receive_until(&mut self, other: impl Future<Output = ()>) -> Result<(), Disconnected> {
        tokio::pin!(other);
        loop {
            tokio::select! {
                biased;
                () = &mut other => return Ok(()),
                received = self.receive() => received?,
            }
        }
    }

    /// Reads until the client disconnects. Messages are recorded and then discarded.
    pub(crate) async fn drain(&mut self) {
        while self.receive().await.is_ok() {
            self.receiver.clear();
        }
    }

    /// Limits the read rate from here on.
    pub(crate) fn limit_read_rate(&mut self, bytes_per_second: u32) {
        self.read_limit = Some(RateLimit { bytes_per_second, next: Box::pin(sleep(Duration::ZERO)) });
    }

    /// Writes the queued bytes and shuts the write side down.
    pub(crate) async fn finish_sending(&mut self) {
        let _ = self.flush().await;
        self.end.get_or_insert(End::Server);
        let _ = self.socket.shutdown().await;
        self.write_shut_down = true;
    }

    /// Waits for `other` without reading. A disconnect of the client is still noticed.
    pub(crate) async fn wait_without_reading(&mut self, other: impl Future<Output = ()>) -> Result<(), Disconnected> {
        let end = tokio::select! {
            biased;
            () = other => return Ok(()),
            end = self.socket.wait_for_disconnect() => end,
        };
        self.disconnect(end);
        Err(Disconnected)
    }

    /// Closes the socket without a Close frame or TLS `close_notify`.
    ///
    /// It first reads the bytes that have arrived, because closing a socket with unread bytes sends a reset.
    pub(crate) async fn close(mut self) {
        poll_fn(|cx| {
            while !self.disconnected && self.poll_fill(cx).is_ready() {}
            Poll::Ready(())
        })
        .await;
        let stream_error = self.socket.http2().and_then(|stream| {
            // The nearest to a FIN. The drop then resets the stream, with `NO_ERROR`, if the client has not ended it.
            stream.end();
            stream.client_error()
        });
        let end = self.end.unwrap_or(End::Server);
        drop(self.socket);
        self.receiver.record().update(|record| {
            record.end = Some(end);
            record.stream_error = stream_error;
        });
    }

    /// Resets the TCP connection, or the stream with this error code.
    pub(crate) fn reset(self, code: Option<u32>) {
        let end = self.end.unwrap_or(End::Server);
        self.socket.reset(code);
        self.receiver.record().update(|record| record.end = Some(end));
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Disconnected>> {
        if self.write_shut_down {
            self.outgoing.clear();
            return Poll::Ready(Ok(()));
        }
        loop {
            let socket = Pin::new(&mut self.socket);
            let written = if self.outgoing.is_empty() {
                match socket.poll_flush(cx) {
                    Poll::Ready(Ok(())) => return Poll::Ready(Ok(())),
                    other => other.map_ok(|()| 0),
                }
            } else {
                socket.poll_write(cx, &self.outgoing)
            };
            match written {
                Poll::Ready(Ok(written)) => self.outgoing.advance(written),
                Poll::Ready(Err(error)) => {
                    self.outgoing.clear();
                    self.disconnect(end_for_error(&error));
                    return Poll::Ready(Err(Disconnected));
                }
                Poll::Pending if self.receiver.queued_bytes() > MAX_QUEUED_BYTES => return Poll::Pending,
                Poll::Pending => ready!(self.poll_fill(cx)),
            }
        }
    }

    /// Reads once. Stays pending after the client has disconnected.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.disconnected {
            return Poll::Pending;
        }
        let mut limit = READ_CHUNK;
        if let Some(read_limit) = &mut self.read_limit {
            ready!(read_limit.next.as_mut().poll(cx));
            limit = read_limit.max_read();
        }
        let mut chunk = [0; READ_CHUNK];
        let mut buffer = ReadBuf::new(&mut chunk[..limit]);
        match ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer)) {
            Ok(()) if buffer.filled().is_empty() => self.disconnect(End::Fin),
            Ok(()) => {
                let read = buffer.filled().len();
                if let Some(read_limit) = &mut self.read_limit {
                    read_limit.on_read(read);
                }
                self.receiver.feed(buffer.filled(), &mut self.outgoing);
                if self.receiver.has_failed() {
                    self.disconnect(End::Server);
                }
            }
            Err(error) => self.disconnect(end_for_error(&error)),
        }
        Poll::Ready(())
    }

    fn disconnect(&mut self, end: End) {
        self.end.get_or_insert(end);
        self.disconnected = true;
    }
}

impl RateLimit {
    fn max_read(&self) -> usize {
        let tenth = usize::try_from(self.bytes_per_second / 10).unwrap_or(READ_CHUNK);
        tenth.clamp(1, READ_CHUNK)
    }

    fn on_read(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let pause = Duration::from_secs_f64(f64::from(bytes) / f64::from(self.bytes_per_second));
        self.next.as_mut().reset(Instant::now() + pause);
    }
}
