//! A stream of a connection as a byte stream.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use h2::{Reason, RecvStream, SendStream, server::SendResponse};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    frames,
    wire::{Cork, Wire, WireStream},
};
use crate::record::End;

/// The largest DATA frame, in bytes. A client need not accept a larger one.
const MAX_DATA_LEN: usize = 16_384;

/// The largest DATA frame that padding can replace, in bytes.
const MAX_PADDING_LEN: usize = 256;

/// The name and value of a header field.
pub(crate) type Field = (String, Vec<u8>);

/// One stream. A flush ends when the client's socket has everything.
#[derive(Debug)]
pub(crate) struct Stream {
    wire: WireStream,
    receive: RecvStream,
    send: Send,
    /// The received bytes that were not read.
    unread: Bytes,
    blocks: u32,
    written: u64,
    ended: bool,
    corked: bool,
    is_secure: bool,
}

#[derive(Debug)]
enum Send {
    Response(SendResponse<Bytes>),
    Data(SendStream<Bytes>),
}

impl Stream {
    pub(super) fn new(wire: WireStream, receive: RecvStream, respond: SendResponse<Bytes>, is_secure: bool) -> Self {
        let send = Send::Response(respond);
        Self {
            wire,
            receive,
            send,
            unread: Bytes::new(),
            blocks: 0,
            written: 0,
            ended: false,
            corked: false,
            is_secure,
        }
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.is_secure
    }

    pub(crate) fn id(&self) -> u32 {
        self.wire.id
    }

    pub(crate) fn wire(&self) -> &Wire {
        &self.wire.wire
    }

    /// Returns the error code with which the client has reset the stream.
    pub(crate) fn client_error(&self) -> Option<u32> {
        self.wire.with(|stream| stream.client_error)
    }

    /// Sets whether DATA frames are replaced by padding of the same length. The caller flushes before and after.
    pub(crate) fn pad(&self, pad: bool) {
        self.wire.with(|stream| stream.pad = pad);
    }

    /// Holds back what is sent until the next flush, so that it is one write.
    pub(crate) fn cork(&mut self) {
        self.corked = true;
        self.wire.wire.cork(Some(Cork { stream: self.id(), blocks: u32::MAX, data: 0 }));
    }

    /// Lets the relay write once it has all that was sent.
    fn uncork(&mut self) {
        if self.corked {
            self.corked = false;
            self.wire.wire.cork(Some(Cork { stream: self.id(), blocks: self.blocks, data: self.written }));
        }
    }

    /// Sends an interim response.
    pub(crate) fn inform(&mut self, status: u16, fields: &[Field]) -> io::Result<()> {
        let Send::Response(respond) = &mut self.send else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let response = response(status, fields).ok_or(io::ErrorKind::InvalidInput)?;
        respond.send_informational(response).map_err(io::Error::other)?;
        self.blocks += 1;
        Ok(())
    }

    /// Sends the response. `end` also ends the stream's sending side.
    ///
    /// A response that `h2` refuses to send is written as it is, after what was flushed.
    pub(crate) fn respond(&mut self, status: u16, fields: &[Field], end: bool) -> io::Result<()> {
        let (regular, is_valid) =
            match response(status, fields).filter(|response| !response.status().is_informational()) {
                Some(response) => (response, true),
                None => (http::Response::new(()), false),
            };
        if !is_valid {
            let status = status.to_string();
            let pseudo = [(":status", status.as_bytes())].into_iter();
            let fields = fields.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
            self.replace_next_block(&frames::block(pseudo.chain(fields)), end);
        }
        self.send_response(regular, end)
    }

    /// Sends these bytes as the header block of the response.
    pub(crate) fn respond_with_block(&mut self, block: &[u8]) -> io::Result<()> {
        self.replace_next_block(block, false);
        self.send_response(http::Response::new(()), false)
    }

    fn replace_next_block(&self, block: &[u8], end: bool) {
        let frames = frames::headers(self.id(), block, end);
        self.wire.with(|stream| stream.replacement = Some(frames));
    }

    fn send_response(&mut self, response: http::Response<()>, end: bool) -> io::Result<()> {
        let Send::Response(respond) = &mut self.send else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        self.send = Send::Data(respond.send_response(response, end).map_err(io::Error::other)?);
        self.blocks += 1;
        self.ended = end;
        Ok(())
    }

    /// Sends trailers, which end the sending side.
    pub(crate) fn send_trailers(&mut self, fields: &[Field]) -> io::Result<()> {
        let Send::Data(send) = &mut self.send else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let fields = header_map(fields).ok_or(io::ErrorKind::InvalidInput)?;
        send.send_trailers(fields).map_err(io::Error::other)?;
        self.blocks += 1;
        self.ended = true;
        Ok(())
    }

    /// Ends the sending side, if the response was sent.
    pub(crate) fn end(&mut self) {
        if let Send::Data(send) = &mut self.send {
            if !self.ended {
                self.ended = true;
                let _ = send.send_data(Bytes::new(), true);
            }
        }
    }

    /// Resets the stream. What was not flushed is lost.
    pub(crate) fn reset(&mut self, code: u32) {
        match &mut self.send {
            Send::Response(respond) => respond.send_reset(Reason::from(code)),
            Send::Data(send) => send.send_reset(Reason::from(code)),
        }
    }

    /// Waits until the client has ended its side of the stream, without reading.
    pub(crate) async fn wait_for_disconnect(&self) -> End {
        poll_fn(|cx| self.wire.poll(cx, |stream| stream.client_end)).await
    }

    /// Returns the error for a stream that cannot be used any more, by the way in which the client has ended it.
    fn error(&self) -> io::Error {
        match self.wire.with(|stream| stream.client_end) {
            Some(End::Fin) => io::ErrorKind::UnexpectedEof.into(),
            Some(End::Server) => io::ErrorKind::ConnectionAborted.into(),
            _ => io::ErrorKind::ConnectionReset.into(),
        }
    }

    fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let reset = match &mut self.send {
            Send::Response(respond) => respond.poll_reset(cx),
            Send::Data(send) => send.poll_reset(cx),
        };
        reset.map(|_| self.error())
    }
}

fn response(status: u16, fields: &[Field]) -> Option<http::Response<()>> {
    let mut response = http::Response::new(());
    *response.status_mut() = StatusCode::from_u16(status).ok()?;
    *response.headers_mut() = header_map(fields)?;
    Some(response)
}

/// Returns the fields as a map, if HTTP/2 permits all of them.
fn header_map(fields: &[Field]) -> Option<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        // The type would change an upper-case name.
        if *name != name.to_ascii_lowercase() || matches!(&**name, "connection" | "upgrade" | "transfer-encoding") {
            return None;
        }
        map.append(name.parse::<HeaderName>().ok()?, HeaderValue::from_bytes(value).ok()?);
    }
    Some(map)
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.unread.is_empty() {
            match ready!(this.receive.poll_data(cx)) {
                Some(Ok(data)) => this.unread = data,
                Some(Err(_)) => return Poll::Ready(Err(this.error())),
                None => return Poll::Ready(Ok(())),
            }
        }
        let length = this.unread.len().min(buffer.remaining());
        buffer.put_slice(&this.unread[..length]);
        this.unread.advance(length);
        let _ = this.receive.flow_control().release_capacity(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let limit = if self.wire.with(|stream| stream.pad) { MAX_PADDING_LEN } else { MAX_DATA_LEN };
        let wanted = bytes.len().min(limit);
        let Send::Data(send) = &mut self.send else {
            return Poll::Ready(Err(io::ErrorKind::InvalidInput.into()));
        };
        send.reserve_capacity(wanted);
        let mut capacity = send.capacity();
        while capacity == 0 {
            capacity = match send.poll_capacity(cx) {
                Poll::Ready(Some(Ok(capacity))) => capacity,
                Poll::Ready(_) => return Poll::Ready(Err(self.error())),
                // The client opens the window only for what it has.
                Poll::Pending => {
                    self.uncork();
                    return Poll::Pending;
                }
            };
        }
        let length = wanted.min(capacity);
        if send.send_data(Bytes::copy_from_slice(&bytes[..length]), false).is_err() {
            return Poll::Ready(Err(self.error()));
        }
        self.written += length as u64;
        Poll::Ready(Ok(length))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.uncork();
        let (blocks, written, ended) = (self.blocks, self.written, self.ended);
        let flushed = self.wire.poll(cx, |stream| {
            let is_flushed =
                stream.blocks_written >= blocks && stream.data_written >= written && (stream.end_written || !ended);
            is_flushed.then_some(())
        });
        if flushed.is_ready() {
            return Poll::Ready(Ok(()));
        }
        self.poll_reset(cx).map(Err)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end();
        self.poll_flush(cx)
    }
}
