//! The bytes that a connection is to write, gathered from the frames of `h2`.
//!
//! `h2` passes on slices of memory, without their owner. So a [`Payload`] notes the bytes that it has shown to `h2` last, and
//! [`Gathered`] recognises them in a frame. It shares their memory in place of a copy.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

/// A shorter part of a payload is copied, because a part of its own costs more. Arbitrary: one page.
const MIN_SHARED: usize = 4 << 10;

thread_local! {
    /// The bytes that a payload has shown last. `h2` asks a payload for its bytes just before it writes them, on one thread.
    static SHOWN: Cell<Option<Bytes>> = const { Cell::new(None) };
}

/// Bytes that a stream sends.
#[derive(Default)]
pub(super) struct Payload(Bytes);

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl Buf for Payload {
    fn remaining(&self) -> usize {
        self.0.len()
    }

    fn chunk(&self) -> &[u8] {
        if self.0.len() >= MIN_SHARED {
            // A thread that ends writes nothing more.
            let _ = SHOWN.try_with(|shown| shown.set(Some(self.0.clone())));
        }
        &self.0
    }

    fn advance(&mut self, count: usize) {
        self.0.advance(count);
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
                None => self.copied.extend_from_slice(slice),
            }
        }
        self.size - former
    }

    fn push_part(&mut self, part: Bytes) {
        if !self.copied.is_empty() {
            self.parts.push_back(self.copied.split().freeze());
        }
        self.parts.push_back(part);
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

impl Buf for Gathered {
    fn remaining(&self) -> usize {
        self.size
    }

    fn chunk(&self) -> &[u8] {
        self.parts.front().map_or(&self.copied, |part| part)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let parts = self.parts.iter().map(|part| &**part).chain([&*self.copied]).filter(|part| !part.is_empty());
        let mut count = 0;
        for (slice, part) in slices.iter_mut().zip(parts) {
            *slice = IoSlice::new(part);
            count += 1;
        }
        count
    }

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
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let count = gathered.chunks_vectored(&mut slices);
        let mut bytes = slices[..count].iter().map(|slice| &**slice).collect::<Vec<_>>().concat();
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
                let mut payload = Payload::from(Bytes::from(vec![number; size]));
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
            let (mut gathered, mut payload) = (Gathered::new(is_vectored), Payload::from(bytes.clone()));
            while payload.has_remaining() {
                push_frame(&mut gathered, &mut payload, 16_384);
            }
            let mut slices = [IoSlice::new(&[]); 8];
            let count = gathered.chunks_vectored(&mut slices);
            let shared = slices[..count].iter().filter(|slice| contains(&bytes, slice)).map(|slice| slice.len());
            let expected: &[usize] = if is_vectored { &[16_137, 16_137, 6_985] } else { &[] };
            assert_eq!(shared.collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn memory_is_released_with_the_last_byte() {
        let bytes = Bytes::from(vec![1; 40_000]);
        let (mut gathered, mut payload) = (Gathered::new(true), Payload::from(bytes.clone()));
        push_frame(&mut gathered, &mut payload, usize::MAX);
        drop(payload);
        assert!(!bytes.is_unique());
        while !gathered.is_empty() {
            write(&mut gathered, 10_000);
        }
        assert!(bytes.is_unique());
    }
}
