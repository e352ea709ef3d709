//! Parses and writes the frames of WebSockets, on the side of the server.

/// The first byte of a Close frame.
pub(super) const CLOSE: u8 = 0x88;

/// Returns whether the frame is a Close frame.
pub(super) const fn is_close(first: u8) -> bool {
    first == CLOSE
}

/// Returns whether the frame is the last one of a message.
pub(super) const fn is_last(first: u8) -> bool {
    first & 0x88 == 0x80
}

/// Passes the header of an unmasked frame to `write`.
pub(super) fn write_header(first: u8, length: u64, mut write: impl FnMut(&[u8])) {
    if let Ok(length @ ..=125) = u8::try_from(length) {
        write(&[first, length]);
    } else if let Ok(length) = u16::try_from(length) {
        let [a, b] = length.to_be_bytes();
        write(&[first, 126, a, b]);
    } else {
        let mut header = [first, 127, 0, 0, 0, 0, 0, 0, 0, 0];
        header[2..].copy_from_slice(&length.to_be_bytes());
        write(&header);
    }
}

/// A parsed part of a frame.
pub(super) enum Part<'a> {
    Begin { first: u8, length: u64 },
    Payload(&'a [u8]),
    End { first: u8 },
}

/// A parser of masked frames, which unmasks payloads in place.
#[derive(Default)]
pub(super) struct Frames {
    header: Vec<u8>,
    /// The first byte, the mask and the missing bytes of the current frame.
    frame: Option<(u8, [u8; 4], u64)>,
}

impl Frames {
    pub(super) fn read(&mut self, mut bytes: &mut [u8], mut take: impl FnMut(Part<'_>)) {
        loop {
            if self.frame.is_none() {
                let Some(rest) = self.begin(bytes, &mut take) else { return };
                bytes = rest;
            }
            let Some((first, mask, missing)) = &mut self.frame else { return };
            let now = usize::try_from(*missing).map_or(bytes.len(), |missing| missing.min(bytes.len()));
            let (payload, rest) = bytes.split_at_mut(now);
            unmask(payload, mask);
            take(Part::Payload(payload));
            *missing -= now as u64;
            bytes = rest;
            if *missing > 0 {
                return;
            }
            take(Part::End { first: *first });
            self.frame = None;
        }
    }

    /// Reads a header. Returns `None` if it is incomplete.
    fn begin<'a>(&mut self, bytes: &'a mut [u8], take: &mut impl FnMut(Part<'_>)) -> Option<&'a mut [u8]> {
        let before = self.header.len();
        self.header.extend_from_slice(&bytes[..bytes.len().min(14)]);
        let [first, second, after @ ..] = &self.header[..] else { return None };
        let (length, size) = match second & 0x7f {
            126 => (u64::from(u16::from_be_bytes(*after.first_chunk()?)), 4),
            127 => (u64::from_be_bytes(*after.first_chunk()?), 10),
            length => (u64::from(length), 2),
        };
        let mask = *self.header.get(size..)?.first_chunk()?;
        take(Part::Begin { first: *first, length });
        self.frame = Some((*first, mask, length));
        self.header.clear();
        Some(&mut bytes[size + 4 - before..])
    }
}

fn unmask(bytes: &mut [u8], mask: &mut [u8; 4]) {
    let [a, b, c, d] = *mask;
    let wide = u128::from_ne_bytes([a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d]);
    let (chunks, rest) = bytes.as_chunks_mut();
    for chunk in chunks {
        *chunk = (u128::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
    mask.rotate_left(rest.len() % 4);
}
