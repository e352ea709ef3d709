//! The HTTP request of the opening handshake, from a URL and the options.

use crate::platform::native::dial::basic_auth::basic_auth;
use crate::platform::native::options::Options;
use crate::platform::native::url::Url;
use samesocket_protocol::Request;

/// Returns the request of the opening handshake.
///
/// It calls the user's cookie store, which may panic.
pub(in crate::platform::native) fn request(url: &Url, protocols: Vec<String>, options: &Options) -> Request {
    let record = url.record();
    let mut host = record.host_str().unwrap_or_default().to_owned();
    if let Some(port) = record.port() {
        host.push(':');
        host.push_str(&port.to_string());
    }
    let mut request = Request {
        host,
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
    // A cookie string that no header field can hold is left out.
    let cookies = options.cookies.as_ref().and_then(|store| store.cookies(&cookie_url(url)));
    if let Some(cookies) = cookies.filter(|cookies| !cookies.chars().any(char::is_control)) {
        add_if_absent("Cookie", cookies);
    }
    request
}

/// Returns the URL that cookies are stored for: that of the handshake's request, whose scheme is `http` or `https`.
///
/// See <https://websockets.spec.whatwg.org/#concept-websocket-establish>.
pub(in crate::platform::native) fn cookie_url(url: &Url) -> String {
    let mut record = url.record().clone();
    let scheme = if record.scheme() == "ws" { "http" } else { "https" };
    // No setter fails, because these schemes are special and the URL has a host.
    let _ = record.set_scheme(scheme);
    let _ = record.set_username("");
    let _ = record.set_password(None);
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
        let request = |url: &str| request(&Url::parse(url, None).unwrap(), Vec::new(), &Options::default());
        let built = request("ws://u:p@h:81/a%20b?c");
        assert_eq!((&*built.host, &*built.path, built.query.as_deref()), ("h:81", "/a%20b", Some("c")));
        assert_eq!(built.headers, [("Authorization".to_owned(), "Basic dTpw".to_owned())]);
        assert_eq!(request("wss://[::1]:443/").host, "[::1]");
    }
}
