//! From a URL to a stream of bytes that leads to its server.

use std::sync::Arc;

use data_encoding::BASE64;
use percent_encoding::percent_decode_str;

use super::options::{Stream, Target};
use super::proxy::Tunnel;
use super::{Failure, Options, Url, ports, tcp, tls};
use crate::spec::constructor::UrlRecord;
use crate::wire::handshake::Request;

/// Makes a stream; dropping the future gives it up, with every socket that it has opened.
pub(super) async fn connect(url: Url, options: Options) -> Result<Box<dyn Stream>, Failure> {
    let target = target(&url);
    if ports::is_bad(target.port) {
        return Err(Failure::BadPort { port: target.port });
    }
    let stream: Box<dyn Stream> = if let Some(connector) = &options.connector {
        connector.connect(&target).await.map_err(|error| Failure::Connector { source: Arc::new(error) })?
    } else if let Some(proxy) = options.route.proxy_for(&target).map_err(Failure::Proxy)? {
        Tunnel { proxy: &proxy, trust: &options.trust }.open(&target).await?
    } else {
        Box::new(tcp::connect(&target.host, target.port).await?)
    };
    if target.secure { tls::connect(&options.trust, &target.host, stream).await } else { Ok(stream) }
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
pub(super) fn request(url: &Url, protocols: Vec<String>, options: &Options) -> Request {
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
    let cookies = options.cookies.as_ref().and_then(|store| store.cookies(&url.serialize()));
    if let Some(cookies) = cookies.filter(|cookies| !cookies.chars().any(char::is_control)) {
        add("Cookie", cookies);
    }
    request
}

/// The value of a field that tells credentials, which stand percent-encoded in a URL; see
/// [RFC 7617](https://www.rfc-editor.org/rfc/rfc7617).
pub(super) fn credentials(username: &str, password: Option<&str>) -> Option<String> {
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
    fn a_request_has_the_port_unless_it_is_the_default_and_no_fragment_of_credentials() {
        let request = |url: &str| request(&Url::parse(url, None).unwrap(), Vec::new(), &Options::default());
        let built = request("ws://u:p@h:81/a%20b?c");
        assert_eq!((&*built.host, &*built.path, built.query.as_deref()), ("h:81", "/a%20b", Some("c")));
        assert_eq!(built.headers, [("Authorization".to_owned(), "Basic dTpw".to_owned())]);
        assert_eq!(request("wss://[::1]:443/").host, "[::1]");
    }
}
