//! Writes DATA frames within the windows ([RFC 9113, section 5.2](https://www.rfc-editor.org/rfc/rfc9113#section-5.2)).

use super::frames::{DATA, END_STREAM, HEADER, MAX_FRAME, write_frame};

/// The first window of a connection.
pub(super) const FIRST_WINDOW: u32 = 65_535;

/// The output of a connection.
pub(super) struct Sender {
    /// The encoded frames.
    out: Vec<u8>,
    /// The DATA frame at the end of the output, which may grow: its stream and the position of its header.
    open: Option<(u32, usize)>,
    /// The bytes that the connection may send.
    pub(super) window: i64,
    /// The largest payload that the client allows.
    pub(super) max_frame: usize,
}

impl Default for Sender {
    fn default() -> Self {
        Self { out: Vec::new(), open: None, window: i64::from(FIRST_WINDOW), max_frame: MAX_FRAME }
    }
}

impl Sender {
    /// Appends DATA with as many of these bytes as the windows allow, and returns their number.
    pub(super) fn data(&mut self, stream: u32, window: &mut i64, bytes: &[u8]) -> usize {
        let allowed = usize::try_from((*window).min(self.window)).unwrap_or_default().min(bytes.len());
        let mut rest = &bytes[..allowed];
        while !rest.is_empty() {
            let start = self.open_frame(stream);
            let (now, later) = rest.split_at(rest.len().min(start + HEADER + self.max_frame - self.out.len()));
            self.out.extend_from_slice(now);
            let [_, length @ ..] = u32::try_from(self.out.len() - start - HEADER).unwrap_or(u32::MAX).to_be_bytes();
            self.out[start..start + 3].copy_from_slice(&length);
            rest = later;
        }
        let count = i64::try_from(allowed).unwrap_or(i64::MAX);
        *window -= count;
        self.window -= count;
        allowed
    }

    /// Ends a stream.
    pub(super) fn end(&mut self, stream: u32) {
        let start = self.open_frame(stream);
        self.out[start + 4] |= END_STREAM;
        self.open = None;
    }

    /// Appends frames of other types.
    pub(super) fn other(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.open = None;
        write(&mut self.out);
    }

    /// Returns the output.
    pub(super) fn output(&self) -> &[u8] {
        &self.out
    }

    /// Forgets the output, after it was written.
    pub(super) fn clear(&mut self) {
        self.open = None;
        self.out.clear();
    }

    /// Returns the position of a DATA frame that has room.
    fn open_frame(&mut self, stream: u32) -> usize {
        let has_room = |start: &usize| self.out.len() < start + HEADER + self.max_frame;
        let open = self.open.filter(|(owner, start)| *owner == stream && has_room(start));
        let (_, start) = open.unwrap_or_else(|| {
            let start = self.out.len();
            write_frame(DATA, 0, stream, &[], &mut self.out);
            (stream, start)
        });
        self.open = Some((stream, start));
        start
    }
}
