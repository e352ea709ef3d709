//! The options of TCP: addresses, keepalive, and Nagle's algorithm.

use std::net::IpAddr;
use std::time::Duration;

use super::Options;
use crate::platform::Settings;
use crate::types::invalid_option::InvalidOption;

impl Options {
    /// Sets the addresses of a host name, so that no resolver is asked for it. The default is to ask.
    ///
    /// They are tried in this order, each 250 ms after the one before or as soon as one has failed. A later call for the
    /// same name replaces an earlier one. Without any address, the connection fails. The port is that of the URL. TLS and
    /// the `Host` field still use the name.
    ///
    /// It is also used for the name of a [`proxy`](Self::proxy). It has no effect on names that a proxy or a `connector`
    /// resolves. A page refuses it.
    ///
    /// ```
    /// use std::net::IpAddr;
    ///
    /// let addresses = [IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2])];
    /// let options = samesocket::Options::new().resolve("example.com", addresses)?;
    /// # drop(options);
    /// # Ok::<(), samesocket::InvalidOption>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`InvalidOption`] if `host` is not the name of a host. A page does not check it.
    pub fn resolve(mut self, host: &str, addresses: impl IntoIterator<Item = IpAddr>) -> Result<Self, InvalidOption> {
        self.0.set_resolved(host, addresses.into_iter().collect())?;
        Ok(self)
    }

    /// Sets the local address of TCP connections. By default, the system chooses it for each.
    ///
    /// There is one for IPv4 and one for IPv6, for each of which the last call counts. If only one is set, the socket does
    /// not connect to addresses of the other family. The system chooses the port.
    ///
    /// With a proxy, it is that of the connection to the proxy. With a `connector` it has no effect. A page refuses it.
    ///
    /// ```
    /// use std::net::Ipv4Addr;
    ///
    /// let options = samesocket::Options::new().local_address(Ipv4Addr::LOCALHOST);
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn local_address(mut self, address: impl Into<IpAddr>) -> Self {
        self.0.set_local_address(address.into());
        self
    }

    /// Sets whether small messages leave at once (`TCP_NODELAY`). The default is `true`.
    ///
    /// With `false`, Nagle's algorithm delays them while earlier bytes are not acknowledged. The socket coalesces
    /// messages by itself, so that `false` seldom saves anything. It has no effect with a `connector` or in a page. If the
    /// system refuses the setting, the connection goes on without it, and an event of `tracing` says so.
    ///
    /// ```
    /// let options = samesocket::Options::new().tcp_nodelay(false);
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn tcp_nodelay(mut self, no_delay: bool) -> Self {
        self.0.set_tcp_nodelay(no_delay);
        self
    }

    /// Turns TCP keepalive on, and sets the idle time before the first probe. By default, keepalive is off.
    ///
    /// The time is rounded up to seconds, from 1 to 32,767. Probes keep the connection known to the routers between,
    /// and detect that the server's machine is gone. They do not check the program at the other end; a
    /// [`Heartbeat`](crate::Heartbeat) does. It has no effect with a `connector` or in a page. If the system refuses the
    /// setting, the connection goes on without it, and an event of `tracing` says so.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let options = samesocket::Options::new()
    ///     .tcp_keepalive(Duration::from_secs(60))
    ///     .tcp_keepalive_interval(Duration::from_secs(10))
    ///     .tcp_keepalive_retries(5);
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn tcp_keepalive(mut self, idle: Duration) -> Self {
        self.0.set_tcp_keepalive(idle);
        self
    }

    /// Turns TCP keepalive on, and sets the time between two probes. The default is that of the system, on Linux 75 s.
    ///
    /// The time is rounded up to seconds, from 1 to 32,767. Linux, Android, FreeBSD, Windows and the systems of Apple have
    /// it; elsewhere it only turns keepalive on. [`tcp_keepalive`](Self::tcp_keepalive) has an example.
    #[must_use]
    pub fn tcp_keepalive_interval(mut self, interval: Duration) -> Self {
        self.0.set_tcp_keepalive_interval(interval);
        self
    }

    /// Turns TCP keepalive on, and sets the number of unanswered probes after which the connection is lost. The default is
    /// that of the system, on Linux 9.
    ///
    /// The number is limited to 1 to 127. The systems are those of
    /// [`tcp_keepalive_interval`](Self::tcp_keepalive_interval). [`tcp_keepalive`](Self::tcp_keepalive) has an example.
    #[must_use]
    pub fn tcp_keepalive_retries(mut self, retries: u32) -> Self {
        self.0.set_tcp_keepalive_retries(retries);
        self
    }
}
