//! The causes of failed connections, for diagnosis.

use std::error::Error;
use std::fmt;
use std::io;
use std::iter;
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::types::blob::BlobError;
use samesocket_protocol::Failure as ProtocolFailure;

/// The cause of a failed connection, from [`WebSocket::failure`](crate::WebSocket::failure) or
/// [`ConnectionFailed::failure`](crate::ConnectionFailed::failure). It exists on native targets only.
///
/// Events do not contain the cause, as in a browser. [`source`](Error::source) returns the error of the system or of
/// TLS.
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
    /// [`tls_config`](crate::Options::tls_config) replaces all other settings, and
    /// [`pinned_certificate`](crate::Options::pinned_certificate) replaces other ways to trust a certificate.
    ContradictoryTls,
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
        /// The addresses that were tried, each with its error, in the order of failing.
        attempts: Vec<(SocketAddr, Arc<io::Error>)>,
    },
    /// The [`Connector`](crate::Connector) of the options returned an error.
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
        /// The error, most often one of [`rustls`](crate::rustls).
        source: Arc<io::Error>,
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
/// let needs_credentials = |failure: &Failure| matches!(failure, Failure::Proxy(ProxyFailure::Status { found: 407 }));
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
    Status {
        /// The status.
        found: u16,
    },
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
    pub(super) fn lost(error: io::Error) -> Self {
        Self::Lost { source: Arc::new(error) }
    }

    /// Turns a panic of tokio, whose I/O driver or timers are missing, into [`RuntimeDriver`](Self::RuntimeDriver).
    pub(super) fn or_missing_driver(self) -> Self {
        match &self {
            Self::Panicked { message: Some(message) } if message.contains("IO is disabled") => {
                Self::RuntimeDriver { missing: "I/O" }
            }
            Self::Panicked { message: Some(message) } if message.contains("timers are disabled") => {
                Self::RuntimeDriver { missing: "time" }
            }
            _ => self,
        }
    }

    pub(super) fn system(error: impl Error + Send + Sync + 'static) -> Self {
        Self::System { source: Arc::new(io::Error::other(error)) }
    }

    pub(super) fn tls(host: &str, error: io::Error) -> Self {
        Self::Tls { host: host.to_owned(), source: Arc::new(error) }
    }
}

/// Failures are equal if they have the same variant and the same text, and so have their sources.
///
/// The errors of the system cannot be compared otherwise.
impl PartialEq for Failure {
    fn eq(&self, other: &Self) -> bool {
        mem::discriminant(self) == mem::discriminant(other) && texts(self).eq(texts(other))
    }
}

impl Eq for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadPort { port } => write!(f, "port {port} is blocked by the Fetch Standard"),
            Self::ContradictoryTls => f.write_str(
                "`tls_config` cannot be combined with other TLS settings, nor `pinned_certificate` with \
                 `root_certificate` or `dangerous_accept_any_certificate`",
            ),
            Self::Resolve { host, .. } => write!(f, "the name {host:?} could not be resolved"),
            Self::Connect { host, port, attempts } => {
                write!(f, "no address of {host}:{port} accepted the connection")?;
                for (address, error) in attempts {
                    write!(f, "; {address}: {error}")?;
                }
                Ok(())
            }
            Self::Connector { .. } => f.write_str("the connector of the options returned an error"),
            Self::Proxy(failure) => failure.fmt(f),
            Self::Tls { host, .. } => write!(f, "the TLS handshake with {host} failed"),
            Self::Protocol(failure) => failure.fmt(f),
            Self::Lost { .. } => f.write_str("the connection was lost"),
            Self::Blob(error) => error.fmt(f),
            Self::System { .. } => {
                f.write_str("the system has no thread, file descriptor or random numbers for the socket")
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
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Resolve { source, .. } => source.as_deref().map(|error| error as _),
            Self::Connect { attempts, .. } => attempts.last().map(|(_, error)| &**error as _),
            Self::Connector { source } | Self::Tls { source, .. } | Self::Lost { source } | Self::System { source } => {
                Some(&**source)
            }
            // The text of these is the text of the inner error, so their source is the source of the inner error.
            Self::Proxy(failure) => failure.source(),
            Self::Protocol(failure) => failure.source(),
            Self::Blob(error) => error.source(),
            Self::BadPort { .. }
            | Self::ContradictoryTls
            | Self::Runtime
            | Self::RuntimeDriver { .. }
            | Self::Panicked { .. } => None,
        }
    }
}

impl ProxyFailure {
    pub(super) fn lost(error: io::Error) -> Self {
        Self::Lost { source: Arc::new(error) }
    }
}

/// Failures are equal if they have the same variant and the same text, and so have their sources.
impl PartialEq for ProxyFailure {
    fn eq(&self, other: &Self) -> bool {
        mem::discriminant(self) == mem::discriminant(other) && texts(self).eq(texts(other))
    }
}

impl Eq for ProxyFailure {}

/// Returns the text of an error and those of its sources.
fn texts(error: &(dyn Error + 'static)) -> impl Iterator<Item = String> {
    iter::successors(Some(error), |error| (*error).source()).map(ToString::to_string)
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
            Self::Status { found } => write!(f, "the proxy responded with status {found}"),
            Self::MalformedHead => f.write_str("the response of the proxy is not HTTP, or its head is too long"),
            Self::Lost { .. } => f.write_str("the connection to the proxy was lost"),
            Self::Socks { .. } => f.write_str("the SOCKS proxy refused the connection or does not speak SOCKS5"),
        }
    }
}

impl Error for ProxyFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Lost { source } | Self::Socks { source } => Some(&**source),
            Self::InvalidUrl { .. }
            | Self::NotUtf8 { .. }
            | Self::Cgi { .. }
            | Self::Status { .. }
            | Self::MalformedHead => None,
        }
    }
}
