//! The causes of failed connections, for diagnosis.

use std::error::Error;
use std::fmt;
use std::io;
use std::iter;
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::types::authority::Authority;
use crate::types::blob::BlobError;
use samesocket_spec::{ProtocolFailure, RedirectFailure, Response};

/// The cause of a failed connection, from [`ConnectionFailed::failure`](crate::ConnectionFailed::failure),
/// [`WebSocket::failure`](crate::WebSocket::failure) and others.
///
/// Events do not contain the cause, as in a browser, where it is never known. The type exists on every target, so that a
/// program needs no `cfg` to look at it.
///
/// `Display` contains the text of the error of the system or of TLS, if there is one. That error is a field of the variant;
/// [`source`](Error::source) returns the source behind it.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use samesocket::{Failure, WebSocket};
///
/// let socket = WebSocket::new("wss://example.com/chat", ())?;
/// socket.closed().await;
/// match socket.failure() {
///     Some(Failure::Resolve { host, .. }) => eprintln!("{host} does not exist, or the machine is offline"),
///     Some(failure) => eprintln!("{failure}"),
///     None => eprintln!("the connection closed cleanly"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Failure {
    /// The port is on the Fetch Standard's list of [bad ports](https://fetch.spec.whatwg.org/#bad-port).
    BadPort {
        /// The port.
        port: u16,
    },
    /// The options, or the settings of the [`Proxy`](crate::Proxy), combine two TLS settings of which one replaces the
    /// other. Nothing was tried.
    ///
    /// `tls_config` replaces all other settings, and
    /// [`pinned_certificate`](crate::Options::pinned_certificate) replaces other ways to trust a certificate.
    ContradictoryTls,
    /// The connection needs a Cargo feature of this crate that the program was built without. Nothing was tried.
    MissingFeature {
        /// The name of the feature, such as `"tls"` for a `wss:` URL.
        feature: &'static str,
    },
    /// The name of the server or of the proxy could not be resolved.
    Resolve {
        /// The name.
        host: String,
        /// The error of the system. `None` if it found no address.
        source: Option<Arc<io::Error>>,
    },
    /// No address of the server or of the proxy accepted a TCP connection.
    Connect {
        /// The name or address.
        host: String,
        /// The port.
        port: u16,
        /// The addresses that were tried, each with its error, in the order of failing. `Display` shows the first 8.
        attempts: Vec<(SocketAddr, Arc<io::Error>)>,
    },
    /// The connector of the options returned an error.
    Connector {
        /// Its error.
        source: Arc<io::Error>,
    },
    /// The proxy did not connect to the server.
    Proxy(ProxyFailure),
    /// The TLS handshake failed, or the TLS configuration could not be built.
    Tls {
        /// The name or address for which the certificate had to be valid.
        host: String,
        /// The error. Either it wraps one of `rustls`, or it explains one, which is its [`source`](Error::source).
        source: Arc<io::Error>,
    },
    /// HTTP/2 failed: the server broke a rule of it, or does not accept WebSockets over it although the options demand that.
    Http2 {
        /// The error. If the crate `h2` has reported it, it wraps that one.
        source: Arc<io::Error>,
    },
    /// The server refused the opening handshake: it responded with a status other than 101.
    ///
    /// The [`Response`] has more details: a redirect has a `Location`, 401 a `WWW-Authenticate`, and 429 and 503 may
    /// have a `Retry-After`. Many servers state the reason in the body.
    Refused(Response),
    /// The server redirected the opening handshake, [`Options::max_redirects`](crate::Options::max_redirects) allows
    /// redirects, and this one was not followed.
    Redirect {
        /// The reason.
        reason: RedirectFailure,
        /// The number of redirects that were followed before.
        followed: u32,
        /// The response with the redirect. Its [`url`](Response::url) is the one that was reached.
        response: Response,
    },
    /// The server broke a rule of the WebSocket protocol, a timeout passed, or the connection ended without a Close
    /// frame.
    Protocol(ProtocolFailure),
    /// Reading from or writing to the connection failed.
    Lost {
        /// The error of the system.
        source: Arc<io::Error>,
    },
    /// A blob in the send queue could not be read.
    Blob(BlobError),
    /// The system had no thread, file descriptor or random numbers for the socket. Nothing was tried.
    System {
        /// The error of the system.
        source: Arc<io::Error>,
    },
    /// The runtime of the socket has shut down.
    Runtime,
    /// The runtime of the socket was built without a driver that the socket needs.
    RuntimeDriver {
        /// The driver: `"I/O"` or `"time"`.
        missing: &'static str,
    },
    /// The program's own code panicked: a connector, its stream, a cookie store, or a part of a TLS configuration.
    ///
    /// The panic hook of the process has run. No other socket is affected.
    Panicked {
        /// The message of the panic, if it is text.
        message: Option<String>,
    },
}

/// The reason why a proxy did not connect to the server, from [`Failure::Proxy`].
///
/// ```
/// use samesocket::{Failure, ProxyFailure};
///
/// let needs_credentials = |failure: &Failure| match failure {
///     Failure::Proxy(ProxyFailure::Refused(response)) => response.status() == 407,
///     _ => false,
/// };
/// assert!(!needs_credentials(&Failure::Runtime));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ProxyFailure {
    /// An environment variable that names a proxy holds no valid proxy URL.
    InvalidUrl {
        /// The name of the variable.
        variable: &'static str,
    },
    /// An environment variable that names a proxy, or the hosts without one, is not UTF-8.
    NotUtf8 {
        /// The name of the variable.
        variable: &'static str,
    },
    /// The program runs as a CGI script on a system where a request header can set this variable.
    ///
    /// See [httpoxy](https://httpoxy.org). Only Windows ignores the case of the names of variables.
    Cgi {
        /// The name of the variable.
        variable: &'static str,
    },
    /// An HTTP proxy responded with a status other than 2xx.
    Refused(Response),
    /// The response of an HTTP proxy is not HTTP, or its head is longer than 16 KiB.
    MalformedHead,
    /// The connection to the proxy was lost, or the proxy closed it without a response.
    Lost {
        /// The error of the system.
        source: Arc<io::Error>,
    },
    /// A SOCKS proxy refused the connection, or its response is not SOCKS5.
    Socks {
        /// The reason that the proxy gave, or the error in its response.
        source: Arc<io::Error>,
    },
}

impl Failure {
    /// Returns the response of the server or of the HTTP proxy that refused the connection.
    ///
    /// ```
    /// use samesocket::{Failure, Response};
    ///
    /// let failure = Failure::Refused(Response::new(503).with_header("Retry-After", "120"));
    /// assert_eq!(failure.response().and_then(|response| response.header("Retry-After")), Some("120"));
    /// ```
    pub const fn response(&self) -> Option<&Response> {
        match self {
            Self::Refused(response)
            | Self::Redirect { response, .. }
            | Self::Proxy(ProxyFailure::Refused(response)) => Some(response),
            _ => None,
        }
    }
}

/// Failures are equal if they have the same variant and the same text, and so have their sources and responses.
///
/// The errors of the system cannot be compared otherwise.
impl PartialEq for Failure {
    fn eq(&self, other: &Self) -> bool {
        mem::discriminant(self) == mem::discriminant(other)
            && self.response() == other.response()
            && texts(self).eq(texts(other))
    }
}

impl Eq for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadPort { port } => write!(f, "port {port} is blocked by the Fetch Standard"),
            Self::ContradictoryTls => f.write_str(
                "`tls_config` cannot be combined with other TLS settings, nor `pinned_certificate` with \
                 `root_certificate`, `trust_store` or `dangerous_accept_any_certificate`",
            ),
            Self::MissingFeature { feature } => {
                let lack = match *feature {
                    "tls-ring" => "cryptography for TLS",
                    "tls-platform-roots" => "root certificates for TLS",
                    _ => "TLS",
                };
                write!(f, "this build has no {lack}; enable the feature `{feature}` of samesocket")
            }
            Self::Resolve { host, source: None } => write!(f, "no address for `{host}`"),
            Self::Resolve { host, source: Some(source) } => write!(f, "no address for `{host}`: {source}"),
            Self::Connect { host, port, attempts } => describe_attempts(host, *port, attempts, f),
            Self::Connector { source } => write!(f, "the connector of the options returned an error: {source}"),
            Self::Proxy(failure) => failure.fmt(f),
            Self::Tls { host, source } => write!(f, "the TLS handshake with {host} failed: {source}"),
            Self::Http2 { source } => write!(f, "HTTP/2 failed: {source}"),
            Self::Refused(response) => write!(f, "the server answered {response}"),
            Self::Redirect { reason, followed, response } => {
                write!(f, "the server answered {response}")?;
                match followed {
                    0 => {}
                    1 => f.write_str(" after 1 redirect")?,
                    _ => write!(f, " after {followed} redirects")?,
                }
                write!(f, ": {reason}")
            }
            Self::Protocol(failure) => failure.fmt(f),
            Self::Lost { source } => write!(f, "the connection was lost: {source}"),
            Self::Blob(error) => error.fmt(f),
            Self::System { source } => {
                write!(f, "the system has no thread, file descriptor or random numbers for the socket: {source}")
            }
            Self::Runtime => f.write_str("the runtime of the socket has shut down"),
            Self::RuntimeDriver { missing } => {
                write!(f, "the runtime of the socket has no {missing} driver; build it with `enable_all`")
            }
            Self::Panicked { message } => {
                f.write_str("the program's own code panicked")?;
                message.as_ref().map_or(Ok(()), |message| write!(f, ": {message}"))
            }
        }
    }
}

impl Error for Failure {
    // `Display` shows the text of the inner error, so this is the source of the inner error.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Resolve { source, .. } => source.as_ref()?.source(),
            Self::Connector { source }
            | Self::Tls { source, .. }
            | Self::Http2 { source }
            | Self::Lost { source }
            | Self::System { source } => source.source(),
            Self::Proxy(failure) => failure.source(),
            Self::Protocol(failure) => failure.source(),
            Self::Blob(error) => error.source(),
            Self::BadPort { .. }
            | Self::Connect { .. }
            | Self::ContradictoryTls
            | Self::MissingFeature { .. }
            | Self::Refused(_)
            | Self::Redirect { .. }
            | Self::Runtime
            | Self::RuntimeDriver { .. }
            | Self::Panicked { .. } => None,
        }
    }
}

/// Failures are equal if they have the same variant and the same text, and so have their sources and responses.
impl PartialEq for ProxyFailure {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Refused(response), Self::Refused(other)) => response == other,
            _ => mem::discriminant(self) == mem::discriminant(other) && texts(self).eq(texts(other)),
        }
    }
}

impl Eq for ProxyFailure {}

/// Returns the text of an error and those of its sources.
fn texts(error: &(dyn Error + 'static)) -> impl Iterator<Item = String> {
    iter::successors(Some(error), |error| (*error).source()).map(ToString::to_string)
}

/// The most addresses whose errors are shown. Arbitrary: most names have fewer, but a resolver may return thousands.
const MAX_SHOWN_ATTEMPTS: usize = 8;

/// Describes the attempts to connect to a name or address.
fn describe_attempts(
    host: &str,
    port: u16,
    attempts: &[(SocketAddr, Arc<io::Error>)],
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    write!(f, "no connection to {}", Authority(host, port))?;
    let is_literal = host.parse::<IpAddr>().is_ok();
    let mut mark = ": ";
    for (address, error) in attempts.iter().take(MAX_SHOWN_ATTEMPTS) {
        if is_literal {
            write!(f, "{mark}{error}")?;
        } else {
            write!(f, "{mark}{address}: {error}")?;
        }
        mark = "; ";
    }
    match attempts.len().saturating_sub(MAX_SHOWN_ATTEMPTS) {
        0 => Ok(()),
        more => write!(f, "; and {more} more"),
    }
}

impl fmt::Display for ProxyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidUrl { variable } => write!(
                f,
                "the environment variable {variable} is not a valid proxy URL with the scheme http, https, socks5 or \
                 socks5h"
            ),
            Self::NotUtf8 { variable } => write!(f, "the environment variable {variable} is not UTF-8"),
            Self::Cgi { variable } => {
                write!(f, "the environment variable {variable} of a CGI script may come from a request header")
            }
            Self::Refused(response) => write!(f, "the proxy answered {response}"),
            Self::MalformedHead => f.write_str("the response of the proxy is not HTTP, or its head is too long"),
            Self::Lost { source } => write!(f, "the connection to the proxy was lost: {source}"),
            Self::Socks { source } => write!(f, "no connection through the SOCKS5 proxy: {source}"),
        }
    }
}

impl Error for ProxyFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // `Display` shows the text of the inner error.
            Self::Lost { source } | Self::Socks { source } => source.source(),
            Self::InvalidUrl { .. }
            | Self::NotUtf8 { .. }
            | Self::Cgi { .. }
            | Self::Refused(_)
            | Self::MalformedHead => None,
        }
    }
}
