//! Parses the frames of HTTP/2 ([RFC 9113, section 4](https://www.rfc-editor.org/rfc/rfc9113#section-4)), however the reads
//! split them. The payload of a DATA frame is passed on as it arrives.

use anyhow::{Result, ensure};

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const ACK: u8 = 1;
pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;
pub(super) const PADDED: u8 = 8;
pub(super) const PRIORITY: u8 = 0x20;

/// The largest payload, unless settings allow more.
pub(super) const MAX_FRAME: usize = 16_384;

/// The length of a frame's header.
pub(super) const HEADER: usize = 9;

/// The bytes with which a client starts a connection.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) length: usize,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
}

impl Header {
    fn parse([high, middle, low, kind, flags, a, b, c, d]: [u8; HEADER]) -> Self {
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        Self { length, kind, flags, stream: u32::from_be_bytes([a, b, c, d]) & 0x7fff_ffff }
    }

    pub(super) const fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// A parsed part of a frame.
pub(super) enum Part<'a> {
    /// A piece of a DATA frame, without padding.
    Data { stream: u32, bytes: &'a mut [u8] },
    /// The end of a DATA frame. Its length, with padding, counts for the windows.
    DataEnd(Header),
    /// A whole frame of another type.
    Frame(Header, &'a [u8]),
}

/// A parser of the client's frames.
#[derive(Default)]
pub(super) struct FrameParser {
    /// The received bytes of the preface.
    preface: usize,
    /// The received part of a header, or of a payload that is not DATA.
    partial: Vec<u8>,
    current: Option<Current>,
}

/// The frame that is being received.
struct Current {
    header: Header,
    /// The missing bytes, including padding.
    missing: usize,
    /// The length of the padding, once it is known.
    padding: Option<usize>,
}

impl FrameParser {
    /// Parses the bytes of a read.
    pub(super) fn read(&mut self, bytes: &mut [u8], mut take: impl FnMut(Part<'_>) -> Result<()>) -> Result<()> {
        let preface = bytes.len().min(PREFACE.len() - self.preface);
        ensure!(bytes[..preface] == PREFACE[self.preface..][..preface], "this is not HTTP/2");
        self.preface += preface;
        let mut rest = &mut bytes[preface..];
        loop {
            let Some(current) = &mut self.current else {
                let count = collect(&mut self.partial, rest, HEADER);
                rest = &mut rest[count..];
                let Some(header) = self.partial.first_chunk() else { return Ok(()) };
                let header = Header::parse(*header);
                ensure!(header.length <= MAX_FRAME, "a frame is too long");
                self.partial.clear();
                let padding = (header.kind != DATA || !header.has(PADDED)).then_some(0);
                self.current = Some(Current { header, missing: header.length, padding });
                continue;
            };
            let header = current.header;
            if header.kind == DATA {
                rest = current.data(rest, &mut take)?;
                if current.missing > 0 {
                    return Ok(());
                }
                take(Part::DataEnd(header))?;
            } else {
                let count = collect(&mut self.partial, rest, header.length);
                rest = &mut rest[count..];
                if self.partial.len() < header.length {
                    return Ok(());
                }
                take(Part::Frame(header, &self.partial))?;
                self.partial.clear();
            }
            self.current = None;
        }
    }
}

impl Current {
    /// Takes the bytes that belong to this DATA frame, and returns the rest.
    fn data<'a>(&mut self, bytes: &'a mut [u8], take: &mut impl FnMut(Part<'_>) -> Result<()>) -> Result<&'a mut [u8]> {
        let (own, rest) = bytes.split_at_mut(self.missing.min(bytes.len()));
        self.missing -= own.len();
        let mut start = 0;
        if self.padding.is_none()
            && let Some(length) = own.first()
        {
            ensure!(usize::from(*length) < self.header.length, "the padding is too long");
            self.padding = Some(usize::from(*length));
            start = 1;
        }
        // The padding is the end of the frame. A part of it may be missing yet.
        let padding = self.padding.unwrap_or_default().saturating_sub(self.missing);
        let data = &mut own[start..];
        let data = data.len().checked_sub(padding).map_or(&mut [][..], |end| &mut data[..end]);
        if !data.is_empty() {
            take(Part::Data { stream: self.header.stream, bytes: data })?;
        }
        Ok(rest)
    }
}

/// Copies bytes to `partial` until it has this length. Returns the number of copied bytes.
fn collect(partial: &mut Vec<u8>, bytes: &[u8], length: usize) -> usize {
    let count = bytes.len().min(length - partial.len());
    partial.extend_from_slice(&bytes[..count]);
    count
}

/// Returns the content of a frame without its padding and priority.
pub(super) fn content(header: Header, mut payload: &[u8]) -> Option<&[u8]> {
    if header.has(PADDED) {
        let (padding, rest) = payload.split_first()?;
        payload = rest.get(..rest.len().checked_sub(usize::from(*padding))?)?;
    }
    if header.has(PRIORITY) { payload.get(5..) } else { Some(payload) }
}

/// Appends a frame.
pub(super) fn write_frame(kind: u8, flags: u8, stream: u32, payload: &[u8], out: &mut Vec<u8>) {
    let [_, high, middle, low] = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    out.extend_from_slice(&[high, middle, low, kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

/// Appends a `WINDOW_UPDATE` frame.
pub(super) fn write_window_update(stream: u32, increment: u32, out: &mut Vec<u8>) {
    write_frame(WINDOW_UPDATE, 0, stream, &increment.to_be_bytes(), out);
}
