//! The negotiation of extensions: the offer, the grammar of the answer, its acceptance.
//!
//! See [RFC 6455, section 9.1](https://www.rfc-editor.org/rfc/rfc6455#section-9.1), and
//! [RFC 7692, section 7.1](https://www.rfc-editor.org/rfc/rfc7692#section-7.1).

use crate::error::Failure;
use samesocket_spec::subprotocol::first_outside_token;

/// What the client offers: compression, with a window of the client's that the server may narrow.
pub(crate) const OFFER: &str = "permessage-deflate; client_max_window_bits";

/// What was agreed on for permessage-deflate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deflate {
    /// Whether the server's messages do not refer to earlier ones.
    pub server_no_context_takeover: bool,
    /// Whether the client's messages must not refer to earlier ones.
    pub client_no_context_takeover: bool,
    /// The base-2 logarithm of the server's window.
    pub server_max_window_bits: u8,
    /// The base-2 logarithm of the client's window.
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

/// Checks the server's answer to [`OFFER`].
///
/// Each parameter may stand once, as [RFC 7692, section 7.1](https://www.rfc-editor.org/rfc/rfc7692#section-7.1) has
/// it; a bound for the server's window may be given though none was asked for.
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
        return Err("permessage-deflate stands there twice");
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
            return Err("a parameter stands there twice");
        }
    }
    Ok(deflate)
}

fn without_value(value: Option<&str>) -> Result<bool, &'static str> {
    if value.is_some() { Err("a parameter has a value that must have none") } else { Ok(true) }
}

/// Reads 8 to 15, without leading zeros.
fn window_bits(value: Option<&str>) -> Result<u8, &'static str> {
    const RULE: &str = "the bits of a window are not a number from 8 to 15";
    match value.ok_or(RULE)?.as_bytes() {
        [digit @ b'8'..=b'9'] => Ok(digit - b'0'),
        [b'1', digit @ b'0'..=b'5'] => Ok(10 + digit - b'0'),
        _ => Err(RULE),
    }
}

/// One element of the list.
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

/// Parses `1#extension`; as the list rule of HTTP has it, elements may be empty.
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

/// Reads to the closing quotation mark; what is quoted must be a token too.
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

/// Takes the next character if it is this one; takes the space before it anyway.
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
    fn what_rfc_7692_lets_a_server_answer_is_accepted() {
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
    fn everything_else_is_refused_with_the_rule() {
        let bits = "the bits of a window are not a number from 8 to 15";
        for (answer, rule) in [
            ("", "the list is empty"),
            (" , ", "the list is empty"),
            ("x-foo", "an extension was not offered"),
            ("permessage-deflate, x-foo", "an extension was not offered"),
            ("x-foo, permessage-deflate", "an extension was not offered"),
            ("Permessage-Deflate", "an extension was not offered"),
            ("permessage-deflate, permessage-deflate", "permessage-deflate stands there twice"),
            ("permessage-deflate; x", "a parameter is unknown"),
            ("permessage-deflate; client_max_window_bits", bits),
            ("permessage-deflate; client_max_window_bits=7", bits),
            ("permessage-deflate; client_max_window_bits=16", bits),
            ("permessage-deflate; client_max_window_bits=99", bits),
            ("permessage-deflate; client_max_window_bits=08", bits),
            ("permessage-deflate; client_max_window_bits=+9", bits),
            ("permessage-deflate; server_max_window_bits", bits),
            ("permessage-deflate; server_max_window_bits=100", bits),
            (
                "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9",
                "a parameter stands there twice",
            ),
            (
                "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
                "a parameter stands there twice",
            ),
            ("permessage-deflate; client_no_context_takeover=true", "a parameter has a value that must have none"),
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
        fn no_answer_makes_it_panic(
            answer in prop_oneof![".*", "(permessage-deflate|[;,= \"\\\\]|client_max_window_bits|1|x|é){0,12}"],
        ) {
            let _ = accept(&answer);
        }
    }
}
