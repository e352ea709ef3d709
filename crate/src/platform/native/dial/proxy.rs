//! Tunnels through proxies: HTTP CONNECT and SOCKS5.

use std::fmt;
use std::io;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use samesocket_protocol::head::{Head, HeadParser, Version};
use tokio::io::AsyncReadExt;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::platform::native::dial::basic_auth::basic_auth;
use crate::platform::native::dial::io_stream::{IoStream, send};
use crate::platform::native::dial::prefixed_stream::prefixed;
use crate::platform::native::dial::socks5::{self, Credentials};
use crate::platform::native::dial::target::{Target, without_brackets};
use crate::platform::native::dial::tls::TlsSettings;
use crate::platform::native::dial::{happy_eyeballs, tls};
use crate::platform::native::failure::{Failure, ProxyFailure};
use crate::platform::native::invalid_option::InvalidOption;

/// The most bytes of the head of an HTTP proxy's response, interim responses included. Arbitrary: real heads have some
/// hundred bytes.
const MAX_HEAD: usize = 16 << 10;

/// The most bytes of it that one read takes. Arbitrary.
const HEAD_READ: usize = 1 << 10;

/// A proxy to connect through, given as a URL; see [`Options::proxy`](crate::Options::proxy).
///
/// The methods are settings for TLS with an `https` proxy. Those of [`Options`](crate::Options) are for the server.
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
    /// The settings for TLS with the proxy itself.
    tls: TlsSettings,
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
    /// [RFC 1929](https://www.rfc-editor.org/rfc/rfc1929) with SOCKS5. A password that is missing is sent as an empty
    /// one. Bytes that are percent-encoded are sent as they are, even if they are not UTF-8. The path and the rest of the
    /// URL are ignored.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidOption`] if `url` is no URL with one of these schemes and a host, or if a user name or password
    /// for SOCKS5 has more than 255 bytes. The error contains no part of the URL but its scheme.
    pub fn new(url: &str) -> Result<Self, InvalidOption> {
        Self::parse(url)
    }

    pub(super) fn parse(url: &str) -> Result<Self, InvalidOption> {
        // Without the slashes, what is before the first colon may be a host or a user name.
        let is_scheme =
            |scheme: &str| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        let Some((scheme, _)) = url.trim().split_once("://").filter(|(scheme, _)| is_scheme(scheme)) else {
            return Err(InvalidOption::new("the proxy URL has no scheme; it has the form http://host:port"));
        };
        let record =
            url::Url::parse(url).map_err(|error| InvalidOption::new(format!("the proxy URL is invalid: {error}")))?;
        let (kind, default_port) = match record.scheme() {
            "http" => (Kind::Http, 80),
            "https" => (Kind::Https, 443),
            "socks5" | "socks5h" => (Kind::Socks5, 1080),
            _ => {
                let problem = format!("the scheme of a proxy URL is http, https, socks5 or socks5h, not {scheme:?}");
                return Err(InvalidOption::new(problem));
            }
        };
        let Some(host) = record.host_str().filter(|host| !host.is_empty()) else {
            return Err(InvalidOption::new("the proxy URL has no host"));
        };
        let proxy = Self {
            kind,
            host: without_brackets(host).to_owned(),
            port: record.port().unwrap_or(default_port),
            username: record.username().to_owned(),
            password: record.password().map(str::to_owned),
            tls: TlsSettings::default(),
        };
        let decoded_len = |text: &str| percent_decode_str(text).count();
        let longest = decoded_len(&proxy.username).max(decoded_len(proxy.password.as_deref().unwrap_or_default()));
        if kind == Kind::Socks5 && longest > socks5::MAX_LEN {
            return Err(InvalidOption::new("a user name or password for SOCKS5 has at most 255 bytes"));
        }
        Ok(proxy)
    }

    /// Trusts one more root certificate, in DER, for TLS with an `https` proxy. The default is none.
    ///
    /// The settings of [`Options`](crate::Options) are for the server, except for its root certificates: a proxy without
    /// TLS settings of its own is verified by the platform's root certificates and by
    /// [`Options::root_certificate`](crate::Options::root_certificate).
    ///
    /// ```no_run
    /// use samesocket::Proxy;
    ///
    /// let proxy = Proxy::new("https://proxy.example:3129")?.root_certificate(std::fs::read("root.der")?.into());
    /// # drop(proxy);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn root_certificate(mut self, certificate: CertificateDer<'static>) -> Self {
        self.tls.add_root(certificate);
        self
    }

    /// Trusts exactly this certificate of the proxy. It is as
    /// [`Options::pinned_certificate`](crate::Options::pinned_certificate), but for TLS with an `https` proxy.
    ///
    /// ```no_run
    /// use samesocket::Proxy;
    ///
    /// let proxy = Proxy::new("https://proxy.example:3129")?.pinned_certificate(std::fs::read("proxy.der")?.into());
    /// # drop(proxy);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn pinned_certificate(mut self, certificate: CertificateDer<'static>) -> Self {
        self.tls.add_pinned(certificate);
        self
    }

    /// Sets the certificate for an `https` proxy that demands one. The default is none.
    ///
    /// The server behind the proxy does not get it. Its certificate is
    /// [`Options::client_certificate`](crate::Options::client_certificate), which the proxy does not get.
    ///
    /// ```no_run
    /// use samesocket::Proxy;
    /// use samesocket::rustls::pki_types::PrivatePkcs8KeyDer;
    ///
    /// let key = PrivatePkcs8KeyDer::from(std::fs::read("client-key.der")?);
    /// let chain = vec![std::fs::read("client.der")?.into()];
    /// let proxy = Proxy::new("https://proxy.example:3129")?.client_certificate(chain, key.into());
    /// # drop(proxy);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn client_certificate(mut self, chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Self {
        self.tls.set_client(chain, key);
        self
    }

    /// Sets the whole TLS configuration for an `https` proxy. It cannot be combined with the other TLS settings of the
    /// proxy; see [`Options::tls_config`](crate::Options::tls_config).
    ///
    /// ```
    /// use samesocket::Proxy;
    /// use samesocket::rustls::crypto::ring;
    /// use samesocket::rustls::{ClientConfig, RootCertStore};
    /// use std::sync::Arc;
    ///
    /// let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
    ///     .with_safe_default_protocol_versions()?
    ///     .with_root_certificates(RootCertStore::empty())
    ///     .with_no_client_auth();
    /// let proxy = Proxy::new("https://proxy.example:3129")?.tls_config(Arc::new(config));
    /// # drop(proxy);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn tls_config(mut self, config: Arc<ClientConfig>) -> Self {
        self.tls.set_custom(config);
        self
    }

    /// Accepts any certificate of an `https` proxy. By default, certificates are verified.
    ///
    /// An attacker on the network can then read the credentials of the proxy, and all messages of `ws:` URLs.
    ///
    /// ```
    /// let proxy = samesocket::Proxy::new("https://localhost:3129")?.dangerous_accept_any_certificate();
    /// # drop(proxy);
    /// # Ok::<(), samesocket::InvalidOption>(())
    /// ```
    #[must_use]
    pub fn dangerous_accept_any_certificate(mut self) -> Self {
        self.tls.accept_any();
        self
    }

    pub(super) const fn tls(&self) -> &TlsSettings {
        &self.tls
    }

    /// Opens a tunnel to `target`. If the proxy has no TLS settings of its own, `shared` are used for TLS with it.
    pub(super) async fn connect(&self, target: &Target, shared: &TlsSettings) -> Result<Box<dyn IoStream>, Failure> {
        let mut stream: Box<dyn IoStream> = Box::new(happy_eyeballs::connect(&self.host, self.port).await?);
        if self.kind == Kind::Https {
            let settings = if self.tls.is_default() { shared } else { &self.tls };
            stream = tls::connect(settings, &self.host, stream).await?;
        }
        self.open_tunnel(stream, target).await.map_err(Failure::Proxy)
    }

    /// Opens a tunnel to `target` over a stream to the proxy.
    pub(super) async fn open_tunnel(
        &self,
        stream: Box<dyn IoStream>,
        target: &Target,
    ) -> Result<Box<dyn IoStream>, ProxyFailure> {
        match self.kind {
            Kind::Http | Kind::Https => self.connect_http(stream, target).await,
            Kind::Socks5 => self.connect_socks5(stream, target).await,
        }
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
        send(&mut stream, request.as_bytes()).await.map_err(ProxyFailure::lost)?;
        let (head, rest) = read_head(&mut stream).await?;
        match head.response.status {
            200..300 => head.check(Version::Http10).map_err(|_| ProxyFailure::MalformedHead)?,
            found => return Err(ProxyFailure::Status { found }),
        }
        // RFC 9110, section 9.3.6: what follows the head belongs to the tunnel, whatever its fields say.
        Ok(prefixed(&rest, stream))
    }

    /// Requests a connection of a SOCKS5 proxy.
    async fn connect_socks5(
        &self,
        stream: Box<dyn IoStream>,
        target: &Target,
    ) -> Result<Box<dyn IoStream>, ProxyFailure> {
        let credentials = self.has_credentials().then(|| Credentials {
            username: percent_decode_str(&self.username).collect(),
            password: percent_decode_str(self.password.as_deref().unwrap_or_default()).collect(),
        });
        socks5::connect(stream, credentials, &target.host, target.port).await
    }

    const fn has_credentials(&self) -> bool {
        !self.username.is_empty() || self.password.is_some()
    }
}

impl fmt::Debug for Proxy {
    /// Shows the proxy without its credentials and certificates.
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
    use std::time::Duration;

    use tokio::io::{AsyncWriteExt, BufStream, duplex};

    use super::*;

    #[tokio::test]
    async fn request_to_an_http_proxy_is_flushed() {
        let (near, mut far) = duplex(1024);
        let proxy = async {
            let mut request = [0; 37];
            far.read_exact(&mut request).await.unwrap();
            assert_eq!(&request, b"CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n");
            far.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            far
        };
        let target = Target { secure: false, host: "h".to_owned(), port: 80 };
        let client = Proxy::new("http://proxy.test").unwrap();
        let tunnel = async { client.open_tunnel(Box::new(BufStream::new(near)), &target).await.unwrap() };
        let both = async { tokio::join!(proxy, tunnel) };
        drop(tokio::time::timeout(Duration::from_secs(10), both).await.expect("the proxy got no request"));
    }

    #[test]
    fn invalid_proxy_is_an_error_without_its_password() {
        let long = "x".repeat(256);
        for (url, expected) in [
            ("ftp://u:secret@h", "the scheme of a proxy URL is http, https, socks5 or socks5h, not \"ftp\""),
            ("socks4://secret@h", "the scheme of a proxy URL is http, https, socks5 or socks5h, not \"socks4\""),
            ("socks4a://secret@h", "the scheme of a proxy URL is http, https, socks5 or socks5h, not \"socks4a\""),
            ("secret", "the proxy URL has no scheme; it has the form http://host:port"),
            ("secret:1080", "the proxy URL has no scheme; it has the form http://host:port"),
            ("u:secret@h://x", "the proxy URL has no scheme; it has the form http://host:port"),
            ("u:secret@", "the proxy URL has no scheme; it has the form http://host:port"),
            ("http://", "the proxy URL is invalid: empty host"),
            ("socks5://:secret@", "the proxy URL is invalid: empty host"),
            ("socks5:///secret", "the proxy URL has no host"),
            ("http://u:secret@h:port", "the proxy URL is invalid: invalid port number"),
            (&format!("socks5://{long}@h"), "a user name or password for SOCKS5 has at most 255 bytes"),
            (&format!("socks5h://u:%78{long}@h"), "a user name or password for SOCKS5 has at most 255 bytes"),
        ] {
            let error = Proxy::new(url).unwrap_err();
            assert_eq!(error.to_string(), expected, "{url}");
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
        let most = "%78".repeat(255);
        assert!(Proxy::new(&format!("socks5://{most}:{most}@h")).is_ok());
        assert!(Proxy::new(&format!("http://{long}:{long}@h")).is_ok());
    }
}
