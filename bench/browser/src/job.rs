//! The jobs of the clients in a page.

use bytes::Bytes;

/// The kind of work.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// The server sends messages back, one at a time.
    Echo,
    /// The server sends as fast as it can.
    Receive,
    /// The server discards messages, and answers the last one of the warm-up and the last one of the job.
    Send,
    /// Connections are opened and closed one after the other.
    Connect,
    /// Connections are opened one after the other, and the time to the first message counts.
    First,
}

/// A job.
pub(crate) struct Job {
    pub(crate) work: Work,
    pub(crate) url: String,
    pub(crate) payload: Payload,
    pub(crate) size: usize,
    /// The number of messages of the warm-up, which is not measured.
    pub(crate) warmup: usize,
    pub(crate) count: usize,
}

/// The payload of a message.
#[derive(Clone)]
pub(crate) enum Payload {
    Text(String),
    Binary(Bytes),
}

impl Payload {
    pub(crate) fn new(text: bool, size: usize) -> Self {
        let letters = (b'a'..=b'z').cycle().take(size);
        if text { Self::Text(letters.map(char::from).collect()) } else { Self::Binary(letters.collect()) }
    }
}
