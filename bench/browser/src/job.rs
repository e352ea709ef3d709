//! What a client is to do.

use bytes::Bytes;

/// The kind of work.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// The server sends back what it gets; one message is under way at a time.
    Echo,
    /// The server sends as fast as it can.
    Receive,
    /// The server throws away what it gets, and answers the last message of the warm-up and that of the job.
    Send,
    /// Connections are opened and closed, one after the other.
    Connect,
    /// The time from the constructor to the first message, of one connection after the other.
    First,
}

/// One job.
pub(crate) struct Job {
    pub(crate) work: Work,
    pub(crate) url: String,
    pub(crate) payload: Payload,
    pub(crate) size: usize,
    /// The messages that go before those that are measured.
    pub(crate) warmup: usize,
    pub(crate) count: usize,
}

/// What is sent.
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
