//! The jobs that every client does.

use std::fmt::Write as _;

use bytes::Bytes;

/// The direction of a job's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// The server sends messages back.
    Echo {
        /// The maximum number of messages that the client has sent and not received back.
        window: usize,
    },
    /// The server sends as fast as it can.
    Receive,
    /// The server discards messages, and answers the last one of the warm-up and the last one of the job.
    Send,
    /// The server does not read, and the client does not wait.
    Queue,
}

/// The content of a job's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Binary,
    /// JSON with some two-byte and three-byte characters.
    Text,
    /// ASCII text.
    Ascii,
    /// JSON whose values differ from record to record, and from message to message.
    Records,
    /// Random bytes, others in each message.
    Random,
}

/// A job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    pub(crate) name: &'static str,
    pub(crate) direction: Direction,
    pub(crate) content: Content,
    pub(crate) compressed: bool,
    pub(crate) tls: bool,
    pub(crate) connections: usize,
    pub(crate) size: usize,
    /// The number of messages after which the client flushes.
    pub(crate) flush: usize,
    /// Half of the number of messages of a sample; a quick run has a quarter.
    pub(crate) count: usize,
}

const fn binary(name: &'static str, direction: Direction, size: usize, flush: usize, count: usize) -> Job {
    Job { name, direction, content: Content::Binary, compressed: false, tls: false, connections: 1, size, flush, count }
}

const fn text(name: &'static str, direction: Direction, size: usize, flush: usize, count: usize) -> Job {
    Job { content: Content::Text, ..binary(name, direction, size, flush, count) }
}

/// An echo of JSON with compression.
const fn deflate(name: &'static str, window: usize, size: usize, flush: usize, count: usize) -> Job {
    Job { content: Content::Records, compressed: true, ..binary(name, echo(window), size, flush, count) }
}

/// An echo of random bytes with compression.
const fn incompressible(name: &'static str, window: usize, size: usize, count: usize) -> Job {
    Job { content: Content::Random, compressed: true, ..binary(name, echo(window), size, 1, count) }
}

const fn echo(window: usize) -> Direction {
    Direction::Echo { window }
}

/// Each client writes by its own rules, and flushes once at the end.
const AT_THE_END: usize = usize::MAX;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// The jobs, in the order of the tables.
pub(crate) const JOBS: [Job; 28] = [
    binary("lat64", echo(1), 64, 1, 4_000),
    binary("pipe64", echo(1024), 64, 64, 400_000),
    binary("recv64", Direction::Receive, 64, 1, 1_000_000),
    binary("send64", Direction::Send, 64, AT_THE_END, 800_000),
    binary("echo1k", echo(256), KIB, 16, 100_000),
    binary("echo16k", echo(8), 16 * KIB, 1, 8_000),
    text("text16k", echo(8), 16 * KIB, 1, 8_000),
    Job { content: Content::Ascii, ..text("ascii16k", echo(8), 16 * KIB, 1, 8_000) },
    binary("recv16k", Direction::Receive, 16 * KIB, 1, 40_000),
    text("recvtext16k", Direction::Receive, 16 * KIB, 1, 20_000),
    binary("send16k", Direction::Send, 16 * KIB, AT_THE_END, 16_000),
    binary("echo1m", echo(4), MIB, 1, 200),
    binary("recv1m", Direction::Receive, MIB, 1, 600),
    binary("send1m", Direction::Send, MIB, AT_THE_END, 300),
    binary("echo16m", echo(2), 16 * MIB, 1, 8),
    deflate("deflate64", 1, 64, 1, 4_000),
    deflate("deflate1k", 256, KIB, 16, 20_000),
    deflate("deflate16k", 8, 16 * KIB, 1, 2_000),
    incompressible("random16k", 8, 16 * KIB, 8_000),
    incompressible("random1m", 4, MIB, 200),
    Job { tls: true, ..binary("tls64", echo(1), 64, 1, 4_000) },
    Job { tls: true, ..binary("tlsecho1k", echo(256), KIB, 16, 40_000) },
    Job { tls: true, ..binary("tlsrecv16k", Direction::Receive, 16 * KIB, 1, 10_000) },
    Job { tls: true, ..binary("tlssend16k", Direction::Send, 16 * KIB, AT_THE_END, 8_000) },
    Job { tls: true, ..binary("tls16k", echo(8), 16 * KIB, 1, 8_000) },
    Job { tls: true, ..binary("tls1m", echo(4), MIB, 1, 150) },
    Job { connections: 100, ..binary("conn100", echo(1), 64, 1, 20_000) },
    Job { connections: 10_000, ..binary("conn10k", echo(1), 64, 1, 20_000) },
];

impl Job {
    /// Finds a job by its name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        JOBS.into_iter().find(|job| job.name == name).or_else(|| Self::with_quantity(name))
    }

    /// Creates a job with a growing quantity from its name: `size=1024`, `connections=10`, `queued=1048576`.
    fn with_quantity(name: &str) -> Option<Self> {
        let (what, amount) = name.split_once('=')?;
        let amount = amount.parse().ok()?;
        Some(match what {
            "size" => binary("size", echo(1), amount, 1, 0),
            "connections" => Self { connections: amount, ..binary("connections", echo(1), 64, 1, 0) },
            "queued" => binary("queued", Direction::Queue, amount, 1, 0),
            _ => return None,
        })
    }

    /// Returns the number of messages of the warm-up, which is not measured.
    pub(crate) fn warmup(count: usize) -> usize {
        (count / 10).max(2)
    }

    pub(crate) fn is_text(&self) -> bool {
        matches!(self.content, Content::Text | Content::Ascii | Content::Records)
    }

    /// Returns the payloads of the messages, which repeat in this order. Each occurs again only after more bytes than the window of
    /// compression has, or is the only one.
    pub(crate) fn payloads(&self) -> Vec<Bytes> {
        let mut random = Random::default();
        let different = (RING / self.size.max(1)).clamp(2, 2048);
        match self.content {
            Content::Ascii => vec![vec![b'a'; self.size].into()],
            Content::Text | Content::Binary => vec![payload(self.is_text(), self.size)],
            Content::Records => (0..different).map(|_| random.records(self.size).into()).collect(),
            Content::Random => (0..different).map(|_| random.bytes(self.size).into()).collect(),
        }
    }

    /// Returns the request path, which tells the server what to do. `count` is without the warm-up.
    pub(crate) fn path(&self, count: usize) -> String {
        let (size, warmup) = (self.size, Self::warmup(count));
        match self.direction {
            Direction::Echo { .. } if self.compressed => "/deflate".to_owned(),
            Direction::Echo { .. } if self.connections > 1 => "/small".to_owned(),
            Direction::Echo { .. } => "/echo".to_owned(),
            Direction::Queue => "/ignore".to_owned(),
            Direction::Receive => {
                format!("/flood/{}/{size}/{}", if self.is_text() { "text" } else { "binary" }, warmup + count)
            }
            Direction::Send => format!("/discard/{warmup}/{count}"),
        }
    }
}

/// Creates a payload of this size: binary, or JSON with some two-byte and three-byte characters.
pub(crate) fn payload(text: bool, size: usize) -> Bytes {
    let unit: &[u8] = if text {
        "{\"symbol\":\"EURUSD\",\"näme\":\"€uro\",\"bid\":1.08123,\"ask\":1.08131,\"note\":\"grüße\"},".as_bytes()
    } else {
        &[0x5a, 0x01, 0xff, 0x80, 0x33, 0x00, 0x7e]
    };
    let payload: Vec<u8> = unit.iter().copied().cycle().take(size).collect();
    if text { whole_characters(payload, size).into() } else { payload.into() }
}

/// Cuts a text to this size, and replaces a character that is cut off by ASCII letters.
fn whole_characters(mut text: Vec<u8>, size: usize) -> Vec<u8> {
    text.truncate(size);
    while str::from_utf8(&text).is_err() {
        let whole = text.len() - text.utf8_chunks().map(|chunk| chunk.invalid().len()).sum::<usize>();
        text.truncate(whole);
        text.resize(size, b'x');
    }
    text
}

/// The bytes of all different messages of a job. Arbitrary, but more than the window of compression, which has 32 KiB.
const RING: usize = 4 << 20;

/// Random values, the same in each run.
struct Random(u64);

impl Default for Random {
    fn default() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }
}

impl Random {
    fn byte(&mut self) -> u8 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0.to_be_bytes()[0]
    }

    fn bytes(&mut self, size: usize) -> Vec<u8> {
        (0..size).map(|_| self.byte()).collect()
    }

    /// Creates JSON of this size: records with prices and notes, the last one cut off.
    fn records(&mut self, size: usize) -> Vec<u8> {
        const SYMBOLS: [&str; 8] = ["EURUSD", "USDJPY", "GBPUSD", "AUDUSD", "USDCHF", "USDCAD", "NZDUSD", "EURGBP"];
        const NOTES: [&str; 4] = ["grüße", "open", "closed", "€ only"];
        let mut text = String::new();
        while text.len() < size {
            let [symbol, note, bid, ask, volume] = [(); 5].map(|()| self.byte());
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "{{\"symbol\":\"{}\",\"bid\":1.{bid:03}{ask:02},\"ask\":1.{bid:03}{volume:02},\"volume\":{},\"note\":\"{}\"}},",
                SYMBOLS[usize::from(symbol % 8)],
                u32::from(volume) * u32::from(ask),
                NOTES[usize::from(note % 4)],
            );
        }
        whole_characters(text.into_bytes(), size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_have_their_size_and_texts_are_texts() {
        for size in 0..300 {
            assert_eq!(payload(false, size).len(), size);
            for text in [payload(true, size), Random::default().records(size).into()] {
                assert!(text.len() == size && str::from_utf8(&text).is_ok());
            }
        }
    }

    #[test]
    fn messages_that_are_compressed_differ() {
        for job in JOBS.iter().filter(|job| job.compressed) {
            let payloads = job.payloads();
            assert!(payloads.len() * job.size > 64 << 10 && payloads[0] != payloads[1], "{}", job.name);
        }
    }
}
