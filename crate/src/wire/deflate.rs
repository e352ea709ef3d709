//! permessage-deflate: messages inflated and deflated.
//!
//! See [RFC 7692, section 7.2](https://www.rfc-editor.org/rfc/rfc7692#section-7.2).

use std::fmt;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::extension::Deflate;
use super::failure::Failure;

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
    pub fn idle(&mut self) {
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
    deflated: Vec<u8>,
}

impl Deflater {
    pub fn new(deflate: &Deflate) -> Self {
        Self {
            // zlib has no window of 8 bits, but with 9 it looks back no further than 250 bytes.
            window_bits: deflate.client_max_window_bits.max(9),
            context_takeover: !deflate.client_no_context_takeover,
            state: None,
            deflated: Vec::new(),
        }
    }

    /// Deflates the next bytes of a message; some of what they give may come only with later ones.
    pub fn deflate(&mut self, input: &[u8]) {
        self.run(input, FlushCompress::None);
    }

    /// Deflates the end of a message.
    pub fn finish(&mut self) {
        let before = self.deflated.len();
        self.run(&[], FlushCompress::Sync);
        if self.deflated.ends_with(&TAIL) {
            self.deflated.truncate(self.deflated.len() - TAIL.len());
        } else if self.deflated.len() == before {
            // zlib makes nothing of nothing where it has just been flushed; the message has a block all the same.
            self.deflated.push(0);
        }
        if !self.context_takeover
            && let Some(state) = &mut self.state
        {
            state.reset();
        }
    }

    /// What is deflated and not yet taken.
    pub fn deflated(&self) -> &[u8] {
        &self.deflated
    }

    /// Forgets what is deflated, which has been taken.
    pub fn clear(&mut self) {
        self.deflated.clear();
    }

    /// Gives back all memory: that the next message cannot refer to the last ones concerns nobody but us.
    pub fn idle(&mut self) {
        self.state = None;
        if self.deflated.is_empty() {
            self.deflated = Vec::new();
        }
    }

    fn run(&mut self, mut input: &[u8], flush: FlushCompress) {
        let state = self
            .state
            .get_or_insert_with(|| Compress::new_with_window_bits(Compression::new(LEVEL), false, self.window_bits));
        loop {
            self.deflated.reserve(input.len().clamp(64, PIECE));
            let before = state.total_in();
            // zlib knows no error where there is room and the state is its own.
            let _ = state.compress_vec(input, &mut self.deflated, flush);
            input = input.get(difference(state.total_in(), before)..).unwrap_or_default();
            if self.deflated.len() < self.deflated.capacity() {
                return;
            }
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
