//! The bytes of an input, read as decisions.

/// The sizes of messages at which the code takes another path: lengths of frames, compression, small messages, steps, pieces.
const SIZES: [usize; 16] = [
    0,
    1,
    125,
    126,
    255,
    256,
    1 << 12,
    (1 << 14) - 1,
    (1 << 14) + 1,
    65_535,
    65_536,
    65_537,
    100_000,
    1 << 18,
    300_000,
    1 << 20,
];

/// The payload bytes of one execution, so that it stays short.
const PAYLOADS: usize = 3 << 20;

/// The bytes of an input that were not used.
pub(crate) struct Script<'a> {
    bytes: &'a [u8],
    /// The payload bytes that messages may still have.
    payloads: usize,
}

impl<'a> Script<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, payloads: PAYLOADS }
    }

    /// Returns whether all bytes were used.
    pub(crate) const fn is_over(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Returns the next byte, or 0 if all were used.
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        *first
    }

    /// Returns a number below `end`.
    pub(crate) fn below(&mut self, end: u8) -> u8 {
        self.byte() % end
    }

    /// Returns whether a byte is odd.
    pub(crate) fn flag(&mut self) -> bool {
        self.byte() & 1 != 0
    }

    /// Returns a size of up to 1 MiB. Most are small, so that most executions are fast.
    pub(crate) fn size(&mut self) -> usize {
        match self.byte() {
            index @ 240.. => SIZES[usize::from(index - 240)],
            short => usize::from(short),
        }
    }

    /// Returns a message.
    pub(crate) fn message(&mut self) -> Sent {
        let (size, kind) = (self.size(), self.byte());
        let size = if size > self.payloads { 0 } else { size };
        self.payloads -= size;
        let payload = if kind & 2 != 0 { noise(size, kind) } else { vec![b'a' + (kind >> 2) % 26; size] };
        Sent { is_text: kind & 1 != 0, payload }
    }
}

/// A message of the script.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) is_text: bool,
    pub(crate) payload: Vec<u8>,
}

impl Sent {
    /// Returns the payload as text, which it is for every message of a script.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.payload).expect("the payload is ASCII")
    }
}

impl std::fmt::Debug for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = if self.is_text { "text" } else { "binary" };
        write!(f, "{kind} of {} bytes, beginning with {:?}", self.payload.len(), self.payload.get(..8))
    }
}

/// Returns ASCII characters that hardly compress.
fn noise(size: usize, seed: u8) -> Vec<u8> {
    let mut state = u32::from(seed) | 1;
    let next = || {
        // A linear congruential generator; the constants are those of Numerical Recipes.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 25) as u8
    };
    std::iter::repeat_with(next).take(size).collect()
}
