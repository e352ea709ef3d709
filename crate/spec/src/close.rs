//! The arguments of `close(code, reason)`.

use crate::Exception;
pub use crate::close_frame::{APPLICATION_CODES, CloseFrame, MAX_REASON_BYTES};

/// Checks the arguments of `close(code, reason)` and returns the Close frame to send.
///
/// The check does not depend on the state of the socket. It comes before any change. A reason without a code is sent
/// with code 1000. An empty reason without a code results in an empty frame.
///
/// See <https://websockets.spec.whatwg.org/#dom-websocket-close>, steps 1 and 2.
///
/// ```
/// use samesocket_spec::close;
///
/// assert_eq!(close::check(Some(3001), Some("bye")), Ok(Some((3001, "bye"))));
/// assert_eq!(close::check(None, None), Ok(None));
/// assert_eq!(close::check(Some(1001), None).unwrap_err().name(), "InvalidAccessError");
/// ```
///
/// # Errors
///
/// Returns [`Exception::InvalidCloseCode`] if the code is neither 1000 nor in [`APPLICATION_CODES`]. Otherwise returns
/// [`Exception::ReasonTooLong`] if the reason has more than [`MAX_REASON_BYTES`].
pub fn check(code: Option<u16>, reason: Option<&str>) -> Result<CloseFrame<'_>, Exception> {
    if let Some(code) = code.filter(|code| *code != 1000 && !APPLICATION_CODES.contains(code)) {
        return Err(Exception::InvalidCloseCode { code });
    }
    let reason = reason.unwrap_or_default();
    if reason.len() > MAX_REASON_BYTES {
        return Err(Exception::ReasonTooLong { bytes: reason.len() });
    }
    // Deviation: the Standard has no bytes for a reason without a code. Such a reason is sent with code 1000, as
    // `WebSocketStream` does: https://github.com/whatwg/websockets/pull/48. An empty reason counts as absent.
    let code = code.or((!reason.is_empty()).then_some(1000));
    Ok(code.map(|code| (code, reason)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[crate::test]
    fn code_other_than_1000_or_3000_to_4999_is_rejected() {
        for code in 0..=u16::MAX {
            let valid = code == 1000 || (3000..5000).contains(&code);
            let expected = if valid { Ok(Some((code, ""))) } else { Err(Exception::InvalidCloseCode { code }) };
            assert_eq!(check(Some(code), None), expected);
        }
    }

    #[crate::test]
    fn reason_length_is_measured_in_bytes() {
        let longest = "é".repeat(61) + "e";
        assert_eq!(check(Some(1000), Some(&longest)), Ok(Some((1000, &*longest))));
        let too_long = "é".repeat(62);
        assert_eq!(check(Some(1000), Some(&too_long)), Err(Exception::ReasonTooLong { bytes: 124 }));
    }

    #[crate::test]
    fn bad_code_is_reported_before_long_reason() {
        assert_eq!(check(Some(0), Some(&"x".repeat(200))), Err(Exception::InvalidCloseCode { code: 0 }));
    }

    #[crate::test]
    fn reason_without_code_is_sent_with_1000_unless_empty() {
        assert_eq!(check(None, Some("bye")), Ok(Some((1000, "bye"))));
        assert_eq!(check(None, Some("")), Ok(None));
        assert_eq!(check(None, None), Ok(None));
    }
}
