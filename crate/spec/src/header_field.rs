//! The header fields that a program may add to the request of the opening handshake.

use std::net::Ipv6Addr;

use crate::subprotocol::first_outside_token;

/// The fields that only the handshake itself may set.
const RESERVED: [&str; 8] = [
    "Connection",
    "Upgrade",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Protocol",
    "Content-Length",
    "Transfer-Encoding",
];

/// The reason why a header field cannot be added to the request.
///
/// ```
/// use samesocket_spec::header_field::{InvalidField, check};
///
/// match check("X Trace", "1") {
///     Err(InvalidField::Name { character, position }) => assert_eq!((character, position), (' ', 1)),
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidField {
    /// The name is empty.
    EmptyName,
    /// Only the handshake itself may set a field of this name.
    ReservedName,
    /// The name is not a [token](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2).
    Name {
        /// The first character that is not allowed.
        character: char,
        /// Its index, counted in characters.
        position: usize,
    },
    /// The value is empty where it must not be.
    EmptyValue,
    /// The value contains a control character other than a tab, or another character that this field does not allow.
    Value {
        /// The first such character.
        character: char,
        /// Its index, counted in characters.
        position: usize,
    },
    /// The value ends before it is complete.
    End {
        /// Its length, counted in characters.
        position: usize,
    },
    /// The host has brackets, and there is no IPv6 address in them.
    Address,
    /// The port of the host is above 65535.
    Port,
}

/// Checks that a header field can be added without changing the structure of the request.
///
/// ```
/// use samesocket_spec::header_field::{self, InvalidField};
///
/// assert_eq!(header_field::check("Authorization", "Bearer abc"), Ok(()));
/// assert_eq!(header_field::check("upgrade", "websocket"), Err(InvalidField::ReservedName));
/// ```
///
/// # Errors
///
/// Returns an [`InvalidField`] if the name is empty, reserved or no token, or if the value contains a control character.
pub fn check(name: &str, value: &str) -> Result<(), InvalidField> {
    if name.is_empty() {
        return Err(InvalidField::EmptyName);
    }
    if let Some(position) = first_outside_token(name) {
        return Err(InvalidField::Name { character: name.chars().nth(position).unwrap_or_default(), position });
    }
    if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
        return Err(InvalidField::ReservedName);
    }
    check_value(value)
}

/// Checks the value of a header field.
///
/// ```
/// use samesocket_spec::header_field::{InvalidField, check_value};
///
/// assert_eq!(check_value("Bearer abc"), Ok(()));
/// assert_eq!(check_value("a\r\nX: b"), Err(InvalidField::Value { character: '\r', position: 1 }));
/// ```
///
/// # Errors
///
/// Returns [`InvalidField::Value`] if it contains a control character other than a tab.
pub fn check_value(value: &str) -> Result<(), InvalidField> {
    let is_forbidden = |character: char| character.is_ascii_control() && character != '\t';
    match value.chars().enumerate().find(|&(_, character)| is_forbidden(character)) {
        Some((position, character)) => Err(InvalidField::Value { character, position }),
        None => Ok(()),
    }
}

/// Checks the value of the `Host` field: a name or an address, and after a colon a port, which may be empty.
///
/// See [RFC 9110, section 7.2](https://www.rfc-editor.org/rfc/rfc9110#section-7.2), and for the parts
/// [RFC 3986, section 3.2](https://www.rfc-editor.org/rfc/rfc3986#section-3.2). Of the addresses in brackets, only those of
/// IPv6 are allowed, without a zone.
///
/// ```
/// use samesocket_spec::header_field::{InvalidField, check_host};
///
/// assert_eq!(check_host("example.com:8080"), Ok(()));
/// assert_eq!(check_host("[2001:db8::1]"), Ok(()));
/// assert_eq!(check_host("a b"), Err(InvalidField::Value { character: ' ', position: 1 }));
/// ```
///
/// # Errors
///
/// Returns [`InvalidField::EmptyValue`], [`InvalidField::Address`], [`InvalidField::Port`], or [`InvalidField::Value`] with
/// the first character that is not allowed there. Returns [`InvalidField::End`] if the value ends too early.
pub fn check_host(value: &str) -> Result<(), InvalidField> {
    if value.is_empty() {
        return Err(InvalidField::EmptyValue);
    }
    let port = match value.strip_prefix('[') {
        Some(literal) => after_address(value, literal)?,
        None => after_name(value)?,
    };
    let Some(digits) = port.strip_prefix(':') else {
        return if port.is_empty() { Ok(()) } else { invalid_at(value, value.len() - port.len()) };
    };
    match digits.bytes().position(|byte| !byte.is_ascii_digit()) {
        Some(position) => invalid_at(value, value.len() - digits.len() + position),
        None if digits.is_empty() => Ok(()),
        None => digits.parse::<u16>().map(drop).map_err(|_| InvalidField::Port),
    }
}

/// Checks the IPv6 address at the start of `literal`, which is `value` without its opening bracket. Returns the rest behind
/// the closing bracket.
fn after_address<'a>(value: &str, literal: &'a str) -> Result<&'a str, InvalidField> {
    let is_in_address = |byte: u8| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.';
    let length = literal.bytes().take_while(|&byte| is_in_address(byte)).count();
    let (address, rest) = literal.split_at(length);
    let Some(rest) = rest.strip_prefix(']') else { return invalid_at(value, length + 1) };
    address.parse::<Ipv6Addr>().map(|_| rest).map_err(|_| InvalidField::Address)
}

/// Checks the name or IPv4 address at the start of `value`. Returns the rest behind it.
fn after_name(value: &str) -> Result<&str, InvalidField> {
    let length = value.bytes().take_while(|&byte| is_in_host_name(byte)).count();
    if length == 0 {
        return invalid_at(value, 0);
    }
    let (name, rest) = value.split_at(length);
    for (percent, _) in name.match_indices('%') {
        let digits = name.bytes().skip(percent + 1).take(2).take_while(u8::is_ascii_hexdigit).count();
        if digits < 2 {
            return invalid_at(value, percent + 1 + digits);
        }
    }
    Ok(rest)
}

/// Returns whether a byte may stand in a registered name, by
/// [RFC 3986, section 3.2.2](https://www.rfc-editor.org/rfc/rfc3986#section-3.2.2).
const fn is_in_host_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'%'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
        )
}

/// Returns the error for the character at `position`. All characters before it must be ASCII.
fn invalid_at<T>(value: &str, position: usize) -> Result<T, InvalidField> {
    Err(match value.chars().nth(position) {
        Some(character) => InvalidField::Value { character, position },
        None => InvalidField::End { position },
    })
}

/// The fields of requests that HTTP allows once, because their values are no lists.
const OCCUR_ONCE: [&str; 14] = [
    "Authorization",
    "Content-Type",
    "Cookie",
    "Date",
    "From",
    "Host",
    "If-Modified-Since",
    "If-Range",
    "If-Unmodified-Since",
    "Max-Forwards",
    "Origin",
    "Proxy-Authorization",
    "Referer",
    "User-Agent",
];

/// Returns whether a request may have only one field of this name.
///
/// See [RFC 9110, section 5.3](https://www.rfc-editor.org/rfc/rfc9110#section-5.3), and for `Cookie`
/// [RFC 6265, section 5.4](https://www.rfc-editor.org/rfc/rfc6265#section-5.4).
///
/// ```
/// use samesocket_spec::header_field::occurs_once;
///
/// assert!(occurs_once("origin"));
/// assert!(!occurs_once("Accept"));
/// ```
#[must_use]
pub fn occurs_once(name: &str) -> bool {
    OCCUR_ONCE.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The fields of requests that authenticate the client to one server.
const CREDENTIALS: [&str; 4] = ["Authorization", "Cookie", "Cookie2", "Proxy-Authorization"];

/// Returns whether a field of this name authenticates the client, so that no other origin may receive it.
///
/// Fetch and HTTP clients drop such fields when a [redirect](crate::redirect) leads to another origin.
#[must_use]
pub fn has_credentials(name: &str) -> bool {
    CREDENTIALS.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_is_checked_by_name_and_value() {
        for (name, value, expected) in [
            ("X-One", "1\t2 ü", Ok(())),
            ("", "", Err(InvalidField::EmptyName)),
            ("sec-websocket-KEY", "", Err(InvalidField::ReservedName)),
            ("aü b", "", Err(InvalidField::Name { character: 'ü', position: 1 })),
            ("A", "ü\r\n", Err(InvalidField::Value { character: '\r', position: 1 })),
            ("A", "\u{7f}", Err(InvalidField::Value { character: '\u{7f}', position: 0 })),
        ] {
            assert_eq!(check(name, value), expected, "{name}: {value:?}");
        }
    }

    #[test]
    fn host_is_a_name_or_address_with_or_without_a_port() {
        for value in [
            "example.com",
            "example.com:8080",
            "[::1]:80",
            "[::ffff:192.0.2.1]",
            "[2001:DB8::1]:",
            "192.0.2.1",
            "a_b-c~%41",
            "example.com:",
            "a:0",
            "a:65535",
            "a:00000065535",
        ] {
            assert_eq!(check_host(value), Ok(()), "{value}");
        }
        assert_eq!(check_host(""), Err(InvalidField::EmptyValue));
        for (value, position) in [
            ("u@h", 1),
            ("h/p", 1),
            ("h?q", 1),
            ("h ", 1),
            ("h\r\nA: b", 1),
            ("ü", 0),
            ("h:8o", 3),
            ("h:80:81", 4),
            (":80", 0),
            ("::1", 0),
            ("[", 1),
            ("[::1", 4),
            ("[::1]a", 5),
            ("[::g]", 3),
            ("a]", 1),
        ] {
            assert_eq!(check_host(value), invalid_at(value, position), "{value}");
        }
    }

    #[test]
    fn host_of_valid_characters_may_be_malformed() {
        for value in
            ["[]", "[]:80", "[:]", "[::1::2]", "[1:2:3:4:5:6:7:8:9]", "[12345::]", "[192.0.2.1]", "[::1.2.3]", "[a]"]
        {
            assert_eq!(check_host(value), Err(InvalidField::Address), "{value}");
        }
        for value in ["a:65536", "[::1]:99999", "192.0.2.1:4294967376", "a:18446744073709551617"] {
            assert_eq!(check_host(value), Err(InvalidField::Port), "{value}");
        }
        assert_eq!(check_host("[::1"), Err(InvalidField::End { position: 4 }));
        for (value, position) in [("%", 1), ("%4", 2), ("a%4g", 3), ("a%zz", 2), ("%:80", 1), ("%%41", 1)] {
            assert_eq!(check_host(value), invalid_at(value, position), "{value}");
        }
    }

    #[test]
    fn field_that_occurs_once_is_known_in_any_case() {
        assert!(occurs_once("authorization") && occurs_once("COOKIE") && occurs_once("User-Agent"));
        assert!(!occurs_once("Accept-Language") && !occurs_once("X-One"));
    }

    #[test]
    fn field_with_credentials_is_known_in_any_case() {
        assert!(has_credentials("authorization") && has_credentials("COOKIE"));
        assert!(!has_credentials("Origin") && !has_credentials("X-One"));
    }
}
