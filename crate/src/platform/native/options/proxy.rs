//! The options that choose a proxy.

use super::Options;
use crate::platform::native::dial::proxy::Proxy;
use crate::platform::native::dial::proxy_settings::ProxySettings;

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
        self.proxy_settings = ProxySettings::Fixed(proxy);
        self
    }

    /// Connects through the proxy that the environment names for the server, if any. It replaces
    /// [`proxy`](Self::proxy).
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
        self.proxy_settings = ProxySettings::Environment;
        self
    }
}
