//! The jobs that every client does.

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
    /// Random bytes, the same in each message.
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
    binary("send16k", Direction::Send, 16 * KIB, 1, 16_000),
    binary("echo1m", echo(4), MIB, 1, 200),
    binary("recv1m", Direction::Receive, MIB, 1, 600),
    binary("send1m", Direction::Send, MIB, 1, 300),
    binary("echo16m", echo(2), 16 * MIB, 1, 8),
    Job { compressed: true, ..text("deflate64", echo(1), 64, 1, 4_000) },
    Job { compressed: true, ..text("deflate1k", echo(256), KIB, 16, 20_000) },
    Job { compressed: true, ..text("deflate16k", echo(8), 16 * KIB, 1, 2_000) },
    Job { compressed: true, content: Content::Random, ..binary("random16k", echo(8), 16 * KIB, 1, 8_000) },
    Job { compressed: true, content: Content::Random, ..binary("random1m", echo(4), MIB, 1, 200) },
    Job { tls: true, ..binary("tls64", echo(1), 64, 1, 4_000) },
    Job { tls: true, ..binary("tlsecho1k", echo(256), KIB, 16, 40_000) },
    Job { tls: true, ..binary("tlsrecv16k", Direction::Receive, 16 * KIB, 1, 10_000) },
    Job { tls: true, ..binary("tlssend16k", Direction::Send, 16 * KIB, 1, 8_000) },
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
        matches!(self.content, Content::Text | Content::Ascii)
    }

    /// Returns the payload of each message.
    pub(crate) fn payload(&self) -> Bytes {
        match self.content {
            Content::Ascii => vec![b'a'; self.size].into(),
            Content::Random => random(self.size).into(),
            Content::Text | Content::Binary => payload(self.is_text(), self.size),
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
    let mut payload: Vec<u8> = unit.iter().copied().cycle().take(size).collect();
    while text && str::from_utf8(&payload).is_err() {
        // Replace a character that was cut off by ASCII letters.
        let whole = payload.len() - payload.utf8_chunks().map(|chunk| chunk.invalid().len()).sum::<usize>();
        payload.truncate(whole);
        payload.resize(size, b'x');
    }
    payload.into()
}

/// Creates random bytes, the same at each call.
fn random(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut byte = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..size).map(|_| byte()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_have_their_size_and_texts_are_texts() {
        for size in 0..300 {
            assert_eq!(payload(false, size).len(), size);
            let text = payload(true, size);
            assert!(text.len() == size && str::from_utf8(&text).is_ok());
        }
    }
}
