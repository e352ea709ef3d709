//! permessage-deflate: compression and decompression of messages.
//!
//! See [RFC 7692, section 7.2](https://www.rfc-editor.org/rfc/rfc7692#section-7.2).

use std::fmt;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::error::Failure;
use crate::extensions::Deflate;

/// The end of a flushed block, which a sender removes from the last frame of a message.
///
/// See [RFC 7692, section 7.2.1](https://www.rfc-editor.org/rfc/rfc7692#section-7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// A block without content, which may stand between any two blocks.
const EMPTY_BLOCK: [u8; 5] = [0x00, 0x00, 0x00, 0xff, 0xff];

/// A block without content that ends the stream. Within a block, these bits would have an output, be invalid, or end nothing.
const LAST_BLOCK: [u8; 2] = [0x03, 0x00];

/// The size of the scratch buffer of an inflater, and the largest step by which the output of a deflater grows.
///
/// Arbitrary: small beside the window of 32 KiB.
const CHUNK: usize = 16 << 10;

/// The bytes of output that a byte of input counts as, at least, in the budget of an inflater.
///
/// Measured: a step of blocks that have tables and no output takes 0.2 ms, and one of text less. Without this, it takes 4 ms.
const INPUT_COST: usize = 8;

/// The most bytes of a block that is not compressed; see [RFC 1951, section 3.2.4](https://www.rfc-editor.org/rfc/rfc1951#section-3.2.4).
const MAX_STORED: usize = 0xffff;

/// A callback that receives inflated bytes. Its error stops the inflater.
pub type Sink<'a> = dyn FnMut(&[u8]) -> Result<(), Failure> + 'a;

/// A decompressor for the messages of the server.
///
/// It allocates nothing before the first compressed message. Afterwards it keeps the window, because the next message may
/// refer to it, unless the server agreed to `server_no_context_takeover`.
///
/// ```
/// use samesocket_protocol::deflate::{Deflater, Inflater};
/// use samesocket_protocol::extensions::Deflate;
///
/// let mut deflater = Deflater::new(&Deflate::default());
/// deflater.deflate(b"Hello", true);
///
/// let mut inflater = Inflater::new(&Deflate::default());
/// let (mut output, mut budget) = (Vec::new(), 1024);
/// let used = inflater.inflate(deflater.deflated(), &mut budget, &mut |bytes| {
///     output.extend_from_slice(bytes);
///     Ok(())
/// })?;
/// assert_eq!(used, deflater.deflated().len());
/// assert!(!inflater.has_pending_output());
/// inflater.finish()?;
/// assert_eq!(output, b"Hello");
/// # Ok::<(), samesocket_protocol::Failure>(())
/// ```
pub struct Inflater {
    context_takeover: bool,
    state: Option<Decompress>,
    scratch: Vec<u8>,
    /// Whether the message had at least one byte.
    begun: bool,
    step: Step,
}

/// The state of an inflater after its last step.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It needs more input.
    NeedsInput,
    /// zlib may hold output for which there was no room.
    OutputPending,
    /// The last block had BFINAL set.
    StreamEnded,
}

impl Inflater {
    /// Creates an inflater with the negotiated parameters.
    pub fn new(deflate: &Deflate) -> Self {
        Self {
            context_takeover: !deflate.server_no_context_takeover,
            state: None,
            scratch: Vec::new(),
            begun: false,
            step: Step::NeedsInput,
        }
    }

    /// Returns a new inflater with the same parameters and without the memory of this one.
    #[must_use]
    pub fn reset(self) -> Self {
        Self { state: None, scratch: Vec::new(), begun: false, step: Step::NeedsInput, ..self }
    }

    /// Inflates the next bytes of a message, and returns the number of input bytes that were used.
    ///
    /// `budget` is the largest number of bytes to produce; the number of produced bytes is subtracted from it. A byte of input
    /// counts as 8 produced ones at least, because it takes time even if it produces none. The call stops early when `budget`
    /// reaches 0. Call again with the rest of `input` while there is a rest, or while
    /// [`has_pending_output`](Self::has_pending_output) is `true`.
    ///
    /// # Errors
    /// [`Failure::InvalidDeflate`], if the bytes are not in the DEFLATE format, or the error of `sink`.
    pub fn inflate(&mut self, mut input: &[u8], budget: &mut usize, sink: &mut Sink<'_>) -> Result<usize, Failure> {
        // The largest window reads everything that a smaller one does. The memory is the same, and a reset keeps it.
        let state = self.state.get_or_insert_with(|| Decompress::new(false));
        self.scratch.resize(CHUNK, 0);
        self.begun |= !input.is_empty();
        let mut used = 0;
        while *budget > 0 && (self.step == Step::OutputPending || !input.is_empty()) {
            if self.step == Step::StreamEnded {
                // RFC 7692, section 7.2.3.4, does not define the window after a block with BFINAL set. Such a block ends a
                // DEFLATE stream, so encoders start a new stream, and so do stream inflaters.
                state.reset(false);
            }
            let before = (state.total_in(), state.total_out());
            let room = CHUNK.min(*budget);
            let piece = &input[..input.len().min((*budget / INPUT_COST).max(1))];
            let status = state.decompress(piece, &mut self.scratch[..room], FlushDecompress::Sync);
            let consumed = difference(state.total_in(), before.0);
            let produced = difference(state.total_out(), before.1);
            input = input.get(consumed..).unwrap_or_default();
            used += consumed;
            *budget = budget.saturating_sub(produced.max(consumed * INPUT_COST));
            // Output before an error is checked first, so that the result does not depend on how the input is split.
            sink(self.scratch.get(..produced).unwrap_or_default())?;
            let status = status.map_err(|_| Failure::InvalidDeflate)?;
            self.step = match status {
                Status::StreamEnd => Step::StreamEnded,
                _ if produced == room => Step::OutputPending,
                _ => Step::NeedsInput,
            };
            if consumed == 0 && produced == 0 && self.step == Step::NeedsInput {
                return if input.is_empty() { Ok(used) } else { Err(Failure::InvalidDeflate) };
            }
        }
        Ok(used)
    }

    /// Returns whether more output may follow without more input.
    pub const fn has_pending_output(&self) -> bool {
        matches!(self.step, Step::OutputPending)
    }

    /// Ends a message, after all of its bytes were inflated.
    ///
    /// A message without any byte is empty.
    ///
    /// # Errors
    /// [`Failure::InvalidDeflate`], if the message ends within a block. With context takeover this is noticed only if what follows a
    /// block in a valid message then has another meaning; otherwise the next message may fail.
    pub fn finish(&mut self) -> Result<(), Failure> {
        if !std::mem::take(&mut self.begun) {
            return Ok(());
        }
        // After a block with BFINAL set, the tail would begin another block and lack its padding.
        let ended = self.step == Step::StreamEnded;
        if !ended {
            let no_output = &mut |bytes: &[u8]| if bytes.is_empty() { Ok(()) } else { Err(Failure::InvalidDeflate) };
            let mut budget = CHUNK;
            self.inflate(&TAIL, &mut budget, no_output)?;
            if self.step != Step::StreamEnded {
                // A message that was cut within a block may have taken the tail for the rest of it. It takes other blocks so, too.
                let probe: &[u8] = if self.context_takeover { &EMPTY_BLOCK } else { &LAST_BLOCK };
                self.inflate(probe, &mut budget, no_output)?;
                if !self.context_takeover && self.step != Step::StreamEnded {
                    return Err(Failure::InvalidDeflate);
                }
            }
            self.begun = false;
        }
        let resets = ended || self.step == Step::StreamEnded || !self.context_takeover;
        if let Some(state) = self.state.as_mut().filter(|_| resets) {
            state.reset(false);
            self.step = Step::NeedsInput;
        }
        Ok(())
    }

    /// Returns whether there is memory that [`release_memory`](Self::release_memory) releases.
    pub fn has_spare_memory(&self) -> bool {
        self.scratch.capacity() > 0 || !self.context_takeover && self.state.is_some()
    }

    /// Releases the memory that no later message can refer to. Must only be called between messages.
    pub fn release_memory(&mut self) {
        self.scratch = Vec::new();
        if !self.context_takeover {
            self.state = None;
        }
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater").field("context_takeover", &self.context_takeover).finish_non_exhaustive()
    }
}

/// A compressor for the messages of the client.
///
/// ```
/// use samesocket_protocol::deflate::Deflater;
/// use samesocket_protocol::extensions::Deflate;
///
/// let mut deflater = Deflater::new(&Deflate::default());
/// deflater.deflate(b"Hel", false);
/// deflater.deflate(b"lo", true);
/// let payload = deflater.deflated().to_vec();
/// deflater.clear();
/// assert_eq!(payload, [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
/// ```
pub struct Deflater {
    /// The level. Level 1 has no blocks without compression, so that random bytes would grow by 5.5 %; see [`Self::store`].
    level: u8,
    window_bits: u8,
    context_takeover: bool,
    state: Option<Compress>,
    /// Whether the state has seen other bytes than the peer's inflater, so that it has to be reset before it is used again.
    stale: bool,
    /// Whether the state may hold output back.
    unflushed: bool,
    /// The compressed bytes up to `len`. The rest is initialised memory that is reused.
    output: Vec<u8>,
    len: usize,
}

impl Deflater {
    /// Creates a deflater of level 1 with the negotiated parameters. It allocates nothing before the first message.
    pub fn new(deflate: &Deflate) -> Self {
        Self::with_level(deflate, 1)
    }

    /// Creates a deflater like [`new`](Self::new), with a level from 1 (fast) to 9 (small).
    pub fn with_level(deflate: &Deflate, level: u8) -> Self {
        Self {
            level: level.clamp(1, 9),
            // zlib has no window of 8 bits, but with 9 bits it looks back 250 bytes at most, see `reach`.
            window_bits: deflate.client_max_window_bits.max(9),
            context_takeover: !deflate.client_no_context_takeover,
            state: None,
            stale: false,
            unflushed: false,
            output: Vec::new(),
            len: 0,
        }
    }

    /// Returns how many bytes before a message it may refer to: 0 without context takeover.
    pub(crate) const fn reach(&self) -> usize {
        /// The bytes of its window that zlib does not use.
        const UNUSED: usize = 262;
        if self.context_takeover { (1 << self.window_bits) - UNUSED } else { 0 }
    }

    /// Compresses the next bytes of a message.
    ///
    /// Unless they are the `last` ones, a part of the output may appear only after a later call.
    pub fn deflate(&mut self, input: &[u8], last: bool) {
        let before = self.len;
        self.run(input, if last { FlushCompress::Sync } else { FlushCompress::None });
        if !last {
            return;
        }
        if self.len > before {
            self.len -= TAIL.len();
        } else {
            // zlib writes nothing for an empty message right after a flush, but a message needs a block.
            self.push_empty_stored();
        }
        self.stale |= !self.context_takeover;
    }

    /// Appends the next bytes of a message without compressing them. They grow by 5 bytes for each 65,535.
    ///
    /// Later bytes do not refer to these or earlier ones.
    pub fn store(&mut self, input: &[u8]) {
        self.flush();
        self.push_stored(input);
        self.stale = true;
    }

    /// Ends a message, if its last bytes were not passed to [`deflate`](Self::deflate) as such.
    pub fn end(&mut self) {
        if self.unflushed {
            self.deflate(&[], true);
        } else {
            self.push_empty_stored();
            self.stale |= !self.context_takeover;
        }
    }

    /// Completes the output of all bytes so far, so that the peer can inflate them before the message ends.
    pub fn flush(&mut self) {
        if self.unflushed {
            self.run(&[], FlushCompress::Sync);
        }
    }

    /// Replaces the compressed bytes by `input` without compression, which must be what they hold. `ended` is whether
    /// [`end`](Self::end) was called; otherwise [`flush`](Self::flush) was.
    ///
    /// Later bytes may refer to these all the same, because the peer's window is as before.
    pub fn replace_by_stored(&mut self, input: &[u8], ended: bool) {
        self.clear();
        self.push_stored(input);
        if ended {
            self.push_empty_stored();
        }
    }

    /// Removes the compressed bytes, which will not be sent. Later bytes do not refer to earlier ones.
    pub const fn discard(&mut self) {
        self.clear();
        (self.stale, self.unflushed) = (true, false);
    }

    /// Returns the compressed bytes since the last [`clear`](Self::clear).
    pub fn deflated(&self) -> &[u8] {
        &self.output[..self.len]
    }

    /// Removes the compressed bytes and keeps their memory for later ones.
    pub const fn clear(&mut self) {
        self.len = 0;
    }

    /// Returns whether there is memory that [`release_memory`](Self::release_memory) releases.
    pub fn has_spare_memory(&self) -> bool {
        self.state.is_some() || self.output.capacity() > 0
    }

    /// Releases all memory. Must only be called between messages.
    ///
    /// The next message then cannot refer to earlier ones, which the peer does not notice.
    pub fn release_memory(&mut self) {
        self.state = None;
        if self.len == 0 {
            self.output = Vec::new();
        }
    }

    fn run(&mut self, mut input: &[u8], flush: FlushCompress) {
        if std::mem::take(&mut self.stale) {
            if let Some(state) = &mut self.state {
                state.reset();
            }
        }
        self.unflushed = matches!(flush, FlushCompress::None);
        loop {
            self.make_room((input.len() / 2).clamp(64, CHUNK));
            let (level, window_bits) = (Compression::new(self.level.into()), self.window_bits);
            let make = || Compress::new_with_window_bits(level, false, window_bits);
            let state = self.state.get_or_insert_with(make);
            let before = (state.total_in(), state.total_out());
            // zlib reports no error if the output has room and the state is valid.
            let _ = state.compress(input, &mut self.output[self.len..], flush);
            input = input.get(difference(state.total_in(), before.0)..).unwrap_or_default();
            self.len += difference(state.total_out(), before.1);
            if self.len < self.output.len() {
                return;
            }
        }
    }

    /// Appends blocks that are not compressed; see [RFC 1951, section 3.2.4](https://www.rfc-editor.org/rfc/rfc1951#section-3.2.4).
    fn push_stored(&mut self, input: &[u8]) {
        for block in input.chunks(MAX_STORED) {
            let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
            self.push(&[0]);
            self.push(&length.to_le_bytes());
            self.push(&(!length).to_le_bytes());
            self.push(block);
        }
    }

    /// Appends the header of an empty block that is not compressed. The peer appends the rest of the block.
    fn push_empty_stored(&mut self) {
        self.push(&[0]);
    }

    fn push(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.output[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// Makes room for `bytes` more bytes.
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

/// Returns the difference between two readings of a counter. One step always fits.
fn difference(after: u64, before: u64) -> usize {
    usize::try_from(after.saturating_sub(before)).unwrap_or(usize::MAX)
}
