//! Proxies: HTTP's CONNECT and SOCKS5.

use std::env;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_socks::tcp::Socks5Stream;

use super::{happy_eyeballs, tls};
use crate::platform::native::dial::credentials;
use crate::platform::native::dial::tls::Trust;
use crate::platform::native::failure::Failure;
use crate::platform::native::failure::ProxyFailure;
use crate::platform::native::options::{InvalidOption, Stream, Target};

/// A proxy to go through, made of a URL.
#[derive(Clone)]
pub struct Proxy {
    kind: Kind,
    host: String,
    port: u16,
    /// As they stand in the URL, percent-encoded.
    username: String,
    password: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Http,
    Https,
    Socks5,
}

impl Proxy {
    /// Takes the URL of a proxy: `http://host:port`, `https://host:port` or `socks5://host:port`, with credentials as
    /// in `http://user:password@host`.
    ///
    /// The ports are 80, 443 and 1080 unless they are given. A proxy resolves names itself, so `socks5h` means `socks5`.
    ///
    /// # Errors
    ///
    /// If it is no such URL.
    pub fn new(url: &str) -> Result<Self, InvalidOption> {
        Self::parse(url).ok_or_else(|| {
            // It may hold a password.
            let value = url.rsplit_once('@').map_or(url, |(_, rest)| rest);
            InvalidOption { part: "proxy".to_owned(), value: value.to_owned() }
        })
    }

    fn parse(url: &str) -> Option<Self> {
        let url = url::Url::parse(url).ok()?;
        let (kind, default) = match url.scheme() {
            "http" => (Kind::Http, 80),
            "https" => (Kind::Https, 443),
            "socks5" | "socks5h" => (Kind::Socks5, 1080),
            _ => return None,
        };
        let host = url.host_str().filter(|host| !host.is_empty())?;
        Some(Self {
            kind,
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: url.port().unwrap_or(default),
            username: url.username().to_owned(),
            password: url.password().map(str::to_owned),
        })
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the credentials.
        write!(f, "{:?} proxy at {}:{}", self.kind, self.host, self.port)
    }
}

/// Which way to a server.
#[derive(Clone, Default)]
pub(in crate::platform::native) enum Route {
    #[default]
    Direct,
    Proxy(Proxy),
    Environment,
}

impl Route {
    /// The proxy for this target, if it is not gone to directly.
    pub(in crate::platform::native) fn proxy_for(&self, target: &Target) -> Result<Option<Proxy>, ProxyFailure> {
        match self {
            Self::Direct => Ok(None),
            Self::Proxy(proxy) => Ok(Some(proxy.clone())),
            Self::Environment => of_environment(target, |name| env::var(name).ok()),
        }
    }
}

fn of_environment(target: &Target, variable: impl Fn(&str) -> Option<String>) -> Result<Option<Proxy>, ProxyFailure> {
    let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
    let exempt = variable("no_proxy").or_else(|| variable("NO_PROXY")).unwrap_or_default();
    if exempt.split(',').any(|rule| is_exempt(rule.trim(), &target.host)) {
        return Ok(None);
    }
    let names: &[&'static str] = if target.secure {
        &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    } else {
        &["http_proxy", "all_proxy", "ALL_PROXY"]
    };
    let Some((name, value)) = names.iter().find_map(|&name| Some((name, variable(name)?))) else { return Ok(None) };
    let url = if value.contains("://") { value } else { format!("http://{value}") };
    Proxy::parse(&url).map(Some).ok_or(ProxyFailure::InvalidUrl { variable: name })
}

/// Whether a rule of `NO_PROXY` is about this host.
fn is_exempt(rule: &str, host: &str) -> bool {
    if rule == "*" {
        return true;
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        let (range, bits) = rule.split_once('/').unwrap_or((rule, "128"));
        return match (range.parse(), bits.parse()) {
            (Ok(range), Ok(bits)) => is_within(address, range, bits),
            _ => false,
        };
    }
    let name = rule.trim_start_matches("*.").trim_start_matches('.');
    let (host, name) = (host.trim_end_matches('.').to_ascii_lowercase(), name.to_ascii_lowercase());
    !name.is_empty() && host.strip_suffix(&name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn is_within(address: IpAddr, range: IpAddr, bits: u32) -> bool {
    match (address, range) {
        (IpAddr::V4(address), IpAddr::V4(range)) => {
            let other = u32::BITS - bits.min(u32::BITS);
            (address.to_bits() ^ range.to_bits()).checked_shr(other).unwrap_or_default() == 0
        }
        (IpAddr::V6(address), IpAddr::V6(range)) => {
            let other = u128::BITS - bits.min(u128::BITS);
            (address.to_bits() ^ range.to_bits()).checked_shr(other).unwrap_or_default() == 0
        }
        _ => false,
    }
}

/// The greatest head of an answer that is read.
const MAX_HEAD: usize = 16 << 10;

/// A way through a proxy.
pub(in crate::platform::native) struct Tunnel<'a> {
    pub(in crate::platform::native) proxy: &'a Proxy,
    /// For the TLS with the proxy itself.
    pub(in crate::platform::native) trust: &'a Trust,
}

impl Tunnel<'_> {
    /// Opens a stream that leads to `target`.
    pub(in crate::platform::native) async fn open(&self, target: &Target) -> Result<Box<dyn Stream>, Failure> {
        let stream = happy_eyeballs::connect(&self.proxy.host, self.proxy.port).await?;
        match self.proxy.kind {
            Kind::Http => self.connect(Box::new(stream), target).await,
            Kind::Https => {
                let stream = tls::connect(self.trust, &self.proxy.host, Box::new(stream)).await?;
                self.connect(stream, target).await
            }
            Kind::Socks5 => {
                let address = (&*target.host, target.port);
                let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
                let opened = match &self.proxy.password {
                    None if self.proxy.username.is_empty() => Socks5Stream::connect_with_socket(stream, address).await,
                    password => {
                        let (user, password) =
                            (decode(&self.proxy.username), decode(password.as_deref().unwrap_or_default()));
                        Socks5Stream::connect_with_password_and_socket(stream, address, &user, &password).await
                    }
                };
                let stream = opened.map_err(|error| {
                    Failure::Proxy(match error {
                        tokio_socks::Error::Io(error) => ProxyFailure::Lost { source: Arc::new(error) },
                        told => ProxyFailure::Socks { source: Arc::new(io::Error::other(told)) },
                    })
                })?;
                Ok(Box::new(stream.into_inner()))
            }
        }
    }

    /// Asks an HTTP proxy for a tunnel; see [RFC 9110, section 9.3.6](https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6).
    async fn connect(&self, mut stream: Box<dyn Stream>, target: &Target) -> Result<Box<dyn Stream>, Failure> {
        let lost = |error| Failure::Proxy(ProxyFailure::Lost { source: Arc::new(error) });
        let host = if target.host.contains(':') { format!("[{}]", target.host) } else { target.host.clone() };
        let authority = format!("{host}:{}", target.port);
        let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
        if let Some(credentials) = credentials(&self.proxy.username, self.proxy.password.as_deref()) {
            request.extend(["Proxy-Authorization: ", &credentials, "\r\n"]);
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).await.map_err(lost)?;
        let mut head = Vec::new();
        // Byte by byte, since what follows the head is not the proxy's any more; nobody waits for it to be fast.
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() == MAX_HEAD {
                return Err(Failure::Proxy(ProxyFailure::MalformedHead));
            }
            head.push(stream.read_u8().await.map_err(lost)?);
        }
        match status_of(&head) {
            Some(200..300) => Ok(stream),
            Some(found) => Err(Failure::Proxy(ProxyFailure::Status { found })),
            None => Err(Failure::Proxy(ProxyFailure::MalformedHead)),
        }
    }
}

fn status_of(head: &[u8]) -> Option<u16> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    response.parse(head).ok()?;
    response.code
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(secure: bool, host: &str) -> Target {
        Target { secure, host: host.to_owned(), port: 80 }
    }

    #[test]
    fn the_environment_is_asked_by_scheme_and_exempts_hosts() {
        let environment = |name: &str| {
            let value = match name {
                "HTTPS_PROXY" => "http://a:1",
                "ALL_PROXY" => "socks5://b",
                "HTTP_PROXY" => "http://never",
                "NO_PROXY" => "localhost, .example.com,10.0.0.0/8, ::1",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let proxy = |secure, host| {
            of_environment(&target(secure, host), environment).unwrap().map(|proxy| format!("{proxy:?}"))
        };
        assert_eq!(proxy(true, "h").as_deref(), Some("Http proxy at a:1"));
        assert_eq!(proxy(false, "h").as_deref(), Some("Socks5 proxy at b:1080"));
        assert_eq!(proxy(false, "notexample.com").as_deref(), Some("Socks5 proxy at b:1080"));
        assert_eq!(proxy(false, "11.1.2.3").as_deref(), Some("Socks5 proxy at b:1080"));
        for host in ["LOCALHOST", "example.com", "deep.example.com.", "10.1.2.3", "::1"] {
            assert_eq!(proxy(true, host), None, "{host}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_its_password() {
        for url in ["ftp://u:secret@h", "not a url", "http://", "u:secret@"] {
            let error = Proxy::new(url).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        let failure = of_environment(&target(false, "h"), |name| (name == "all_proxy").then(|| "ftp://x".to_owned()));
        assert!(matches!(failure, Err(ProxyFailure::InvalidUrl { variable: "all_proxy" })));
    }

    #[test]
    fn ranges_are_of_one_family() {
        let within =
            |address: &str, range: &str, bits| is_within(address.parse().unwrap(), range.parse().unwrap(), bits);
        assert!(
            within("1.2.3.4", "0.0.0.0", 0) && within("1.2.3.4", "1.2.3.4", 128) && !within("1.2.3.4", "1.2.3.5", 32)
        );
        assert!(within("fe80::1", "fe80::", 10) && !within("::1", "0.0.0.0", 0));
    }
}
