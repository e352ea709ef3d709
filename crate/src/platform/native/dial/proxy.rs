//! Tunnels through proxies: HTTP CONNECT and SOCKS5.

use std::fmt;
use std::io;
#[cfg(feature = "__tls")]
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use samesocket_protocol::Response;
use samesocket_protocol::body::{BODY_TIMEOUT, BodyReader};
use samesocket_protocol::head::{Head, HeadParser, Version};
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, timeout_at};
#[cfg(feature = "__tls")]
use tokio_rustls::rustls::ClientConfig;

use crate::platform::native::dial::basic_auth::basic_auth;
use crate::platform::native::dial::handshake_queue::HandshakePermit;
use crate::platform::native::dial::http_versions::HttpVersions;
use crate::platform::native::dial::io_stream::{IoStream, send};
use crate::platform::native::dial::prefixed_stream::prefixed;
use crate::platform::native::dial::socks5::{self, Credentials};
use crate::platform::native::dial::target::{Target, without_brackets};
use crate::platform::native::dial::tls;
use crate::platform::native::dial::tls::TlsSettings;
use crate::trace::event;
use crate::types::authority::Authority;
use crate::types::failure::{Failure, ProxyFailure};
use crate::types::invalid_option::InvalidOption;
use samesocket_spec::ProtocolFailure;

/// The most bytes of the head of an HTTP proxy's response, interim responses included. Arbitrary: real heads have some
/// hundred bytes.
const MAX_HEAD: usize = 16 << 10;

/// The most bytes of it that one read takes. Arbitrary.
const HEAD_READ: usize = 1 << 10;

/// A proxy to connect through, behind the public [`Proxy`](crate::Proxy).
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ProxyServer {
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

impl ProxyServer {
    /// Parses the URL of a proxy.
    pub(crate) fn parse(url: &str) -> Result<Self, InvalidOption> {
        // Without the slashes, what is before the first colon may be a host or a user name.
        let is_scheme =
            |scheme: &str| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        let Some((scheme, _)) = url.trim().split_once("://").filter(|(scheme, _)| is_scheme(scheme)) else {
            return Err(InvalidOption::new("the proxy URL has no scheme; it has the form http://host:port"));
        };
        let invalid = |error: url::ParseError| InvalidOption::new(format!("the proxy URL is invalid: {error}"));
        let record = url::Url::parse(url).map_err(invalid)?;
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
        // The URL parser leaves the host of a scheme that is not special as it is: `socks5` is none.
        let host = url::Host::parse(host).map_err(invalid)?.to_string();
        let proxy = Self {
            kind,
            host: without_brackets(&host).to_owned(),
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

    pub(super) const fn tls(&self) -> &TlsSettings {
        &self.tls
    }

    /// Returns the settings for TLS with the proxy, if there is any. If it has none of its own, these are `shared`.
    fn tls_settings<'a>(&'a self, shared: &'a TlsSettings) -> Option<&'a TlsSettings> {
        let settings = if self.tls.is_default() { shared } else { &self.tls };
        (self.kind == Kind::Https).then_some(settings)
    }

    /// Checks that a configuration for TLS with the proxy can be made with the features of this build.
    pub(super) fn check_features(&self, shared: &TlsSettings) -> Result<(), Failure> {
        self.tls_settings(shared).map_or(Ok(()), TlsSettings::check_features)
    }

    /// Returns the proxy itself as the target of a stream.
    pub(super) fn target(&self) -> Target {
        Target { secure: self.kind == Kind::Https, host: self.host.clone(), port: self.port, is_proxy: true }
    }

    /// Opens a tunnel to `target` over a stream to the proxy. If the proxy has no TLS settings of its own, `shared` are
    /// used for TLS with it.
    ///
    /// The body of a refusal is read until `end` at the latest, without the permit: the next handshake need not wait for it.
    pub(super) async fn connect(
        &self,
        mut stream: Box<dyn IoStream>,
        target: &Target,
        shared: &TlsSettings,
        end: Option<Instant>,
        permit: &mut Option<HandshakePermit>,
    ) -> Result<Box<dyn IoStream>, Failure> {
        if let Some(settings) = self.tls_settings(shared) {
            (stream, _) = tls::connect(settings, &self.host, stream, HttpVersions::Http1).await?;
        }
        let tunnel = self.open_tunnel(stream, target, end, permit).await.map_err(Failure::Proxy)?;
        event!(current, DEBUG, "proxy connected");
        Ok(tunnel)
    }

    /// Opens a tunnel to `target` over a stream to the proxy. The body of a refusal is read until `end` at the latest, without the
    /// permit.
    pub(super) async fn open_tunnel(
        &self,
        stream: Box<dyn IoStream>,
        target: &Target,
        end: Option<Instant>,
        permit: &mut Option<HandshakePermit>,
    ) -> Result<Box<dyn IoStream>, ProxyFailure> {
        match self.kind {
            Kind::Http | Kind::Https => self.connect_http(stream, target, end, permit).await,
            Kind::Socks5 => self.connect_socks5(stream, target).await,
        }
    }

    /// Requests a tunnel of an HTTP proxy.
    async fn connect_http(
        &self,
        mut stream: Box<dyn IoStream>,
        target: &Target,
        end: Option<Instant>,
        permit: &mut Option<HandshakePermit>,
    ) -> Result<Box<dyn IoStream>, ProxyFailure> {
        let authority = Authority(&target.host, target.port);
        let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
        if let Some(credentials) = basic_auth(&self.username, self.password.as_deref()) {
            request.extend(["Proxy-Authorization: ", &credentials, "\r\n"]);
        }
        request.push_str("\r\n");
        send(&mut stream, request.as_bytes()).await.map_err(ProxyFailure::lost)?;
        let (head, rest) = read_head(&mut stream).await?;
        if !(200..300).contains(&head.response.status()) {
            drop(permit.take());
            return Err(ProxyFailure::Refused(read_body(&mut stream, head.response, &rest, end).await));
        }
        head.check(Version::Http10).map_err(|_| ProxyFailure::MalformedHead)?;
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

    fn has_credentials(&self) -> bool {
        !self.username.is_empty() || self.password.is_some()
    }
}

/// The settings for TLS with the proxy itself.
#[cfg(feature = "__tls")]
impl ProxyServer {
    pub(crate) fn add_root(&mut self, certificate: &[u8]) {
        self.tls.add_root(certificate);
    }

    pub(crate) fn add_pinned(&mut self, certificate: &[u8]) {
        self.tls.add_pinned(certificate);
    }

    pub(crate) fn set_client(&mut self, chain: Vec<Vec<u8>>, key: &[u8]) -> Result<(), InvalidOption> {
        self.tls.set_client(chain, key)
    }

    pub(crate) fn accept_any_certificate(&mut self) {
        self.tls.accept_any();
    }

    pub(crate) fn set_tls_config(&mut self, config: Arc<ClientConfig>) {
        self.tls.set_custom(config);
    }
}

impl fmt::Debug for ProxyServer {
    /// Shows the proxy without its credentials and certificates.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} proxy at {}", self.kind, Authority(&self.host, self.port))
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
        match parser.read(&bytes) {
            Ok((used, Some(head))) => return Ok((head, bytes.split_off(used))),
            Ok((_, None)) => {}
            Err(failure) => return Err(failure_of_head(&failure, parser)),
        }
    }
}

/// Reads the body of a refusal, of which `rest` has arrived with the head, until `end` at the latest.
///
/// The opening timeout ends then. So the refusal is reported, and not the timeout.
async fn read_body(stream: &mut dyn IoStream, head: Response, rest: &[u8], end: Option<Instant>) -> Response {
    let mut reader = BodyReader::new(head);
    reader.read(rest);
    let mut bytes = Vec::with_capacity(HEAD_READ);
    let until_over = async {
        while !reader.is_over() {
            bytes.clear();
            match stream.read_buf(&mut bytes).await {
                Ok(1..) => reader.read(&bytes),
                end => return end.is_ok(),
            };
        }
        false
    };
    let latest = Instant::now() + BODY_TIMEOUT;
    let is_end = timeout_at(end.map_or(latest, |end| end.min(latest)), until_over).await.unwrap_or(false);
    reader.finish(is_end)
}

/// Returns the failure for a head that cannot be read. If the head is too long and its status line is a refusal, the
/// failure is that refusal.
fn failure_of_head(failure: &ProtocolFailure, mut parser: HeadParser) -> ProxyFailure {
    let is_refusal = |response: &Response| !(200..300).contains(&response.status());
    match failure {
        ProtocolFailure::HeadTooLong { .. } => parser.incomplete().filter(is_refusal),
        _ => None,
    }
    .map_or(ProxyFailure::MalformedHead, |response| ProxyFailure::Refused(response.with_truncated_body("")))
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
        let target = Target { secure: false, host: "h".to_owned(), port: 80, is_proxy: false };
        let client = ProxyServer::parse("http://proxy.test").unwrap();
        let tunnel =
            async { client.open_tunnel(Box::new(BufStream::new(near)), &target, None, &mut None).await.unwrap() };
        let both = async { tokio::join!(proxy, tunnel) };
        drop(tokio::time::timeout(Duration::from_secs(10), both).await.expect("the proxy got no request"));
    }

    #[test]
    fn host_of_a_proxy_is_a_name_in_ascii_or_an_address() {
        for scheme in ["http", "https", "socks5", "socks5h"] {
            for (host, expected) in [
                ("M\u{fc}nchen.test", "xn--mnchen-3ya.test"),
                ("m%C3%BCnchen.test", "xn--mnchen-3ya.test"),
                ("xn--mnchen-3ya.test", "xn--mnchen-3ya.test"),
                ("PROXY.test.", "proxy.test."),
                ("127.1", "127.0.0.1"),
                ("0x7f000001", "127.0.0.1"),
                ("[2001:DB8::0:1]", "2001:db8::1"),
                ("\u{ff11}27.0.0.1", "127.0.0.1"),
            ] {
                let proxy = ProxyServer::parse(&format!("{scheme}://{host}:9")).unwrap();
                assert_eq!((&*proxy.host, proxy.port), (expected, 9), "{scheme}://{host}");
            }
            for host in ["a b", "a%20b", "xn--a", "1.2.3.4.5", "[::1", "a%00"] {
                let error = ProxyServer::parse(&format!("{scheme}://u:secret@{host}")).unwrap_err().to_string();
                assert!(error.starts_with("the proxy URL is invalid: "), "{scheme}://{host}: {error}");
            }
        }
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
            let error = ProxyServer::parse(url).unwrap_err();
            assert_eq!(error.to_string(), expected, "{url}");
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
        let most = "%78".repeat(255);
        assert!(ProxyServer::parse(&format!("socks5://{most}:{most}@h")).is_ok());
        assert!(ProxyServer::parse(&format!("http://{long}:{long}@h")).is_ok());
    }
}
