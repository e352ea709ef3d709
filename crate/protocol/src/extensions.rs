//! The negotiation of extensions: the offer, and the parser of the answer.
//!
//! See [RFC 6455, section 9.1](https://www.rfc-editor.org/rfc/rfc6455#section-9.1), and
//! [RFC 7692, section 7.1](https://www.rfc-editor.org/rfc/rfc7692#section-7.1).

use crate::compression::Compression;
use crate::error::Failure;
use samesocket_spec::subprotocol::first_outside_token;

/// Returns the value of the request's `Sec-WebSocket-Extensions`. It always allows the server to reduce the client's window.
///
/// ```
/// use samesocket_protocol::{Compression, extensions::offer};
///
/// assert_eq!(offer(Some(&Compression::default())).as_deref(), Some("permessage-deflate; client_max_window_bits"));
/// assert_eq!(offer(None), None);
/// ```
pub fn offer(compression: Option<&Compression>) -> Option<String> {
    let compression = compression?.clamped();
    let mut offer = "permessage-deflate".to_owned();
    if !compression.server_context_takeover {
        offer.push_str("; server_no_context_takeover");
    }
    if !compression.client_context_takeover {
        offer.push_str("; client_no_context_takeover");
    }
    if compression.server_max_window_bits < MAX_BITS {
        offer.push_str("; server_max_window_bits=");
        offer.push_str(&compression.server_max_window_bits.to_string());
    }
    offer.push_str("; client_max_window_bits");
    if compression.client_max_window_bits < MAX_BITS {
        offer.push('=');
        offer.push_str(&compression.client_max_window_bits.to_string());
    }
    Some(offer)
}

/// The bits of the largest window, which need not be negotiated.
const MAX_BITS: u8 = 15;

/// The negotiated parameters of permessage-deflate.
///
/// ```
/// use samesocket_protocol::Compression;
/// use samesocket_protocol::extensions::{Deflate, accept};
///
/// let deflate = accept("permessage-deflate; client_max_window_bits=12", Some(&Compression::default()))?;
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

/// Parses and validates the value of the response's `Sec-WebSocket-Extensions`. `offered` is what was [offered](offer).
///
/// Each parameter may occur once; see [RFC 7692, section 7.1](https://www.rfc-editor.org/rfc/rfc7692#section-7.1). The server may
/// limit both windows and both contexts without a request. It must limit what it was requested to limit.
///
/// The result has the limits that the client has announced for itself, too.
///
/// ```
/// use samesocket_protocol::Compression;
/// use samesocket_protocol::extensions::accept;
///
/// let offered = Compression::default();
/// let agreed = accept("permessage-deflate; server_max_window_bits=12", Some(&offered))?;
/// assert_eq!(agreed.server_max_window_bits, 12);
/// assert!(accept("permessage-deflate", None).is_err(), "nothing was offered");
/// # Ok::<(), samesocket_protocol::Failure>(())
/// ```
///
/// # Errors
/// [`Failure::Extensions`], with the rule that the answer violates.
pub fn accept(answer: &str, offered: Option<&Compression>) -> Result<Deflate, Failure> {
    let checked = check(answer).and_then(|answer| match offered {
        Some(offered) => agree(answer, offered.clamped()),
        None => Err(NOT_OFFERED),
    });
    checked.map_err(|rule| Failure::Extensions { rule, found: answer.to_owned() })
}

const NOT_OFFERED: &str = "an extension was not offered";

/// Checks that the server agrees to what was requested, and adds the limits that the client sets itself.
fn agree((answer, limits_client): (Deflate, bool), offered: Compression) -> Result<Deflate, &'static str> {
    if !offered.server_context_takeover && !answer.server_no_context_takeover {
        return Err("server_no_context_takeover was requested and is missing");
    }
    // If the parameter is missing, the answer has the default of 15.
    if answer.server_max_window_bits > offered.server_max_window_bits {
        return Err("server_max_window_bits is missing, or more than requested");
    }
    // If it is missing, the client is still bound by what it has announced.
    if limits_client && answer.client_max_window_bits > offered.client_max_window_bits {
        return Err("client_max_window_bits is more than offered");
    }
    Ok(Deflate {
        client_no_context_takeover: answer.client_no_context_takeover || !offered.client_context_takeover,
        client_max_window_bits: answer.client_max_window_bits.min(offered.client_max_window_bits),
        ..answer
    })
}

/// Returns the parameters of an answer in the grammar, and whether they limit the client's window.
fn check(answer: &str) -> Result<(Deflate, bool), &'static str> {
    let mut extensions = parse(answer)?.into_iter();
    let extension = extensions.next().ok_or("the list is empty")?;
    let others = extensions.next();
    if [Some(&extension), others.as_ref()].into_iter().flatten().any(|extension| extension.name != "permessage-deflate")
    {
        return Err(NOT_OFFERED);
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
    let [_, _, _, limits_client] = seen;
    Ok((deflate, limits_client))
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

    const OFFERED: Option<&Compression> = Some(&Compression::DEFAULT);

    #[test]
    fn offer_has_the_parameters_that_differ_from_defaults() {
        let server = Compression { server_context_takeover: false, server_max_window_bits: 9, ..Compression::DEFAULT };
        let client =
            Compression { client_context_takeover: false, client_max_window_bits: 8, level: 9, ..Compression::DEFAULT };
        let out_of_range =
            Compression { client_max_window_bits: 16, server_max_window_bits: 0, ..Compression::DEFAULT };
        for (compression, expected) in [
            (Compression::DEFAULT, "permessage-deflate; client_max_window_bits"),
            (
                server,
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits",
            ),
            (client, "permessage-deflate; client_no_context_takeover; client_max_window_bits=8"),
            (out_of_range, "permessage-deflate; server_max_window_bits=8; client_max_window_bits"),
        ] {
            assert_eq!(offer(Some(&compression)).as_deref(), Some(expected));
        }
        assert_eq!(offer(None), None);
        assert_eq!(Compression::default(), Compression::DEFAULT);
    }

    #[test]
    fn answer_that_ignores_a_request_is_refused() {
        let no_takeover = Compression { server_context_takeover: false, ..Compression::DEFAULT };
        let server_bits = Compression { server_max_window_bits: 10, ..Compression::DEFAULT };
        let client_bits = Compression { client_max_window_bits: 10, ..Compression::DEFAULT };
        let takeover = "server_no_context_takeover was requested and is missing";
        let server = "server_max_window_bits is missing, or more than requested";
        let client = "client_max_window_bits is more than offered";
        for (offered, answer, rule) in [
            (Some(&no_takeover), "permessage-deflate", takeover),
            (Some(&no_takeover), "permessage-deflate; client_no_context_takeover", takeover),
            (Some(&server_bits), "permessage-deflate", server),
            (Some(&server_bits), "permessage-deflate; server_max_window_bits=11", server),
            (Some(&server_bits), "permessage-deflate; client_max_window_bits=9", server),
            (Some(&client_bits), "permessage-deflate; client_max_window_bits=11", client),
            (Some(&client_bits), "permessage-deflate; client_max_window_bits=15", client),
            (None, "permessage-deflate", NOT_OFFERED),
            (None, "x-foo", NOT_OFFERED),
            (None, "", "the list is empty"),
        ] {
            assert_eq!(
                accept(answer, offered),
                Err(Failure::Extensions { rule, found: answer.to_owned() }),
                "{answer}"
            );
        }
    }

    #[test]
    fn answer_within_a_request_has_the_limits_of_both_ends() {
        let offered = Compression {
            server_context_takeover: false,
            client_context_takeover: false,
            server_max_window_bits: 10,
            client_max_window_bits: 11,
            ..Compression::DEFAULT
        };
        let expected = |server_max_window_bits, client_max_window_bits| Deflate {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            server_max_window_bits,
            client_max_window_bits,
        };
        for (answer, server, client) in [
            ("permessage-deflate; server_no_context_takeover; server_max_window_bits=10", 10, 11),
            (
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=8; client_max_window_bits=11",
                8,
                11,
            ),
            (
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits=9",
                9,
                9,
            ),
        ] {
            assert_eq!(accept(answer, Some(&offered)), Ok(expected(server, client)), "{answer}");
        }
    }

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
            assert_eq!(accept(answer, OFFERED), Ok(expected), "{answer}");
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
            assert_eq!(
                accept(answer, OFFERED),
                Err(Failure::Extensions { rule, found: answer.to_owned() }),
                "{answer}"
            );
        }
    }

    proptest! {
        #[test]
        fn accept_never_panics(
            answer in prop_oneof![".*", "(permessage-deflate|[;,= \"\\\\]|client_max_window_bits|1|x|é){0,12}"],
        ) {
            let _ = accept(&answer, OFFERED);
        }
    }
}
