//! The negotiation of extensions: the offer, and the parser of the answer.
//!
//! See [RFC 6455, section 9.1](https://www.rfc-editor.org/rfc/rfc6455#section-9.1), and
//! [RFC 7692, section 7.1](https://www.rfc-editor.org/rfc/rfc7692#section-7.1).

use crate::error::Failure;
use samesocket_spec::subprotocol::first_outside_token;

/// The offer of the client: compression, with a client window that the server may reduce.
pub(crate) const OFFER: &str = "permessage-deflate; client_max_window_bits";

/// The negotiated parameters of permessage-deflate.
///
/// ```
/// use samesocket_protocol::extensions::{Deflate, accept};
///
/// let deflate = accept("permessage-deflate; client_max_window_bits=12")?;
/// assert_eq!(deflate, Deflate { client_max_window_bits: 12, ..Deflate::default() });
/// # Ok::<(), samesocket_protocol::Failure>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deflate {
    /// Whether the server's messages do not refer to earlier ones. Default: `false`.
    pub server_no_context_takeover: bool,
    /// Whether the client's messages must not refer to earlier ones. Default: `false`.
    pub client_no_context_takeover: bool,
    /// The base-2 logarithm of the server's window in bytes, 8 to 15. Default: 15.
    pub server_max_window_bits: u8,
    /// The base-2 logarithm of the client's window in bytes, 8 to 15. Default: 15.
    pub client_max_window_bits: u8,
}

impl Default for Deflate {
    fn default() -> Self {
        Self {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
        }
    }
}

/// Parses and validates the value of the response's `Sec-WebSocket-Extensions`.
///
/// Each parameter may occur once; see [RFC 7692, section 7.1](https://www.rfc-editor.org/rfc/rfc7692#section-7.1). The server may
/// limit its own window without a request.
///
/// # Errors
/// [`Failure::Extensions`], with the rule that the answer violates.
pub fn accept(answer: &str) -> Result<Deflate, Failure> {
    check(answer).map_err(|rule| Failure::Extensions { rule, found: answer.to_owned() })
}

fn check(answer: &str) -> Result<Deflate, &'static str> {
    let mut extensions = parse(answer)?.into_iter();
    let extension = extensions.next().ok_or("the list is empty")?;
    let others = extensions.next();
    if [Some(&extension), others.as_ref()].into_iter().flatten().any(|extension| extension.name != "permessage-deflate")
    {
        return Err("an extension was not offered");
    }
    if others.is_some() {
        return Err("permessage-deflate occurs twice");
    }
    let mut deflate = Deflate::default();
    let mut seen = [false; 4];
    for Parameter { name, value } in extension.parameters {
        let value = value.as_deref();
        let place = match name {
            "server_no_context_takeover" => {
                deflate.server_no_context_takeover = without_value(value)?;
                0
            }
            "client_no_context_takeover" => {
                deflate.client_no_context_takeover = without_value(value)?;
                1
            }
            "server_max_window_bits" => {
                deflate.server_max_window_bits = window_bits(value)?;
                2
            }
            "client_max_window_bits" => {
                deflate.client_max_window_bits = window_bits(value)?;
                3
            }
            _ => return Err("a parameter is unknown"),
        };
        if std::mem::replace(&mut seen[place], true) {
            return Err("a parameter occurs twice");
        }
    }
    Ok(deflate)
}

fn without_value(value: Option<&str>) -> Result<bool, &'static str> {
    if value.is_some() { Err("a parameter has a value and must not") } else { Ok(true) }
}

/// Parses 8 to 15, without leading zeros.
fn window_bits(value: Option<&str>) -> Result<u8, &'static str> {
    const RULE: &str = "the window bits are not a number from 8 to 15";
    match value.ok_or(RULE)?.as_bytes() {
        [digit @ b'8'..=b'9'] => Ok(digit - b'0'),
        [b'1', digit @ b'0'..=b'5'] => Ok(10 + digit - b'0'),
        _ => Err(RULE),
    }
}

/// One extension of the list.
#[derive(Debug, PartialEq, Eq)]
struct Extension<'a> {
    name: &'a str,
    parameters: Vec<Parameter<'a>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Parameter<'a> {
    name: &'a str,
    value: Option<String>,
}

/// Parses `1#extension`. Elements may be empty, by the list rule of HTTP.
fn parse(value: &str) -> Result<Vec<Extension<'_>>, &'static str> {
    let mut rest = value;
    let mut extensions = Vec::new();
    loop {
        rest = skip_space(rest);
        if !rest.is_empty() && !rest.starts_with(',') {
            let name = token(&mut rest)?;
            let mut parameters = Vec::new();
            while eat(&mut rest, ';') {
                parameters.push(parameter(&mut rest)?);
            }
            extensions.push(Extension { name, parameters });
        }
        if !eat(&mut rest, ',') {
            return if rest.is_empty() { Ok(extensions) } else { Err("the list is not in the grammar") };
        }
    }
}

fn parameter<'a>(rest: &mut &'a str) -> Result<Parameter<'a>, &'static str> {
    *rest = skip_space(rest);
    let name = token(rest)?;
    let value = if !eat(rest, '=') {
        None
    } else if eat(rest, '"') {
        Some(quoted_string(rest)?)
    } else {
        *rest = skip_space(rest);
        Some(token(rest)?.to_owned())
    };
    Ok(Parameter { name, value })
}

fn token<'a>(rest: &mut &'a str) -> Result<&'a str, &'static str> {
    let end = first_outside_token(rest).unwrap_or(rest.len());
    let (token, after) = rest.split_at(end);
    *rest = after;
    if token.is_empty() { Err("a token is missing or empty") } else { Ok(token) }
}

/// Parses up to the closing quotation mark. The quoted text must be a token.
fn quoted_string(rest: &mut &str) -> Result<String, &'static str> {
    let mut text = String::new();
    let mut characters = rest.chars();
    loop {
        match characters.next() {
            Some('"') => break,
            Some('\\') => text.extend(characters.next()),
            Some(character) => text.push(character),
            None => return Err("a quoted string does not end"),
        }
    }
    *rest = characters.as_str();
    if text.is_empty() || first_outside_token(&text).is_some() {
        return Err("a quoted string does not hold a token");
    }
    Ok(text)
}

/// Skips white space, and then `character` if it follows. Returns whether it did.
fn eat(rest: &mut &str, character: char) -> bool {
    *rest = skip_space(rest);
    let after = rest.strip_prefix(character);
    *rest = after.unwrap_or(rest);
    after.is_some()
}

fn skip_space(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn valid_answer_is_accepted() {
        let deflate = Deflate::default;
        for (answer, expected) in [
            ("permessage-deflate", deflate()),
            (" permessage-deflate\t", deflate()),
            (", permessage-deflate ,,", deflate()),
            (
                "permessage-deflate; server_no_context_takeover",
                Deflate { server_no_context_takeover: true, ..deflate() },
            ),
            (
                "permessage-deflate;client_no_context_takeover ; server_max_window_bits = 8",
                Deflate { client_no_context_takeover: true, server_max_window_bits: 8, ..deflate() },
            ),
            (
                "permessage-deflate; client_max_window_bits=\"1\\0\"; server_max_window_bits=15",
                Deflate { client_max_window_bits: 10, ..deflate() },
            ),
        ] {
            assert_eq!(accept(answer), Ok(expected), "{answer}");
        }
    }

    #[test]
    fn invalid_answer_is_refused_with_its_rule() {
        let bits = "the window bits are not a number from 8 to 15";
        for (answer, rule) in [
            ("", "the list is empty"),
            (" , ", "the list is empty"),
            ("x-foo", "an extension was not offered"),
            ("permessage-deflate, x-foo", "an extension was not offered"),
            ("x-foo, permessage-deflate", "an extension was not offered"),
            ("Permessage-Deflate", "an extension was not offered"),
            ("permessage-deflate, permessage-deflate", "permessage-deflate occurs twice"),
            ("permessage-deflate; x", "a parameter is unknown"),
            ("permessage-deflate; client_max_window_bits", bits),
            ("permessage-deflate; client_max_window_bits=7", bits),
            ("permessage-deflate; client_max_window_bits=16", bits),
            ("permessage-deflate; client_max_window_bits=99", bits),
            ("permessage-deflate; client_max_window_bits=08", bits),
            ("permessage-deflate; client_max_window_bits=+9", bits),
            ("permessage-deflate; server_max_window_bits", bits),
            ("permessage-deflate; server_max_window_bits=100", bits),
            ("permessage-deflate; server_max_window_bits=9; server_max_window_bits=9", "a parameter occurs twice"),
            ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", "a parameter occurs twice"),
            ("permessage-deflate; client_no_context_takeover=true", "a parameter has a value and must not"),
            ("permessage-deflate;", "a token is missing or empty"),
            ("permessage-deflate; =1", "a token is missing or empty"),
            ("permessage-deflate; client_max_window_bits=", "a token is missing or empty"),
            ("permessage-deflate; client_max_window_bits=\"", "a quoted string does not end"),
            ("permessage-deflate; client_max_window_bits=\"\"", "a quoted string does not hold a token"),
            ("permessage-deflate; client_max_window_bits=\"1 0\"", "a quoted string does not hold a token"),
            ("permessage-deflate x", "the list is not in the grammar"),
            ("permessage-deflate=1", "the list is not in the grammar"),
        ] {
            assert_eq!(accept(answer), Err(Failure::Extensions { rule, found: answer.to_owned() }), "{answer}");
        }
    }

    proptest! {
        #[test]
        fn accept_never_panics(
            answer in prop_oneof![".*", "(permessage-deflate|[;,= \"\\\\]|client_max_window_bits|1|x|é){0,12}"],
        ) {
            let _ = accept(&answer);
        }
    }
}
