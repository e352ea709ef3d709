//! Why a connection failed, for diagnosis.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::types::blob::BlobError;
use samesocket_protocol::Failure as ProtocolFailure;

/// Why a connection failed, from [`WebSocket::failure`](crate::WebSocket::failure); natively only.
///
/// The events never tell, as in a page. [`source`](Error::source) leads on, to the error of the system or of TLS.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Failure {
    /// The port is one that the Web refuses to talk to, by [Fetch's list](https://fetch.spec.whatwg.org/#bad-port).
    BadPort {
        /// The port.
        port: u16,
    },
    /// The options hold [`tls_config`](crate::Options::tls_config) and beside it what it replaces; nothing was tried.
    ContradictoryTls,
    /// The name of the host, or of the proxy's, could not be resolved.
    Resolve {
        /// The name.
        host: String,
        /// The system's error; none, if it knows no address.
        source: Option<Arc<io::Error>>,
    },
    /// No address of the host's, or of the proxy's, took the connection.
    Connect {
        /// The name or address.
        host: String,
        /// The port.
        port: u16,
        /// The addresses that were tried, with what came of it.
        attempts: Vec<(SocketAddr, Arc<io::Error>)>,
    },
    /// The [`Connector`](crate::Connector) of the options gave no stream.
    Connector {
        /// Its error.
        source: Arc<io::Error>,
    },
    /// The proxy gave no connection.
    Proxy(ProxyFailure),
    /// The TLS handshake failed, or nothing could be verified with.
    Tls {
        /// The name that the certificate was to have.
        host: String,
        /// The error, of [`rustls`](crate::rustls) mostly.
        source: Arc<io::Error>,
    },
    /// A rule of the WebSocket protocol was broken, a deadline passed, or the connection was lost.
    Protocol(ProtocolFailure),
    /// The system told of an error while the connection was read from or written to.
    Lost {
        /// The system's error.
        source: Arc<io::Error>,
    },
    /// A blob that was to be sent could not be read.
    Blob(BlobError),
    /// The runtime that the socket lived on has ended.
    Runtime,
    /// Code of the program's panicked: a connector or its stream, a cookie store, a part of a TLS configuration.
    ///
    /// The process's panic hook has been told of it, and no other socket ends.
    Panicked {
        /// What the panic said, if that is text.
        message: Option<String>,
    },
}

/// Why a proxy gave no connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ProxyFailure {
    /// The proxy of the environment is given by something that is no URL of a proxy.
    InvalidUrl {
        /// The name of the variable.
        variable: &'static str,
    },
    /// An HTTP proxy answered with another status than 2xx.
    Status {
        /// The status.
        found: u16,
    },
    /// What an HTTP proxy answered is not HTTP, or too long.
    MalformedHead,
    /// The connection to the proxy was lost, or the proxy ended it instead of answering.
    Lost {
        /// The system's error.
        source: Arc<io::Error>,
    },
    /// A SOCKS proxy refused, or what it answered is not SOCKS5.
    Socks {
        /// What it told, or what is wrong with it.
        source: Arc<io::Error>,
    },
}

impl Failure {
    pub(super) fn lost(error: io::Error) -> Self {
        Self::Lost { source: Arc::new(error) }
    }

    pub(super) fn tls(host: &str, error: io::Error) -> Self {
        Self::Tls { host: host.to_owned(), source: Arc::new(error) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadPort { port } => write!(f, "port {port} is one that the Web refuses to talk to"),
            Self::ContradictoryTls => {
                f.write_str("the options hold a TLS configuration and what it replaces beside it")
            }
            Self::Resolve { host, .. } => write!(f, "the name {host:?} could not be resolved"),
            Self::Connect { host, port, attempts } => {
                write!(f, "nothing at {host}:{port} took the connection")?;
                for (address, error) in attempts {
                    write!(f, "; {address}: {error}")?;
                }
                Ok(())
            }
            Self::Connector { .. } => f.write_str("the connector of the options gave no stream"),
            Self::Proxy(failure) => failure.fmt(f),
            Self::Tls { host, .. } => write!(f, "the TLS handshake with {host} failed"),
            Self::Protocol(failure) => failure.fmt(f),
            Self::Lost { .. } => f.write_str("the connection was lost"),
            Self::Blob(error) => error.fmt(f),
            Self::Runtime => f.write_str("the socket has no runtime, or none any more"),
            Self::Panicked { message } => {
                f.write_str("code of the program panicked")?;
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
            Self::Connector { source } | Self::Tls { source, .. } | Self::Lost { source } => Some(&**source),
            // What these hold tells the same, so that their sources come next.
            Self::Proxy(failure) => failure.source(),
            Self::Protocol(failure) => failure.source(),
            Self::Blob(error) => error.source(),
            Self::BadPort { .. } | Self::ContradictoryTls | Self::Runtime | Self::Panicked { .. } => None,
        }
    }
}

impl fmt::Display for ProxyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidUrl { variable } => write!(f, "the variable {variable} holds no URL of a proxy"),
            Self::Status { found } => write!(f, "the proxy answered with status {found}"),
            Self::MalformedHead => f.write_str("the proxy's answer is not HTTP, or too long"),
            Self::Lost { .. } => f.write_str("the connection to the proxy was lost"),
            Self::Socks { .. } => f.write_str("the SOCKS proxy gave no connection"),
        }
    }
}

impl Error for ProxyFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Lost { source } | Self::Socks { source } => Some(&**source),
            Self::InvalidUrl { .. } | Self::Status { .. } | Self::MalformedHead => None,
        }
    }
}
