//! Tunnels through proxies: HTTP CONNECT and SOCKS5.

use std::fmt;
use std::io;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use samesocket_protocol::head::{Head, HeadParser, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_socks::tcp::Socks5Stream;

use crate::platform::native::dial::basic_auth::basic_auth;
use crate::platform::native::dial::io_stream::IoStream;
use crate::platform::native::dial::prefixed_stream::prefixed;
use crate::platform::native::dial::target::{Target, without_brackets};
use crate::platform::native::dial::tls::TlsSettings;
use crate::platform::native::dial::{happy_eyeballs, tls};
use crate::platform::native::failure::{Failure, ProxyFailure};
use crate::platform::native::invalid_option::InvalidOption;

/// The most bytes of the head of an HTTP proxy's response, interim responses included. Arbitrary: real heads have some hundred bytes.
const MAX_HEAD: usize = 16 << 10;

/// The most bytes of it that one read takes. Arbitrary.
const HEAD_READ: usize = 1 << 10;

/// A proxy to connect through, given as a URL; see [`Options::proxy`](crate::Options::proxy).
///
/// ```
/// use samesocket::{Options, Proxy};
///
/// let proxy = Proxy::new("http://user:password@proxy.example:3128")?;
/// assert_eq!(format!("{proxy:?}"), "Http proxy at proxy.example:3128");
/// let options = Options::new().proxy(proxy);
/// # drop(options);
/// # Ok::<(), samesocket::InvalidOption>(())
/// ```
#[derive(Clone)]
pub struct Proxy {
    kind: Kind,
    host: String,
    port: u16,
    /// The user name of the URL, percent-encoded.
    username: String,
    /// The password of the URL, percent-encoded.
    password: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Http,
    Https,
    Socks5,
}

impl Proxy {
    /// Parses the URL of a proxy.
    ///
    /// | scheme | default port | protocol |
    /// | --- | --- | --- |
    /// | `http` | 80 | CONNECT, by [RFC 9110, section 9.3.6](https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6) |
    /// | `https` | 443 | the same over TLS with the proxy |
    /// | `socks5`, `socks5h` | 1080 | SOCKS5, by [RFC 1928](https://www.rfc-editor.org/rfc/rfc1928) |
    ///
    /// The proxy resolves the name of the server with all of them. Credentials stand before the host, as in
    /// `http://user:password@host`. They are sent as Basic authentication, or by
    /// [RFC 1929](https://www.rfc-editor.org/rfc/rfc1929) with SOCKS5. The path and the rest of the URL are ignored.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidOption`] if `url` is no URL with one of these schemes and a host. The error leaves the
    /// credentials out.
    pub fn new(url: &str) -> Result<Self, InvalidOption> {
        Self::parse(url).ok_or_else(|| {
            // The part before the host may contain a password, which must not appear in an error.
            let value = url.rsplit_once('@').map_or(url, |(_, rest)| rest);
            InvalidOption::new("proxy", value)
        })
    }

    pub(super) fn parse(url: &str) -> Option<Self> {
        let url = url::Url::parse(url).ok()?;
        let (kind, default_port) = match url.scheme() {
            "http" => (Kind::Http, 80),
            "https" => (Kind::Https, 443),
            "socks5" | "socks5h" => (Kind::Socks5, 1080),
            _ => return None,
        };
        let host = url.host_str().filter(|host| !host.is_empty())?;
        Some(Self {
            kind,
            host: without_brackets(host).to_owned(),
            port: url.port().unwrap_or(default_port),
            username: url.username().to_owned(),
            password: url.password().map(str::to_owned),
        })
    }

    /// Opens a tunnel to `target`. The settings are for TLS with the proxy itself.
    pub(super) async fn connect(&self, target: &Target, settings: &TlsSettings) -> Result<Box<dyn IoStream>, Failure> {
        let stream = happy_eyeballs::connect(&self.host, self.port).await?;
        let tunnel = match self.kind {
            Kind::Http => self.connect_http(Box::new(stream), target).await,
            Kind::Https => {
                let stream = tls::connect(settings, &self.host, Box::new(stream)).await?;
                self.connect_http(stream, target).await
            }
            Kind::Socks5 => self.connect_socks5(stream, target).await,
        };
        tunnel.map_err(Failure::Proxy)
    }

    /// Requests a tunnel of an HTTP proxy.
    async fn connect_http(
        &self,
        mut stream: Box<dyn IoStream>,
        target: &Target,
    ) -> Result<Box<dyn IoStream>, ProxyFailure> {
        let host = if target.host.contains(':') { format!("[{}]", target.host) } else { target.host.clone() };
        let authority = format!("{host}:{}", target.port);
        let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
        if let Some(credentials) = basic_auth(&self.username, self.password.as_deref()) {
            request.extend(["Proxy-Authorization: ", &credentials, "\r\n"]);
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).await.map_err(ProxyFailure::lost)?;
        let (head, rest) = read_head(&mut stream).await?;
        match head.response.status {
            200..300 => head.check(Version::Http10).map_err(|_| ProxyFailure::MalformedHead)?,
            found => return Err(ProxyFailure::Status { found }),
        }
        // RFC 9110, section 9.3.6: what follows the head belongs to the tunnel, whatever its fields say.
        Ok(prefixed(&rest, stream))
    }

    /// Requests a connection of a SOCKS5 proxy.
    async fn connect_socks5(&self, stream: TcpStream, target: &Target) -> Result<Box<dyn IoStream>, ProxyFailure> {
        let address = (&*target.host, target.port);
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let connected = match &self.password {
            None if self.username.is_empty() => Socks5Stream::connect_with_socket(stream, address).await,
            password => {
                let username = decode(&self.username);
                let password = decode(password.as_deref().unwrap_or_default());
                Socks5Stream::connect_with_password_and_socket(stream, address, &username, &password).await
            }
        };
        match connected {
            Ok(stream) => Ok(Box::new(stream.into_inner())),
            Err(tokio_socks::Error::Io(error)) => Err(ProxyFailure::lost(error)),
            Err(error) => Err(ProxyFailure::Socks { source: Arc::new(io::Error::other(error)) }),
        }
    }
}

impl fmt::Debug for Proxy {
    /// Shows the proxy without its credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} proxy at {}:{}", self.kind, self.host, self.port)
    }
}

/// Reads the head of the final response, and returns it with the bytes after it that were read.
async fn read_head(stream: &mut dyn IoStream) -> Result<(Head, Vec<u8>), ProxyFailure> {
    let mut parser = HeadParser::new(MAX_HEAD);
    let mut bytes = Vec::with_capacity(HEAD_READ);
    loop {
        bytes.clear();
        if stream.read_buf(&mut bytes).await.map_err(ProxyFailure::lost)? == 0 {
            return Err(ProxyFailure::lost(io::ErrorKind::UnexpectedEof.into()));
        }
        if let (used, Some(head)) = parser.read(&bytes).map_err(|_| ProxyFailure::MalformedHead)? {
            return Ok((head, bytes.split_off(used)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_proxy_is_an_error_without_its_password() {
        for url in ["ftp://u:secret@h", "not a url", "http://", "u:secret@"] {
            let error = Proxy::new(url).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
