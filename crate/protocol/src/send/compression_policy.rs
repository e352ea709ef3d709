//! The decision which messages are compressed.
//!
//! Three observations decide, from the cheapest to the most expensive one:
//!
//! 1. Binary data that looks random is not compressed. This costs less than masking it.
//! 2. After attempts in vain, later messages of the same kind are not compressed either, for a while.
//! 3. All else is compressed, and sent in this form if it is smaller.
//!
//! It is plain data: [`CompressionPolicy`] does not know the deflater.

use crate::frame::Opcode;

/// The policy of one connection.
#[derive(Debug)]
pub(crate) struct CompressionPolicy {
    /// The size in bytes from which messages are compressed.
    min_size: usize,
    /// The bytes before a message that it may refer to.
    reach: usize,
    text: Backoff,
    binary: Backoff,
    /// The bytes that are taken for random by the quick check alone, because those before were.
    unsampled_left: usize,
}

/// The size in bytes of the pieces in which a first fragment is examined, because its parts may differ. Arbitrary: examining a
/// piece reads 17 cache lines.
const PIECE: usize = 256 << 10;

/// The bytes of small messages between two samples. Arbitrary.
///
/// Measured: a sample takes as long as sending 300 bytes, and the quick check a tenth of that.
const SAMPLE_INTERVAL: usize = 16 << 10;

/// The smallest payload that is sampled, in bytes. Arbitrary: twice the sample.
const MIN_SAMPLED: usize = 2 * SAMPLE;

impl CompressionPolicy {
    /// Creates the policy for messages of at least `min_size` bytes, which may refer to the `reach` bytes before them.
    pub(crate) fn new(min_size: usize, reach: usize) -> Self {
        Self { min_size, reach, text: Backoff::default(), binary: Backoff::default(), unsampled_left: 0 }
    }

    /// Returns whether to compress the message. `first` is its first fragment.
    pub(crate) fn accepts(&mut self, opcode: Opcode, first: &[u8]) -> bool {
        let piece = first.len().div_ceil(first.len().div_ceil(PIECE).max(1));
        // An empty message cannot shrink.
        first.len() >= self.min_size.max(1)
            && !first.chunks(piece).all(|piece| self.skips(opcode, piece))
            && self.backoff(opcode).accepts(first.len())
    }

    /// Returns whether to leave this part of a message as it is, because it looks random.
    pub(crate) fn skips(&mut self, opcode: Opcode, part: &[u8]) -> bool {
        // Text is never random bytes.
        if opcode == Opcode::Text || part.len() < MIN_SAMPLED || !has_random_top_bits(part) {
            return false;
        }
        if part.len() <= self.unsampled_left {
            self.unsampled_left -= part.len();
            return true;
        }
        let skips = has_random_values(part) && !has_period(part);
        self.unsampled_left = if skips { SAMPLE_INTERVAL } else { 0 };
        skips
    }

    /// Records that `payload` was compressed to `size` bytes, and returns whether to send it compressed.
    ///
    /// If it is not smaller, but resembles the message before, which was not sent compressed either, it is worth a few bytes to
    /// have it in the peer's window. Otherwise messages that only repeat each other would never be compressed. A longer message
    /// than the next one can refer to is not worth it.
    pub(crate) fn on_compressed(&mut self, opcode: Opcode, payload: &[u8], size: usize) -> bool {
        let referable = payload.len() <= self.reach;
        self.backoff(opcode).on_compressed(payload, size, referable)
    }

    const fn backoff(&mut self, opcode: Opcode) -> &mut Backoff {
        match opcode {
            Opcode::Text => &mut self.text,
            _ => &mut self.binary,
        }
    }
}

/// The state of the exponential backoff after attempts in vain.
///
/// In the long run, one byte of 17 is compressed in vain.
#[derive(Debug, Default)]
struct Backoff {
    /// The number of attempts in vain in a row, at most [`MAX_FAILURES`](Self::MAX_FAILURES).
    failures: u32,
    /// The bytes that are not compressed before the next attempt.
    skipped: usize,
    /// The fingerprint of the message that was compressed in vain last.
    fingerprint: Fingerprint,
}

impl Backoff {
    /// Arbitrary.
    const MAX_FAILURES: u32 = 4;

    /// Returns whether to try, and counts the message if not.
    const fn accepts(&mut self, bytes: usize) -> bool {
        let accepts = bytes > self.skipped;
        self.skipped = if accepts { 0 } else { self.skipped - bytes };
        accepts
    }

    /// Records the result of an attempt, and returns whether to send the message compressed.
    ///
    /// The attempt was in vain if it saved less than one byte in 256. `referable` is whether the next message can refer to it.
    fn on_compressed(&mut self, payload: &[u8], size: usize, referable: bool) -> bool {
        let length = payload.len();
        if size < length - length / 256 {
            self.failures = 0;
            return true;
        }
        let fingerprint = fingerprint(payload);
        let is_second = self.failures == 1;
        let resembles = referable
            && is_second
            && fingerprint.iter().zip(&self.fingerprint).any(|(word, before)| word.is_some() && word == before);
        self.fingerprint = fingerprint;
        // One message may be an exception.
        self.skipped = if self.failures == 0 || resembles { 0 } else { length << self.failures };
        self.failures = Self::MAX_FAILURES.min(self.failures + 1);
        size < length || resembles
    }
}

/// Up to four words of a message, at fixed offsets.
type Fingerprint = [Option<u64>; 4];

/// Returns the fingerprint of a payload. Messages of the same form have equal words in it.
fn fingerprint(payload: &[u8]) -> Fingerprint {
    [32, 96, 160, 224].map(|at| payload.get(at..)?.first_chunk().copied().map(u64::from_le_bytes))
}

/// Returns whether about half of the bytes in the middle have the top bit, as random ones.
///
/// This quick check distinguishes random bytes from text and small numbers. Of 32 random bytes, 16 have the bit, with a standard
/// deviation of 2.8.
fn has_random_top_bits(bytes: &[u8]) -> bool {
    let Some(middle) = bytes[bytes.len() / 2..].first_chunk::<32>() else { return false };
    (5..=27).contains(&middle.iter().map(|byte| byte >> 7).sum::<u8>())
}

/// The bytes of a sample, in runs of [`RUN`] bytes that are spread over all bytes.
const SAMPLE: usize = 128;

/// Arbitrary: a run has all bytes of a number.
const RUN: usize = 8;

/// Returns whether a sample of the bytes has nearly as many different values as random bytes.
///
/// A sample of random bytes has 100.9 different values, with a standard deviation of 4. One of English has 30, of base64 55, and of
/// a program's code 70.
fn has_random_values(bytes: &[u8]) -> bool {
    const DISTINCT: u32 = 84;
    let mut seen = [0_u8; 256];
    for chunk in bytes.chunks_exact(bytes.len() / (SAMPLE / RUN)) {
        for &byte in &chunk[..RUN] {
            seen[usize::from(byte)] = 1;
        }
    }
    seen.iter().map(|&seen| u32::from(seen)).sum::<u32>() >= DISTINCT
}

/// Returns whether the first four bytes soon follow once more, as in 0, 1, 2, ..., 255, 0, 1, ...
fn has_period(bytes: &[u8]) -> bool {
    /// More than 256, so that bytes that count up are found.
    const LONGEST: usize = 512;
    let bytes = &bytes[..bytes.len().min(LONGEST + 4)];
    let Some((first, rest)) = bytes.split_first_chunk::<4>() else { return false };
    // Without an early end, the compiler compares many places at once.
    rest.windows(4).map(|four| u8::from(four == first)).fold(0, |any, found| any | found) != 0
}

#[cfg(all(test, feature = "compression"))]
mod tests {
    use super::*;
    use crate::tests::noise;

    /// Returns bytes that count up. Those in the middle are less than 128 and more.
    fn ramp() -> Vec<u8> {
        (0..251).cycle().take(1228).collect()
    }

    fn policy() -> CompressionPolicy {
        CompressionPolicy::new(MIN_SAMPLED, 1000)
    }

    fn looks_random(bytes: &[u8]) -> bool {
        policy().skips(Opcode::Binary, bytes)
    }

    #[test]
    fn random_bytes_look_random() {
        let noise = noise(1 << 22);
        for size in [256, 300, 1000, PIECE] {
            let missed = noise.chunks_exact(size).filter(|piece| !looks_random(piece)).count();
            assert!(missed * 1000 < noise.len() / size, "{missed} pieces of {size} bytes");
        }
    }

    #[test]
    fn other_bytes_do_not_look_random() {
        let source = include_bytes!("compression_policy.rs");
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        for size in [256, 1000, 4000] {
            assert!(!source.chunks_exact(size).any(looks_random));
            let code = program.chunks_exact(size).filter(|piece| looks_random(piece)).count();
            assert!(code * 100 < program.len() / size, "{code} pieces of {size} bytes");
        }
    }

    #[test]
    fn bytes_that_count_up_do_not_look_random() {
        assert!(has_random_values(&ramp()) && has_period(&ramp()));
        assert!(!has_period(&noise(1000)));
    }

    #[test]
    fn random_message_of_any_size_is_not_tried() {
        let noise = noise(1 << 20);
        for size in [256, PIECE - 1, PIECE + 1, 3 * PIECE + 255, noise.len()] {
            assert!(!policy().accepts(Opcode::Binary, &noise[..size]), "{size}");
        }
        let half = [&include_bytes!("compression_policy.rs")[..4000].repeat(70), &noise[..PIECE]].concat();
        assert!(policy().accepts(Opcode::Binary, &half));
    }

    #[test]
    fn look_is_repeated_after_16_kib_of_small_messages() {
        let (noise, ramp) = (noise(1228), ramp());
        let mut policy = policy();
        assert!(!policy.accepts(Opcode::Binary, &noise));
        let trusted = (0..100).take_while(|_| !policy.accepts(Opcode::Binary, &ramp)).count();
        assert_eq!(trusted, SAMPLE_INTERVAL / ramp.len());
        assert!(policy.accepts(Opcode::Binary, &ramp));
    }

    #[test]
    fn text_among_random_messages_is_compressed() {
        let mut policy = policy();
        for noise in noise(100_000).chunks_exact(1000) {
            assert!(!policy.accepts(Opcode::Binary, noise));
            assert!(policy.accepts(Opcode::Binary, &include_bytes!("compression_policy.rs")[..1000]));
        }
    }

    #[test]
    fn attempts_in_vain_become_rare_and_success_ends_that() {
        let (mut backoff, mut noise) = (Backoff::default(), noise(1000));
        let mut attempts = |messages, after| {
            (0..messages)
                .filter(|_| {
                    let accepts = backoff.accepts(1000);
                    if accepts {
                        noise.rotate_left(1);
                        assert_eq!(backoff.on_compressed(&noise, after, true), after < 1000);
                    }
                    accepts
                })
                .collect::<Vec<i32>>()
        };
        assert_eq!(attempts(70, 997), [0, 1, 4, 9, 18, 35, 52, 69]);
        assert_eq!(attempts(170, 1000).len(), 10);
        assert!(attempts(100, 996).len() >= 84);
        assert_eq!(attempts(3, 996), [0, 1, 2]);
    }

    #[test]
    fn backoff_counts_bytes_of_one_kind() {
        let mut policy = policy();
        let (text, noise) = ("text ".repeat(1000), noise(600));
        for message in noise.chunks_exact(300) {
            assert!(policy.accepts(Opcode::Text, message));
            assert!(!policy.on_compressed(Opcode::Text, message, 301));
        }
        assert!(policy.accepts(Opcode::Binary, &text.as_bytes()[..300]));
        assert!(!policy.accepts(Opcode::Text, &text.as_bytes()[..300]));
        assert!(policy.accepts(Opcode::Text, text.as_bytes()), "a long message is tried");
    }

    #[test]
    fn second_of_messages_that_resemble_each_other_is_sent() {
        let mut backoff = Backoff::default();
        let (message, other) = (noise(512), noise(1024).split_off(512));
        let similar = [&message[..200], &other[..100]].concat();
        assert!(!backoff.on_compressed(&message, 512, true));
        assert!(backoff.on_compressed(&similar, 300, true));
        assert!(backoff.accepts(300));
        for _ in 0..10 {
            assert!(!backoff.on_compressed(&similar, 300, true), "no more than one in a row is sent");
        }
        assert!(backoff.on_compressed(&similar, 10, true));
        assert!(!backoff.on_compressed(&similar, 300, true));
        assert!(!backoff.on_compressed(&other, 512, true));
    }

    #[test]
    fn message_that_later_ones_cannot_refer_to_never_grows() {
        for (reach, sends) in [(512, true), (511, false), (0, false)] {
            let (mut policy, message) = (CompressionPolicy::new(1, reach), noise(512));
            assert!(!policy.on_compressed(Opcode::Binary, &message, 518));
            assert_eq!(policy.on_compressed(Opcode::Binary, &message, 518), sends, "{reach}");
        }
    }
}
