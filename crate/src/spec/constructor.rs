//! The URL that the constructor is given.

use crate::Exception;

/// What the algorithms need of a URL record; the platform has the parser.
pub trait UrlRecord: Sized {
    /// Parses `url` against `base`, or, without one, against the API base URL, if there is any.
    fn parse(url: &str, base: Option<&str>) -> Option<Self>;
    /// The scheme, without the colon.
    fn scheme(&self) -> String;
    /// Replaces one special scheme by another; a port that is the default of the new one goes.
    fn set_scheme(&mut self, scheme: &str);
    /// The serialized host, without the port.
    fn host(&self) -> String;
    /// The port, unless it is the scheme's default, in decimal; else the empty string.
    fn port(&self) -> String;
    /// The serialized URL.
    fn serialize(&self) -> String;
}

/// Makes the URL record of a `WebSocket` from the constructor's argument.
///
/// See <https://websockets.spec.whatwg.org/#get-a-url-record>.
pub fn get_a_url_record<U: UrlRecord>(url: &str, base: Option<&str>) -> Result<U, Exception> {
    // Steps 1 and 2.
    let mut record = U::parse(url, base).ok_or_else(|| Exception::InvalidUrl { url: url.to_owned() })?;
    // Steps 3 to 5.
    match &*record.scheme() {
        "ws" | "wss" => {}
        "http" => record.set_scheme("ws"),
        "https" => record.set_scheme("wss"),
        other => return Err(Exception::UnsupportedScheme { url: url.to_owned(), scheme: other.to_owned() }),
    }
    // Step 6. A serialized URL holds a number sign where its fragment begins, even an empty one, and nowhere else.
    if record.serialize().bytes().any(|byte| byte == b'#') {
        return Err(Exception::FragmentInUrl { url: url.to_owned() });
    }
    // The URL Standard lets no such host through its parser, but an engine may.
    if let Some(character) = first_forbidden_in_host(&record.host()) {
        return Err(Exception::InvalidHost { url: url.to_owned(), character });
    }
    Ok(record)
}

/// Gives the serialization of the origin of a URL record.
///
/// See <https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin>.
pub fn origin<U: UrlRecord>(record: &U) -> String {
    let mut origin = record.scheme();
    origin.push_str("://");
    origin.push_str(&record.host());
    let port = record.port();
    if !port.is_empty() {
        origin.push(':');
        origin.push_str(&port);
    }
    origin
}

/// Finds a [forbidden domain code point](https://url.spec.whatwg.org/#forbidden-domain-code-point) in a host that is
/// not an IPv6 address in brackets.
fn first_forbidden_in_host(host: &str) -> Option<char> {
    if host.starts_with('[') {
        return None;
    }
    // All of them are ASCII.
    let is_forbidden = |byte: &u8| byte.is_ascii_control() || b" #%/:<>?@[\\]^|".iter().any(|other| byte == other);
    host.bytes().find(is_forbidden).map(char::from)
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use super::*;
    use crate::platform::Url;

    const BASE: Option<&str> = Some("http://base.example/dir/page#old");

    fn record(url: &str) -> Result<String, Exception> {
        get_a_url_record::<Url>(url, BASE).map(|record| record.serialize())
    }

    #[test]
    fn http_schemes_become_websocket_schemes_and_default_ports_go() {
        for (given, expected) in [
            ("ws://h", "ws://h/"),
            ("HTTP://H:80/p?q", "ws://h/p?q"),
            ("https://h:443", "wss://h/"),
            ("http://h:443/", "ws://h:443/"),
            ("wss://foo:bar@h/", "wss://foo:bar@h/"),
            ("", "ws://base.example/dir/page"),
            ("x", "ws://base.example/dir/x"),
            ("//other/y", "ws://other/y"),
        ] {
            assert_eq!(record(given).as_deref(), Ok(expected), "{given}");
        }
    }

    #[test]
    fn other_schemes_fragments_and_bad_hosts_are_refused_in_that_order() {
        let url = |given: &str| given.to_owned();
        assert_eq!(
            record("ftp://h/#f"),
            Err(Exception::UnsupportedScheme { url: url("ftp://h/#f"), scheme: url("ftp") })
        );
        for given in ["ws://h/#", "ws://h/#f", "#x"] {
            assert_eq!(record(given), Err(Exception::FragmentInUrl { url: url(given) }));
        }
        assert_eq!(record("ws://foo bar.com/"), Err(Exception::InvalidUrl { url: url("ws://foo bar.com/") }));
        assert_eq!(first_forbidden_in_host("foo%20bar.com"), Some('%'));
        assert_eq!(first_forbidden_in_host("[::1]"), None);
    }

    #[test]
    fn an_origin_has_the_port_unless_it_is_the_default() {
        let origin_of = |url| origin(&get_a_url_record::<Url>(url, None).unwrap());
        assert_eq!(origin_of("ws://h:80/p"), "ws://h");
        assert_eq!(origin_of("https://u:p@h:8443/p?q"), "wss://h:8443");
        assert_eq!(origin_of("ws://[::1]:9/"), "ws://[::1]:9");
    }
}
