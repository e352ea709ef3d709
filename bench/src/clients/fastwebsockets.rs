//! `fastwebsockets`, split into halves, because its reads and writes are separate futures. It has no buffer for what is sent, so
//! tokio's is under it.

use std::future::ready;
use std::pin::Pin;
use std::task::{Context, Poll, ready as complete};

use anyhow::{Error, Result, anyhow, ensure};
use bytes::Bytes;
use fastwebsockets::{
    FragmentCollectorRead, Frame, OpCode, Payload, Role, WebSocketError, WebSocketWrite, after_handshake_split,
};
use futures::{Sink, Stream, sink, stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufWriter};

use super::connection::{Connection, LIMIT};
use super::stream::ClientStream;

struct Halves {
    reading: Pin<Box<dyn Stream<Item = Result<usize>>>>,
    writing: Pin<Box<dyn Sink<Act, Error = Error>>>,
    /// Whether messages may be in the buffer.
    is_unflushed: bool,
}

/// An act of the writing half.
enum Act {
    Send((bool, Bytes)),
    Flush,
}

pub(super) async fn connect(mut stream: impl ClientStream, path: &str) -> Result<impl Connection> {
    handshake(&mut stream, path).await?;
    let (read, write) = tokio::io::split(stream);
    let (mut read, write) = after_handshake_split(read, BufWriter::new(write), Role::Client);
    read.set_max_message_size(LIMIT);
    let reading = stream::try_unfold(FragmentCollectorRead::new(read), async |mut read| {
        // No frame of the jobs needs an answer.
        let mut answer = |_: Frame<'_>| ready(Err::<(), WebSocketError>(WebSocketError::ConnectionClosed));
        let frame = read.read_frame(&mut answer).await?;
        ensure!(matches!(frame.opcode, OpCode::Text | OpCode::Binary), "expected a message");
        let length = frame.payload.len();
        drop(frame);
        Ok(Some((length, read)))
    });
    let writing = sink::unfold(write, async |mut write: WebSocketWrite<_>, act| {
        match act {
            Act::Send((text, payload)) => {
                let payload = Payload::Borrowed(&payload);
                write.write_frame(if text { Frame::text(payload) } else { Frame::binary(payload) }).await?;
            }
            Act::Flush => write.flush().await?,
        }
        Ok(write)
    });
    Ok(Halves { reading: Box::pin(reading), writing: Box::pin(writing), is_unflushed: false })
}

/// Does the opening handshake byte by byte, so that it reads nothing after it. The crate's own handshake needs a hyper
/// connection.
async fn handshake(stream: &mut impl ClientStream, path: &str) -> Result<()> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    ensure!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    Ok(())
}

impl Connection for Halves {
    type Message = (bool, Bytes);

    fn message(text: bool, payload: Bytes) -> Result<(bool, Bytes)> {
        Ok((text, payload))
    }

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.writing.as_mut().poll_ready(context)
    }

    fn send(&mut self, message: (bool, Bytes)) -> Result<()> {
        self.is_unflushed = true;
        self.writing.as_mut().start_send(Act::Send(message))
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        if self.is_unflushed {
            complete!(self.writing.as_mut().poll_ready(context))?;
            self.writing.as_mut().start_send(Act::Flush)?;
            self.is_unflushed = false;
        }
        self.writing.as_mut().poll_flush(context)
    }

    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Result<usize>> {
        Poll::Ready(complete!(self.reading.as_mut().poll_next(context)).ok_or_else(|| anyhow!("the connection ended"))?)
    }
}
