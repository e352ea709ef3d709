//! The settings of TCP connections: addresses, keepalive, and Nagle's algorithm.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpSocket, TcpStream};
use url::Host;

use crate::trace::event;
use crate::types::invalid_option::InvalidOption;

/// The longest time of keepalive that Linux accepts, in seconds. Other systems accept more.
const MAX_KEEPALIVE_SECONDS: u64 = 32_767;

/// The most probes of keepalive that Linux accepts. Other systems accept more.
const MAX_KEEPALIVE_RETRIES: u32 = 127;

/// The settings of TCP connections with a server or a proxy.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::platform::native) struct TcpSettings {
    /// Whether Nagle's algorithm is off.
    no_delay: bool,
    /// The settings of keepalive; `None` if it is off.
    keepalive: Option<Keepalive>,
    local_v4: Option<Ipv4Addr>,
    local_v6: Option<Ipv6Addr>,
    /// The addresses of names that no resolver is asked for. The keys are in lower case and in ASCII.
    resolved: HashMap<String, Vec<IpAddr>>,
}

/// The settings of keepalive. The system chooses the values that are `None`.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Keepalive {
    idle: Option<Duration>,
    interval: Option<Duration>,
    retries: Option<u32>,
}

impl Default for TcpSettings {
    fn default() -> Self {
        Self { no_delay: true, keepalive: None, local_v4: None, local_v6: None, resolved: HashMap::new() }
    }
}

impl TcpSettings {
    pub(in crate::platform::native) const fn set_no_delay(&mut self, no_delay: bool) {
        self.no_delay = no_delay;
    }

    pub(in crate::platform::native) fn set_keepalive(&mut self, idle: Duration) {
        self.keepalive.get_or_insert_default().idle = Some(idle);
    }

    pub(in crate::platform::native) fn set_keepalive_interval(&mut self, interval: Duration) {
        self.keepalive.get_or_insert_default().interval = Some(interval);
    }

    pub(in crate::platform::native) fn set_keepalive_retries(&mut self, retries: u32) {
        self.keepalive.get_or_insert_default().retries = Some(retries);
    }

    /// Sets the local address for the family of `address`.
    pub(in crate::platform::native) const fn set_local_address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.local_v4 = Some(address),
            IpAddr::V6(address) => self.local_v6 = Some(address),
        }
    }

    /// Sets the addresses of a name.
    pub(in crate::platform::native) fn set_resolved(
        &mut self,
        name: &str,
        addresses: Vec<IpAddr>,
    ) -> Result<(), InvalidOption> {
        match Host::parse(name) {
            Ok(Host::Domain(name)) => {
                self.resolved.insert(name, addresses);
                Ok(())
            }
            Ok(Host::Ipv4(_) | Host::Ipv6(_)) => {
                Err(InvalidOption::new("the host to resolve is an address and not a name"))
            }
            Err(error) => Err(InvalidOption::new(format!("the host to resolve is invalid: {error}"))),
        }
    }

    /// Returns the addresses that the options give for `host`, if they do.
    pub(super) fn resolved(&self, host: &str) -> Option<&[IpAddr]> {
        self.resolved.get(host).map(Vec::as_slice)
    }

    /// Connects to `address`.
    pub(super) async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let stream = match self.local_address_for(address)? {
            None => TcpStream::connect(address).await?,
            Some(local) => {
                let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
                socket.bind(local)?;
                socket.connect(address).await?
            }
        };
        refuse_itself(&stream)?;
        self.tune(&SockRef::from(&stream));
        Ok(stream)
    }

    /// Applies the settings that only tune. One that the system refuses does not fail the connection, and is reported.
    fn tune(&self, socket: &SockRef<'_>) {
        if self.no_delay {
            // Nagle's algorithm would delay messages. The driver has coalesced what can be coalesced.
            if let Err(error) = socket.set_tcp_nodelay(true) {
                event!(current, WARN, "the system refuses a setting of TCP", option = "tcp_nodelay", error = %error);
            }
        }
        if let Some(keepalive) = &self.keepalive {
            if let Err(error) = socket.set_tcp_keepalive(&keepalive.parameters()) {
                event!(current, WARN, "the system refuses a setting of TCP", option = "tcp_keepalive", error = %error);
            }
        }
    }

    /// Returns the local address to bind to, or `None` if the system chooses.
    ///
    /// Fails if only the other family has a local address, because the program has chosen that address to connect from.
    pub(super) fn local_address_for(&self, address: SocketAddr) -> io::Result<Option<SocketAddr>> {
        let local = match address {
            SocketAddr::V4(_) => self.local_v4.map(IpAddr::V4),
            SocketAddr::V6(_) => self.local_v6.map(IpAddr::V6),
        };
        if local.is_none() && (self.local_v4.is_some() || self.local_v6.is_some()) {
            let problem = "the local address of the options is of the other family";
            return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, problem));
        }
        Ok(local.map(|address| SocketAddr::new(address, 0)))
    }
}

/// Fails if a stream is connected to itself, so that its own request would be the response.
///
/// Nothing listens then: the system has chosen the port of the server as the port to connect from, which lets TCP
/// connect ([RFC 9293, section 3.5](https://www.rfc-editor.org/rfc/rfc9293#section-3.5), simultaneous open). On
/// loopback, a socket that reconnects for long comes to it.
fn refuse_itself(stream: &TcpStream) -> io::Result<()> {
    let is_itself = matches!((stream.local_addr(), stream.peer_addr()), (Ok(local), Ok(peer)) if local == peer);
    if !is_itself {
        return Ok(());
    }
    // A reset, because the system would otherwise keep the port for a while, and the server could not listen.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    Err(io::Error::new(io::ErrorKind::ConnectionRefused, "nothing listens on the port; the stream reached itself"))
}

impl Keepalive {
    /// Returns the parameters in the form of the system, within the ranges that it accepts.
    fn parameters(&self) -> TcpKeepalive {
        let clamp = |time: Duration| {
            let rounded_up = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
            Duration::from_secs(rounded_up.clamp(1, MAX_KEEPALIVE_SECONDS))
        };
        let mut parameters = TcpKeepalive::new();
        if let Some(idle) = self.idle {
            parameters = parameters.with_time(clamp(idle));
        }
        // The systems that have neither parameter are those for which `socket2` has no setter.
        #[cfg(any(
            target_os = "linux",
            target_os = "android",
            target_vendor = "apple",
            target_os = "freebsd",
            windows
        ))]
        {
            if let Some(interval) = self.interval {
                parameters = parameters.with_interval(clamp(interval));
            }
            if let Some(retries) = self.retries {
                parameters = parameters.with_retries(retries.clamp(1, MAX_KEEPALIVE_RETRIES));
            }
        }
        parameters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_to_resolve_is_compared_as_in_a_url() {
        let mut settings = TcpSettings::default();
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        settings.set_resolved("Bücher.Example", vec![address]).unwrap();
        assert_eq!(settings.resolved("xn--bcher-kva.example"), Some(&[address][..]));
        assert_eq!(settings.resolved("other.example"), None);
        for invalid in ["192.0.2.1", "[::1]", "a b", ""] {
            assert!(settings.set_resolved(invalid, vec![address]).is_err(), "{invalid}");
        }
    }

    #[test]
    fn local_address_of_the_other_family_is_an_error() {
        let [v4, v6] = ["192.0.2.1:80", "[2001:db8::1]:80"].map(|address| address.parse::<SocketAddr>().unwrap());
        let mut settings = TcpSettings::default();
        assert_eq!(settings.local_address_for(v4).unwrap(), None);
        settings.set_local_address("127.0.0.2".parse().unwrap());
        assert_eq!(settings.local_address_for(v4).unwrap(), Some("127.0.0.2:0".parse().unwrap()));
        assert_eq!(settings.local_address_for(v6).unwrap_err().kind(), io::ErrorKind::AddrNotAvailable);
        settings.set_local_address("::1".parse().unwrap());
        assert_eq!(settings.local_address_for(v6).unwrap(), Some("[::1]:0".parse().unwrap()));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn stream_to_itself_is_refused_and_frees_its_port() {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        // The system accepts such a connection.
        let stream = socket.connect(address).await.unwrap();
        assert_eq!(refuse_itself(&stream).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        drop(stream);
        let server = TcpSocket::new_v4().unwrap();
        server.bind(address).expect("the port is free");
        let server = server.listen(1).unwrap();
        let settings = TcpSettings::default();
        let (accepted, stream) = futures::join!(server.accept(), settings.connect(address));
        assert!(accepted.is_ok() && stream.is_ok());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn port_without_a_server_never_connects() {
        let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
        let mut range = range.split_whitespace().map(|port| port.parse::<u16>().unwrap());
        let (first, last) = (range.next().unwrap(), range.next().unwrap());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut address = listener.local_addr().unwrap();
        drop(listener);
        // Linux connects from every second port, one after the other. So each of them has its turn once in as many attempts.
        address.set_port(address.port() - (address.port() - first) % 2);
        let settings = TcpSettings::default();
        for _ in (first..=last).step_by(2) {
            let connected = settings.connect(address).await;
            assert_eq!(connected.map(drop).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn setting_that_the_system_refuses_is_no_failure() {
        let (stream, _peer) = tokio::net::UnixStream::pair().unwrap();
        let socket = SockRef::from(&stream);
        let mut settings = TcpSettings::default();
        settings.set_keepalive(Duration::from_secs(1));
        let keepalive = settings.keepalive.unwrap().parameters();
        assert!(socket.set_tcp_nodelay(true).is_err() && socket.set_tcp_keepalive(&keepalive).is_err());
        settings.tune(&socket);
    }

    /// Connects to a listener, and returns nodelay, whether keepalive is on, and its idle time, interval and retries.
    #[cfg(target_os = "linux")]
    async fn options_of_stream(settings: &TcpSettings) -> (bool, bool, [Duration; 2], u32) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = settings.connect(listener.local_addr().unwrap()).await.unwrap();
        let socket = SockRef::from(&stream);
        let times = [socket.tcp_keepalive_time().unwrap(), socket.tcp_keepalive_interval().unwrap()];
        (stream.nodelay().unwrap(), socket.keepalive().unwrap(), times, socket.tcp_keepalive_retries().unwrap())
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn settings_are_those_of_the_stream() {
        let (no_delay, keepalive, [idle, interval], retries) = options_of_stream(&TcpSettings::default()).await;
        assert_eq!((no_delay, keepalive), (true, false));

        let mut settings = TcpSettings::default();
        settings.set_no_delay(false);
        settings.set_keepalive(Duration::from_millis(60_500));
        assert_eq!(
            options_of_stream(&settings).await,
            (false, true, [Duration::from_secs(61), interval], retries),
            "what is not set is left to the system"
        );
        settings.set_keepalive_interval(Duration::from_secs(10));
        settings.set_keepalive_retries(5);
        let times = [Duration::from_secs(61), Duration::from_secs(10)];
        assert_eq!(options_of_stream(&settings).await, (false, true, times, 5));

        let mut alone = TcpSettings::default();
        alone.set_keepalive_retries(0);
        assert_eq!(options_of_stream(&alone).await, (true, true, [idle, interval], 1));
        let mut extreme = TcpSettings::default();
        extreme.set_keepalive(Duration::ZERO);
        extreme.set_keepalive_interval(Duration::MAX);
        extreme.set_keepalive_retries(u32::MAX);
        let times = [Duration::from_secs(1), Duration::from_secs(MAX_KEEPALIVE_SECONDS)];
        assert_eq!(options_of_stream(&extreme).await, (true, true, times, MAX_KEEPALIVE_RETRIES));
    }
}
