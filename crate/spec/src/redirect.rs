//! Redirects of the opening handshake, for programs that follow them.
//!
//! A `WebSocket` follows none: its request has the redirect mode "error"; see
//! [the Standard](https://websockets.spec.whatwg.org/#concept-websocket-establish). The rules here are those that Fetch has
//! for [other requests](https://fetch.spec.whatwg.org/#concept-http-redirect-fetch). They are stricter where a server
//! could mislead a program.

use std::error::Error;
use std::fmt;

use crate::constructor::{UrlRecord, get_a_url_record};
use crate::{Exception, Response};

/// The reason why a redirect of the opening handshake was not followed.
///
/// ```
/// use samesocket_spec::RedirectFailure;
///
/// assert_eq!(RedirectFailure::Downgrade.to_string(), "a redirect from wss to ws is not followed");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RedirectFailure {
    /// As many redirects as the program allows were followed before. A loop of redirects ends in this way.
    TooMany,
    /// The response has no `Location`, or an empty one.
    MissingLocation,
    /// The response has several `Location` fields, and they differ.
    SeveralLocations,
    /// The `Location` is no valid URL, is not UTF-8, or has control characters.
    InvalidLocation,
    /// The scheme of the `Location` is none of `ws`, `wss`, `http` and `https`.
    UnsupportedScheme,
    /// The `Location` leads from `wss` to `ws`, so that messages would be sent without encryption.
    Downgrade,
}

impl fmt::Display for RedirectFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooMany => "there are more redirects than the program allows",
            Self::MissingLocation => "the redirect has no `Location`",
            Self::SeveralLocations => "the redirect has several `Location` fields that differ",
            Self::InvalidLocation => "the `Location` of the redirect is no valid URL",
            Self::UnsupportedScheme => "the scheme of the redirect is none of ws, wss, http and https",
            Self::Downgrade => "a redirect from wss to ws is not followed",
        })
    }
}

impl Error for RedirectFailure {}

/// Returns whether a status is a [redirect status](https://fetch.spec.whatwg.org/#redirect-status).
///
/// ```
/// use samesocket_spec::redirect::is_redirect_status;
///
/// assert!(is_redirect_status(307) && !is_redirect_status(304));
/// ```
#[must_use]
pub const fn is_redirect_status(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// Returns the URL that a redirect leads to, with the scheme `ws` or `wss` and without a fragment.
///
/// `current` is the URL of the request that was redirected. `parse` is the platform's URL parser, with that URL as the base.
///
/// See the [location URL](https://fetch.spec.whatwg.org/#concept-response-location-url) of Fetch. Unlike Fetch, an empty
/// `Location` counts as none, and one with control characters or in another encoding than UTF-8 as invalid.
///
/// ```
/// use samesocket_spec::redirect::location_url;
/// use samesocket_spec::{RedirectFailure, Response};
///
/// let current = "wss://example.com/chat".to_owned();
/// // This parser knows absolute URLs only.
/// let parse = |url: &str| Some(url.to_owned());
/// let to = |location| location_url(&Response::new(302).with_header("Location", location), &current, parse);
/// assert_eq!(to("https://b.example/chat#top").as_deref(), Ok("wss://b.example/chat"));
/// assert_eq!(to("http://b.example/chat"), Err(RedirectFailure::Downgrade));
/// ```
///
/// # Errors
///
/// Returns a [`RedirectFailure`] if there is no such URL, or if it leads from `wss` to `ws`.
pub fn location_url<U: UrlRecord>(
    response: &Response,
    current: &U,
    parse: impl FnOnce(&str) -> Option<U>,
) -> Result<U, RedirectFailure> {
    let location = location(response)?;
    // A number sign begins the fragment wherever it stands.
    let location = location.split('#').next().unwrap_or_default();
    let record = get_a_url_record(parse(location), location, None).map_err(|exception| match exception {
        Exception::UnsupportedScheme { .. } => RedirectFailure::UnsupportedScheme,
        _ => RedirectFailure::InvalidLocation,
    })?;
    if current.scheme() == "wss" && record.scheme() != "wss" {
        return Err(RedirectFailure::Downgrade);
    }
    Ok(record)
}

/// Returns the value of the only `Location`.
fn location(response: &Response) -> Result<&str, RedirectFailure> {
    let fields = response.headers().filter(|(name, _)| name.eq_ignore_ascii_case("Location"));
    let mut values = fields.map(|(_, value)| value);
    let value = values.next().filter(|value| !value.is_empty()).ok_or(RedirectFailure::MissingLocation)?;
    if values.any(|other| other != value) {
        return Err(RedirectFailure::SeveralLocations);
    }
    // The URL parser would ignore some control characters, and encode others.
    let text = std::str::from_utf8(value).ok().filter(|text| !text.chars().any(char::is_control));
    text.ok_or(RedirectFailure::InvalidLocation)
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use super::*;

    /// Returns the URL that a response with these `Location` fields leads to from `current`.
    fn next(current: &str, locations: &[&[u8]]) -> Result<String, RedirectFailure> {
        let response =
            locations.iter().fold(Response::new(302), |response, value| response.with_header("location", value));
        let base = url::Url::parse(current).unwrap();
        let parse = |location: &str| base.join(location).ok().map(String::from);
        location_url(&response, &current.to_owned(), parse)
    }

    #[test]
    fn location_is_resolved_against_the_current_url() {
        for (location, expected) in [
            ("/b", "ws://u:p@h:81/b"),
            ("b?c=d", "ws://u:p@h:81/dir/b?c=d"),
            ("?c", "ws://u:p@h:81/dir/page?c"),
            ("#top", "ws://u:p@h:81/dir/page?q"),
            ("../../x", "ws://u:p@h:81/x"),
            ("//other", "ws://other/"),
            ("/\\other", "ws://other/"),
            ("ws://other:80/", "ws://other/"),
            ("http://other:80/", "ws://other/"),
            ("HTTPS://other:443/a#b#c", "wss://other/a"),
            ("wss://other:80", "wss://other:80/"),
            ("ws://v:w@h:81/", "ws://v:w@h:81/"),
            ("ws://us#er@other/", ""),
            ("/a b/ü?ü", "ws://u:p@h:81/a%20b/%C3%BC?%C3%BC"),
            ("//bücher.example/", "ws://xn--bcher-kva.example/"),
            ("//127.1:8080/", "ws://127.0.0.1:8080/"),
            ("//[::1]:8080/", "ws://[::1]:8080/"),
        ] {
            let found = next("ws://u:p@h:81/dir/page?q", &[location.as_bytes()]);
            let expected = if expected.is_empty() { Ok("ws://us/") } else { Ok(expected) };
            assert_eq!(found.as_deref(), expected.as_deref(), "{location}");
        }
    }

    #[test]
    fn location_that_is_not_followed_has_a_reason() {
        use RedirectFailure::{InvalidLocation, MissingLocation, SeveralLocations, UnsupportedScheme};
        let cases: &[(&[&[u8]], RedirectFailure)] = &[
            (&[], MissingLocation),
            (&[b""], MissingLocation),
            (&[b"/a", b"/b"], SeveralLocations),
            (&[b"ws://"], InvalidLocation),
            (&[b"ws://a b/"], InvalidLocation),
            (&[b"ws://h:99999/"], InvalidLocation),
            (&[b"ws://%00/"], InvalidLocation),
            (&[b"/\xff"], InvalidLocation),
            (&[b"/a\tb"], InvalidLocation),
            (&[b"/a\x00"], InvalidLocation),
            (&[b"/a\r\nX: y"], InvalidLocation),
            (&[b"/a\x7f"], InvalidLocation),
            (&[b"/a\xc2\x85"], InvalidLocation),
            (&[b"ftp://h/"], UnsupportedScheme),
            (&[b"file:///etc/passwd"], UnsupportedScheme),
            (&[b"javascript:1"], UnsupportedScheme),
            (&[b"data:,"], UnsupportedScheme),
        ];
        for (locations, expected) in cases {
            assert_eq!(next("ws://h/", locations), Err(*expected), "{locations:?}");
        }
        assert_eq!(next("ws://h/", &[b"/a", b"/a"]).as_deref(), Ok("ws://h/a"));
    }

    #[test]
    fn redirect_may_add_encryption_and_not_remove_it() {
        for location in ["ws://h/", "http://h/", "ws://other/"] {
            assert_eq!(next("wss://h/", &[location.as_bytes()]), Err(RedirectFailure::Downgrade), "{location}");
        }
        for location in ["wss://h/", "https://h/", "//h/", "/"] {
            assert_eq!(next("wss://h/", &[location.as_bytes()]).as_deref(), Ok("wss://h/"), "{location}");
        }
        assert_eq!(next("ws://h/", &[b"https://h/"]).as_deref(), Ok("wss://h/"));
    }

    #[test]
    fn redirect_statuses_are_those_of_fetch() {
        let followed: Vec<u16> = (0..=999).filter(|&status| is_redirect_status(status)).collect();
        assert_eq!(followed, [301, 302, 303, 307, 308]);
    }
}
