//! A network in memory: the back end for tests.

use std::fmt;
use std::future::Future;

use super::Clock;
use super::connection::MemoryConnection;
use super::incoming::{AcceptQueue, Incoming, RequestParts};
use super::transport::MemoryTransport;
use crate::platform::{
    self, Backend, BoxFuture, DialParameters, EventSink, FinalState, PlatformSettings, ReceiveMode, Redirects, Tasks,
    Transport, Url,
};
use crate::socket::Connect;
use crate::socket::test_tasks::TestTasks;
use crate::sync::{MaybeSend, Shared, Weak};
use samesocket_spec::constructor::UrlRecord;

/// A network in memory, on which the test is the server of every host. A clone is the same network.
///
/// ```
/// use samesocket::testing::{self, Network};
///
/// testing::run(|network: Network| async move {
///     let connecting = network.connect("ws://example.com");
///     let accepting = async { network.accept().await.open() };
///     let (socket, peer) = futures::join!(connecting, accepting);
///     peer.send("hello");
///     assert_eq!(socket.unwrap().next().await.unwrap().unwrap().size(), 5);
/// });
/// ```
#[derive(Clone)]
pub struct Network {
    clock: Clock,
    has_backpressure: bool,
    has_pings: bool,
    accept_queue: Shared<AcceptQueue>,
    /// The tasks that [`run`](super::run()) has not polled yet.
    spawned: TestTasks,
}

impl Network {
    /// Creates a network with backpressure: a socket that is not read makes its peer wait, as on native targets.
    pub fn new() -> Self {
        Self {
            clock: Clock::default(),
            has_backpressure: true,
            has_pings: true,
            accept_queue: Shared::default(),
            spawned: Shared::default(),
        }
    }

    /// Creates a network without backpressure: the [receive limit](Connect::receive_limit) ends a connection, as in most
    /// browsers.
    pub fn without_backpressure() -> Self {
        Self { has_backpressure: false, ..Self::new() }
    }

    /// Returns the same network without ping frames, as in a browser: a [`Heartbeat`](crate::Heartbeat) asks with its message,
    /// and [`Control::ping`](crate::Control::ping) returns an error.
    ///
    /// ```
    /// use samesocket::PingError;
    /// use samesocket::testing;
    ///
    /// testing::run(|network| async move {
    ///     let browser = network.without_pings();
    ///     let (socket, _peer) = futures::join!(browser.connect("ws://example.com"), async { network.accept().await.open() });
    ///     assert_eq!(socket.unwrap().ping().await, Err(PingError::Unsupported));
    /// });
    /// ```
    #[must_use]
    pub fn without_pings(&self) -> Self {
        Self { has_pings: false, ..self.clone() }
    }

    /// Creates a network whose clock is that of tokio, for a test with `#[tokio::test(start_paused = true)]`.
    ///
    /// The sockets then wait by tokio's timers, so that timers of the program and of its sockets advance together. Call it within
    /// the runtime. [`run`](super::run()) and [`Clock::advance`] are not for such a network; use `tokio::time::advance`.
    ///
    /// ```
    /// use samesocket::testing::Network;
    /// use std::time::Duration;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
    /// // In a test with `#[tokio::test(start_paused = true)]`:
    /// let network = Network::with_tokio_clock();
    /// let connecting = network.connect("ws://example.com").timeout(Duration::from_secs(5));
    /// tokio::time::sleep(Duration::from_secs(1)).await;
    /// assert!(connecting.await.is_err());
    /// assert_eq!(network.clock().now(), Duration::from_secs(6));
    /// # });
    /// ```
    #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
    pub fn with_tokio_clock() -> Self {
        Self { clock: Clock::of_tokio(), ..Self::new() }
    }

    /// Connects over this network. It is short for [`connect`](crate::connect) with [`Connect::network`].
    pub fn connect(&self, url: impl Into<String>) -> Connect {
        crate::connect(url).network(self)
    }

    /// Waits for the next connection of a client that has not given up.
    pub async fn accept(&self) -> Incoming {
        self.accept_queue.accept(false).await
    }

    /// Waits for the next connection of a client, even if that has given up; see [`Incoming::is_gone`].
    ///
    /// ```
    /// use samesocket::testing;
    /// use std::time::Duration;
    ///
    /// testing::run(|network| async move {
    ///     let connect = network.connect("ws://example.com").timeout(Duration::from_secs(5));
    ///     assert!(connect.await.is_err());
    ///     assert!(network.accept_any().await.is_gone());
    /// });
    /// ```
    pub async fn accept_any(&self) -> Incoming {
        self.accept_queue.accept(true).await
    }

    /// Returns the clock of all sockets on this network.
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// Spawns a task that [`run`](super::run()) polls beside the test. It is dropped when the test ends.
    ///
    /// On a network with tokio's clock, it becomes a task of the tokio runtime. On another network that is not that of `run`, the
    /// task is never polled: use the executor's own function there.
    pub fn spawn(&self, task: impl Future<Output = ()> + MaybeSend + 'static) {
        #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
        if self.clock.is_tokio() {
            drop(tokio::spawn(task));
            return;
        }
        self.spawned.lock().push(Box::pin(task));
    }

    /// Returns the list of the tasks that were spawned.
    pub(super) fn test_tasks(&self) -> TestTasks {
        Shared::clone(&self.spawned)
    }

    /// Returns whether tasks were spawned that [`take_spawned`](Self::take_spawned) has not returned.
    pub(super) fn has_spawned(&self) -> bool {
        !self.spawned.lock().is_empty()
    }

    /// Returns how many connections were started and wait, for the panic of a test that does not end.
    pub(super) fn describe(&self) -> String {
        self.accept_queue.describe()
    }

    /// Takes the tasks that were spawned.
    pub(super) fn take_spawned(&self) -> Vec<BoxFuture<()>> {
        self.spawned.take()
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

impl Connect {
    /// Connects over a network in memory, for tests.
    ///
    /// [`Options`](crate::Options) apply beside it, in either order. The test sees their header fields as
    /// [`Incoming::header`]. On native targets, the store of [`cookies`](crate::Options::cookies) gets the `Set-Cookie` fields
    /// of the responses, before the program sees the result. Options about what is below the handshake have no effect: proxies, TLS, addresses, limits of frames.
    ///
    /// ```
    /// use samesocket::{Connect, connect, testing};
    ///
    /// /// The program under test, which receives its connection.
    /// async fn greet(connect: Connect) {
    ///     connect.await.unwrap().send("hello".into()).await.unwrap();
    /// }
    ///
    /// testing::run(|network| async move {
    ///     let greeting = greet(connect("ws://example.com").network(&network));
    ///     let serving = async { network.accept().await.open().receive().await };
    ///     let ((), received) = futures::join!(greeting, serving);
    ///     assert!(received.is_some());
    /// });
    /// ```
    pub fn network(self, network: &Network) -> Self {
        let Network { clock, has_backpressure, has_pings, accept_queue, .. } = network;
        self.backend(Shared::new(NetworkBackend {
            clock: clock.clone(),
            has_backpressure: *has_backpressure,
            has_pings: *has_pings,
            accept_queue: Shared::downgrade(accept_queue),
            request: RequestParts::default(),
        }))
    }
}

/// The back end of sockets on a network. It does not keep the network alive, because a [`Connect`] owns it as long as it exists.
#[derive(Clone)]
struct NetworkBackend {
    clock: Clock,
    has_backpressure: bool,
    has_pings: bool,
    accept_queue: Weak<AcceptQueue>,
    request: RequestParts,
}

impl Backend for NetworkBackend {
    fn dial(
        &self,
        url: &Url,
        parameters: DialParameters<'_>,
        form: ReceiveMode,
        _tasks: &Tasks,
        receiver: EventSink,
    ) -> Result<Shared<dyn Transport>, FinalState> {
        let connection = MemoryConnection::new(receiver, form.binary_type, self.has_backpressure, self.clock.clone());
        let connection = Shared::new(connection);
        let protocols = parameters.protocols.to_vec();
        let (request, queue) = (self.request.clone(), Weak::clone(&self.accept_queue));
        let incoming = Incoming::new(url.serialize(), protocols, request, Shared::clone(&connection), queue);
        // Without a network, the connection enters a queue that is dropped, and so fails.
        let queue = self.accept_queue.upgrade().unwrap_or_default();
        Ok(Shared::new(MemoryTransport::new(connection, queue, incoming, self.has_pings)))
    }

    fn with_settings(&self, settings: &PlatformSettings, url: &Url) -> Option<Shared<dyn Backend>> {
        let request = RequestParts {
            headers: settings.request_headers(url),
            cookies: settings.response_cookies(url),
            redirects: Redirects::new(url, &[], settings),
        };
        Some(Shared::new(Self { request, ..self.clone() }))
    }

    fn tasks(&self) -> Tasks {
        // Only the driver of a remote runs there, unless `run` does. The other tasks are for a back end that cannot start, or that
        // fails without an end, which this one never does.
        #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
        if self.clock.is_tokio() {
            return platform::DefaultBackend::default().tasks();
        }
        <Tasks as Default>::default()
    }

    fn clock(&self) -> Shared<dyn platform::Clock> {
        Shared::new(self.clock.clone())
    }

    fn has_backpressure(&self) -> bool {
        self.has_backpressure
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("clock", &self.clock).finish_non_exhaustive()
    }
}
