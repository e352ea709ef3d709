//! From a URL to a stream of bytes that leads to its server.

mod blocked_ports;
pub(in crate::platform::native) mod handshake_queue;
mod happy_eyeballs;
pub(crate) mod proxy;
pub(in crate::platform::native) mod tls;

use std::sync::Arc;

use data_encoding::BASE64;
use percent_encoding::percent_decode_str;

use crate::platform::native::dial::handshake_queue::{Admission, Remote};
use crate::platform::native::dial::proxy::Tunnel;
use crate::platform::native::failure::Failure;
use crate::platform::native::options::{Stream, Target};
use crate::platform::native::{Options, Url};
use samesocket_protocol::Request;

/// A stream to a server, with the right to open a connection there, unless nobody knows where that is.
pub(in crate::platform::native) type Way = (Box<dyn Stream>, Option<Admission>);

/// Makes a stream; dropping the future gives it up, with every socket that it has opened.
pub(in crate::platform::native) async fn connect(url: Url, options: Options) -> Result<Way, Failure> {
    if options.trust.is_contradictory() {
        return Err(Failure::ContradictoryTls);
    }
    let target = target(&url);
    if blocked_ports::is_bad(target.port) {
        return Err(Failure::BadPort { port: target.port });
    }
    let (stream, admission): Way = if let Some(connector) = &options.connector {
        let stream = connector.connect(&target).await;
        (stream.map_err(|error| Failure::Connector { source: Arc::new(error) })?, None)
    } else if let Some(proxy) = options.route.proxy_for(&target).map_err(Failure::Proxy)? {
        let admission = Admission::to(Remote::behind_proxy(&target.host, target.port)).await;
        (Tunnel { proxy: &proxy, trust: &options.trust }.open(&target).await?, Some(admission))
    } else {
        let (stream, admission) = happy_eyeballs::connect_in_turn(&target.host, target.port).await?;
        (Box::new(stream), Some(admission))
    };
    let stream = if target.secure { tls::connect(&options.trust, &target.host, stream).await? } else { stream };
    Ok((stream, admission))
}

fn target(url: &Url) -> Target {
    let record = url.record();
    let host = record.host_str().unwrap_or_default();
    Target {
        secure: record.scheme() == "wss",
        host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
        port: record.port_or_known_default().unwrap_or_default(),
    }
}

/// The request of the opening handshake.
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
    let mut add = |name: &str, value: String| {
        if !request.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name)) {
            request.headers.push((name.to_owned(), value));
        }
    };
    if let Some(credentials) = credentials(record.username(), record.password()) {
        add("Authorization", credentials);
    }
    // What no header field can hold is not a cookie.
    let cookies = options.cookies.as_ref().and_then(|store| store.cookies(&request_url(url)));
    if let Some(cookies) = cookies.filter(|cookies| !cookies.chars().any(char::is_control)) {
        add("Cookie", cookies);
    }
    request
}

/// The URL that cookies are kept for: that of the handshake's request, by
/// [the Standard](https://websockets.spec.whatwg.org/#concept-websocket-establish), whose scheme is `http` or `https`.
pub(in crate::platform::native) fn request_url(url: &Url) -> String {
    let mut record = url.record().clone();
    let scheme = if record.scheme() == "ws" { "http" } else { "https" };
    // All these are special schemes, and have hosts, so that nothing is refused.
    let _ = record.set_scheme(scheme);
    let _ = record.set_username("");
    let _ = record.set_password(None);
    record.into()
}

/// The value of a field that tells credentials, which stand percent-encoded in a URL; see
/// [RFC 7617](https://www.rfc-editor.org/rfc/rfc7617).
pub(in crate::platform::native) fn credentials(username: &str, password: Option<&str>) -> Option<String> {
    if username.is_empty() && password.is_none() {
        return None;
    }
    let mut pair: Vec<u8> = percent_decode_str(username).collect();
    pair.push(b':');
    pair.extend(percent_decode_str(password.unwrap_or_default()));
    Some(format!("Basic {}", BASE64.encode(&pair)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_decoded_and_told_in_base64() {
        assert_eq!(credentials("user", Some("p%20w")).as_deref(), Some("Basic dXNlcjpwIHc="));
        assert_eq!(credentials("", None), None);
    }

    #[test]
    fn cookies_are_kept_for_http_and_https_and_credentials_are_nobodys_affair() {
        let asked = |url: &str| request_url(&Url::parse(url, None).unwrap());
        assert_eq!(asked("ws://u:p@h:81/a?b"), "http://h:81/a?b");
        assert_eq!(asked("wss://u@h:443"), "https://h/");
        assert_eq!(asked("ws://h:443/"), "http://h:443/");
    }

    #[test]
    fn a_request_has_the_port_unless_it_is_the_default_and_no_fragment_of_credentials() {
        let request = |url: &str| request(&Url::parse(url, None).unwrap(), Vec::new(), &Options::default());
        let built = request("ws://u:p@h:81/a%20b?c");
        assert_eq!((&*built.host, &*built.path, built.query.as_deref()), ("h:81", "/a%20b", Some("c")));
        assert_eq!(built.headers, [("Authorization".to_owned(), "Basic dTpw".to_owned())]);
        assert_eq!(request("wss://[::1]:443/").host, "[::1]");
    }
}
