//! The errors of TLS in plain words, where the texts of rustls need knowledge of TLS.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use tokio_rustls::rustls::pki_types::{ServerName, UnixTime};
use tokio_rustls::rustls::{AlertDescription, CertificateError, Error, InvalidMessage, OtherError};

use crate::platform::native::dial::tls::verifiers::CertificateProblem;
use crate::types::date_time::DateTime;

/// The most names of a certificate that are shown. Arbitrary.
const MAX_NAMES: usize = 4;

/// The most characters of a name that are shown: those of the longest
/// [DNS name](https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4).
const MAX_NAME_CHARS: usize = 253;

/// An error of rustls in plain words. Its source is the error itself.
#[derive(Debug)]
struct Explained {
    text: String,
    source: Error,
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for Explained {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.source)
    }
}

/// Replaces an error of TLS by one in plain words, or by one that names the option to use. Other errors stay as they are.
pub(in crate::platform::native) fn explain(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof && error.to_string().contains("close_notify") {
        return io::Error::new(error.kind(), "the stream ended without the end of TLS (close_notify)");
    }
    let Some(tls) = error.get_ref().and_then(|error| error.downcast_ref::<Error>()) else { return error };
    if let Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) = tls {
        return match problem(inner) {
            Some(problem) => io::Error::new(error.kind(), problem),
            None => error,
        };
    }
    match describe(tls) {
        Some(text) => io::Error::new(error.kind(), Explained { text, source: tls.clone() }),
        None => error,
    }
}

/// Replaces the error of a handshake, as [`explain`] does. Also explains an early end of the stream, because the server
/// has closed it.
pub(super) fn explain_handshake(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return io::Error::new(error.kind(), "the server closed the connection during the handshake");
    }
    explain(error)
}

fn problem(inner: &Arc<dyn StdError + Send + Sync>) -> Option<CertificateProblem> {
    match inner.downcast_ref::<CertificateProblem>() {
        Some(problem) => Some(problem.clone()),
        // The type of webpki's error is not exported by rustls.
        None => (inner.to_string() == "CaUsedAsEndEntity")
            .then(|| CertificateProblem::OfAnIssuer(CertificateError::Other(OtherError(Arc::clone(inner))).into())),
    }
}

fn describe(error: &Error) -> Option<String> {
    match error {
        Error::InvalidCertificate(error) => describe_certificate(error),
        Error::AlertReceived(alert) => describe_alert(*alert),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            Some("the answer is not TLS; a server without TLS has a URL that begins with ws://".to_owned())
        }
        _ => None,
    }
}

fn describe_certificate(error: &CertificateError) -> Option<String> {
    Some(match error {
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("the certificate expired on {}", Date(*not_after))
        }
        CertificateError::Expired => "the certificate has expired".to_owned(),
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("the certificate is not valid before {}", Date(*not_before))
        }
        CertificateError::NotValidYet => "the certificate is not valid yet".to_owned(),
        CertificateError::NotValidForNameContext { expected, presented } => describe_names(expected, presented),
        CertificateError::NotValidForName => "the certificate is for another name".to_owned(),
        CertificateError::UnknownIssuer => "the issuer of the certificate is unknown".to_owned(),
        CertificateError::BadSignature => {
            "the signature of the certificate, or that of the server by its key, is wrong".to_owned()
        }
        CertificateError::Revoked => "the certificate was revoked".to_owned(),
        _ => return None,
    })
}

/// Describes that a certificate is not valid for the expected name, with the first of its own names.
fn describe_names(expected: &ServerName<'_>, presented: &[String]) -> String {
    let mut text = format!("the certificate is not valid for the name {}", expected.to_str());
    if presented.is_empty() {
        return text + ", and for no other";
    }
    // These are names in the form of `Debug`, such as `DnsName("example.com")`.
    let plain = |name: &String| {
        let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
        // A certificate may have any characters in a name, and line breaks could garble a log.
        inner.trim_matches('"').chars().take(MAX_NAME_CHARS).flat_map(char::escape_debug).collect()
    };
    let names: Vec<String> = presented.iter().take(MAX_NAMES).map(plain).collect();
    text.extend([", only for ", &names.join(", ")]);
    let more = presented.len() - names.len();
    if more > 0 {
        text.extend([" and ", &more.to_string(), " more"]);
    }
    text
}

/// Describes an alert that the user of the client can do something about.
fn describe_alert(alert: AlertDescription) -> Option<String> {
    use AlertDescription as Alert;
    let text = match alert {
        Alert::CertificateRequired => "the server demands a client certificate",
        Alert::UnknownCA => "the server does not know the issuer of the client certificate",
        Alert::CertificateExpired => "the server says that the client certificate has expired",
        Alert::CertificateRevoked => "the server says that the client certificate was revoked",
        Alert::BadCertificate | Alert::UnsupportedCertificate | Alert::CertificateUnknown | Alert::AccessDenied => {
            return Some(format!("the server refuses the client certificate ({alert:?})"));
        }
        Alert::UnrecognisedName => "the server has no certificate for this name",
        Alert::ProtocolVersion => "the server speaks neither TLS 1.2 nor TLS 1.3",
        _ => return None,
    };
    Some(text.to_owned())
}

/// A time as date and time of day in UTC.
struct Date(UnixTime);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0.as_secs()).unwrap_or(i64::MAX);
        let DateTime { year, month, day, hour, minute, second } = DateTime::from_seconds_since_1970(seconds);
        write!(f, "{year:04}-{month:02}-{day:02} at {hour:02}:{minute:02}:{second:02} UTC")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn dates_follow_the_gregorian_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01 at 00:00:00 UTC"),
            (951_782_399, "2000-02-28 at 23:59:59 UTC"),
            (951_782_400, "2000-02-29 at 00:00:00 UTC"),
            (951_868_800, "2000-03-01 at 00:00:00 UTC"),
            (1_767_323_045, "2026-01-02 at 03:04:05 UTC"),
            (1_735_689_599, "2024-12-31 at 23:59:59 UTC"),
            (4_107_542_400, "2100-03-01 at 00:00:00 UTC"),
            (253_402_300_799, "9999-12-31 at 23:59:59 UTC"),
        ] {
            let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
            assert_eq!(Date(time).to_string(), expected);
        }
    }

    #[test]
    fn only_the_first_names_of_a_certificate_are_shown() {
        let expected = ServerName::try_from("a.test").unwrap();
        let named =
            |names: &[&str]| describe_names(&expected, &names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        let start = "the certificate is not valid for the name a.test";
        assert_eq!(named(&[]), format!("{start}, and for no other"));
        assert_eq!(
            named(&[r#"DnsName("b.test")"#, "IpAddress(192.0.2.1)"]),
            format!("{start}, only for b.test, 192.0.2.1")
        );
        assert_eq!(named(&["1", "2", "3", "4", "5", "6"]), format!("{start}, only for 1, 2, 3, 4 and 2 more"));
    }

    #[test]
    fn name_of_a_certificate_cannot_garble_a_log() {
        let expected = ServerName::try_from("a.test").unwrap();
        let named = |name: &str| describe_names(&expected, &[format!("DnsName(\"{name}\")")]);
        let start = "the certificate is not valid for the name a.test, only for";
        assert_eq!(named("b\n\u{1b}[31m\u{202e}c"), format!(r"{start} b\n\u{{1b}}[31m\u{{202e}}c"));
        assert_eq!(named(&"d".repeat(70_000)), format!("{start} {}", "d".repeat(253)));
    }

    #[test]
    fn error_in_plain_words_has_that_of_rustls_as_source() {
        for error in [
            Error::InvalidCertificate(CertificateError::UnknownIssuer),
            Error::AlertReceived(AlertDescription::CertificateRequired),
            Error::InvalidMessage(InvalidMessage::InvalidContentType),
        ] {
            let explained = explain(io::Error::new(io::ErrorKind::InvalidData, error.clone()));
            assert_eq!(explained.kind(), io::ErrorKind::InvalidData);
            assert_ne!(explained.to_string(), error.to_string());
            assert_eq!(explained.source().and_then(<dyn StdError>::downcast_ref::<Error>), Some(&error));
        }
        let other = explain(io::Error::new(io::ErrorKind::InvalidData, Error::DecryptError));
        assert!(other.get_ref().is_some_and(<dyn StdError + Send + Sync>::is::<Error>));
    }
}
