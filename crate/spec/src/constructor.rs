//! The URL that the constructor is given.

use crate::Exception;

/// What the algorithms need of a URL record; the platform has the parser.
pub trait UrlRecord {
    /// The serialized URL, of which everything else is a part.
    fn as_str(&self) -> &str;
    /// Replaces the scheme `http` by `ws`, or `https` by `wss`, which have the same default ports.
    fn make_websocket(&mut self);

    /// The scheme, without the colon.
    fn scheme(&self) -> &str {
        let url = self.as_str();
        url.bytes().position(|byte| byte == b':').and_then(|colon| url.get(..colon)).unwrap_or_default()
    }

    /// The serialized URL, to keep.
    fn serialize(&self) -> String {
        self.as_str().to_owned()
    }
}

/// A serialized URL, as a platform's parser returns it.
impl UrlRecord for String {
    fn as_str(&self) -> &str {
        self
    }

    fn make_websocket(&mut self) {
        if let Some(rest) = self.strip_prefix("http") {
            *self = "ws".to_owned() + rest;
        }
    }
}

/// Returns the URL record of a `WebSocket`.
///
/// `parsed` is what the platform's URL parser made of `url` and `base`, or `None` if it failed.
///
/// See <https://websockets.spec.whatwg.org/#get-a-url-record>.
///
/// # Errors
///
/// Returns a `"SyntaxError"` if parsing failed, or if the URL has an unsupported scheme, a fragment or an invalid host.
pub fn get_a_url_record<U: UrlRecord>(parsed: Option<U>, url: &str, base: Option<&str>) -> Result<U, Exception> {
    // Steps 1 and 2.
    let record = parsed;
    let url = url.to_owned();
    let Some(mut record) = record else { return Err(Exception::InvalidUrl { url, base: base.map(str::to_owned) }) };
    // Steps 3 to 5.
    let scheme = record.scheme();
    if matches!(scheme, "http" | "https") {
        record.make_websocket();
    } else if !matches!(scheme, "ws" | "wss") {
        return Err(Exception::UnsupportedScheme { scheme: scheme.to_owned(), url });
    }
    // The URL Standard lets no such host through its parser, but an engine may.
    match first_fault(record.as_str()) {
        None => Ok(record),
        // Step 6. A serialized URL holds a number sign where its fragment begins, even an empty one, and nowhere else.
        Some('#') => Err(Exception::FragmentInUrl { url }),
        Some(character) => Err(Exception::InvalidHost { url, character }),
    }
}

/// Gives the serialization of the origin of a URL record.
///
/// See <https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin>.
pub fn origin<U: UrlRecord>(record: &U) -> String {
    let (mut origin, mut slashes, mut host) = (String::new(), 0, 0);
    // A serialized URL is ASCII.
    for character in record.as_str().bytes().map(char::from) {
        if character == '/' {
            slashes += 1;
            host = origin.len() + 1;
        }
        if slashes == 3 {
            break;
        }
        if character == '@' {
            // What came since the slashes was the user's name.
            origin.truncate(host);
        } else {
            origin.push(character);
        }
    }
    origin
}

/// Finds a number sign anywhere in a serialized URL, or else a
/// [forbidden domain code point](https://url.spec.whatwg.org/#forbidden-domain-code-point) in its host.
///
/// All are ASCII. Those that end a host are not looked for, nor the brackets and colons of an IPv6 address.
fn first_fault(url: &str) -> Option<char> {
    let (mut slashes, mut found) = (0, None);
    for byte in url.bytes() {
        match byte {
            b'#' => return Some('#'),
            b'/' => slashes += 1,
            // That was no host, but the user's name, where all of them stand encoded.
            b'@' if slashes == 2 => found = None,
            _ if slashes == 2 && found.is_none() && is_forbidden(byte) => found = Some(char::from(byte)),
            _ => {}
        }
    }
    found
}

fn is_forbidden(byte: u8) -> bool {
    matches!(byte, 0..=b' ' | b'%' | b'<' | b'>' | b'\\' | b'^' | b'|' | 0x7f)
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use super::*;

    const BASE: Option<&str> = Some("http://base.example/dir/page#old");

    fn parse(url: &str, base: Option<&str>) -> Option<String> {
        let base = base.map(|base| url::Url::parse(base).unwrap());
        url::Url::options().base_url(base.as_ref()).parse(url).ok().map(String::from)
    }

    fn record(url: &str) -> Result<String, Exception> {
        get_a_url_record(parse(url, BASE), url, BASE)
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
        let base = BASE.map(str::to_owned);
        assert_eq!(record("ws://foo bar.com/"), Err(Exception::InvalidUrl { url: url("ws://foo bar.com/"), base }));
        for (url, fault) in [
            ("ws://foo%20bar.com/", Some('%')),
            ("wss://^/|", Some('^')),
            ("ws://a\u{7f}/", Some('\u{7f}')),
            ("ws://us%40r:pass%5B@[::1]:9/%", None),
            ("ws://user@h:9/<>", None),
            ("ws://a%/#", Some('#')),
        ] {
            assert_eq!(first_fault(url), fault, "{url}");
        }
    }

    #[test]
    fn an_origin_has_the_port_unless_it_is_the_default() {
        let origin_of = |url| origin(&get_a_url_record(parse(url, None), url, None).unwrap());
        assert_eq!(origin_of("ws://h:80/p"), "ws://h");
        assert_eq!(origin_of("https://u:p@h:8443/p?q"), "wss://h:8443");
        assert_eq!(origin_of("ws://[::1]:9/"), "ws://[::1]:9");
    }
}
