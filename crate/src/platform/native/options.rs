//! What a user may choose beside the arguments of the interface.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::platform::native::dial::proxy::{Proxy, Route};
use crate::platform::native::dial::tls::Trust;
use crate::platform::native::runtime::background;
use samesocket_protocol::{Limits, Request};

/// What a native socket is given beside its URL and subprotocols; see [`WebSocket::with_options`].
///
/// | | unless it is set | |
/// | --- | --- | --- |
/// | [`opening_timeout`](Self::opening_timeout) | 60 s | from the constructor to `open`; names, proxies, TLS and waiting for other sockets included |
/// | [`closing_timeout`](Self::closing_timeout) | 60 s | how long the peer may leave our Close frame without an answer |
/// | [`fin_timeout`](Self::fin_timeout) | 2 s | how long the peer may take to close TCP after both Close frames, or all stand still once nothing can be written |
/// | [`max_head_bytes`](Self::max_head_bytes) | 64 KiB | the head of the server's answer |
/// | [`max_frame_bytes`](Self::max_frame_bytes) | 64 MiB | one received frame, as it is on the wire |
/// | [`max_message_bytes`](Self::max_message_bytes) | 64 MiB | one received message, inflated |
/// | [`max_queued_bytes`](Self::max_queued_bytes) | 256 MiB | what waits to be sent; beyond, the socket is full and fails |
/// | [`origin`](Self::origin) | none | |
/// | [`header`](Self::header) | none | |
/// | [`cookies`](Self::cookies) | none | |
/// | [`proxy`](Self::proxy), [`proxy_from_environment`](Self::proxy_from_environment) | none | |
/// | [`runtime`](Self::runtime) | a background thread that all sockets share | |
/// | [`connector`](Self::connector) | TCP to the host of the URL | |
/// | [`root_certificate`](Self::root_certificate), [`tls_config`](Self::tls_config) | the platform's trust | |
/// | [`client_certificate`](Self::client_certificate) | none | |
///
/// What cannot be set: one opening handshake at a time is under way with one address and port, and other sockets wait until it
/// is their turn. Where a host has several addresses, the next one is tried when the one before has failed, or after
/// 250 ms. The head of a proxy's answer has 16 KiB at most. Messages of fewer than 256 bytes are sent uncompressed. 64 answers
/// to pings may wait to be sent, and beyond that the oldest goes. After 5 s without a byte in either direction, buffers and
/// the compressor are given back. [`Events`](crate::Events) has a bound of its own, 4096 messages or 16 MiB, at which the
/// reading from TCP stops.
///
/// That one handshake at a time is for the sake of servers, by
/// [RFC 6455, section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1), and counts for all sockets of the process,
/// whichever runtimes they live on: a program that opens a thousand sockets to one server gets them one by one, in the order
/// of asking. With a server that takes 0.1 s for each, 600 are open when the first one's minute is over, and the others fail
/// unless their [`opening_timeout`](Self::opening_timeout) is longer. A socket that waits can be closed or dropped like any
/// other; one whose runtime stands still in its handshake keeps the others waiting. Behind a proxy, which resolves names
/// itself, each name counts as an address of its own, and where an address is not known, over a
/// [`connector`](Self::connector), nobody waits.
///
/// [`WebSocket::with_options`]: crate::WebSocket::with_options
#[derive(Clone, Default)]
pub struct Options {
    pub(super) limits: Limits,
    pub(super) origin: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) cookies: Option<Arc<dyn CookieStore>>,
    pub(super) route: Route,
    pub(super) trust: Trust,
    pub(super) connector: Option<Arc<dyn Connector>>,
    runtime: Option<Handle>,
}

impl Options {
    /// Makes options in which nothing is set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how long it may take until the connection is open; 60 s unless it is set.
    ///
    /// It counts from the constructor, also while the socket waits for another one's handshake with the same server.
    #[must_use]
    pub fn opening_timeout(mut self, timeout: Duration) -> Self {
        self.limits.opening = timeout;
        self
    }

    /// Sets how long the peer may leave our Close frame without an answer, counted from the last byte that it was
    /// sent; 60 s unless it is set. The `close` event has code 1006 then.
    #[must_use]
    pub fn closing_timeout(mut self, timeout: Duration) -> Self {
        self.limits.closing = timeout;
        self
    }

    /// Sets how long the peer may take to close TCP once both Close frames are through; 2 s unless it is set. Then we
    /// close it, and the `close` event is as clean.
    ///
    /// A connection to which nothing can be written any more ends, too, once it has stood still for so long: what came
    /// before is yours as long as you take it.
    #[must_use]
    pub fn fin_timeout(mut self, timeout: Duration) -> Self {
        self.limits.drain = timeout;
        self
    }

    /// Sets how many bytes the head of the server's answer may have; 64 KiB unless it is set.
    #[must_use]
    pub fn max_head_bytes(mut self, bytes: usize) -> Self {
        self.limits.head = bytes;
        self
    }

    /// Sets how many bytes a received frame may have, as it is on the wire; 64 MiB unless it is set. Beyond, the
    /// connection fails, and the peer is told 1009.
    #[must_use]
    pub fn max_frame_bytes(mut self, bytes: u64) -> Self {
        self.limits.frame = bytes;
        self
    }

    /// Sets how many bytes a received message may have once it is inflated; 64 MiB unless it is set. Beyond, the
    /// connection fails, and the peer is told 1009.
    #[must_use]
    pub fn max_message_bytes(mut self, bytes: u64) -> Self {
        self.limits.message = bytes;
        self
    }

    /// Sets how many bytes may wait to be sent, a message counting 16 beside its payload; 256 MiB unless it is set.
    /// A message that goes beyond is not sent: the socket is flagged as full, and fails.
    #[must_use]
    pub fn max_queued_bytes(mut self, bytes: u64) -> Self {
        self.limits.queue = bytes;
        self
    }

    /// Sets the `Origin` field of the handshake, `"https://example.com"` for example; there is none unless it is set.
    ///
    /// # Errors
    ///
    /// If no header field can hold it.
    pub fn origin(mut self, origin: &str) -> Result<Self, InvalidOption> {
        self.origin = Some(origin.to_owned());
        self.check()
    }

    /// Adds a header field to the handshake; one of the same name does not replace it.
    ///
    /// # Errors
    ///
    /// If the name is no token or belongs to the handshake itself, or no header field can hold the value.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, InvalidOption> {
        self.headers.push((name.to_owned(), value.to_owned()));
        self.check()
    }

    /// Sets where cookies come from and go to; natively there are none unless it is set.
    #[must_use]
    pub fn cookies(mut self, store: impl CookieStore) -> Self {
        self.cookies = Some(Arc::new(store));
        self
    }

    /// Sets the proxy to go through; none unless it is set.
    #[must_use]
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.route = Route::Proxy(proxy);
        self
    }

    /// Goes through the proxy that the environment names, if it names one: `HTTPS_PROXY` for `wss`, `HTTP_PROXY` for
    /// `ws`, else `ALL_PROXY`, or the same in lower case, which comes first. `HTTP_PROXY` counts in lower case only,
    /// since a server may set it in capitals for a program that it runs. Hosts that `NO_PROXY` names are gone to
    /// directly: names with what is below them, addresses, ranges like `10.0.0.0/8`, and `*` for all.
    #[must_use]
    pub fn proxy_from_environment(mut self) -> Self {
        self.route = Route::Environment;
        self
    }

    /// Puts the socket on this runtime, which needs its I/O and time drivers: without them, or when it ends, the socket fails at
    /// once.
    ///
    /// Unless it is set, sockets live on a background thread that all of them share, and which needs no runtime. There a
    /// socket reads, decrypts and answers pings beside whatever the program does, and however long that blocks; but each
    /// message that somebody waits for wakes another thread, which costs more than a short message itself. A program that
    /// lives on a runtime of tokio's and does not block it had better give that one:
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use samesocket::Options;
    /// use tokio::runtime::Handle;
    ///
    /// let options = Options::new().runtime(Handle::current());
    /// let socket = samesocket::connect("wss://example.com/chat").options(options).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// On a runtime of one thread, socket and user take turns then, without a lock that is waited for or a thread that is
    /// woken; the socket does nothing, deadlines and pongs included, while a task of the program's keeps the thread. On one of
    /// several threads the socket is a task like any other. Callbacks are called on the runtime's threads.
    ///
    /// In either case, who sends may find what is sent written on its own thread, without waiting, unless the stream is one
    /// of a [`Connector`] or TLS is done by a [`tls_config`](Self::tls_config).
    #[must_use]
    pub fn runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Sets who makes the stream to the server, a Unix socket or a test's pipe for example; over it, `wss` still does
    /// TLS. A proxy is not used then, and the socket does not wait until others have done their handshakes.
    #[must_use]
    pub fn connector(mut self, connector: impl Connector) -> Self {
        self.connector = Some(Arc::new(connector));
        self
    }

    /// Trusts this root certificate beside those of the platform; DER. Not beside [`tls_config`](Self::tls_config).
    #[must_use]
    pub fn root_certificate(mut self, certificate: CertificateDer<'static>) -> Self {
        self.trust.add_root(certificate);
        self
    }

    /// Shows this certificate to servers that ask for one: the chain, our own first, and its key. Not beside
    /// [`tls_config`](Self::tls_config).
    #[must_use]
    pub fn client_certificate(mut self, chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Self {
        self.trust.set_client(chain, key);
        self
    }

    /// Does TLS by this configuration, as it is.
    ///
    /// It says all that [`root_certificate`](Self::root_certificate), [`client_certificate`](Self::client_certificate) and
    /// [`dangerous_accept_any_certificate`](Self::dangerous_accept_any_certificate) say. Neither it nor one of them is left out
    /// silently: options that hold both, whichever came first, connect to nothing, not without TLS either, and the failure is
    /// [`Failure::ContradictoryTls`](crate::Failure::ContradictoryTls).
    #[must_use]
    pub fn tls_config(mut self, config: Arc<ClientConfig>) -> Self {
        self.trust.set_config(config);
        self
    }

    /// Takes any certificate of any server for genuine, so that anybody on the way can read and change everything. Not
    /// beside [`tls_config`](Self::tls_config).
    #[must_use]
    pub fn dangerous_accept_any_certificate(mut self) -> Self {
        self.trust.accept_any();
        self
    }

    pub(super) fn runtime_of_socket(&self) -> io::Result<Handle> {
        match &self.runtime {
            Some(runtime) => Ok(runtime.clone()),
            None => background::background(),
        }
    }

    /// The runtime that was given, if one was.
    pub(super) fn given_runtime(&self) -> Option<Handle> {
        self.runtime.clone()
    }

    /// Whether the socket lives on the background thread.
    pub(super) const fn is_on_background_thread(&self) -> bool {
        self.runtime.is_none()
    }

    /// Whether the socket lives on a runtime with one thread, which is that of who sends, most likely.
    pub(super) fn shares_thread(&self) -> bool {
        self.runtime.as_ref().is_some_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::CurrentThread)
    }

    /// Whether nothing of the user's runs when a stream is read or written.
    pub(super) const fn makes_stream(&self) -> bool {
        // The model test's stream stands for one of this crate's.
        cfg!(all(test, shuttle)) || self.connector.is_none() && !self.trust.is_given()
    }

    /// The request that these options make, as far as they do.
    pub(super) fn request(&self) -> Request {
        Request { origin: self.origin.clone(), headers: self.headers.clone(), ..Request::default() }
    }

    fn check(self) -> Result<Self, InvalidOption> {
        let request = Request { host: "host".to_owned(), ..self.request() };
        match request.check() {
            Ok(()) => Ok(self),
            Err(invalid) => Err(InvalidOption { part: invalid.part, value: invalid.value }),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Header values and proxies may hold secrets.
        f.debug_struct("Options").field("limits", &self.limits).field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// Something that the options cannot hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidOption {
    pub(super) part: String,
    pub(super) value: String,
}

impl fmt::Display for InvalidOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} cannot be {:?}", self.part, self.value)
    }
}

impl Error for InvalidOption {}

/// Where the cookies of handshakes come from and go to.
///
/// Both methods are given the URL of the handshake's request, as a store of a browser is: `http` stands for `ws`, `https` for
/// `wss`, and there is neither a user name nor a password in it. The first is called within the constructor, the second on
/// the socket's thread before `open` or `error` is told of; neither should block.
pub trait CookieStore: Send + Sync + 'static {
    /// Gives the value of the `Cookie` field for this URL, if there are cookies for it.
    fn cookies(&self, url: &str) -> Option<String>;

    /// Takes the values of the `Set-Cookie` fields that an answer has, whatever its status.
    fn set_cookies(&self, url: &str, values: &[&[u8]]);
}

/// A stream of bytes that a socket can run over; its methods may use that socket.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for S {}

/// Where a stream is to lead to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Target {
    /// Whether TLS will be done over it.
    pub secure: bool,
    /// The host: a name, or an address; IPv6 without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// A stream that is being made.
pub type Connecting = Pin<Box<dyn Future<Output = io::Result<Box<dyn Stream>>> + Send>>;

/// Who makes streams.
///
/// A closure is one: `|target| async { Ok(Box::new(UnixStream::connect(path).await?) as Box<dyn Stream>) }`.
pub trait Connector: Send + Sync + 'static {
    /// Makes a stream that leads to a server; dropping the future gives it up.
    fn connect(&self, target: &Target) -> Connecting;
}

impl<F, R> Connector for F
where
    F: Fn(&Target) -> R + Send + Sync + 'static,
    R: Future<Output = io::Result<Box<dyn Stream>>> + Send + 'static,
{
    fn connect(&self, target: &Target) -> Connecting {
        Box::pin(self(target))
    }
}
