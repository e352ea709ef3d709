//! The stream of one socket, as a stream of bytes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use h2::{Reason, RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::gathered::Payload;
use super::progress::StreamProgress;
use super::send_memory::SEND_BUFFER;
use super::usage::Reservation;
use crate::platform::native::dial::tcp;

/// The stream of one socket. Dropping it ends the stream, and cancels it if the socket is aborted.
pub(super) struct Http2Stream {
    send: SendStream<Payload>,
    receive: RecvStream,
    /// The received bytes that were not read.
    unread: Bytes,
    /// The progress of what was sent.
    progress: Arc<StreamProgress>,
    /// Whether our direction has ended.
    is_shut_down: bool,
    /// The place on the connection.
    reservation: Reservation,
}

impl Http2Stream {
    pub(super) fn new(send: SendStream<Payload>, receive: RecvStream, reservation: Reservation) -> Self {
        let progress = StreamProgress::new(reservation.usage().progress());
        Self { send, receive, unread: Bytes::new(), progress, is_shut_down: false, reservation }
    }

    /// Ends our direction.
    fn end(&mut self) {
        if !self.is_shut_down {
            self.is_shut_down = true;
            // A stream that was reset has ended already.
            let _ = self.send.send_data(Payload::default(), true);
        }
    }

    /// Returns the error of a stream or of its connection.
    fn error(&self, error: h2::Error) -> io::Error {
        self.reservation.cause_of(&error).unwrap_or_else(|| into_io(error))
    }
}

/// Returns the error of the system, if there is one.
pub(super) fn into_io(error: h2::Error) -> io::Error {
    if error.is_io() {
        error.into_io().unwrap_or_else(|| io::ErrorKind::BrokenPipe.into())
    } else {
        io::Error::other(error)
    }
}

impl AsyncRead for Http2Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let mut count = 0;
        while buffer.remaining() > 0 {
            if this.unread.is_empty() {
                match this.receive.poll_data(context) {
                    Poll::Ready(Some(Ok(bytes))) => this.unread = bytes,
                    // What was read comes first. The next read finds the end again.
                    _ if count > 0 => break,
                    Poll::Pending => return Poll::Pending,
                    // The server needs no more of a request, which says nothing against its response.
                    Poll::Ready(Some(Err(error))) if error.reason() == Some(Reason::NO_ERROR) => break,
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(this.error(error))),
                    Poll::Ready(None) => break,
                }
            }
            let part = this.unread.len().min(buffer.remaining());
            buffer.put_slice(&this.unread[..part]);
            this.unread.advance(part);
            count += part;
        }
        // The server may send as much again. It fails only if more is released than was received.
        let _ = this.receive.flow_control().release_capacity(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Http2Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wanted = bytes.len().min(SEND_BUFFER);
        self.send.reserve_capacity(wanted);
        let mut capacity = self.send.capacity();
        while capacity == 0 {
            capacity = match ready!(self.send.poll_capacity(context)) {
                Some(Ok(capacity)) => capacity,
                Some(Err(error)) => return Poll::Ready(Err(self.error(error))),
                None => return Poll::Ready(Err(self.end_of_sending(context))),
            };
        }
        let count = wanted.min(capacity);
        let copy = self.reservation.usage().send_memory().copy(&bytes[..count]);
        let payload = Payload::new(copy, &self.progress);
        if self.send.send_data(payload, false).is_err() {
            // The stream was reset meanwhile.
            return Poll::Ready(Err(self.end_of_sending(context)));
        }
        Poll::Ready(Ok(count))
    }

    /// Waits until the task of the connection has written what the stream has accepted. It does so in any case.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let is_flushed = ready!(self.progress.poll_flushed(context));
        Poll::Ready(if is_flushed { Ok(()) } else { Err(self.end_of_sending(context)) })
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end();
        Poll::Ready(Ok(()))
    }
}

impl Http2Stream {
    /// Returns why nothing more can be sent.
    fn end_of_sending(&mut self, context: &mut Context<'_>) -> io::Error {
        // This is the error that reading ends with. It is not there while received bytes wait to be read.
        if let Poll::Ready(Err(error)) = self.receive.poll_trailers(context) {
            return self.error(error);
        }
        match self.send.poll_reset(context) {
            Poll::Ready(Ok(reason)) => self.error(reason.into()),
            Poll::Ready(Err(error)) => self.error(error),
            Poll::Pending => self.reservation.cause().unwrap_or_else(|| io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Drop for Http2Stream {
    fn drop(&mut self) {
        if tcp::is_aborting() {
            self.send.send_reset(Reason::CANCEL);
        } else {
            self.end();
        }
    }
}
