//! The closing handshake: what Close frames carry, and what the close event gets of it.
//!
//! See [RFC 6455, section 7](https://www.rfc-editor.org/rfc/rfc6455#section-7).

use crate::error::Failure;
use crate::frame::MAX_CONTROL;
use crate::receive::utf8;
use samesocket_spec::CloseEvent;
use samesocket_spec::close::CloseFrame;

/// What the peer's Close frame said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    code: Option<u16>,
    reason: String,
}

impl Received {
    /// Reads the body of a Close frame.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Failure> {
        let (code, reason) = match body {
            [] => (None, ""),
            [_] => return Err(Failure::CloseBodyOfOneByte),
            [high, low, reason @ ..] => {
                let code = u16::from_be_bytes([*high, *low]);
                if !may_be_received(code) {
                    return Err(Failure::ForbiddenCloseCode { code });
                }
                (Some(code), utf8::check(reason).map_err(|_| Failure::InvalidCloseReason)?)
            }
        };
        Ok(Self { code, reason: reason.to_owned() })
    }

    /// What our Close frame answers: the same, as the engines do.
    pub(crate) fn echo(&self) -> CloseFrame<'_> {
        self.code.map(|code| (code, &*self.reason))
    }

    /// The data of the close event.
    ///
    /// See [RFC 6455, sections 7.1.5 and 7.1.6](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.5).
    pub(crate) fn into_event(self, was_clean: bool) -> CloseEvent {
        CloseEvent::new(self.code.unwrap_or(1005), self.reason, was_clean)
    }
}

/// Whether a Close frame may carry this code.
///
/// Those that are reserved for events, those of no range in
/// [RFC 6455, section 7.4.2](https://www.rfc-editor.org/rfc/rfc6455#section-7.4.2), and those that the registry has not
/// assigned are errors, whatever browsers let pass.
const fn may_be_received(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// Writes the body of a Close frame; a reason that no frame has room for is cut.
pub(crate) fn write(frame: CloseFrame<'_>) -> Vec<u8> {
    let Some((code, reason)) = frame else { return Vec::new() };
    let end = reason.floor_char_boundary(MAX_CONTROL - 2);
    [&code.to_be_bytes(), &reason.as_bytes()[..end]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_assigned_codes_and_the_two_free_ranges_may_be_received() {
        for code in 0..=u16::MAX {
            let refused = matches!(code, 0..=999 | 1004..=1006 | 1015..=2999 | 5000..);
            let expected = if refused {
                Err(Failure::ForbiddenCloseCode { code })
            } else {
                Ok(CloseEvent::new(code, "é".to_owned(), true))
            };
            let read = Received::read(&write(Some((code, "é")))).map(|received| received.into_event(true));
            assert_eq!(read, expected);
        }
    }

    #[test]
    fn an_empty_body_is_1005_and_is_echoed_empty() {
        let received = Received::read(&[]).unwrap();
        assert_eq!(received.echo(), None);
        assert_eq!(received.into_event(true), CloseEvent::new(1005, String::new(), true));
        assert_eq!(Received::read(&write(Some((1001, "bye")))).unwrap().echo(), Some((1001, "bye")));
    }

    #[test]
    fn one_byte_and_bad_reasons_are_refused() {
        assert_eq!(Received::read(&[3]), Err(Failure::CloseBodyOfOneByte));
        assert_eq!(Received::read(b"\x03\xe8\xff"), Err(Failure::InvalidCloseReason));
        assert_eq!(Received::read(b"\x03\xe8\xe2\x82"), Err(Failure::InvalidCloseReason));
        assert_eq!(Received::read(b"\x03\xe8\xef\xbb\xbf").unwrap().into_event(true).reason, "\u{feff}");
    }

    #[test]
    fn a_reason_is_cut_between_code_points_where_a_frame_ends() {
        let body = write(Some((1000, &"é".repeat(100))));
        assert_eq!(body, [&[3, 0xe8][..], "é".repeat(61).as_bytes()].concat());
    }
}
