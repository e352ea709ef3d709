//! The options of a native socket, beside the arguments of the interface.
//!
//! [`proxy`] and [`tls`] have the methods about proxies and certificates.

mod proxy;
mod tls;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};

use crate::platform::native::cookie_store::CookieStore;
use crate::platform::native::dial::connector::Connector;
use crate::platform::native::dial::proxy_settings::ProxySettings;
use crate::platform::native::dial::tls::TlsSettings;
use crate::platform::native::invalid_option::InvalidOption;
use crate::platform::native::runtime::background;
use samesocket_protocol::{Limits, Request};

/// The options of a native socket, for [`WebSocket::with_options`] and [`Connect::options`](crate::Connect::options).
///
/// They exist on native targets only. A clone shares the TLS configuration, so sockets of one program best share one
/// value.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use samesocket::Options;
/// use std::time::Duration;
///
/// let options = Options::new()
///     .header("Authorization", "Bearer 2a")?
///     .opening_timeout(Duration::from_secs(10))
///     .max_message_bytes(1 << 20)
///     .proxy_from_environment();
/// let socket = samesocket::connect("wss://example.com/chat").options(options).await?;
/// # drop(socket);
/// # Ok(())
/// # }
/// ```
///
/// | option | default | limits |
/// | --- | --- | --- |
/// | [`opening_timeout`](Self::opening_timeout) | 60 s | the time from the constructor to `open`, including names, proxies, TLS and the wait for other sockets |
/// | [`closing_timeout`](Self::closing_timeout) | 60 s | the time that the server has to answer our Close frame |
/// | [`fin_timeout`](Self::fin_timeout) | 2 s | the time that the server has to close TCP after both Close frames |
/// | [`max_head_bytes`](Self::max_head_bytes) | 64 KiB | the head of the server's response |
/// | [`max_frame_bytes`](Self::max_frame_bytes) | 64 MiB | the payload of one received frame, before inflation |
/// | [`max_message_bytes`](Self::max_message_bytes) | 64 MiB | one received message, after inflation |
/// | [`max_queued_bytes`](Self::max_queued_bytes) | 256 MiB | the messages that wait to be sent |
/// | [`origin`](Self::origin) | none | |
/// | [`header`](Self::header) | none | |
/// | [`cookies`](Self::cookies) | none | |
/// | [`proxy`](Self::proxy), [`proxy_from_environment`](Self::proxy_from_environment) | none | |
/// | [`runtime`](Self::runtime) | a background thread that all sockets share | |
/// | [`connector`](Self::connector) | TCP to the host of the URL | |
/// | [`root_certificate`](Self::root_certificate), [`pinned_certificate`](Self::pinned_certificate), [`tls_config`](Self::tls_config) | the trust store of the platform | |
/// | [`client_certificate`](Self::client_certificate) | none | |
///
/// # Fixed limits
///
/// - Addresses of one host: the next one is tried when one has failed, or 250 ms after the one before.
/// - Name resolution: 16 names of the process at one time. Address literals and `localhost` do not count.
/// - The head of a proxy's response: 16 KiB.
/// - Compression: messages of fewer than 256 bytes are sent uncompressed.
/// - Pongs: 64 may wait to be sent. Beyond that, the oldest is dropped.
/// - Idle memory: after 5 s without a byte in either direction, the connection frees its buffers and its compressor.
/// - [`Events`](crate::Events): 4096 messages or 16 MiB. Beyond that, the socket stops reading from TCP.
///
/// # One handshake at a time
///
/// One socket at a time has an opening handshake under way with an address and port, by
/// [RFC 6455, section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1). The others wait in a queue,
/// first come, first served. The rule spares servers, and it covers all sockets of the process on all runtimes.
///
/// A program that opens 1000 sockets to one server gets them one by one. If the server takes 0.1 s for each, 600 are
/// open after the default opening timeout of 60 s. The others fail unless their
/// [`opening_timeout`](Self::opening_timeout) is longer.
///
/// - A socket leaves the queue at once when it is closed or dropped, even if its runtime is not driven then.
/// - A socket that is kept while its runtime is not driven holds up the others.
/// - Behind a proxy, each name counts as an address of its own, because the proxy resolves names.
/// - Sockets with a [`connector`](Self::connector) do not wait, because their addresses are unknown.
///
/// [`WebSocket::with_options`]: crate::WebSocket::with_options
#[derive(Clone, Default)]
pub struct Options {
    pub(in crate::platform::native) limits: Limits,
    pub(in crate::platform::native) origin: Option<String>,
    pub(in crate::platform::native) headers: Vec<(String, String)>,
    pub(in crate::platform::native) cookies: Option<Arc<dyn CookieStore>>,
    pub(in crate::platform::native) proxy_settings: ProxySettings,
    /// The settings for TLS with the server.
    pub(in crate::platform::native) tls: TlsSettings,
    /// The part of `tls` that also counts for a proxy: the root certificates.
    pub(in crate::platform::native) tls_with_proxies: TlsSettings,
    pub(in crate::platform::native) connector: Option<Arc<dyn Connector>>,
    runtime: Option<Handle>,
}

impl Options {
    /// Creates options with all defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the time limit from the constructor to `open`. The default is 60 s; any duration is valid.
    ///
    /// The time includes name resolution, proxies, TLS, and the wait for another socket's handshake with the same
    /// server. If it passes, the connection fails with
    /// [`ProtocolFailure::OpeningTimeout`](crate::ProtocolFailure::OpeningTimeout).
    ///
    /// ```
    /// # use std::time::Duration;
    /// let options = samesocket::Options::new().opening_timeout(Duration::from_secs(10));
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn opening_timeout(mut self, timeout: Duration) -> Self {
        self.limits.opening = timeout;
        self
    }

    /// Sets the time that the server has to answer our Close frame. The default is 60 s; any duration is valid.
    ///
    /// The time starts with the last byte that was sent. If it passes, TCP is reset, and the `close` event has code 1006.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let options = samesocket::Options::new().closing_timeout(Duration::from_secs(5));
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn closing_timeout(mut self, timeout: Duration) -> Self {
        self.limits.closing = timeout;
        self
    }

    /// Sets the time that the server has to close TCP after both Close frames. The default is 2 s; any duration is
    /// valid.
    ///
    /// If it passes, the socket closes TCP itself, and the `close` event is as clean as before.
    ///
    /// The same time applies after a write error, as an idle timeout: the messages that arrived before are still
    /// delivered. The connection ends when no message was taken and no byte arrived for this time.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let options = samesocket::Options::new().fin_timeout(Duration::from_millis(500));
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn fin_timeout(mut self, timeout: Duration) -> Self {
        self.limits.drain = timeout;
        self
    }

    /// Sets the most bytes of the head of the server's response. The default is 64 KiB; any number is valid.
    ///
    /// The heads of interim (1xx) responses count, too. Beyond the limit, the connection fails.
    ///
    /// ```
    /// let options = samesocket::Options::new().max_head_bytes(8 << 10);
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn max_head_bytes(mut self, bytes: usize) -> Self {
        self.limits.head = bytes;
        self
    }

    /// Sets the most payload bytes of one received frame, before inflation. The default is 64 MiB; any number is valid.
    ///
    /// Beyond the limit, the connection fails, and the server receives a Close frame with code 1009.
    ///
    /// ```
    /// let options = samesocket::Options::new().max_frame_bytes(1 << 20);
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn max_frame_bytes(mut self, bytes: u64) -> Self {
        self.limits.frame = bytes;
        self
    }

    /// Sets the most bytes of one received message, after inflation. The default is 64 MiB; any number is valid.
    ///
    /// Beyond the limit, the connection fails, and the server receives a Close frame with code 1009.
    ///
    /// ```
    /// let options = samesocket::Options::new().max_message_bytes(1 << 20);
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn max_message_bytes(mut self, bytes: u64) -> Self {
        self.limits.message = bytes;
        self
    }

    /// Sets the most bytes that may wait to be sent. The default is 256 MiB; any number is valid.
    ///
    /// Each message counts 16 bytes beside its payload. A message beyond the limit is not sent. The socket is then
    /// [full](https://websockets.spec.whatwg.org/#dom-websocket-send), and the connection fails with
    /// [`ProtocolFailure::QueueFull`](crate::ProtocolFailure::QueueFull).
    ///
    /// ```
    /// let options = samesocket::Options::new().max_queued_bytes(16 << 20);
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn max_queued_bytes(mut self, bytes: u64) -> Self {
        self.limits.queue = bytes;
        self
    }

    /// Sets the `Origin` field of the opening handshake. The default is no such field.
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
        self.origin = Some(origin.to_owned());
        self.check()
    }

    /// Adds a header field to the opening handshake. The default is none. Fields of the same name are all sent.
    ///
    /// An `Authorization` or `Cookie` field replaces the one made from the URL or from [`cookies`](Self::cookies).
    ///
    /// ```
    /// let options = samesocket::Options::new().header("Authorization", "Bearer 2a")?;
    /// # drop(options);
    /// # Ok::<(), samesocket::InvalidOption>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`InvalidOption`] if the name is no [token](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2) or
    /// belongs to the handshake itself, such as `Host` or `Sec-WebSocket-Key`. The same holds for a value with control
    /// characters other than a tab.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, InvalidOption> {
        self.headers.push((name.to_owned(), value.to_owned()));
        self.check()
    }

    /// Sets the store of cookies. By default, no cookies are sent or stored. [`CookieStore`] has an example.
    #[must_use]
    pub fn cookies(mut self, store: impl CookieStore) -> Self {
        self.cookies = Some(Arc::new(store));
        self
    }

    /// Sets the tokio runtime that the socket lives on. The default is a background thread that all sockets share.
    ///
    /// The runtime needs its I/O and time drivers. The connection fails at once without them, and when the runtime
    /// shuts down.
    ///
    /// On the background thread, a socket reads, decrypts and answers pings even while the program blocks its own
    /// threads. Each message that a task waits for then wakes another thread, which costs more than handling a short
    /// message. A program on tokio that does not block its runtime should pass that runtime:
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use samesocket::Options;
    /// use tokio::runtime::Handle;
    ///
    /// let options = Options::new().runtime(Handle::current());
    /// let socket = samesocket::connect("wss://example.com/chat").options(options).await?;
    /// # drop(socket);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// On a current-thread runtime, the socket and its user take turns on one thread. The socket does nothing while
    /// another task keeps that thread, and nothing while the runtime is not driven. That includes pongs and timeouts.
    /// On a multi-thread runtime the socket is a task like any other. Callbacks run on the threads of the runtime.
    ///
    /// Wherever the socket lives, a call that sends may write to TCP on the caller's thread, without blocking. It does
    /// not if there is a [`connector`](Self::connector) or a [`tls_config`](Self::tls_config), because those may run
    /// user code.
    #[must_use]
    pub fn runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Sets a custom transport, such as a Unix socket or a pipe in a test. The default is TCP. [`Connector`] has an
    /// example.
    ///
    /// Proxies are not used then, and the socket does not wait for the handshakes of others. A `wss:` URL still does
    /// TLS over the stream.
    #[must_use]
    pub fn connector(mut self, connector: impl Connector) -> Self {
        self.connector = Some(Arc::new(connector));
        self
    }

    /// Returns the runtime that the socket lives on. Starts the background thread if it is needed.
    pub(in crate::platform::native) fn runtime_of_socket(&self) -> io::Result<Handle> {
        match &self.runtime {
            Some(runtime) => Ok(runtime.clone()),
            None => background::background(),
        }
    }

    /// Returns the user's runtime, or `None` for the background thread.
    pub(in crate::platform::native) fn custom_runtime(&self) -> Option<Handle> {
        self.runtime.clone()
    }

    /// Returns whether the socket lives on the background thread.
    pub(in crate::platform::native) const fn is_on_background_thread(&self) -> bool {
        self.runtime.is_none()
    }

    /// Returns whether the socket lives on a current-thread runtime, where the sender most likely runs on the same
    /// thread.
    pub(in crate::platform::native) fn shares_thread(&self) -> bool {
        self.runtime.as_ref().is_some_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::CurrentThread)
    }

    /// Returns whether no user code runs when the stream is read or written.
    #[cfg(not(all(test, shuttle)))]
    pub(in crate::platform::native) const fn has_builtin_stream(&self) -> bool {
        self.connector.is_none() && !self.tls.is_custom() && !self.proxy_settings.has_custom_tls()
    }

    /// Returns whether the model's stream stands for one of this crate's.
    #[cfg(all(test, shuttle))]
    pub(in crate::platform::native) fn has_builtin_stream(&self) -> bool {
        self.origin.is_none()
    }

    /// Returns the part of the handshake's request that the options decide.
    pub(in crate::platform::native) fn request(&self) -> Request {
        Request { origin: self.origin.clone(), headers: self.headers.clone(), ..Request::default() }
    }

    fn check(self) -> Result<Self, InvalidOption> {
        let request = Request { host: "host".to_owned(), ..self.request() };
        match request.check() {
            Ok(()) => Ok(self),
            Err(invalid) => Err(InvalidOption::of_request(&invalid)),
        }
    }
}

impl fmt::Debug for Options {
    /// Shows the limits. All other options may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("limits", &self.limits).finish_non_exhaustive()
    }
}
