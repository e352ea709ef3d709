//! The work of the server on one WebSocket: the same over HTTP/1.1 and HTTP/2. It never holds a whole message.

use std::ops::ControlFlow;

use super::websocket_frames::{CLOSE, Frames, Part, is_close, is_last, write_header};
use super::{BUFFER, SMALL_BUFFER};
use crate::jobs::payload;

/// The work, which the path of the request selects.
pub(super) enum Work {
    /// Sends messages back. `small` jobs have many connections.
    Echo { frames: Frames, small: bool },
    /// Sends messages as fast as the client takes them.
    Flood(Flood),
    /// Discards messages. Answers a message if the number of messages so far is in `answered`.
    Discard { frames: Frames, seen: usize, answered: [usize; 2] },
    /// Does not read.
    Ignore,
}

/// Messages that are sent as fast as the client takes them. They are parts of a chunk that repeats.
pub(super) struct Flood {
    chunk: Vec<u8>,
    position: usize,
    /// The bytes that are not sent yet.
    left: u64,
    frames: Frames,
}

impl Work {
    /// Creates the work for a path.
    pub(super) fn new(path: &str) -> Self {
        let mut parts = path.trim_start_matches('/').split('/');
        let number = |part: Option<&str>| part.and_then(|part| part.parse().ok()).unwrap_or_default();
        let frames = Frames::default();
        match parts.next() {
            Some("flood") => {
                let text = parts.next() == Some("text");
                Self::Flood(Flood::new(text, number(parts.next()), number(parts.next())))
            }
            Some("discard") => {
                let warmup = number(parts.next());
                Self::Discard { frames, seen: 0, answered: [warmup, warmup + number(parts.next())] }
            }
            Some("ignore") => Self::Ignore,
            // Small buffers, so that the server's memory is not the limit with many connections.
            Some("small") => Self::Echo { frames, small: true },
            _ => Self::Echo { frames, small: false },
        }
    }

    /// Returns the size of reads and writes.
    pub(super) fn buffer_size(&self) -> usize {
        if matches!(self, Self::Echo { small: true, .. }) { SMALL_BUFFER } else { BUFFER }
    }

    /// Takes received bytes, and passes the answers to `write`. Breaks at the end of the WebSocket.
    pub(super) fn read(&mut self, bytes: &mut [u8], mut write: impl FnMut(&[u8])) -> ControlFlow<()> {
        let mut flow = ControlFlow::Continue(());
        match self {
            Self::Echo { frames, .. } => frames.read(bytes, |part| match part {
                Part::Begin { first, length } => write_header(first, length, &mut write),
                Part::Payload(payload) => write(payload),
                Part::End { first } if is_close(first) => flow = ControlFlow::Break(()),
                Part::End { .. } => {}
            }),
            Self::Discard { frames, seen, answered } => frames.read(bytes, |part| match part {
                Part::End { first } if is_close(first) => {
                    write_header(CLOSE, 0, &mut write);
                    flow = ControlFlow::Break(());
                }
                Part::End { first } if is_last(first) => {
                    *seen += 1;
                    if answered.contains(seen) {
                        write_header(0x82, 0, &mut write);
                    }
                }
                _ => {}
            }),
            Self::Flood(Flood { frames, left, .. }) => frames.read(bytes, |part| {
                if matches!(part, Part::End { first } if is_close(first)) {
                    // A Close frame cannot be sent within a message, so the end of the connection is the answer to an early one.
                    if *left == 0 {
                        write_header(CLOSE, 0, &mut write);
                    }
                    flow = ControlFlow::Break(());
                }
            }),
            Self::Ignore => {}
        }
        flow
    }

    /// Returns bytes to send that answer nothing.
    pub(super) fn unasked(&self) -> &[u8] {
        if let Self::Flood(flood) = self { flood.next() } else { &[] }
    }

    /// Skips bytes of [`unasked`](Self::unasked) that were sent.
    pub(super) fn sent(&mut self, count: usize) {
        if let Self::Flood(flood) = self {
            flood.position = (flood.position + count) % flood.chunk.len();
            flood.left -= count as u64;
        }
    }
}

impl Flood {
    fn new(text: bool, size: usize, count: usize) -> Self {
        let mut frame = Vec::new();
        write_header(if text { 0x81 } else { 0x82 }, size as u64, |header| frame.extend_from_slice(header));
        frame.extend_from_slice(&payload(text, size));
        let times = (BUFFER / frame.len()).max(1);
        let left = (count as u64).saturating_mul(frame.len() as u64);
        Self { chunk: frame.repeat(times), position: 0, left, frames: Frames::default() }
    }

    /// Returns the next bytes up to the chunk's end.
    fn next(&self) -> &[u8] {
        let bytes = &self.chunk[self.position..];
        &bytes[..usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flood_repeats_its_message() {
        let mut work = Work::new("/flood/text/70000/3");
        let mut sent = Vec::new();
        // An odd length, so that the steps do not end with the chunk.
        while let bytes @ [_, ..] = work.unasked() {
            let now = bytes.len().min(33_333);
            sent.extend_from_slice(&bytes[..now]);
            work.sent(now);
        }
        let mut message = vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70];
        message.extend_from_slice(&payload(true, 70_000));
        assert!(sent == message.repeat(3));
    }

    #[test]
    fn discard_answers_the_last_messages() {
        let mut work = Work::new("/discard/1/2");
        let mut answers = Vec::new();
        for _ in 0..3 {
            let mut frame = [0x82, 0x81, 1, 2, 3, 4, 5];
            let flow = work.read(&mut frame, |bytes| answers.push(bytes.to_vec()));
            assert!(flow.is_continue());
        }
        assert_eq!(answers, [[0x82, 0], [0x82, 0]]);
        assert!(work.read(&mut [0x88, 0x80, 1, 2, 3, 4], |bytes| answers.push(bytes.to_vec())).is_break());
        assert_eq!(answers[2], [0x88, 0]);
    }
}
