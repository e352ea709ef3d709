//! The data of a `close` event.

/// The data of a `close` event: how a connection ended.
///
/// See <https://websockets.spec.whatwg.org/#the-closeevent-interface>.
///
/// ```
/// use samesocket_spec::CloseEvent;
///
/// let event = CloseEvent::new(1000, "bye".to_owned(), true);
/// assert!(event.was_clean && !event.is_abnormal());
/// assert_eq!(CloseEvent::abnormal().code, 1006);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloseEvent {
    /// The status code of the first Close frame received. It is 1005 if that frame had none, and 1006 if none arrived.
    pub code: u16,
    /// The reason of that frame, or the empty string.
    pub reason: String,
    /// Whether TCP was closed after a complete closing handshake.
    pub was_clean: bool,
}

impl CloseEvent {
    /// Creates the data of a `close` event.
    pub const fn new(code: u16, reason: String, was_clean: bool) -> Self {
        Self { code, reason, was_clean }
    }

    /// Creates the event of a failed connection: code 1006, no reason, not clean.
    pub const fn abnormal() -> Self {
        Self { code: 1006, reason: String::new(), was_clean: false }
    }

    /// Returns whether this equals the event of a failed connection, as [`abnormal`](Self::abnormal) creates it.
    pub fn is_abnormal(&self) -> bool {
        self.code == 1006 && self.reason.is_empty() && !self.was_clean
    }
}
