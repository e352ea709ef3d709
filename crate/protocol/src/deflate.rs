//! permessage-deflate: messages inflated and deflated.
//!
//! See [RFC 7692, section 7.2](https://www.rfc-editor.org/rfc/rfc7692#section-7.2).

use std::fmt;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::error::Failure;
use crate::extensions::Deflate;

/// What ends a flushed block, and is left out of the last frame of a message.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// What one step of the inflater or the deflater gives at most.
const PIECE: usize = 16 << 10;

/// How hard the deflater tries.
///
/// Measured with JSON messages of 1 to 16 KiB: level 6 takes two and a half to six times as long, for a third fewer bytes.
const LEVEL: u32 = 1;

/// Takes what is inflated, piece by piece; its failure ends the inflating.
pub type Sink<'a> = dyn FnMut(&[u8]) -> Result<(), Failure> + 'a;

/// Inflates the messages of the server.
///
/// Nothing is made before the first compressed message; then the window has to be kept, since the next message may
/// refer to it, unless the server has renounced that.
pub struct Inflater {
    window_bits: u8,
    context_takeover: bool,
    state: Option<Decompress>,
    piece: Vec<u8>,
    /// Whether the last block said that it was the last one.
    ended: bool,
    /// Whether the message has had a byte.
    begun: bool,
}

impl Inflater {
    pub fn new(deflate: &Deflate) -> Self {
        Self {
            // zlib has no window of 8 bits; a larger one reads everything that a smaller one does.
            window_bits: deflate.server_max_window_bits.max(9),
            context_takeover: !deflate.server_no_context_takeover,
            state: None,
            piece: Vec::new(),
            ended: false,
            begun: false,
        }
    }

    /// The same, without the memory.
    #[must_use]
    pub fn emptied(self) -> Self {
        Self { state: None, piece: Vec::new(), ended: false, begun: false, ..self }
    }

    /// Inflates the next bytes of a message.
    pub fn inflate(&mut self, mut input: &[u8], sink: &mut Sink<'_>) -> Result<(), Failure> {
        let state = self.state.get_or_insert_with(|| Decompress::new_with_window_bits(false, self.window_bits));
        self.piece.resize(PIECE, 0);
        self.begun |= !input.is_empty();
        let mut full = false;
        while full || !input.is_empty() {
            if self.ended {
                // RFC 7692, section 7.2.3.4, does not say what becomes of the window after such a block. It ends a DEFLATE
                // stream, so that an encoder begins anew, and so do the inflaters that are made for streams.
                state.reset(false);
                self.ended = false;
            }
            let before = (state.total_in(), state.total_out());
            let status = state.decompress(input, &mut self.piece, FlushDecompress::Sync);
            let consumed = difference(state.total_in(), before.0);
            let produced = difference(state.total_out(), before.1);
            input = input.get(consumed..).unwrap_or_default();
            // What comes before an error is judged first, wherever the input is cut.
            sink(self.piece.get(..produced).unwrap_or_default())?;
            let status = status.map_err(|_| Failure::InvalidDeflate)?;
            self.ended = status == Status::StreamEnd;
            full = produced == self.piece.len() && !self.ended;
            if consumed == 0 && produced == 0 && !self.ended {
                return if input.is_empty() { Ok(()) } else { Err(Failure::InvalidDeflate) };
            }
        }
        Ok(())
    }

    /// Inflates the end of a message, which gives nothing more: what ends within a block is not in the format.
    pub fn finish(&mut self) -> Result<(), Failure> {
        if !std::mem::take(&mut self.begun) {
            return Err(Failure::InvalidDeflate);
        }
        // After a block that says it is the last one, the tail would begin another, which lacks its padding.
        let ended = self.ended;
        if !ended {
            self.inflate(&TAIL, &mut |piece| if piece.is_empty() { Ok(()) } else { Err(Failure::InvalidDeflate) })?;
            self.begun = false;
        }
        if let Some(state) = &mut self.state
            && (ended || self.ended || !self.context_takeover)
        {
            state.reset(false);
            self.ended = false;
        }
        Ok(())
    }

    /// Gives back the memory that no later message can refer to.
    pub fn release_memory(&mut self) {
        self.piece = Vec::new();
        if !self.context_takeover {
            self.state = None;
        }
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater").field("window_bits", &self.window_bits).finish_non_exhaustive()
    }
}

/// Deflates the messages of the client.
pub struct Deflater {
    window_bits: u8,
    context_takeover: bool,
    state: Option<Compress>,
    /// What is deflated, up to `len`; the rest is room that was filled once and is written again and again.
    output: Vec<u8>,
    len: usize,
}

impl Deflater {
    pub fn new(deflate: &Deflate) -> Self {
        Self {
            // zlib has no window of 8 bits, but with 9 it looks back no further than 250 bytes.
            window_bits: deflate.client_max_window_bits.max(9),
            context_takeover: !deflate.client_no_context_takeover,
            state: None,
            output: Vec::new(),
            len: 0,
        }
    }

    /// Deflates the next bytes of a message; unless they are the last ones, some of what they give may come only later.
    pub fn deflate(&mut self, input: &[u8], last: bool) {
        let before = self.len;
        self.run(input, if last { FlushCompress::Sync } else { FlushCompress::None });
        if !last {
            return;
        }
        if self.deflated().ends_with(&TAIL) {
            self.len -= TAIL.len();
        } else if self.len == before {
            // zlib makes nothing of nothing where it has just been flushed; the message has a block all the same.
            self.make_room(1);
            self.output[self.len] = 0;
            self.len += 1;
        }
        if !self.context_takeover
            && let Some(state) = &mut self.state
        {
            state.reset();
        }
    }

    /// What is deflated and not yet taken.
    pub fn deflated(&self) -> &[u8] {
        &self.output[..self.len]
    }

    /// Forgets what is deflated, which has been taken.
    pub const fn clear(&mut self) {
        self.len = 0;
    }

    /// Gives back all memory: that the next message cannot refer to the last ones concerns nobody but us.
    pub fn release_memory(&mut self) {
        self.state = None;
        if self.len == 0 {
            self.output = Vec::new();
        }
    }

    fn run(&mut self, mut input: &[u8], flush: FlushCompress) {
        loop {
            self.make_room((input.len() / 2).clamp(64, PIECE));
            let window_bits = self.window_bits;
            let make = || Compress::new_with_window_bits(Compression::new(LEVEL), false, window_bits);
            let state = self.state.get_or_insert_with(make);
            let before = (state.total_in(), state.total_out());
            // zlib knows no error where there is room and the state is its own.
            let _ = state.compress(input, &mut self.output[self.len..], flush);
            input = input.get(difference(state.total_in(), before.0)..).unwrap_or_default();
            self.len += difference(state.total_out(), before.1);
            if self.len < self.output.len() {
                return;
            }
        }
    }

    /// Has room for so many bytes more.
    fn make_room(&mut self, bytes: usize) {
        if self.output.len() - self.len < bytes {
            self.output.resize(self.len + bytes, 0);
        }
    }
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflater").field("window_bits", &self.window_bits).finish_non_exhaustive()
    }
}

/// What was done between two readings of a counter; steps are short.
fn difference(after: u64, before: u64) -> usize {
    usize::try_from(after.saturating_sub(before)).unwrap_or(usize::MAX)
}
