//! A client's connection after its request: what is to be written, and who ended it.

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
    inbox::Inbox,
    record::End,
    socket::{Socket, end_of},
};

/// How much is read at a time, in bytes.
const CHUNK: usize = 16 * 1024;

/// Above so many bytes of messages that no step has taken, a blocked write no longer reads.
const BACKLOG: usize = 1 << 20;

/// The client has gone, or nothing sensible can be read from it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

/// One connection. Everything that waits here can be cancelled and taken up again.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: Socket,
    pub(crate) inbox: Inbox,
    outgoing: BytesMut,
    pace: Option<Pace>,
    /// Who ended the connection first.
    end: Option<End>,
    /// Whether there is nothing more to read.
    gone: bool,
    /// Whether our FIN is sent, so that nothing can be written any more.
    finished: bool,
}

/// A limit to the speed of reading.
#[derive(Debug)]
struct Pace {
    bytes_per_second: u32,
    next: Pin<Box<Sleep>>,
}

impl Connection {
    /// Goes on with a socket from which `rest` was already read.
    pub(crate) fn new(socket: Socket, inbox: Inbox, rest: &[u8]) -> Self {
        let mut connection =
            Self { socket, inbox, outgoing: BytesMut::new(), pace: None, end: None, gone: false, finished: false };
        connection.inbox.push(rest, &mut connection.outgoing);
        connection
    }

    /// Queues bytes for the next [`Connection::flush`].
    pub(crate) fn queue(&mut self, bytes: &[u8]) {
        self.outgoing.extend_from_slice(bytes);
    }

    /// Writes what is queued, in one write if the system allows. Reads meanwhile, because the
    /// client may write before it reads.
    pub(crate) async fn flush(&mut self) -> Result<(), Gone> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Reads once and answers pings.
    pub(crate) async fn receive(&mut self) -> Result<(), Gone> {
        if self.gone {
            return Err(Gone);
        }
        poll_fn(|cx| self.poll_fill(cx)).await;
        if self.gone {
            return Err(Gone);
        }
        // A failure shows at the next call: what was just read may still matter.
        let _ = self.flush().await;
        Ok(())
    }

    /// Reads for as long as `other` takes.
    pub(crate) async fn receive_during(&mut self, other: impl Future<Output = ()>) -> Result<(), Gone> {
        tokio::pin!(other);
        loop {
            tokio::select! {
                biased;
                () = &mut other => return Ok(()),
                received = self.receive() => received?,
            }
        }
    }

    /// Reads until the client has gone; messages are recorded and forgotten.
    pub(crate) async fn drain(&mut self) {
        while self.receive().await.is_ok() {
            self.inbox.clear();
        }
    }

    /// Lets the reading be no faster.
    pub(crate) fn slow_down(&mut self, bytes_per_second: u32) {
        self.pace = Some(Pace { bytes_per_second, next: Box::pin(sleep(Duration::ZERO)) });
    }

    /// Ends the sending, in order.
    pub(crate) async fn finish_sending(&mut self) {
        let _ = self.flush().await;
        self.end.get_or_insert(End::Server);
        let _ = self.socket.shutdown().await;
        self.finished = true;
    }

    /// Reads nothing for as long as `other` takes, but notices that the client goes.
    pub(crate) async fn unread_during(&mut self, other: impl Future<Output = ()>) -> Result<(), Gone> {
        let end = tokio::select! {
            biased;
            () = other => return Ok(()),
            end = self.socket.gone() => end,
        };
        self.lose(end);
        Err(Gone)
    }

    /// Closes the socket without further words: by TCP's FIN, unless the client has sent what
    /// was not yet read.
    pub(crate) async fn close(mut self) {
        poll_fn(|cx| {
            while !self.gone && self.poll_fill(cx).is_ready() {}
            Poll::Ready(())
        })
        .await;
        let end = self.end.unwrap_or(End::Server);
        drop(self.socket);
        self.inbox.entry().update(|record| record.end = Some(end));
    }

    /// Resets the connection.
    pub(crate) fn reset(self) {
        let end = self.end.unwrap_or(End::Server);
        self.socket.reset_on_drop();
        drop(self.socket);
        self.inbox.entry().update(|record| record.end = Some(end));
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        if self.finished {
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
                    self.lose(end_of(&error));
                    return Poll::Ready(Err(Gone));
                }
                Poll::Pending if self.inbox.queued() > BACKLOG => return Poll::Pending,
                Poll::Pending => ready!(self.poll_fill(cx)),
            }
        }
    }

    /// Reads once, unless there is nothing more to read.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.gone {
            return Poll::Pending;
        }
        let mut limit = CHUNK;
        if let Some(pace) = &mut self.pace {
            ready!(pace.next.as_mut().poll(cx));
            limit = pace.chunk();
        }
        let mut chunk = [0; CHUNK];
        let mut buffer = ReadBuf::new(&mut chunk[..limit]);
        match ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer)) {
            Ok(()) if buffer.filled().is_empty() => self.lose(End::Fin),
            Ok(()) => {
                let read = buffer.filled().len();
                if let Some(pace) = &mut self.pace {
                    pace.took(read);
                }
                self.inbox.push(buffer.filled(), &mut self.outgoing);
                if self.inbox.is_broken() {
                    self.lose(End::Server);
                }
            }
            Err(error) => self.lose(end_of(&error)),
        }
        Poll::Ready(())
    }

    fn lose(&mut self, end: End) {
        self.end.get_or_insert(end);
        self.gone = true;
    }
}

impl Pace {
    fn chunk(&self) -> usize {
        let tenth = usize::try_from(self.bytes_per_second / 10).unwrap_or(CHUNK);
        tenth.clamp(1, CHUNK)
    }

    fn took(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let pause = Duration::from_secs_f64(f64::from(bytes) / f64::from(self.bytes_per_second));
        self.next.as_mut().reset(Instant::now() + pause);
    }
}
