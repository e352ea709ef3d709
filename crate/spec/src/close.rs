//! The arguments of `close`.

use std::ops::RangeInclusive;

use crate::Exception;

/// The greatest length of a close reason, in bytes of UTF-8.
pub const MAX_REASON_BYTES: usize = 123;

/// The close codes that are left to applications; 1000 may be given beside them.
pub const APPLICATION_CODES: RangeInclusive<u16> = 3000..=4999;

/// What the Close frame is to carry: a code with a reason, or nothing.
pub type CloseFrame<'a> = Option<(u16, &'a str)>;

/// Checks the arguments of `close(code, reason)`, whatever the state, before anything is touched.
///
/// See <https://websockets.spec.whatwg.org/#dom-websocket-close>, steps 1 and 2.
pub fn check(code: Option<u16>, reason: Option<&str>) -> Result<CloseFrame<'_>, Exception> {
    if let Some(code) = code
        && code != 1000
        && !APPLICATION_CODES.contains(&code)
    {
        return Err(Exception::InvalidCloseCode { code });
    }
    let reason = reason.unwrap_or_default();
    if reason.len() > MAX_REASON_BYTES {
        return Err(Exception::ReasonTooLong { bytes: reason.len() });
    }
    // Unlike the Standard, which has no bytes for a reason without a code, such a reason goes with code 1000, as
    // `WebSocketStream` has it: https://github.com/whatwg/websockets/pull/48. An empty reason asks for nothing.
    let code = code.or((!reason.is_empty()).then_some(1000));
    Ok(code.map(|code| (code, reason)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[crate::test]
    fn codes_are_1000_and_3000_to_4999() {
        for code in 0..=u16::MAX {
            let valid = code == 1000 || (3000..5000).contains(&code);
            let expected = if valid { Ok(Some((code, ""))) } else { Err(Exception::InvalidCloseCode { code }) };
            assert_eq!(check(Some(code), None), expected);
        }
    }

    #[crate::test]
    fn a_reason_is_measured_in_bytes() {
        let longest = "é".repeat(61) + "e";
        assert_eq!(check(Some(1000), Some(&longest)), Ok(Some((1000, &*longest))));
        let too_long = "é".repeat(62);
        assert_eq!(check(Some(1000), Some(&too_long)), Err(Exception::ReasonTooLong { bytes: 124 }));
    }

    #[crate::test]
    fn a_bad_code_wins_over_a_long_reason() {
        assert_eq!(check(Some(0), Some(&"x".repeat(200))), Err(Exception::InvalidCloseCode { code: 0 }));
    }

    #[crate::test]
    fn a_reason_without_a_code_goes_with_1000_and_an_empty_one_with_nothing() {
        assert_eq!(check(None, Some("bye")), Ok(Some((1000, "bye"))));
        assert_eq!(check(None, Some("")), Ok(None));
        assert_eq!(check(None, None), Ok(None));
    }
}
