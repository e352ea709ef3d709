//! Connecting: a builder that is also the future of an open socket.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::FusedFuture;

use super::deadline::{Deadline, Expiry};
use super::endpoint::{Endpoint, PollCapacity, Transform};
use super::heartbeat::Heartbeat;
use super::watchdog::{self, Watchdog, WatchdogConfig};
use super::{ConnectError, Socket, SocketCore};
use crate::connection::Connection;
use crate::options::Options;
use crate::platform::timeouts::{CLOSING_TIMEOUT, OPENING_TIMEOUT, Timeouts};
use crate::platform::{
    self, Backend, Clock, DefaultBackend, HIGH_WATER_MARK, MAKE_LAZY, MAKE_SUBPROTOCOL_LIST, MakeSubprotocolList,
    PlatformSettings, RECEIVE_LIMIT, ReceiveMode, Url,
};
use crate::queue::Capacity;
use crate::sync::{MaybeSend, MaybeSync, Shared};
use crate::trace::event;
use crate::types::binary_type::BinaryType;
use crate::types::message::Message;
use crate::types::subprotocol::IntoProtocols;
use samesocket_spec::constructor;
use samesocket_spec::subprotocol::Offer;

/// The default receive limit of a browser's socket with backpressure, the same as on native targets.
const BACKPRESSURE_RECEIVE_LIMIT: Capacity = Capacity { messages: 1024, bytes: 1 << 20 };

/// Connects to `url`; see [`Connect`] for the options.
///
/// ```no_run
/// # async fn example() -> Result<(), samesocket::ConnectError> {
/// use std::time::Duration;
///
/// let socket = samesocket::connect("wss://example.com/chat")
///     .subprotocols(["chat.v2", "chat.v1"])
///     .timeout(Duration::from_secs(10))
///     .await?;
/// # Ok(())
/// # }
/// ```
pub fn connect(url: impl Into<String>) -> Connect {
    Connect { url: url.into(), config: None, is_started: false, opening: None }
}

/// A connection to be made, from [`connect`]: a builder, and a future that returns an open [`Socket`].
///
/// Nothing happens before the first poll. If the future is dropped or times out, the connection is given up, and the server
/// sees it closed.
///
/// A clone makes another connection with the same URL and options, whether or not this one was started.
///
/// ```no_run
/// # async fn example() -> Result<(), samesocket::ConnectError> {
/// use samesocket::{BinaryType, Connect, connect};
/// use std::time::Duration;
///
/// let connecting: Connect = connect("wss://example.com/chat")
///     .subprotocols("chat.v2")
///     .timeout(Duration::from_secs(5))
///     .idle_timeout(Duration::from_secs(60))
///     .high_water_mark(256 << 10)
///     .receive_limit(100, 1 << 20)
///     .binary_type(BinaryType::ArrayBuffer);
/// let socket = connecting.await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Returns a [`ConnectError`] if an argument is invalid, the connection failed, or the timeout expired.
#[must_use = "futures do nothing unless they are awaited"]
pub struct Connect {
    url: String,
    /// `None` for [`DEFAULT_CONFIG`].
    config: Option<Box<dyn CustomConfig>>,
    /// Whether the future was polled.
    is_started: bool,
    opening: Option<Opening>,
}

/// Options that differ from the defaults.
///
/// Code size: a trait object. A program that sets no options does not link them.
trait CustomConfig: MaybeSend + MaybeSync {
    /// Returns the options, to be changed.
    fn config(&mut self) -> &mut ConnectConfig;

    /// Clones the options.
    fn boxed_clone(&self) -> Box<dyn CustomConfig>;

    /// Returns the clock of the connection to be made.
    fn clock(&self) -> Shared<dyn Clock>;

    /// Starts to connect.
    ///
    /// Code size: the URL is passed by value. Passed as a slice, it would make this an indirect call with four words. A page
    /// would then link every function in its tables that takes four words: a kilobyte of unused code from `bytes`.
    fn start(&self, url: String) -> Result<Opening, ConnectError>;
}

/// The options of a connection.
#[derive(Clone)]
struct ConnectConfig {
    base_url: Option<String>,
    /// The offered subprotocols. Code size: the function that converts the list comes with them.
    offer: Option<(Offer, MakeSubprotocolList)>,
    receive_mode: ReceiveMode,
    timeout: Duration,
    /// The timeouts of opening and closing that count if the options set none.
    own_timeouts: (Duration, Duration),
    /// The conversion of received messages. Code size: `None` unless the program asks for one.
    transform: Option<Transform>,
    /// The receive limit; `None` for the default of the back end.
    receive_limit: Option<Capacity>,
    high_water_mark: u64,
    close_timeout: Duration,
    watchdog: Option<Box<dyn Watchdog>>,
    /// The options of the platform's back end; `None` for the default ones.
    options: Option<Shared<Options>>,
    /// The network in memory that replaces the platform's back end.
    backend: Option<Shared<dyn Backend>>,
    /// Code size: the search for a back end with backpressure, `None` unless the program asks for it.
    find_backpressure_backend: Option<FindBackend>,
    poll_capacity: Option<PollCapacity>,
}

/// A function that returns another back end, if the platform has one.
type FindBackend = fn() -> Option<Shared<dyn Backend>>;

/// The options of a connection for which none is set.
const DEFAULT_CONFIG: &ConnectConfig = &ConnectConfig::DEFAULT;

/// A connection that was started and is not open yet.
struct Opening {
    core: Shared<SocketCore>,
    watchdog: Option<Box<dyn Watchdog>>,
    deadline: Deadline,
    /// The duration of `deadline`.
    timeout: Duration,
}

impl Connect {
    /// Offers subprotocols, in order of preference: one name or a list, see [`IntoProtocols`]. The default is none.
    pub fn subprotocols(self, protocols: impl IntoProtocols) -> Self {
        self.with(|config| config.offer = Some((Offer::new(protocols.into_protocols()), MAKE_SUBPROTOCOL_LIST)))
    }

    /// Sets the base of a relative URL. The default is the API base URL in a browser, and none on native targets.
    pub fn base_url(self, base: impl Into<String>) -> Self {
        self.with(|config| config.base_url = Some(base.into()))
    }

    /// Sets the timeout of connecting: the time from the first poll until the socket is open. The default is one minute.
    ///
    /// After it, the future returns [`ConnectError::TimedOut`], and the connection is given up. It is the same setting as
    /// [`Options::opening_timeout`]; of several calls the last one counts. [The guide](crate::guide::ending#timeouts) has one
    /// table of all timeouts.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|config| (config.timeout, config.own_timeouts.0) = (timeout, timeout))
    }

    /// Sets the timeout of the closing handshake: the time without progress after which the connection is given up. The default
    /// is ten seconds.
    ///
    /// It starts with the closing handshake, and again whenever bytes that were sent before leave. After it,
    /// [`close`](crate::Socket::close) returns [`Error::CloseTimedOut`](crate::Error::CloseTimedOut), and the connection ends as
    /// after an [abort](crate::Socket::abort). It is the same setting as [`Options::closing_timeout`]; of several calls the last
    /// one counts. [The guide](crate::guide::ending#timeouts) has one table of all timeouts.
    pub fn close_timeout(self, timeout: Duration) -> Self {
        self.with(|config| (config.close_timeout, config.own_timeouts.1) = (timeout, timeout))
    }

    /// Sets the time that the stream waits for a message. The default is no limit.
    ///
    /// When it expires, the stream ends with [`Error::Idle`](crate::Error::Idle), and the connection is closed with code
    /// 4008. The timer starts when a poll finds no message and stops when one arrives. Expiry is noticed only when the
    /// stream is polled.
    pub fn idle_timeout(self, timeout: Duration) -> Self {
        self.with_watchdog(|watchdog| watchdog.idle_timeout = Some(timeout))
    }

    /// Sets a keepalive, which asks the server when no message arrives. The default is none.
    ///
    /// Without an answer in time, the stream ends with [`Error::NoAnswer`](crate::Error::NoAnswer), and the connection is
    /// closed with code 4008. Silence is measured as for the [idle timeout](Self::idle_timeout): a stream that is not
    /// polled asks nothing.
    pub fn heartbeat(self, heartbeat: Heartbeat) -> Self {
        self.with_watchdog(|watchdog| watchdog.heartbeat = Some(heartbeat))
    }

    /// Sets the bufferedAmount in bytes above which a sender waits. The default is 1 MiB on native targets and 8 MiB in a
    /// browser.
    ///
    /// The queue holds at most this and one message of each sender. Raising it improves throughput little. Lowering it
    /// reduces latency on slow links. The guide has [measurements](crate::guide::backpressure).
    pub fn high_water_mark(self, bytes: u64) -> Self {
        self.with(|config| config.high_water_mark = bytes)
    }

    /// Sets how many messages, and how many bytes of them, can be queued for the receiver. One message always fits.
    ///
    /// The default on native targets is 1024 messages and 1 MiB. At the limit the socket stops reading, so that TCP
    /// backpressure makes the server wait. The messages may keep more [memory](crate::Message#memory) than their bytes.
    ///
    /// The default in a browser is 65,536 messages and 64 MiB, because a browser's socket cannot stop reading. The message
    /// that exceeds the limit becomes an [`Error::ReceiveLimit`](crate::Error::ReceiveLimit) after the queued messages,
    /// and the connection is closed with code 4009.
    pub fn receive_limit(self, messages: usize, bytes: u64) -> Self {
        self.with(|config| config.receive_limit = Some(Capacity { messages: messages.max(1), bytes: bytes.max(1) }))
    }

    /// Makes the server wait at the [receive limit](Self::receive_limit) where the engine can do so: with
    /// `WebSocketStream`, which Chromium has. The default limit is then 1024 messages and 1 MiB.
    ///
    /// In other engines the socket is the ordinary one; [`Control::has_backpressure`](crate::Control::has_backpressure)
    /// returns which one it is. On native targets every socket has backpressure, and this changes nothing.
    ///
    /// With `WebSocketStream`, bufferedAmount counts the bytes that the engine's stream has not accepted yet. A closing
    /// handshake that the server starts is noticed only at its end. A page in Chromium 156 crashes if such a connection is
    /// lost while a write is pending: see [backpressure](crate::guide::backpressure).
    pub fn with_backpressure(self) -> Self {
        self.with(|config| {
            config.find_backpressure_backend = Some(platform::backpressure_backend);
            config.poll_capacity = Some(Endpoint::poll_inbox_capacity);
        })
    }

    /// Receives messages as [`Message::Lazy`], whose content stays in the platform until it is read.
    ///
    /// In a browser, a program that only forwards or measures messages then copies nothing. Blobs stay blobs. A text
    /// counts two bytes for each UTF-16 unit at the [receive limit](Self::receive_limit) there. The messages that
    /// [`Heartbeat`] checks are lazy, too.
    pub fn lazy(self) -> Self {
        self.with(|config| {
            (config.transform, config.receive_mode.make_lazy) =
                (Some(Message::make_lazy as Transform), Some(MAKE_LAZY));
        })
    }

    /// Sets the type of received binary messages. The default is bytes, unlike the interface's, which is a blob.
    pub fn binary_type(self, binary_type: BinaryType) -> Self {
        self.with(|config| {
            config.receive_mode = ReceiveMode { make_lazy: config.receive_mode.make_lazy, ..binary_type.into() };
        })
    }

    /// Sets further options of the connection, such as limits, header fields, certificates and proxies.
    ///
    /// The last call replaces the earlier ones, with their timeouts. In a page, connecting fails with
    /// [`ConnectError::Unsupported`] if an option was set that a page must not ignore; see
    /// [`Options`](crate::Options#in-a-page).
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use samesocket::{Options, connect};
    ///
    /// let options = Options::new().header("X-Client", "example")?;
    /// let socket = connect("wss://example.com/chat").options(options).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn options(self, options: Options) -> Self {
        self.with(|config| {
            let chosen = options.chosen_timeouts();
            config.timeout = chosen.opening.unwrap_or(config.own_timeouts.0);
            config.close_timeout = chosen.closing.unwrap_or(config.own_timeouts.1);
            config.options = Some(Shared::new(options));
        })
    }

    /// Returns the clock of the connection to be made.
    pub(crate) fn clock(&self) -> Shared<dyn Clock> {
        if let Some(opening) = &self.opening {
            return Shared::clone(&opening.core.clock);
        }
        self.config.as_ref().map_or_else(|| DefaultBackend::default().clock(), |config| config.clock())
    }

    /// Sets the back end that makes the connection.
    pub(crate) fn backend(self, backend: Shared<dyn Backend>) -> Self {
        self.with(|config| {
            config.backend = Some(backend);
            config.poll_capacity = Some(Endpoint::poll_inbox_capacity);
        })
    }

    fn start(&self) -> Result<Opening, ConnectError> {
        if let Some(config) = &self.config {
            return config.start(self.url.clone());
        }
        let url = constructor::get_a_url_record(Url::parse(&self.url, None), &self.url, None)?;
        Ok(Opening::new(url, Vec::new(), None, DEFAULT_CONFIG, RECEIVE_LIMIT, &DefaultBackend::default()))
    }

    fn with_watchdog(self, change: impl FnOnce(&mut WatchdogConfig)) -> Self {
        self.with(|config| change(config.watchdog.get_or_insert_with(watchdog::watchdog).config()))
    }

    fn with(mut self, change: impl FnOnce(&mut ConnectConfig)) -> Self {
        // For a connection that was started, this changes the options of clones only.
        change(self.config.get_or_insert_with(|| Box::new(ConnectConfig::DEFAULT)).config());
        self
    }
}

impl ConnectConfig {
    const DEFAULT: Self = Self {
        base_url: None,
        offer: None,
        receive_mode: ReceiveMode::BYTES,
        timeout: OPENING_TIMEOUT,
        own_timeouts: (OPENING_TIMEOUT, CLOSING_TIMEOUT),
        transform: None,
        receive_limit: None,
        high_water_mark: HIGH_WATER_MARK,
        close_timeout: CLOSING_TIMEOUT,
        watchdog: None,
        options: None,
        backend: None,
        find_backpressure_backend: None,
        poll_capacity: if platform::SUPPORTS_BACKPRESSURE { Some(Endpoint::poll_inbox_capacity) } else { None },
    };

    /// Returns the network in memory, if one is set, with the request that the options make for it.
    fn shown_to_a_test(&self, url: &Url) -> Option<Shared<dyn Backend>> {
        let network = self.backend.as_deref()?;
        match &self.options {
            Some(options) => network.with_settings(options.settings(), url),
            None => network.with_settings(&PlatformSettings::default(), url),
        }
    }

    /// Returns the back end that the program has chosen.
    fn custom_backend(&self) -> Option<&dyn Backend> {
        self.backend.as_deref().or_else(|| Some(self.options.as_ref()?.backend()))
    }
}

impl CustomConfig for ConnectConfig {
    fn config(&mut self) -> &mut ConnectConfig {
        self
    }

    fn boxed_clone(&self) -> Box<dyn CustomConfig> {
        Box::new(self.clone())
    }

    fn clock(&self) -> Shared<dyn Clock> {
        self.custom_backend().map_or_else(|| DefaultBackend::default().clock(), Backend::clock)
    }

    fn start(&self, url: String) -> Result<Opening, ConnectError> {
        if let (Some(options), None) = (&self.options, &self.backend) {
            options.check_supported()?;
        }
        let base = self.base_url.as_deref();
        let url = constructor::get_a_url_record(Url::parse(&url, base), &url, base)?;
        let (protocols, list) = match &self.offer {
            Some((offer, list)) => (offer.checked()?, Some(*list)),
            None => (Vec::new(), None),
        };
        let default = DefaultBackend::default();
        let with_backpressure =
            if self.backend.is_none() { self.find_backpressure_backend.and_then(|find| find()) } else { None };
        let limit = if with_backpressure.is_some() { BACKPRESSURE_RECEIVE_LIMIT } else { RECEIVE_LIMIT };
        let shown = self.shown_to_a_test(&url);
        let chosen = with_backpressure.as_deref().or(shown.as_deref());
        let backend = chosen.or_else(|| self.custom_backend()).unwrap_or(&default);
        let mut opening = Opening::new(url, protocols, list, self, self.receive_limit.unwrap_or(limit), backend);
        opening.watchdog.clone_from(&self.watchdog);
        Ok(opening)
    }
}

impl Opening {
    /// Starts a connection. The caller has checked the arguments.
    fn new(
        url: Url,
        protocols: Vec<String>,
        list: Option<MakeSubprotocolList>,
        config: &ConnectConfig,
        limit: Capacity,
        backend: &dyn Backend,
    ) -> Self {
        let endpoint = Endpoint::new(limit, config.transform, config.poll_capacity);
        let mode = config.receive_mode;
        let &ConnectConfig { timeout, high_water_mark, close_timeout, .. } = config;
        // The deadline below is the only clock of the opening handshake.
        let timeouts = Timeouts::new(timeout, false, close_timeout);
        let connection = Connection::establish(url, protocols, list, mode, backend, timeouts, endpoint);
        let clock = backend.clock();
        let deadline = Deadline::new(&*clock, timeout);
        let has_backpressure = backend.has_backpressure();
        let measures_closing = backend.measures_closing();
        let core = SocketCore { connection, clock, has_backpressure, high_water_mark, close_timeout, measures_closing };
        let core = Shared::new(core);
        Self { core, watchdog: None, deadline, timeout }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        let SocketCore { connection, clock, .. } = &*self.core;
        let endpoint = self.core.endpoint();
        loop {
            if let Poll::Ready(is_open) = endpoint.poll_open(context) {
                return Poll::Ready(if is_open { Ok(()) } else { Err(ConnectError::Failed(endpoint.take_failure())) });
            }
            match ready!(self.deadline.poll(&**clock, connection, context)) {
                Expiry::CheckAgain => {}
                Expiry::Over => {
                    let error = ConnectError::TimedOut { after: self.timeout };
                    event!(connection.span(), INFO, "deadline passed", error = %error);
                    return Poll::Ready(Err(error));
                }
            }
        }
    }
}

impl Future for Connect {
    type Output = Result<Socket, ConnectError>;

    /// Connects, starting at the first poll. A future that is polled after its end stays pending.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.is_started {
            self.is_started = true;
            self.opening = Some(self.start()?);
        }
        let Some(opening) = &mut self.opening else { return Poll::Pending };
        let Poll::Ready(opened) = opening.poll(context) else { return Poll::Pending };
        let Some(Opening { core, watchdog, .. }) = self.opening.take() else { return Poll::Pending };
        Poll::Ready(opened.map(|()| Socket::new(core, watchdog)))
    }
}

impl FusedFuture for Connect {
    fn is_terminated(&self) -> bool {
        self.is_started && self.opening.is_none()
    }
}

impl Clone for Connect {
    fn clone(&self) -> Self {
        let config = self.config.as_ref().map(|config| config.boxed_clone());
        Self { url: self.url.clone(), config, is_started: false, opening: None }
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match (self.is_started, &self.opening) {
            (false, _) => "not started",
            (true, Some(_)) => "opening",
            (true, None) => "done",
        };
        f.debug_struct("Connect").field("step", &step).finish_non_exhaustive()
    }
}
