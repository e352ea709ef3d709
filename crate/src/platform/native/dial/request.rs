//! The HTTP request of the opening handshake, from a URL and the options.

use crate::platform::native::dial::basic_auth::basic_auth;
use crate::platform::native::settings::PlatformSettings;
use crate::platform::native::url::Url;
use crate::types::response_cookies::ResponseCookies;
use samesocket_protocol::Request;

/// Returns the request of the opening handshake.
///
/// It calls the user's cookie store, which may panic.
pub(in crate::platform::native) fn request(url: &Url, protocols: Vec<String>, options: &PlatformSettings) -> Request {
    let record = url.record();
    let mut request = Request {
        host: options.host().map_or_else(|| authority(url), str::to_owned),
        path: record.path().to_owned(),
        query: record.query().map(str::to_owned),
        protocols,
        ..options.request()
    };
    let mut add_if_absent = |name: &str, value: String| {
        if !request.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name)) {
            request.headers.push((name.to_owned(), value));
        }
    };
    if let Some(credentials) = basic_auth(record.username(), record.password()) {
        add_if_absent("Authorization", credentials);
    }
    // RFC 6265, section 5.4: an empty cookie string is left out. So is one that no header field can hold.
    let cookies = options.cookies.as_ref().and_then(|store| store.cookies(&cookie_url(url)));
    if let Some(cookies) = cookies.filter(|cookies| !cookies.is_empty() && !cookies.chars().any(char::is_control)) {
        add_if_absent("Cookie", cookies);
    }
    request
}

/// Returns the host of a URL, and its port unless that is the default of the scheme.
fn authority(url: &Url) -> String {
    let record = url.record();
    let host = record.host_str().unwrap_or_default();
    record.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

impl PlatformSettings {
    /// Returns the header fields that the settings and the URL add to the request, for the network in memory.
    ///
    /// It calls the user's cookie store, so no lock may be held.
    pub(crate) fn request_headers(&self, url: &Url) -> Vec<(String, String)> {
        let Request { host, origin, headers, .. } = request(url, Vec::new(), self);
        let named = |name: &str, value| (name.to_owned(), value);
        let origin = origin.map(|origin| named("Origin", origin));
        [named("Host", host)].into_iter().chain(origin).chain(headers).collect()
    }

    /// Returns the store for the cookies of the response to a request for `url`, if there is one.
    pub(crate) fn response_cookies(&self, url: &Url) -> Option<ResponseCookies> {
        self.cookies.clone().map(|store| ResponseCookies { store, url: cookie_url(url) })
    }
}

/// Returns the URL that cookies are stored for: that of the handshake's request, whose scheme is `http` or `https`.
///
/// See <https://websockets.spec.whatwg.org/#concept-websocket-establish>.
fn cookie_url(url: &Url) -> String {
    let mut record = url.without_credentials();
    let scheme = if record.scheme() == "ws" { "http" } else { "https" };
    // The setter does not fail, because both schemes are special.
    let _ = record.set_scheme(scheme);
    record.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookie_url_is_http_without_credentials() {
        let cookie_url = |url: &str| cookie_url(&Url::parse(url, None).unwrap());
        assert_eq!(cookie_url("ws://u:p@h:81/a?b"), "http://h:81/a?b");
        assert_eq!(cookie_url("wss://u@h:443"), "https://h/");
        assert_eq!(cookie_url("ws://h:443/"), "http://h:443/");
    }

    #[test]
    fn request_names_only_ports_that_are_not_the_default() {
        let request = |url: &str| request(&Url::parse(url, None).unwrap(), Vec::new(), &PlatformSettings::default());
        let built = request("ws://u:p@h:81/a%20b?c");
        assert_eq!((&*built.host, &*built.path, built.query.as_deref()), ("h:81", "/a%20b", Some("c")));
        assert_eq!(built.headers, [("Authorization".to_owned(), "Basic dTpw".to_owned())]);
        assert_eq!(request("wss://[::1]:443/").host, "[::1]");
    }
}
