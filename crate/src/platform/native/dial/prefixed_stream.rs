//! A stream of which some bytes were already read.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::platform::native::dial::io_stream::IoStream;

/// A stream that first returns the bytes that were read ahead.
struct PrefixedStream {
    prefix: Bytes,
    stream: Box<dyn IoStream>,
}

/// Puts `prefix` in front of the bytes that `stream` will return. An empty prefix leaves the stream as it is.
pub(super) fn prefixed(prefix: &[u8], stream: Box<dyn IoStream>) -> Box<dyn IoStream> {
    if prefix.is_empty() {
        return stream;
    }
    Box::new(PrefixedStream { prefix: Bytes::copy_from_slice(prefix), stream })
}

impl AsyncRead for PrefixedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.prefix.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let count = buffer.remaining().min(self.prefix.len());
        buffer.put_slice(&self.prefix[..count]);
        self.prefix.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for PrefixedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn prefix_is_read_in_parts_before_the_stream() {
        let (near, mut far) = tokio::io::duplex(64);
        let mut stream = prefixed(b"abcde", Box::new(near));
        far.write_all(b"fg").await.unwrap();
        let mut part = [0; 3];
        stream.read_exact(&mut part).await.unwrap();
        assert_eq!(&part, b"abc");
        stream.write_all(b"xy").await.unwrap();
        far.shutdown().await.unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"defg");
        stream.shutdown().await.unwrap();
        let mut written = Vec::new();
        far.read_to_end(&mut written).await.unwrap();
        assert_eq!(written, b"xy");
    }
}
