//! The options that choose a proxy, and its own settings.

use std::fmt;

use super::Options;
use crate::platform::{ProxyServer, Settings};
use crate::types::invalid_option::InvalidOption;

impl Options {
    /// Sets the proxy to connect through. The default is none. It replaces
    /// [`proxy_from_environment`](Self::proxy_from_environment).
    ///
    /// All servers are reached through it, `localhost` too. `NO_PROXY` is not read.
    ///
    /// ```
    /// use samesocket::{Options, Proxy};
    ///
    /// let options = Options::new().proxy(Proxy::new("socks5://localhost:1080")?);
    /// # drop(options);
    /// # Ok::<(), samesocket::InvalidOption>(())
    /// ```
    #[must_use]
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.0.set_proxy(proxy.0);
        self
    }

    /// Connects through the proxy that the environment names for the server, if any. It replaces
    /// [`proxy`](Self::proxy).
    ///
    /// In a page it has no effect, because there are no such variables. The browser uses the proxy of its own settings.
    ///
    /// The variables are read when the socket connects. An empty one counts as unset:
    ///
    /// | URL | variables, the first one that is set |
    /// | --- | --- |
    /// | `wss:` | `https_proxy`, `HTTPS_PROXY`, `all_proxy`, `ALL_PROXY` |
    /// | `ws:` | `http_proxy`, `all_proxy`, `ALL_PROXY` |
    ///
    /// `HTTP_PROXY` is not read, because a web server may set it from a request header of its client
    /// ([httpoxy](https://httpoxy.org)). On Windows, where the case of names does not matter, `http_proxy` is the same
    /// variable. There the connection fails with [`ProxyFailure::Cgi`](crate::ProxyFailure::Cgi) if `REQUEST_METHOD` is
    /// set, as it is for a CGI script. Values are URLs as for [`Proxy::new`]; `http://` may be left out.
    ///
    /// A variable that is needed and invalid fails the connection with
    /// [`Failure::Proxy`](crate::Failure::Proxy), which names the variable. There is no direct connection then.
    ///
    /// # Hosts without a proxy
    ///
    /// `no_proxy`, or else `NO_PROXY`, is a list of hosts to connect to directly. Commas, blanks, or both separate its
    /// entries. The case of letters and a dot at the end do not matter.
    ///
    /// | entry | servers |
    /// | --- | --- |
    /// | `example.com`, `.example.com` | the name and all its subdomains |
    /// | `*.example.com` | the subdomains, and not the name itself |
    /// | `192.0.2.1`, `2001:db8::1`, `[2001:db8::1]` | one address; it covers no name that resolves to it |
    /// | `10.0.0.0/8`, `fd00::/8` | a range of addresses |
    /// | `example.com:8080`, `192.0.2.1:8080`, `[::1]:8080` | the same, but only on this port |
    /// | `*` | all servers |
    ///
    /// An entry of any other form covers nothing. An IPv4-mapped IPv6 address is the same as the IPv4 address, and an
    /// international name the same as its `xn--` form.
    ///
    /// As with curl, and unlike in browsers, `localhost` and the loopback addresses are in no way special. To connect to
    /// them directly, add `localhost,127.0.0.0/8,::1` to the list.
    ///
    /// ```
    /// let options = samesocket::Options::new().proxy_from_environment();
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn proxy_from_environment(mut self) -> Self {
        self.0.set_proxy_from_environment();
        self
    }
}

/// A proxy to connect through, given as a URL; see [`Options::proxy`](crate::Options::proxy).
///
/// In a page, a proxy can be created but not used; see [`Options`](crate::Options#in-a-page).
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
pub struct Proxy(pub(super) ProxyServer);

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
    /// Returns [`InvalidOption`] if `url` is no URL with one of these schemes and a host. The same holds for a user
    /// name or password for SOCKS5 with more than 255 bytes. The error contains no part of the URL but its scheme.
    ///
    /// A page does not check the URL, because it refuses the proxy when it is used.
    pub fn new(url: &str) -> Result<Self, InvalidOption> {
        ProxyServer::parse(url).map(Self)
    }
}

#[cfg(feature = "__tls")]
#[cfg_attr(docsrs, doc(cfg(all(feature = "proxy", feature = "tls"))))]
impl Proxy {
    /// Trusts one more root certificate, in DER, for TLS with an `https` proxy. The default is none.
    ///
    /// For a proxy without TLS settings of its own, three settings of [`Options`](crate::Options) count:
    /// [`root_certificate`](crate::Options::root_certificate), [`trust_store`](crate::Options::trust_store), and on native
    /// targets `crypto_provider`. All other TLS settings of the options are for the server only.
    ///
    /// ```no_run
    /// use samesocket::Proxy;
    ///
    /// let proxy = Proxy::new("https://proxy.example:3129")?.root_certificate(std::fs::read("root.der")?);
    /// # drop(proxy);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn root_certificate(mut self, certificate: impl AsRef<[u8]>) -> Self {
        self.0.add_root(certificate.as_ref());
        self
    }

    /// Trusts exactly this certificate of the proxy. It works as
    /// [`Options::pinned_certificate`](crate::Options::pinned_certificate), but for TLS with an `https` proxy.
    ///
    /// ```no_run
    /// use samesocket::Proxy;
    ///
    /// let proxy = Proxy::new("https://proxy.example:3129")?.pinned_certificate(std::fs::read("proxy.der")?);
    /// # drop(proxy);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn pinned_certificate(mut self, certificate: impl AsRef<[u8]>) -> Self {
        self.0.add_pinned(certificate.as_ref());
        self
    }

    /// Sets the certificate for an `https` proxy that demands one. The default is none.
    ///
    /// The server behind the proxy does not get it. Its certificate is
    /// [`Options::client_certificate`](crate::Options::client_certificate), which the proxy does not get.
    ///
    /// ```no_run
    /// use samesocket::Proxy;
    ///
    /// let (chain, key) = ([std::fs::read("client.der")?], std::fs::read("client-key.der")?);
    /// let proxy = Proxy::new("https://proxy.example:3129")?.client_certificate(chain, key)?;
    /// # drop(proxy);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`InvalidOption`] if `key` is no private key in DER, as
    /// [`Options::client_certificate`](crate::Options::client_certificate) does.
    pub fn client_certificate(
        mut self,
        chain: impl IntoIterator<Item = impl AsRef<[u8]>>,
        key: impl AsRef<[u8]>,
    ) -> Result<Self, InvalidOption> {
        let chain = chain.into_iter().map(|certificate| certificate.as_ref().to_vec()).collect();
        self.0.set_client(chain, key.as_ref())?;
        Ok(self)
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
        self.0.accept_any_certificate();
        self
    }
}

impl fmt::Debug for Proxy {
    /// Shows the proxy without its credentials and certificates.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
