//! The URL argument of the constructor.

use crate::Exception;

/// A URL record, as far as the algorithms need it. The platform provides the parser.
///
/// It is implemented for a `String` that holds a serialized URL, so that a caller can use any parser:
///
/// ```
/// use samesocket_spec::constructor::UrlRecord;
///
/// let mut record = "https://example.com/chat".to_owned();
/// record.set_websocket_scheme();
/// assert_eq!((record.scheme(), record.serialize().as_str()), ("wss", "wss://example.com/chat"));
/// ```
pub trait UrlRecord {
    /// Returns the serialized URL.
    fn as_str(&self) -> &str;
    /// Replaces the scheme `http` by `ws`, or `https` by `wss`. The default ports are the same.
    fn set_websocket_scheme(&mut self);

    /// Returns the scheme, without the colon.
    fn scheme(&self) -> &str {
        let url = self.as_str();
        url.bytes().position(|byte| byte == b':').and_then(|colon| url.get(..colon)).unwrap_or_default()
    }

    /// Returns an owned copy of the serialized URL.
    fn serialize(&self) -> String {
        self.as_str().to_owned()
    }
}

impl UrlRecord for String {
    fn as_str(&self) -> &str {
        self
    }

    fn set_websocket_scheme(&mut self) {
        if let Some(rest) = self.strip_prefix("http") {
            *self = "ws".to_owned() + rest;
        }
    }
}

/// Returns the URL record of a `WebSocket`.
///
/// `parsed` is the result of the platform's URL parser for `url` and `base`, or `None` if the parser failed. `url` and
/// `base` are used only to describe an exception.
///
/// See <https://websockets.spec.whatwg.org/#get-a-url-record>.
///
/// ```
/// use samesocket_spec::constructor::get_a_url_record;
///
/// let (given, parsed) = ("HTTPS://example.com", "https://example.com/".to_owned());
/// assert_eq!(get_a_url_record(Some(parsed), given, None).as_deref(), Ok("wss://example.com/"));
/// ```
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
        record.set_websocket_scheme();
    } else if !matches!(scheme, "ws" | "wss") {
        return Err(Exception::UnsupportedScheme { scheme: scheme.to_owned(), url });
    }
    // A parser that follows the URL Standard rejects a forbidden host, but some engines accept it.
    match first_invalid(record.as_str()) {
        None => Ok(record),
        // Step 6. In a serialized URL a number sign occurs only where a fragment begins, which may be empty.
        Some('#') => Err(Exception::FragmentInUrl { url }),
        Some(character) => Err(Exception::InvalidHost { url, character }),
    }
}

/// Returns the serialized origin of a URL record.
///
/// See <https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin>.
///
/// ```
/// use samesocket_spec::constructor::origin;
///
/// assert_eq!(origin(&"wss://user@example.com:8443/chat".to_owned()), "wss://example.com:8443");
/// ```
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
            // Everything since the slashes was the user name.
            origin.truncate(host);
        } else {
            origin.push(character);
        }
    }
    origin
}

/// Returns a number sign anywhere in a serialized URL, or else the first
/// [forbidden domain code point](https://url.spec.whatwg.org/#forbidden-domain-code-point) of its host.
///
/// All forbidden code points are ASCII. Those that end a host, and the brackets and colons of an IPv6 address, are
/// allowed.
fn first_invalid(url: &str) -> Option<char> {
    let (mut slashes, mut found) = (0, None);
    for byte in url.bytes() {
        match byte {
            b'#' => return Some('#'),
            b'/' => slashes += 1,
            // The bytes so far were the user name, in which a percent sign is part of an encoding.
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
    fn http_url_gets_websocket_scheme_without_default_port() {
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
    fn scheme_is_rejected_before_fragment_before_bad_host() {
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
        for (url, invalid) in [
            ("ws://foo%20bar.com/", Some('%')),
            ("wss://^/|", Some('^')),
            ("ws://a\u{7f}/", Some('\u{7f}')),
            ("ws://us%40r:pass%5B@[::1]:9/%", None),
            ("ws://user@h:9/<>", None),
            ("ws://a%/#", Some('#')),
        ] {
            assert_eq!(first_invalid(url), invalid, "{url}");
        }
    }

    #[test]
    fn origin_omits_the_default_port() {
        let origin_of = |url| origin(&get_a_url_record(parse(url, None), url, None).unwrap());
        assert_eq!(origin_of("ws://h:80/p"), "ws://h");
        assert_eq!(origin_of("https://u:p@h:8443/p?q"), "wss://h:8443");
        assert_eq!(origin_of("ws://[::1]:9/"), "ws://[::1]:9");
    }

    #[test]
    fn host_that_a_parser_let_through_is_rejected() {
        let url = "wss://a%b/".to_owned();
        assert_eq!(url.serialize(), "wss://a%b/");
        let exception = Exception::InvalidHost { url: "given".to_owned(), character: '%' };
        assert_eq!(get_a_url_record(Some(url), "given", None), Err(exception));
    }
}
