//! samesocket's protocol in a plain loop over tokio's `TcpStream`, without a driver.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use bytes::Bytes;
use rand::Rng as _;
use samesocket_protocol::{Compression, Connection, Kind, Limits, Payload, Request};
use samesocket_spec::state::Feedback;
use tokio::io::AsyncWrite as _;
use tokio::net::TcpStream;
use tokio_util::io::poll_read_buf;

use super::stream;

/// The limit of buffered bytes for sending more. Arbitrary.
const MAX_BUFFERED: u64 = 256 << 10;

struct Loop {
    stream: TcpStream,
    connection: Connection,
    start: Instant,
    /// The time of the last read or write.
    now: Duration,
}

pub(super) async fn connect(port: u16, path: &str) -> Result<impl super::connection::Connection> {
    let compression = Some(Compression { min_size: 0, ..Compression::default() });
    let host = format!("127.0.0.1:{port}");
    let request = Request { host, path: path.to_owned(), compression, ..Request::default() };
    let entropy = Box::new(|bytes: &mut [u8]| rand::rng().fill_bytes(bytes));
    let connection = Connection::new(&request, Limits::default(), entropy, Duration::ZERO)?;
    let mut this = Loop { stream: stream::plain(port).await?, connection, start: Instant::now(), now: Duration::ZERO };
    poll_fn(|context| this.poll_write(context)).await?;
    loop {
        match this.connection.poll_event(this.now) {
            Some(Feedback::Established { .. }) => return Ok(this),
            Some(feedback) => bail!("{feedback:?}"),
            None => poll_fn(|context| this.poll_read(context)).await?,
        }
    }
}

impl Loop {
    /// Waits for bytes and reads them.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        let mut buffer = self.connection.read_buffer();
        let count = ready!(poll_read_buf(Pin::new(&mut self.stream), context, &mut buffer))?;
        self.now = self.start.elapsed();
        Poll::Ready(if count > 0 { Ok(()) } else { Err(anyhow!("the connection ended")) })
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        loop {
            let output = self.connection.pending_bytes();
            if output.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let count = ready!(Pin::new(&mut self.stream).poll_write(context, output))?;
            self.now = self.start.elapsed();
            self.connection.advance_written(count, self.now);
        }
    }
}

impl super::connection::Connection for Loop {
    type Message = (Kind, Bytes);

    fn message(text: bool, payload: Bytes) -> Result<(Kind, Bytes)> {
        Ok((if text { Kind::Text } else { Kind::Binary }, payload))
    }

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        if self.connection.buffered_amount() < MAX_BUFFERED { Poll::Ready(Ok(())) } else { self.poll_write(context) }
    }

    fn send(&mut self, message: (Kind, Bytes)) -> Result<()> {
        self.connection.send(message.0, Payload::Shared(&message.1));
        Ok(())
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.poll_write(context)
    }

    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Result<usize>> {
        loop {
            let length = self.connection.with_next_event(self.now, |feedback| match feedback {
                Feedback::MessageReceived(message) => Some(message.len()),
                _ => None,
            });
            if let Some(length) = length {
                let no_message = || anyhow!("expected a message: {:?}", self.connection.failure());
                return Poll::Ready(length.ok_or_else(no_message));
            }
            if !self.connection.has_more_events() {
                ready!(self.poll_read(context))?;
            }
        }
    }
}
