//! Writes bytes as the text that `js/embedding.js` decodes.

use std::fmt::Write as _;

/// The characters of the text, each one a digit: printable ASCII that a script's string contains as it is.
const DIGITS: [u8; 93] = digits();
/// The number of bytes that are written as one digit. The remaining digits begin pairs for the other bytes.
const SINGLE: usize = DIGITS.len() - 3;

const fn digits() -> [u8; 93] {
    let mut digits = [0; 93];
    let (mut at, mut character) = (0, b' ');
    while character < 0x7f {
        if character != b'"' && character != b'\\' {
            digits[at] = character;
            at += 1;
        }
        character += 1;
    }
    digits
}

/// Returns a module that exports the most frequent bytes in hexadecimal as `frequent`, and the bytes as `text`.
pub(super) fn module(bytes: &[u8]) -> String {
    let frequent = most_frequent(bytes);
    let mut text = String::new();
    for byte in bytes {
        let mut push = |digit: usize| text.push(char::from(DIGITS[digit]));
        if let Ok(digit) = frequent.binary_search(byte) {
            push(digit);
        } else {
            push(SINGLE + usize::from(*byte) / DIGITS.len());
            push(usize::from(*byte) % DIGITS.len());
        }
    }
    let frequent = frequent.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    format!("export const frequent = \"{frequent}\";\nexport const text = \"{text}\";\n")
}

/// Returns the bytes that are written as one digit, sorted.
fn most_frequent(bytes: &[u8]) -> Vec<u8> {
    let mut counts = [0_usize; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let mut all: Vec<u8> = (0..=u8::MAX).collect();
    all.sort_by_key(|byte| (usize::MAX - counts[usize::from(*byte)], *byte));
    all.truncate(SINGLE);
    all.sort_unstable();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes as `js/embedding.js` does.
    fn decoded(module: &str) -> Vec<u8> {
        let strings: Vec<&str> = module.split('"').collect();
        let frequent = most_frequent_of(strings[1]);
        let digit = |character: u8| DIGITS.iter().position(|digit| *digit == character).expect("a digit");
        let mut digits = strings[3].bytes().map(digit);
        let mut bytes = Vec::new();
        while let Some(first) = digits.next() {
            let pair = |second: usize| u8::try_from((first - SINGLE) * DIGITS.len() + second).expect("a byte");
            bytes.push(frequent.get(first).copied().unwrap_or_else(|| pair(digits.next().expect("a second digit"))));
        }
        bytes
    }

    fn most_frequent_of(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal")).collect()
    }

    #[test]
    fn embedded_bytes_are_decoded_to_the_same() {
        let mut bytes: Vec<u8> = (0..=u8::MAX).collect();
        bytes.extend([b'a'; 300]);
        assert_eq!(decoded(&module(&bytes)), bytes);
        assert_eq!(decoded(&module(&[])), [0; 0]);
    }

    #[test]
    fn embedded_text_needs_no_escapes_in_a_string() {
        let module = module(&(0..=u8::MAX).collect::<Vec<_>>());
        assert_eq!(module.matches('"').count(), 4);
        assert!(!module.contains('\\') && module.is_ascii());
    }
}
