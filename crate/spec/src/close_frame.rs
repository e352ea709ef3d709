//! The Close frame that a client sends, and its limits.

use std::ops::RangeInclusive;

/// The maximum length of a close reason, in bytes of UTF-8.
///
/// A control frame carries at most 125 bytes, of which the code takes two; see
/// [RFC 6455, section 5.5](https://www.rfc-editor.org/rfc/rfc6455#section-5.5).
pub const MAX_REASON_BYTES: usize = 123;

/// The close codes that applications may choose. `close` accepts 1000 as well.
pub const APPLICATION_CODES: RangeInclusive<u16> = 3000..=4999;

/// The payload of a Close frame to send: a code and a reason, or `None` for an empty frame.
///
/// ```
/// use samesocket_spec::close::{APPLICATION_CODES, CloseFrame, MAX_REASON_BYTES};
///
/// let frame: CloseFrame<'_> = Some((4001, "moved"));
/// assert!(frame.is_some_and(|(code, reason)| APPLICATION_CODES.contains(&code) && reason.len() <= MAX_REASON_BYTES));
/// ```
pub type CloseFrame<'a> = Option<(u16, &'a str)>;
