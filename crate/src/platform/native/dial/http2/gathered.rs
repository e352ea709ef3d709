//! The bytes that a connection is to write, gathered from the frames of `h2`.
//!
//! `h2` passes on slices of memory, without their owner. So a [`Payload`] notes the bytes that it has shown to `h2` last, and
//! [`Gathered`] recognises them in a frame. It shares their memory in place of a copy.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncWrite;

use super::progress::StreamProgress;
use crate::platform::native::dial::io_stream::IoStream;

/// A shorter part of a payload is copied, because a part of its own costs more. Arbitrary: one page.
const MIN_SHARED: usize = 4 << 10;

/// The slices of one write, at most. Arbitrary: 32 frames of the usual size.
const MAX_SLICES: usize = 64;

/// The smallest memory for copies. Arbitrary: the beginnings of sixteen frames, each of which `h2` copies itself.
const MIN_COPIED: usize = 4 << 10;

thread_local! {
    /// The bytes that a payload has shown last. `h2` asks a payload for its bytes just before it writes them, on one thread.
    static SHOWN: Cell<Option<Bytes>> = const { Cell::new(None) };
}

/// Bytes that a stream sends.
#[derive(Default)]
pub(super) struct Payload {
    bytes: Bytes,
    /// The progress of the stream, until the bytes have left `h2`.
    progress: Option<Arc<StreamProgress>>,
}

impl Payload {
    pub(super) fn new(bytes: Bytes, progress: &Arc<StreamProgress>) -> Self {
        progress.enter();
        Self { bytes, progress: Some(Arc::clone(progress)) }
    }

    fn leave(&mut self) {
        if let Some(progress) = self.progress.take() {
            progress.leave();
        }
    }
}

impl Buf for Payload {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        if self.bytes.len() >= MIN_SHARED {
            // A thread that ends writes nothing more.
            let _ = SHOWN.try_with(|shown| shown.set(Some(self.bytes.clone())));
        }
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        if self.bytes.is_empty() {
            self.leave();
        }
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        // `h2` drops what it does not send any more.
        if let Some(progress) = self.progress.take_if(|_| !self.bytes.is_empty()) {
            progress.lose();
        }
        self.leave();
    }
}

/// Takes the bytes that a payload has shown last on this thread, if they are long enough to be shared.
pub(super) fn take_shown() -> Option<Bytes> {
    SHOWN.try_with(Cell::take).ok().flatten()
}

/// Gathered bytes.
pub(super) struct Gathered {
    /// The first bytes.
    parts: VecDeque<Bytes>,
    /// The bytes behind the parts. They were copied.
    copied: BytesMut,
    size: usize,
    /// Whether the stream writes several parts at a time, so that memory may be shared.
    is_vectored: bool,
}

impl Gathered {
    pub(super) fn new(is_vectored: bool) -> Self {
        Self { parts: VecDeque::new(), copied: BytesMut::new(), size: 0, is_vectored }
    }

    pub(super) const fn len(&self) -> usize {
        self.size
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// Gathers the bytes of these slices; returns their number. `shown` is what [`take_shown`] has returned for them.
    pub(super) fn push(&mut self, slices: &[IoSlice<'_>], shown: Option<&Bytes>) -> usize {
        let former = self.size;
        for slice in slices {
            self.size += slice.len();
            match shown.filter(|shown| self.is_vectored && slice.len() >= MIN_SHARED && contains(shown, slice)) {
                Some(shown) => self.push_part(shown.slice_ref(slice)),
                None => self.push_copy(slice),
            }
        }
        self.size - former
    }

    fn push_copy(&mut self, bytes: &[u8]) {
        if self.copied.capacity() - self.copied.len() < bytes.len() {
            self.copied.reserve(bytes.len().max(MIN_COPIED));
        }
        self.copied.extend_from_slice(bytes);
    }

    fn push_part(&mut self, part: Bytes) {
        if !self.copied.is_empty() {
            self.parts.push_back(self.copied.split().freeze());
        }
        self.parts.push_back(part);
    }

    /// Writes to `stream`, and removes what it has accepted. Returns the number of bytes.
    pub(super) fn poll_write(
        &mut self,
        stream: &mut Box<dyn IoStream>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let shown = self.slices(&mut slices);
        let stream = Pin::new(stream);
        let written = match shown {
            [slice] => stream.poll_write(context, slice),
            slices => stream.poll_write_vectored(context, slices),
        };
        let count = ready!(written)?.min(shown.iter().map(|slice| slice.len()).sum());
        self.advance(count);
        Poll::Ready(Ok(count))
    }

    /// Returns the first bytes as slices.
    fn slices<'a, 'b>(&'a self, slices: &'b mut [IoSlice<'a>]) -> &'b [IoSlice<'a>] {
        let parts = self.parts.iter().map(|part| &**part).chain([&*self.copied]).filter(|part| !part.is_empty());
        let mut count = 0;
        for (slice, part) in slices.iter_mut().zip(parts) {
            *slice = IoSlice::new(part);
            count += 1;
        }
        &slices[..count]
    }

    /// Removes the first `count` bytes.
    fn advance(&mut self, mut count: usize) {
        self.size -= count;
        while let Some(part) = self.parts.front_mut() {
            if count < part.len() {
                part.advance(count);
                return;
            }
            count -= part.len();
            self.parts.pop_front();
        }
        self.copied.advance(count);
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.is_vectored);
    }

    /// Releases the memory if nothing is gathered.
    pub(super) fn release_memory(&mut self) {
        if self.is_empty() {
            (self.parts, self.copied) = (VecDeque::new(), BytesMut::new());
        }
    }
}

/// Returns whether `slice` is a part of the memory of `bytes`.
fn contains(bytes: &[u8], slice: &[u8]) -> bool {
    let (outer, inner) = (bytes.as_ptr_range(), slice.as_ptr_range());
    outer.start <= inner.start && inner.end <= outer.end
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncRead, ReadBuf};

    use super::*;

    /// Returns a payload whose progress does not matter.
    fn payload(bytes: Bytes) -> Payload {
        Payload { bytes, progress: None }
    }

    /// Gathers a frame as `h2` writes it: a header with the first bytes of the payload, and a part of the rest.
    fn push_frame(gathered: &mut Gathered, payload: &mut Payload, size: usize) -> Vec<u8> {
        let size = size.min(payload.remaining());
        let mut head = vec![0xff; 9];
        head.extend_from_slice(&payload.chunk()[..size.min(247)]);
        payload.advance(size.min(247));
        let part = &payload.chunk()[..size - size.min(247)];
        let slices = [IoSlice::new(&head), IoSlice::new(part)];
        assert_eq!(gathered.push(&slices, take_shown().as_ref()), head.len() + part.len());
        let bytes = [&*head, part].concat();
        payload.advance(size - size.min(247));
        bytes
    }

    /// Removes up to `size` bytes, as a write of several slices does.
    fn write(gathered: &mut Gathered, size: usize) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 4];
        let mut bytes = gathered.slices(&mut slices).iter().map(|slice| &**slice).collect::<Vec<_>>().concat();
        bytes.truncate(size);
        gathered.advance(bytes.len());
        bytes
    }

    #[test]
    fn bytes_leave_once_and_in_order() {
        for is_vectored in [true, false] {
            let mut gathered = Gathered::new(is_vectored);
            let (mut expected, mut written) = (Vec::new(), Vec::new());
            // The payloads have up to five frames, and each round removes less or more than one of them.
            for number in 0_u8..200 {
                let size = usize::from(number) * 397 % 40_000;
                let mut payload = payload(Bytes::from(vec![number; size]));
                while payload.has_remaining() {
                    expected.extend(push_frame(&mut gathered, &mut payload, 9_001));
                }
                written.extend(write(&mut gathered, usize::from(number) * 7_919 % 50_000));
                assert_eq!(written.len() + gathered.len(), expected.len());
            }
            while !gathered.is_empty() {
                written.extend(write(&mut gathered, usize::MAX));
            }
            assert!(written == expected);
        }
    }

    #[test]
    fn long_parts_share_the_memory_of_the_payload() {
        let bytes = Bytes::from(vec![1; 40_000]);
        for is_vectored in [true, false] {
            let (mut gathered, mut payload) = (Gathered::new(is_vectored), payload(bytes.clone()));
            while payload.has_remaining() {
                push_frame(&mut gathered, &mut payload, 16_384);
            }
            let mut slices = [IoSlice::new(&[]); 8];
            let shared =
                gathered.slices(&mut slices).iter().filter(|slice| contains(&bytes, slice)).map(|slice| slice.len());
            let expected: &[usize] = if is_vectored { &[16_137, 16_137, 6_985] } else { &[] };
            assert_eq!(shared.collect::<Vec<_>>(), expected);
        }
    }

    /// A stream that claims to have accepted more than it was given.
    struct Boastful(usize);

    impl AsyncRead for Boastful {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Boastful {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(self.0))
        }

        fn is_write_vectored(&self) -> bool {
            true
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn stream_cannot_accept_more_than_it_was_given() {
        let mut gathered = Gathered::new(true);
        for _ in 0..MAX_SLICES {
            push_frame(&mut gathered, &mut payload(Bytes::from(vec![1; 10_000])), usize::MAX);
        }
        let half = gathered.len() / 2;
        let mut context = Context::from_waker(std::task::Waker::noop());
        let mut stream: Box<dyn IoStream> = Box::new(Boastful(gathered.len()));
        assert!(matches!(gathered.poll_write(&mut stream, &mut context), Poll::Ready(Ok(count)) if count == half));
        assert_eq!(gathered.len(), half);
        let mut stream: Box<dyn IoStream> = Box::new(Boastful(usize::MAX));
        assert!(matches!(gathered.poll_write(&mut stream, &mut context), Poll::Ready(Ok(count)) if count == half));
        assert!(gathered.is_empty());
    }

    #[test]
    fn memory_is_released_with_the_last_byte() {
        let bytes = Bytes::from(vec![1; 40_000]);
        let (mut gathered, mut payload) = (Gathered::new(true), payload(bytes.clone()));
        push_frame(&mut gathered, &mut payload, usize::MAX);
        drop(payload);
        assert!(!bytes.is_unique());
        while !gathered.is_empty() {
            write(&mut gathered, 10_000);
        }
        assert!(bytes.is_unique());
    }
}
