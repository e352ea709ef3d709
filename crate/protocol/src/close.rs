//! The closing handshake: the bodies of Close frames, and the close event that they result in.
//!
//! See [RFC 6455, section 7](https://www.rfc-editor.org/rfc/rfc6455#section-7).

use crate::error::Failure;
use crate::frame::MAX_CONTROL;
use crate::receive::utf8;
use samesocket_spec::CloseEvent;
use samesocket_spec::close::CloseFrame;

/// The content of the peer's Close frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReceivedClose {
    code: Option<u16>,
    reason: String,
}

impl ReceivedClose {
    /// Parses the body of a Close frame.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Failure> {
        let (code, reason) = match body {
            [] => (None, ""),
            [_] => return Err(Failure::CloseBodyOfOneByte),
            [high, low, reason @ ..] => {
                let code = u16::from_be_bytes([*high, *low]);
                if !is_valid_code(code) {
                    return Err(Failure::ForbiddenCloseCode { code });
                }
                (Some(code), utf8::check(reason).map_err(|_| Failure::InvalidCloseReason)?)
            }
        };
        Ok(Self { code, reason: reason.to_owned() })
    }

    /// Returns the content of our answer. It repeats the code and the reason, as browsers do.
    pub(crate) fn echo(&self) -> CloseFrame<'_> {
        self.code.map(|code| (code, &*self.reason))
    }

    /// Returns the data of the close event.
    ///
    /// See [RFC 6455, sections 7.1.5 and 7.1.6](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.5).
    pub(crate) fn into_event(self, was_clean: bool) -> CloseEvent {
        CloseEvent::new(self.code.unwrap_or(1005), self.reason, was_clean)
    }
}

/// Returns whether a Close frame may contain this code.
///
/// Codes that are reserved for events, codes outside the ranges of
/// [RFC 6455, section 7.4.2](https://www.rfc-editor.org/rfc/rfc6455#section-7.4.2), and codes that IANA has not assigned are
/// errors. Browsers accept some of them.
const fn is_valid_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// Encodes the body of a Close frame. A reason that is too long for a frame is truncated.
pub(crate) fn write(frame: CloseFrame<'_>) -> Vec<u8> {
    let Some((code, reason)) = frame else { return Vec::new() };
    let mut end = reason.len().min(MAX_CONTROL - 2);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    [&code.to_be_bytes(), &reason.as_bytes()[..end]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_code_outside_assigned_ranges_is_refused() {
        for code in 0..=u16::MAX {
            let refused = matches!(code, 0..=999 | 1004..=1006 | 1015..=2999 | 5000..);
            let expected = if refused {
                Err(Failure::ForbiddenCloseCode { code })
            } else {
                Ok(CloseEvent::new(code, "é".to_owned(), true))
            };
            let read = ReceivedClose::parse(&write(Some((code, "é")))).map(|received| received.into_event(true));
            assert_eq!(read, expected);
        }
    }

    #[test]
    fn empty_close_body_is_1005_and_echoed_empty() {
        let received = ReceivedClose::parse(&[]).unwrap();
        assert_eq!(received.echo(), None);
        assert_eq!(received.into_event(true), CloseEvent::new(1005, String::new(), true));
        assert_eq!(ReceivedClose::parse(&write(Some((1001, "bye")))).unwrap().echo(), Some((1001, "bye")));
    }

    #[test]
    fn close_body_of_one_byte_or_bad_utf8_is_refused() {
        assert_eq!(ReceivedClose::parse(&[3]), Err(Failure::CloseBodyOfOneByte));
        assert_eq!(ReceivedClose::parse(b"\x03\xe8\xff"), Err(Failure::InvalidCloseReason));
        assert_eq!(ReceivedClose::parse(b"\x03\xe8\xe2\x82"), Err(Failure::InvalidCloseReason));
        assert_eq!(ReceivedClose::parse(b"\x03\xe8\xef\xbb\xbf").unwrap().into_event(true).reason, "\u{feff}");
    }

    #[test]
    fn long_close_reason_is_cut_at_a_code_point() {
        let body = write(Some((1000, &"é".repeat(100))));
        assert_eq!(body, [&[3, 0xe8][..], "é".repeat(61).as_bytes()].concat());
    }
}
