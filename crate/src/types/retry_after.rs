//! The wait before another attempt that a refusal asks for.

use std::time::Duration;

use super::date_time::DateTime;
use samesocket_spec::Response;

/// Returns the value of `Retry-After`, if the response has a valid one.
///
/// A date is measured from the response's `Date`, so that the clock of the machine does not matter. Without that field it
/// is measured from `now`, the time since 1970. A date that has passed is zero. See
/// [RFC 9110, section 10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3).
pub(crate) fn retry_after(response: &Response, now: Option<Duration>) -> Option<Duration> {
    let value = response.header("Retry-After")?;
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that is too large counts as the largest one.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let sent = response.header("Date").and_then(parse_date);
    let now = sent.map(Duration::from_secs).or(now)?;
    Some(Duration::from_secs(parse_date(value)?).saturating_sub(now))
}

/// Parses an `HTTP-date` in any of its three formats, and returns the seconds since 1970.
///
/// See [RFC 9110, section 5.6.7](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7). The name of the day is ignored.
fn parse_date(text: &str) -> Option<u64> {
    let mut parts = [""; 6];
    for (index, part) in text.split([' ', ',', '-']).filter(|part| !part.is_empty()).enumerate() {
        *parts.get_mut(index)? = part;
    }
    // The second is the format of C's `asctime`.
    let ([_, day, month, year, time, "GMT"] | [_, month, day, time, year, ""]) = parts else { return None };
    let mut time = time.splitn(3, ':').map(number);
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let date =
        DateTime { year: parse_year(year)?, month: month_number(month)?, day: number(day)?, hour, minute, second };
    date.seconds_since_1970()?.try_into().ok()
}

/// Parses a year of four digits, or of two in the format of RFC 850, which are those of 1970 to 2069.
fn parse_year(text: &str) -> Option<i64> {
    let year = number(text)?;
    match (text.len(), year) {
        (2, 70..) => Some(1900 + year),
        (2, _) => Some(2000 + year),
        (4, _) => Some(year),
        _ => None,
    }
}

/// Returns the number of a month, from 1.
fn month_number(name: &str) -> Option<i64> {
    let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    (1..).zip(names).find(|&(_, known)| known == name).map(|(number, _)| number)
}

/// Parses a number of digits.
fn number(text: &str) -> Option<i64> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds_of(value: &str, date: Option<&str>, now: Option<u64>) -> Option<u64> {
        let response = Response::new(503).with_header("Retry-After", value);
        let response = date.into_iter().fold(response, |response, date| response.with_header("Date", date));
        retry_after(&response, now.map(Duration::from_secs)).map(|duration| duration.as_secs())
    }

    #[crate::test]
    fn seconds_are_taken_and_other_values_are_ignored() {
        for (value, expected) in [
            ("0", Some(0)),
            ("120", Some(120)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("soon", None),
            ("1 2 3 4 5 6 7", None),
        ] {
            assert_eq!(seconds_of(value, None, Some(0)), expected, "{value:?}");
        }
        assert_eq!(retry_after(&Response::new(503), None), None);
    }

    #[crate::test]
    fn date_is_measured_from_the_date_of_the_response() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        for later in ["Sun, 06 Nov 1994 08:51:37 GMT", "Sunday, 06-Nov-94 08:51:37 GMT", "Sun Nov  6 08:51:37 1994"] {
            assert_eq!(seconds_of(later, Some(date), Some(0)), Some(120), "{later}");
            assert_eq!(seconds_of(date, Some(later), None), Some(0), "it has passed");
        }
        assert_eq!(seconds_of(date, None, Some(784_111_777 - 5)), Some(5));
        assert_eq!(seconds_of(date, Some("today"), Some(784_111_777 - 5)), Some(5));
        assert_eq!(seconds_of(date, None, None), None, "the time is not known");
    }

    #[crate::test]
    fn dates_of_all_centuries_are_converted() {
        for (date, expected) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Tue, 29 Feb 2000 23:59:60 GMT", Some(951_868_800)),
            ("Wed, 01 Mar 2000 00:00:00 GMT", Some(951_868_800)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(253_402_300_799)),
            ("Friday, 01-Jan-69 00:00:00 GMT", Some(3_124_224_000)),
            ("Friday, 01-Jan-71 00:00:00 GMT", Some(31_536_000)),
            ("Wed, 31 Dec 1969 23:59:59 GMT", None),
            ("Sun, 00 Foo 1994 08:49:37 GMT", None),
            ("Sun, 32 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 24:00:00 GMT", None),
            ("Sun, 06 Nov 1994 08:49 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37 CET", None),
            ("Sun, 06 Nov 1994 +8:49:37 GMT", None),
        ] {
            assert_eq!(parse_date(date), expected, "{date}");
        }
    }
}
