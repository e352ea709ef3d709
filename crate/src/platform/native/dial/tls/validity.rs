//! The validity period of a certificate, by [RFC 5280, section 4.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.1).

use std::ops::RangeInclusive;

use crate::types::date_time::DateTime;

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// The explicit tag of the version, which may be absent.
const VERSION: u8 = 0xa0;

/// Returns the time in which a certificate is valid, in seconds since 1970. Returns `None` if it is malformed.
pub(super) fn validity(certificate: &[u8]) -> Option<RangeInclusive<i64>> {
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (contents, _) = element(certificate, SEQUENCE)?;
    let rest = element(contents, VERSION).map_or(contents, |(_, rest)| rest);
    let (_serial, rest) = element(rest, INTEGER)?;
    let (_signature, rest) = element(rest, SEQUENCE)?;
    let (_issuer, rest) = element(rest, SEQUENCE)?;
    let (validity, _) = element(rest, SEQUENCE)?;
    let (not_before, rest) = time(validity)?;
    let (not_after, _) = time(rest)?;
    Some(not_before..=not_after)
}

/// Splits an element with this tag off the DER encoding. Returns its contents, and the bytes behind it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (length.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte)), rest)
        }
        _ => return None,
    };
    (first == tag).then(|| rest.split_at_checked(length)).flatten()
}

/// Splits a time off the encoding. Returns it in seconds since 1970, and the bytes behind it.
fn time(bytes: &[u8]) -> Option<(i64, &[u8])> {
    if let Some((time, rest)) = element(bytes, GENERALIZED_TIME) {
        return Some((seconds(time)?, rest));
    }
    let (time, rest) = element(bytes, UTC_TIME)?;
    // Years of two digits lie between 1950 and 2049.
    let century: &[u8] = if time.first()? < &b'5' { b"20" } else { b"19" };
    Some((seconds(&[century, time].concat())?, rest))
}

/// Returns the seconds from 1970 to a time of the form `YYYYMMDDHHMMSSZ`.
fn seconds(time: &[u8]) -> Option<i64> {
    let digits =
        time.strip_suffix(b"Z").filter(|digits| digits.len() == 14 && digits.iter().all(u8::is_ascii_digit))?;
    let number = |from: usize, to: usize| {
        digits.get(from..to).unwrap_or_default().iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'))
    };
    let date = DateTime {
        year: number(0, 4),
        month: number(4, 6),
        day: number(6, 8),
        hour: number(8, 10),
        minute: number(10, 12),
        second: number(12, 14),
    };
    date.seconds_since_1970()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_converted_to_seconds() {
        for (time, expected) in [
            (&b"19700101000000Z"[..], Some(0)),
            (b"19700102000001Z", Some(86_401)),
            (b"20000229120000Z", Some(951_825_600)),
            (b"20000301000000Z", Some(951_868_800)),
            (b"20380119031408Z", Some(1 << 31)),
            (b"19500101000000Z", Some(-631_152_000)),
            (b"99991231235959Z", Some(253_402_300_799)),
            (b"20001301000000Z", None),
            (b"20000100000000Z", None),
            (b"20000101240000Z", None),
            (b"20000101000000", None),
            (b"2000010100000Z", None),
            (b"2000010100000+Z", None),
            (b"", None),
        ] {
            assert_eq!(seconds(time), expected, "{}", time.escape_ascii());
        }
    }

    #[test]
    fn time_of_two_digits_is_between_1950_and_2049() {
        let utc = |time: &[u8]| super::time(&[&[UTC_TIME, 13], time].concat()).map(|(time, _)| time);
        assert_eq!(utc(b"700101000000Z"), Some(0));
        assert_eq!(utc(b"491231235959Z"), seconds(b"20491231235959Z"));
        assert_eq!(utc(b"500101000000Z"), seconds(b"19500101000000Z"));
    }

    #[test]
    fn validity_of_a_certificate_is_found() {
        let mut parameters = rcgen::CertificateParams::new(vec!["name".to_owned()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(1999, 12, 31);
        parameters.not_after = rcgen::date_time_ymd(2050, 1, 1);
        let certificate = parameters.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        let certificate = certificate.der();
        assert_eq!(validity(certificate), Some(946_598_400..=2_524_608_000));
        for end in 0..certificate.len() {
            assert_eq!(validity(&certificate[..end]), None, "{end}");
        }
    }
}
