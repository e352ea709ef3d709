//! The server that a stream has to reach.

use crate::platform::native::url::Url;

/// The server or proxy that a stream has to reach, as a [`Connector`](crate::Connector) sees it.
///
/// ```
/// use std::io;
/// use samesocket::{Connecting, Options, Target};
///
/// let options = Options::new().connector(|target: &Target| -> Connecting {
///     let address = format!("{}:{}", target.host, target.port);
///     Box::pin(async move { Err(io::Error::other(format!("no way to {address}"))) })
/// });
/// # drop(options);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Target {
    /// Whether the socket does TLS over the stream: the URL is `wss:`, or that of the proxy is `https:`.
    pub secure: bool,
    /// The host of the URL: a name, or an address. An IPv6 address has no brackets.
    pub host: String,
    /// The port of the URL, or the default of its scheme.
    pub port: u16,
    /// Whether this is the [`Proxy`](crate::Proxy) of the options, through which the socket connects to the server.
    pub is_proxy: bool,
}

impl Target {
    pub(super) fn new(url: &Url) -> Self {
        let record = url.record();
        let host = record.host_str().unwrap_or_default();
        Self {
            secure: record.scheme() == "wss",
            host: without_brackets(host).to_owned(),
            port: record.port_or_known_default().unwrap_or_default(),
            is_proxy: false,
        }
    }
}

/// Returns the host of a URL without the brackets of an IPv6 address.
pub(super) fn without_brackets(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}
