//! How a connection ended.

/// The data of a `close` event: how the connection ended.
///
/// See <https://websockets.spec.whatwg.org/#the-closeevent-interface>.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloseEvent {
    /// The status code of the first Close frame received; 1005 if that had none, 1006 if there was no such frame.
    pub code: u16,
    /// That frame's reason, or the empty string.
    pub reason: String,
    /// Whether TCP was closed after the closing handshake was completed.
    pub was_clean: bool,
}

impl CloseEvent {
    /// Creates the data of a `close` event.
    pub const fn new(code: u16, reason: String, was_clean: bool) -> Self {
        Self { code, reason, was_clean }
    }

    /// Creates the event of a connection that failed: code 1006, no reason, not clean.
    pub const fn abnormal() -> Self {
        Self { code: 1006, reason: String::new(), was_clean: false }
    }

    /// Returns whether this is the event of a connection that failed, as [`abnormal`](Self::abnormal) creates it.
    pub const fn is_abnormal(&self) -> bool {
        self.code == 1006 && self.reason.is_empty() && !self.was_clean
    }
}
