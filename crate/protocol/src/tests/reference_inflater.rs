//! A slow, simple inflater that returns how far a stream looks back.

use std::collections::HashMap;

/// Inflates complete blocks after the existing `output`, and returns the greatest distance of a reference.
pub(super) fn inflate(bytes: &[u8], output: &mut Vec<u8>) -> usize {
    let mut bits = Bits { bytes, at: 0 };
    let mut farthest = 0;
    while bits.at + 3 <= bytes.len() * 8 {
        let last = bits.take(1) == 1;
        match bits.take(2) {
            0 => {
                bits.at = bits.at.next_multiple_of(8);
                let length = bits.take(16);
                assert_eq!(bits.take(16), !length & 0xffff);
                for _ in 0..length {
                    output.push(u8::try_from(bits.take(8)).unwrap());
                }
                // The bits before an appended tail are padding.
                if length == 0 && bits.at == bytes.len() * 8 {
                    break;
                }
            }
            1 => {
                let mut lengths = [8; 288];
                lengths[144..256].fill(9);
                lengths[256..280].fill(7);
                farthest = farthest.max(block(&mut bits, &code(&lengths), &code(&[5; 30]), output));
            }
            2 => {
                let (literals, distances) = tables(&mut bits);
                farthest = farthest.max(block(&mut bits, &literals, &distances, output));
            }
            _ => panic!("the type of the block is reserved"),
        }
        if last {
            bits.at = bits.at.next_multiple_of(8);
        }
    }
    farthest
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> usize {
        let value =
            (0..count).map(|i| usize::from(self.bytes[(self.at + i) / 8] >> ((self.at + i) % 8) & 1) << i).sum();
        self.at += count;
        value
    }

    fn symbol(&mut self, code: &Code) -> usize {
        let (mut length, mut value) = (0, 0);
        loop {
            value = value << 1 | self.take(1);
            length += 1;
            assert!(length <= 15, "no such code");
            if let Some(&symbol) = code.get(&(length, value)) {
                return symbol;
            }
        }
    }
}

/// A map from the length and value of a code to its symbol.
type Code = HashMap<(usize, usize), usize>;

/// Builds the code with these lengths; see RFC 1951, section 3.2.2.
fn code(lengths: &[usize]) -> Code {
    let mut codes = Code::new();
    let mut value = 0;
    for length in 1..=15 {
        value <<= 1;
        for (symbol, _) in lengths.iter().enumerate().filter(|&(_, &l)| l == length) {
            codes.insert((length, value), symbol);
            value += 1;
        }
    }
    codes
}

fn tables(bits: &mut Bits<'_>) -> (Code, Code) {
    const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    let (literals, distances, count) = (bits.take(5) + 257, bits.take(5) + 1, bits.take(4) + 4);
    let mut lengths = [0; 19];
    for place in &ORDER[..count] {
        lengths[*place] = bits.take(3);
    }
    let code_lengths = code(&lengths);
    let mut lengths: Vec<usize> = Vec::new();
    while lengths.len() < literals + distances {
        let (value, times) = match bits.symbol(&code_lengths) {
            16 => (*lengths.last().unwrap(), 3 + bits.take(2)),
            17 => (0, 3 + bits.take(3)),
            18 => (0, 11 + bits.take(7)),
            length => (length, 1),
        };
        lengths.extend(std::iter::repeat_n(value, times));
    }
    (code(&lengths[..literals]), code(&lengths[literals..]))
}

fn block(bits: &mut Bits<'_>, literals: &Code, distances: &Code, output: &mut Vec<u8>) -> usize {
    let mut farthest = 0;
    loop {
        let length = match bits.symbol(literals) {
            literal @ 0..256 => {
                output.push(u8::try_from(literal).unwrap());
                continue;
            }
            256 => return farthest,
            symbol @ 257..265 => symbol - 254,
            285 => 258,
            symbol => {
                let extra = (symbol - 261) / 4;
                3 + ((4 + (symbol - 265) % 4) << extra) + bits.take(extra)
            }
        };
        let distance = match bits.symbol(distances) {
            symbol @ 0..4 => symbol + 1,
            symbol => {
                let extra = symbol / 2 - 1;
                1 + ((2 + symbol % 2) << extra) + bits.take(extra)
            }
        };
        farthest = farthest.max(distance);
        for _ in 0..length {
            output.push(output[output.len() - distance]);
        }
    }
}
