//! Malformed and unusual heads of responses to the opening handshake, to compare what clients make of them.

mod list;

use std::sync::LazyLock;

use serde::Serialize;

use self::list::{A, C, E, F, I, S, U};
use crate::query;

/// A head that the server can send, by `head=NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Head {
    /// The name, which describes it.
    pub name: &'static str,
    /// The query of a request for it. The server sends the text message `hi` in the same packet.
    pub query: String,
    /// The reason for which a client may accept it although a browser engine does not, if there is one.
    pub reason: Option<&'static str>,
    /// The bytes. `{accept}` stands for the right value of `Sec-WebSocket-Accept`, `{accept-lower}` for it in lower case.
    #[serde(skip)]
    bytes: Vec<u8>,
}

/// Returns all heads.
///
/// ```
/// let heads = samesocket_fault_server::heads();
/// let folded = heads.iter().find(|head| head.name == "folded field, tab").unwrap();
/// assert_eq!(folded.query, "head=folded%20field%2C%20tab&packet=1&do=text:hi,answer");
/// ```
pub fn heads() -> &'static [Head] {
    static HEADS: LazyLock<Vec<Head>> = LazyLock::new(build);
    &HEADS
}

fn build() -> Vec<Head> {
    let mut heads = Vec::new();
    let mut add = |name, bytes, reason| heads.push(Head::new(name, bytes, reason));
    for &(name, parts) in list::HEADS {
        add(name, parts.concat(), None);
    }
    for &(name, parts) in list::LONG {
        let parts: Vec<_> = parts.iter().map(|&(part, times)| part.repeat(times)).collect();
        add(name, parts.concat(), None);
    }
    for &(name, end) in list::LINE_ENDS {
        add(name, String::from_utf8_lossy(&[S, F, E].concat()).replace("\r\n", end).into_bytes(), None);
    }
    for &(name, field) in list::FIELDS {
        add(name, with_field(field), None);
    }
    for &(name, field) in list::FIELDS_WITHOUT_EFFECT {
        add(name, with_field(field), Some("A response 101 has no body and redirects nowhere (RFC 9110, 15.2.2)."));
    }
    for &(name, line) in list::STATUS_LINES {
        add(name, [line, E, F, E].concat(), None);
    }
    for &(name, line) in list::EMPTY_LINES {
        add(name, [line, E, F, E].concat(), Some("Empty lines before the status line are ignored (RFC 9112, 2.2)."));
    }
    for (name, parts) in interim() {
        let reason = "A client has to skip interim responses (RFC 9110, 15.2).";
        add(name, [&parts, S, F, E].concat(), Some(reason));
    }
    heads
}

fn with_field(field: &[u8]) -> Vec<u8> {
    [S, U, C, field, E, A, E].concat()
}

/// Returns the interim responses that precede a valid response.
fn interim() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let repeated = list::REPEATED_INTERIM.iter().map(|&(name, times)| (name, I.repeat(times)));
    list::INTERIM.iter().map(|&(name, parts)| (name, parts.concat())).chain(repeated)
}

impl Head {
    fn new(name: &'static str, bytes: Vec<u8>, reason: Option<&'static str>) -> Self {
        let last = if list::UNFINISHED.contains(&name) { "fin" } else { "answer" };
        let query = format!("head={}&packet=1&do=text:hi,{last}", query::encode(name));
        Self { name, query, reason, bytes }
    }

    /// Returns the bytes of the head with this name.
    pub(crate) fn bytes(name: &str) -> Option<&'static [u8]> {
        heads().iter().find(|head| head.name == name).map(|head| &*head.bytes)
    }
}

/// Puts the right value of `Sec-WebSocket-Accept` into the bytes of a head.
pub(crate) fn with_accept(bytes: &[u8], accept: &str) -> Vec<u8> {
    let mut parts = bytes.split(|&byte| byte == b'{');
    let mut replaced = parts.next().unwrap_or_default().to_vec();
    for part in parts {
        let (placeholder, rest) = part.split_at(part.iter().position(|&byte| byte == b'}').unwrap_or_default());
        match placeholder {
            b"accept" => replaced.extend_from_slice(accept.as_bytes()),
            _ => replaced.extend_from_slice(accept.to_ascii_lowercase().as_bytes()),
        }
        replaced.extend_from_slice(rest.strip_prefix(b"}").unwrap_or(rest));
    }
    replaced
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_lists_name_existing_heads() {
        let heads = heads();
        let names: BTreeSet<_> = heads.iter().map(|head| head.name).collect();
        assert_eq!(names.len(), heads.len());
        for name in list::UNFINISHED {
            assert!(names.contains(name), "{name}");
        }
    }

    #[test]
    fn placeholders_are_all_replaced() {
        assert_eq!(with_accept(b"{accept}: {accept-lower}{accept}\xff", "Ab"), b"Ab: abAb\xff");
        for head in heads() {
            assert!(!with_accept(&head.bytes, "").contains(&b'{'), "{}", head.name);
        }
    }
}
