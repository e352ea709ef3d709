//! The options of a connection, once for all targets.
//!
//! Each method has its documentation here. Behind [`Options`] are the [`Settings`] of the back end.
//!
//! [`network`], [`proxy`], [`tls`] and [`http2`] have the methods about TCP, proxies, TLS and HTTP/2, and `native` those
//! whose types exist on native targets only. [`unsupported`] has the errors.

#[cfg(feature = "http2")]
mod http2;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
mod native;
mod network;
#[cfg(feature = "proxy")]
pub(crate) mod proxy;
#[cfg(feature = "__tls")]
mod tls;
pub(crate) mod unsupported;

use std::fmt;
use std::time::Duration;

use self::unsupported::UnsupportedOption;
use crate::platform::timeouts::{CLOSING_TIMEOUT, OPENING_TIMEOUT};
use crate::platform::{Backend, PlatformSettings, Settings};
#[cfg(feature = "compression")]
use crate::types::compression::Compression;
#[cfg(feature = "cookies")]
use crate::types::cookie_store::CookieStore;
use crate::types::invalid_option::InvalidOption;

/// The options of a connection beside those of [`Connect`](crate::Connect), for
/// [`Connect::options`](crate::Connect::options) and [`WebSocket::with_options`].
///
/// A clone shares the TLS configuration, so sockets of one program best share one value.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use samesocket::Options;
/// use std::time::Duration;
///
/// let options = Options::new()
///     .opening_timeout(Duration::from_secs(10))
///     .max_message_bytes(1 << 20)
///     .proxy_from_environment();
/// let socket = samesocket::connect("wss://example.com/chat").options(options).await?;
/// # drop(socket);
/// # Ok(())
/// # }
/// ```
///
/// # In a page
///
/// The type is the same on every target, so that a program needs no `cfg`. Native targets apply all options. In a page the
/// browser decides what they are about:
///
/// - Options that only tune have no effect there: limits, settings of TCP, and the timeouts of a
///   [`WebSocket`](crate::WebSocket). The same holds for [`proxy_from_environment`](Self::proxy_from_environment),
///   because a page has no environment variables.
/// - Options whose loss would be unsafe are refused before anything is sent: header fields, cookies, a proxy,
///   addresses and settings of TLS. So are redirects, which a page cannot follow. The error is an [`UnsupportedOption`].
/// - `runtime`, `connector`, `crypto_provider` and `tls_config` exist on native targets only, because their types do.
///
/// The table marks those that are refused.
///
/// | option | default | what it sets | in a page |
/// | --- | --- | --- | --- |
/// | [`opening_timeout`](Self::opening_timeout) | 60 s | the time from the start to `open`, including names, proxies, TLS and the wait for other sockets | applies to [`connect`](crate::connect) |
/// | [`closing_timeout`](Self::closing_timeout) | 10 s | the time without progress of the closing handshake | applies to `close` of a [`Socket`](crate::Socket) |
/// | [`compression`](Self::compression) | on | the offer of compression, and its level | no effect |
/// | [`max_concurrent_handshakes`](Self::max_concurrent_handshakes) | 1 | the opening handshakes with one address at a time | no effect |
/// | [`max_head_bytes`](Self::max_head_bytes) | 64 KiB | the head of the server's response | no effect |
/// | [`max_frame_bytes`](Self::max_frame_bytes) | 64 MiB | the payload of one received frame, before inflation | no effect |
/// | [`max_message_bytes`](Self::max_message_bytes) | 64 MiB | one received message, after inflation | no effect |
/// | [`max_queued_bytes`](Self::max_queued_bytes) | 256 MiB | the messages that wait to be sent | no effect |
/// | `http2` | never | streams of shared connections, by the feature `http2` | no effect |
/// | [`max_redirects`](Self::max_redirects) | 0 | the redirects that are followed | refused, unless 0 |
/// | [`host`](Self::host) | that of the URL | the `Host` field | refused |
/// | [`origin`](Self::origin) | none | the `Origin` field | refused |
/// | [`header`](Self::header) | none | more fields of the request | refused |
/// | [`cookies`](Self::cookies) | none | the store of cookies | refused |
/// | [`proxy`](Self::proxy) | none | a proxy | refused |
/// | [`proxy_from_environment`](Self::proxy_from_environment) | off | the proxy that the environment names | no effect |
/// | [`root_certificate`](Self::root_certificate), [`pinned_certificate`](Self::pinned_certificate) | the trust store of the platform | trusted certificates | refused |
/// | [`trust_store`](Self::trust_store) | that of the platform | the trusted root certificates | refused |
/// | [`dangerous_accept_any_certificate`](Self::dangerous_accept_any_certificate) | off | no verification | refused |
/// | [`client_certificate`](Self::client_certificate) | none | the certificate of the client | refused |
/// | [`alpn_protocols`](Self::alpn_protocols) | `http/1.1` | the protocols that TLS offers | refused |
/// | [`tls_sni`](Self::tls_sni) | on | whether TLS sends the name of the server | off is refused |
/// | [`tls_server_name`](Self::tls_server_name) | the host of the URL | the name for TLS | refused |
/// | [`resolve`](Self::resolve) | the system's resolver | the addresses of a name | refused |
/// | [`local_address`](Self::local_address) | chosen by the system | the address to connect from | refused |
/// | [`tcp_nodelay`](Self::tcp_nodelay) | on | whether small messages leave at once | no effect |
/// | [`tcp_keepalive`](Self::tcp_keepalive), [`tcp_keepalive_interval`](Self::tcp_keepalive_interval), [`tcp_keepalive_retries`](Self::tcp_keepalive_retries) | off | probes of an idle connection | no effect |
/// | `crypto_provider` | ring | the cryptography of TLS | does not exist |
/// | `tls_config` | made from those above | the whole TLS configuration | does not exist |
/// | `runtime` | the runtime in which the socket is created, else the background thread | the tokio runtime of the socket | does not exist |
/// | [`background_thread`](Self::background_thread) | off | the socket lives on the background thread | no effect |
/// | `connector` | TCP to the host of the URL | the transport | does not exist |
///
/// # Fixed limits
///
/// On native targets:
///
/// - Addresses of one host: the next one is tried when one has failed, or 250 ms after the one before.
/// - Name resolution: 16 names of the process at one time. Address literals and `localhost` do not count.
/// - The head of a proxy's response: 16 KiB.
/// - Pongs: 64 may wait to be sent. Beyond that, the oldest is dropped.
/// - Idle memory: after 5 s without a byte in either direction, the connection frees its buffers and its compressor.
/// - [`Events`](crate::Events): 4096 messages or 16 MiB. Beyond that, the socket stops reading from TCP.
///
/// # Handshakes at a time
///
/// On native targets, one socket at a time has an opening handshake under way with an address and port, by
/// [RFC 6455, section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1). The others wait in a queue,
/// first come, first served. The rule spares servers, and it covers all sockets of the process on all runtimes.
///
/// A program that opens 1000 sockets to one server gets them one by one. If the server takes 0.1 s for each, 600 are
/// open after the default opening timeout of 60 s, and the others fail.
/// [`max_concurrent_handshakes`](Self::max_concurrent_handshakes) allows more at a time, for a server that expects many
/// connections from this program.
///
/// - A handshake counts for at most 5 s. Then the next one may start beside it. So a server that does not answer, or a
///   runtime that is not driven, delays the next handshake by at most 5 s. In RFC 6455 and in browsers, a handshake
///   blocks the others until its timeout.
/// - A socket leaves the queue at once when it is closed or dropped, even if its runtime is not driven then.
/// - Behind a proxy, each name counts as an address of its own, because the proxy resolves names.
/// - Sockets with a `connector` do not wait, because their addresses are unknown.
///
/// # Redirects
///
/// On native targets, [`max_redirects`](Self::max_redirects) lets the opening handshake follow redirects. The request of each
/// hop is a `GET` with the options that this table names. An origin is a scheme (`ws` or `wss`), a host and a port. What was
/// dropped at another origin stays dropped, even if a later redirect leads back.
///
/// | what | with the same origin | with another origin |
/// | --- | --- | --- |
/// | user name and password of the URL | kept, unless the `Location` has others | dropped; those of the `Location` are sent |
/// | `header` with `Authorization`, `Proxy-Authorization`, `Cookie` or `Cookie2` | kept | dropped |
/// | `header` with another name, `origin` | kept | kept; such a header must not hold a secret |
/// | subprotocols, which some programs use for tokens | kept | kept, because the server has to choose one |
/// | `host`, `tls_server_name` | kept | dropped: the host of the URL counts |
/// | `client_certificate`, also that of a `tls_config` | kept | dropped |
/// | `pinned_certificate` | demanded | demanded, so that no redirect leads around it |
/// | `root_certificate`, `trust_store`, `dangerous_accept_any_certificate`, `crypto_provider`, `alpn_protocols`, `tls_sni`, the rest of a `tls_config` | kept | kept |
/// | `cookies` | asked with the URL of the hop | asked with the URL of the hop |
/// | `resolve` | for the names given | for the names given |
/// | `proxy`, `proxy_from_environment` | chosen for the hop | chosen for the hop |
/// | `connector` | called with the target of the hop | called with the target of the hop |
/// | `local_address`, settings of TCP, compression, limits, the runtime | kept | kept |
///
/// - The connection of a redirect is closed when its head has arrived. The store gets the cookies of that response.
/// - The rules for [ports](crate::Failure::BadPort) and for handshakes at a time apply to each hop.
/// - The opening timeout is one for all hops. Closing, aborting and dropping act in each hop as while connecting.
/// - A [reconnecting](crate::reconnect) socket starts each attempt at the requested URL.
///
/// [`WebSocket::with_options`]: crate::WebSocket::with_options
#[derive(Clone, Default)]
pub struct Options(PlatformSettings, ChosenTimeouts);

/// The timeouts that were set.
#[derive(Clone, Copy, Default)]
pub(crate) struct ChosenTimeouts {
    pub(crate) opening: Option<Duration>,
    pub(crate) closing: Option<Duration>,
}

impl Options {
    /// Creates options with all defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the timeout of the opening handshake: the time from the start of connecting to `open`. The default is 60 s; any
    /// duration is valid.
    ///
    /// The time includes name resolution, proxies, TLS, redirects, and the wait for another socket's handshake with the
    /// same server. If it passes, TCP is reset. [`connect`](crate::connect) returns
    /// [`ConnectError::TimedOut`](crate::ConnectError::TimedOut). A [`WebSocket`](crate::WebSocket) fails with
    /// [`ProtocolFailure::OpeningTimeout`](crate::ProtocolFailure::OpeningTimeout).
    ///
    /// It is the same setting as [`Connect::timeout`](crate::Connect::timeout). The last call counts; for the options,
    /// that is the call of [`Connect::options`](crate::Connect::options). [The guide](crate::guide::ending#timeouts)
    /// has one table of all timeouts.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let options = samesocket::Options::new().opening_timeout(Duration::from_secs(10));
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn opening_timeout(mut self, timeout: Duration) -> Self {
        self.1.opening = Some(timeout);
        self
    }

    /// Sets the timeout of the closing handshake: the time without progress after which the connection is given up. The
    /// default is 10 s; any duration is valid.
    ///
    /// The time starts with the closing handshake, whichever side starts it, and again with the last byte that was sent. A file
    /// that was sent before the close has to be read in this time. If it passes, TCP is reset, and the `close` event has code
    /// 1006.
    ///
    /// After both Close frames, the server has to close TCP in this time, or in 2 s if that is shorter. Otherwise the socket
    /// closes TCP itself, and the `close` event is as clean as before. The same time applies after a write error, as an idle
    /// timeout: the messages that arrived before are still delivered. The connection ends when no message was taken and no
    /// byte arrived for this time.
    ///
    /// It is the same setting as [`Connect::close_timeout`](crate::Connect::close_timeout); of several calls the last one
    /// counts. [The guide](crate::guide::ending#timeouts) has one table of all timeouts.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let options = samesocket::Options::new().closing_timeout(Duration::from_secs(5));
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn closing_timeout(mut self, timeout: Duration) -> Self {
        self.1.closing = Some(timeout);
        self
    }

    /// Sets the compression that is offered to the server. By default it is on; see [`Compression`], which has an example.
    ///
    /// In a page, and without the feature `compression`, it has no effect.
    #[cfg(feature = "compression")]
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.0.set_compression(compression);
        self
    }

    /// Sets the maximum number of concurrent opening handshakes with one address. This socket waits while so many are
    /// under way. The default is one, as [RFC 6455, section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1)
    /// demands; zero means one.
    ///
    /// Raise it to open many sockets to a server of your own: with `n`, they open `n` times as fast. A server that is not
    /// yours may treat many handshakes at a time as an attack. [`Options`](Self#handshakes-at-a-time) describes the queue. In a
    /// page it has no effect, because the browser has a queue of its own.
    ///
    /// ```
    /// let options = samesocket::Options::new().max_concurrent_handshakes(50);
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn max_concurrent_handshakes(mut self, count: usize) -> Self {
        self.0.set_max_concurrent_handshakes(count);
        self
    }

    /// Sets the maximum number of redirects that the opening handshake follows. The default is 0: a redirect fails the
    /// connection, as in a browser.
    ///
    /// A response with status 301, 302, 303, 307 or 308 is followed to its `Location`, which may be relative. The schemes
    /// `http` and `https` count as `ws` and `wss`. Each hop looks up its own addresses, proxy, cookies and place in the queue of
    /// handshakes. Credentials never reach another origin; see [the table](Self#redirects).
    /// The opening timeout is one for all hops. [`Response::url`](crate::Response::url) is the last URL, while
    /// [`WebSocket::url`](crate::WebSocket::url) stays the one that was requested.
    ///
    /// A redirect that is not followed fails the connection with [`Failure::Redirect`](crate::Failure::Redirect). That is
    /// one redirect too many, one from `wss` to `ws`, and one without a valid `Location`. With the default of 0, it is
    /// [`Failure::Refused`](crate::Failure::Refused).
    ///
    /// A server that redirects chooses what the program connects to, such as a service of the local network. Set it only for
    /// servers that you trust so far. A page refuses any number but 0, because a browser follows no redirects.
    ///
    /// ```
    /// let options = samesocket::Options::new().max_redirects(5);
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn max_redirects(mut self, count: u32) -> Self {
        self.0.set_max_redirects(count);
        self
    }

    /// Sets the maximum size of the head of the server's response, in bytes. The default is 64 KiB; any number is
    /// valid.
    ///
    /// The heads of interim (1xx) responses count, too; over HTTP/2 each of them may have 8 times as many bytes. Beyond the limit, the
    /// connection fails.
    ///
    /// ```
    /// let options = samesocket::Options::new().max_head_bytes(8 << 10);
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn max_head_bytes(mut self, bytes: usize) -> Self {
        self.0.set_max_head_bytes(bytes);
        self
    }

    /// Sets the maximum payload size of one received frame in bytes, before inflation. The default is 64 MiB; any
    /// number is valid.
    ///
    /// Beyond the limit, the connection fails, and the server receives a Close frame with code 1009.
    ///
    /// ```
    /// let options = samesocket::Options::new().max_frame_bytes(1 << 20);
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn max_frame_bytes(mut self, bytes: u64) -> Self {
        self.0.set_max_frame_bytes(bytes);
        self
    }

    /// Sets the maximum size of one received message in bytes, after inflation. The default is 64 MiB; any number is
    /// valid.
    ///
    /// Beyond the limit, the connection fails, and the server receives a Close frame with code 1009.
    ///
    /// ```
    /// let options = samesocket::Options::new().max_message_bytes(1 << 20);
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn max_message_bytes(mut self, bytes: u64) -> Self {
        self.0.set_max_message_bytes(bytes);
        self
    }

    /// Sets the maximum number of bytes that may wait to be sent. The default is 256 MiB; any number is valid.
    ///
    /// Each message counts 160 bytes beside its payload, and 16 once it is in a frame. A message beyond the limit is not sent. The socket is then
    /// [full](https://websockets.spec.whatwg.org/#dom-websocket-send), and the connection fails with
    /// [`ProtocolFailure::QueueFull`](crate::ProtocolFailure::QueueFull).
    ///
    /// ```
    /// let options = samesocket::Options::new().max_queued_bytes(16 << 20);
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn max_queued_bytes(mut self, bytes: u64) -> Self {
        self.0.set_max_queued_bytes(bytes);
        self
    }

    /// Makes the socket live on the background thread, which all such sockets of the process share.
    ///
    /// By default, a socket that is created inside a tokio runtime lives there; see `runtime`. On the background
    /// thread, a socket reads, decrypts and answers pings even while the program blocks its own threads. It survives
    /// the end of the runtime in which it was created. Each message that a task waits for then wakes another thread,
    /// which costs more than handling a short message.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), samesocket::ConnectError> {
    /// use samesocket::{Options, connect};
    ///
    /// let socket = connect("wss://example.com/chat").options(Options::new().background_thread()).await?;
    /// # drop(socket);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn background_thread(mut self) -> Self {
        self.0.set_background_thread();
        self
    }

    /// Sets the `Host` field of the opening handshake. The default is the host of the URL, with its port unless that is the
    /// default of the scheme.
    ///
    /// It is for servers that are reached by another name or address than their own. It changes neither the address to
    /// connect to nor the name for TLS; see [`resolve`](Self::resolve) and [`tls_server_name`](Self::tls_server_name).
    /// A page refuses it.
    ///
    /// ```
    /// let options = samesocket::Options::new().host("internal.example:8080")?;
    /// # drop(options);
    /// # Ok::<(), samesocket::InvalidOption>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`InvalidOption`] if the value is not a name or an address with or without a port, in ASCII.
    pub fn host(mut self, host: &str) -> Result<Self, InvalidOption> {
        self.0.fields().set_host(host)?;
        Ok(self)
    }

    /// Sets the `Origin` field of the opening handshake. The default is no such field.
    ///
    /// The last call counts, including one of [`header`](Self::header) with this name.
    ///
    /// ```
    /// let options = samesocket::Options::new().origin("https://example.com")?;
    /// # drop(options);
    /// # Ok::<(), samesocket::InvalidOption>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`InvalidOption`] if the value contains control characters other than a tab.
    pub fn origin(mut self, origin: &str) -> Result<Self, InvalidOption> {
        self.0.fields().set_origin(origin)?;
        Ok(self)
    }

    /// Adds a header field to the opening handshake. The default is none.
    ///
    /// A field that HTTP allows only once replaces an earlier one of the same name, which may be that of
    /// [`origin`](Self::origin) or [`host`](Self::host). These are `Authorization`, `Cookie`, `Host`, `Origin`,
    /// `User-Agent` and a few others. Other fields of the same name are all sent. An `Authorization` or `Cookie` field
    /// replaces the one made from the URL or from [`cookies`](Self::cookies). A page refuses all of them.
    ///
    /// All fields are sent to the server, and none to a proxy. That holds for `Proxy-Authorization`, too. The user name and
    /// password for a proxy are a part of its URL.
    ///
    /// The name may be a `&str`, a `String` or the `HeaderName` of the crate `http`. The value may be one of the first two, bytes,
    /// or a `HeaderValue`.
    ///
    /// ```
    /// let options = samesocket::Options::new()
    ///     .header("Authorization", format!("Bearer {}", 42))?
    ///     .header("X-Trace", b"2a".to_vec())?;
    /// # drop(options);
    /// # Ok::<(), samesocket::InvalidOption>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`InvalidOption`] if the name is no [token](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2) or
    /// belongs to the handshake itself, such as `Upgrade` or `Sec-WebSocket-Protocol`. The same holds for a value with
    /// control characters other than a tab, for one that is not UTF-8, and for a `Host` that [`host`](Self::host) refuses.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Result<Self, InvalidOption> {
        self.0.fields().add(name.as_ref(), value.as_ref())?;
        Ok(self)
    }

    /// Sets the store of cookies. By default, no cookies are sent or stored. [`CookieStore`] has an example.
    #[cfg(feature = "cookies")]
    #[must_use]
    pub fn cookies(mut self, store: impl CookieStore) -> Self {
        self.0.set_cookies(crate::sync::Shared::new(store));
        self
    }

    /// Returns the settings of the platform's back end.
    pub(crate) const fn settings(&self) -> &PlatformSettings {
        &self.0
    }

    /// Returns the platform's back end with these options.
    pub(crate) fn backend(&self) -> &dyn Backend {
        self.0.backend()
    }

    /// Returns the timeouts that were set.
    pub(crate) const fn chosen_timeouts(&self) -> ChosenTimeouts {
        self.1
    }

    /// Checks that the back end can apply all options whose loss would be unsafe.
    pub(crate) fn check_supported(&self) -> Result<(), UnsupportedOption> {
        self.0.unsupported().map_or(Ok(()), |option| Err(UnsupportedOption::new(option)))
    }
}

impl fmt::Debug for Options {
    /// Shows the timeouts, and on native targets the limits. All other options may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Options");
        shown.field("opening_timeout", &self.1.opening.unwrap_or(OPENING_TIMEOUT));
        shown.field("closing_timeout", &self.1.closing.unwrap_or(CLOSING_TIMEOUT));
        self.0.show_limits(&mut shown);
        shown.finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "compression", feature = "cookies", feature = "proxy", feature = "__tls"))]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use futures::FutureExt;

    use super::proxy::Proxy;
    use super::{InvalidOption, Options};
    use crate::platform::Settings;
    use crate::types::cookie_store::CookieStore;
    use crate::types::trust_store::TrustStore;
    use crate::{ConnectError, StartError, WebSocket, connect, test};

    const IS_PAGE: bool = cfg!(all(target_family = "wasm", target_os = "unknown"));

    struct NoCookies;

    impl CookieStore for NoCookies {
        fn cookies(&self, _: &str) -> Option<String> {
            None
        }

        fn set_cookies(&self, _: &str, _: &[&[u8]]) {}
    }

    /// The DER of a key of Ed25519, from RFC 8410, section 10.3.
    fn key() -> Vec<u8> {
        let mut key = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        key.resize(48, 7);
        key
    }

    fn unsafe_to_ignore() -> Result<Vec<(&'static str, Options)>, InvalidOption> {
        let new = Options::new;
        Ok(vec![
            ("header", new().header("X", "1")?),
            ("origin", new().origin("https://example.com")?),
            ("origin", new().header("origin", "https://example.com")?),
            ("host", new().host("example.com")?),
            ("host", new().header("host", "example.com")?),
            ("resolve", new().resolve("example.com", [])?),
            ("local_address", new().local_address(Ipv4Addr::LOCALHOST)),
            ("max_redirects", new().max_redirects(1)),
            ("alpn_protocols", new().alpn_protocols(["http/1.1"])?),
            ("tls_sni", new().tls_sni(false)),
            ("tls_server_name", new().tls_server_name("example.com")?),
            ("cookies", new().cookies(NoCookies)),
            ("proxy", new().proxy(Proxy::new("http://proxy.test")?)),
            ("root_certificate", new().root_certificate([0])),
            ("pinned_certificate", new().pinned_certificate([0])),
            ("client_certificate", new().client_certificate([[0]], key())?),
            ("trust_store", new().trust_store(TrustStore::None)),
            ("dangerous_accept_any_certificate", new().dangerous_accept_any_certificate()),
        ])
    }

    #[test]
    fn page_refuses_each_option_that_it_must_not_ignore() {
        for (name, options) in unsafe_to_ignore().unwrap() {
            let refused = options.check_supported().map_err(|unsupported| unsupported.option());
            assert_eq!(refused, if IS_PAGE { Err(name) } else { Ok(()) });
            if IS_PAGE {
                let failed = connect("ws://localhost:9/").options(options.clone()).now_or_never();
                assert!(matches!(failed, Some(Err(ConnectError::Unsupported(_)))), "{name}");
                let failed = WebSocket::with_options("ws://localhost:9/", (), &options);
                assert!(matches!(failed, Err(StartError::Unsupported(_))), "{name}");
            }
        }
    }

    #[test]
    fn option_that_only_tunes_is_accepted_everywhere() {
        let options = Options::new()
            .opening_timeout(Duration::ZERO)
            .closing_timeout(Duration::ZERO)
            .max_redirects(0)
            .max_head_bytes(0)
            .max_frame_bytes(0)
            .max_message_bytes(0)
            .max_queued_bytes(0)
            .tcp_nodelay(false)
            .tcp_keepalive(Duration::ZERO)
            .tcp_keepalive_interval(Duration::ZERO)
            .tcp_keepalive_retries(0)
            .tls_sni(true)
            .proxy_from_environment();
        assert_eq!(options.check_supported(), Ok(()));
    }

    #[test]
    fn later_option_lifts_the_refusal_of_the_one_it_replaces() {
        let proxy = || Options::new().proxy(Proxy::new("http://proxy.test").unwrap());
        for options in [Options::new().tls_sni(false).tls_sni(true), proxy().proxy_from_environment()] {
            assert_eq!(options.check_supported(), Ok(()));
        }
        for (name, options) in [
            ("tls_sni", Options::new().tls_sni(true).tls_sni(false)),
            ("proxy", proxy().proxy_from_environment().proxy(Proxy::new("http://proxy.test").unwrap())),
            ("resolve", proxy().resolve("example.com", []).unwrap().proxy_from_environment()),
        ] {
            let refused = options.check_supported().map_err(|unsupported| unsupported.option());
            assert_eq!(refused, if IS_PAGE { Err(name) } else { Ok(()) });
        }
    }

    #[test]
    fn debug_shows_the_timeouts_that_apply() {
        let options = Options::new();
        assert!(format!("{options:?}").contains("opening_timeout: 60s, closing_timeout: 10s"), "{options:?}");
        let options = options.opening_timeout(Duration::from_secs(3)).closing_timeout(Duration::MAX);
        let expected = format!("opening_timeout: 3s, closing_timeout: {:?}", Duration::MAX);
        let shown = format!("{options:?}");
        assert!(shown.contains(&expected) && !shown.contains("60s"), "{shown}");
    }

    #[test]
    fn header_is_text_or_bytes_in_utf8() {
        let bytes = "v\u{fc}".as_bytes();
        let fields = |options: Result<Options, InvalidOption>| options.unwrap().0.fields().headers().to_vec();
        let expected = [("A".to_owned(), "v\u{fc}".to_owned())];
        assert_eq!(fields(Options::new().header("A", "v\u{fc}")), expected);
        let (name, value, owned_bytes) = ("A".to_owned(), "v\u{fc}".to_owned(), bytes.to_vec());
        assert_eq!(fields(Options::new().header(&name, &value)), expected);
        assert_eq!(fields(Options::new().header(&name, &owned_bytes)), expected);
        assert_eq!(fields(Options::new().header(name, value)), expected);
        assert_eq!(fields(Options::new().header("A", owned_bytes)), expected);
        assert_eq!(fields(Options::new().header("A", bytes)), expected);
        let error = Options::new().header("A", b"s\xfcsecret").unwrap_err();
        assert_eq!(error.to_string(), "the value of A is not UTF-8, as at position 1");
    }

    #[test]
    fn header_is_checked_on_each_target() {
        for (name, value) in [("Upgrade", "h"), ("Host", "a/b"), ("Host", "[]"), ("", ""), ("a b", ""), ("A", "\n")] {
            assert!(Options::new().header(name, value).is_err(), "{name}: {value:?}");
        }
        for (host, text) in [
            ("[]", "the value of Host has no IPv6 address in its brackets"),
            ("a:99999", "the port in the value of Host is above 65535"),
            ("a b", "the value of Host cannot contain ' ', as at position 1"),
            ("[::1", "the value of Host cannot end at position 4"),
            ("u:secret@h", "the value of Host cannot contain 's', as at position 2"),
            ("", "the value of Host cannot be empty"),
        ] {
            assert_eq!(Options::new().host(host).unwrap_err().to_string(), text, "{host}");
        }
        assert!(Options::new().origin("\n").is_err());
    }
}
