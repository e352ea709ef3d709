//! A network in memory: the back end for tests.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use super::Clock;
use super::connection::MemoryConnection;
use super::incoming::{AcceptQueue, Incoming};
use super::transport::MemoryTransport;
use crate::platform::{self, Backend, EventSink, FinalState, Protocols, ReceiveMode, Tasks, Transport, Url};
use crate::socket::Connect;
use crate::sync::{Lock, MaybeSend, Shared};
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
    accept_queue: Shared<AcceptQueue>,
    /// The tasks that [`run`](super::run()) has not polled yet.
    spawned: Shared<Lock<Vec<SpawnedTask>>>,
}

/// A task that [`Network::spawn`] received.
type SpawnedTask = Pin<Box<dyn Task>>;

/// A future that can be spawned.
trait Task: Future<Output = ()> + MaybeSend {}

impl<F: Future<Output = ()> + MaybeSend> Task for F {}

impl Network {
    /// Creates a network with backpressure: a socket that is not read makes its peer wait, as on native targets.
    pub fn new() -> Self {
        Self {
            clock: Clock::default(),
            has_backpressure: true,
            accept_queue: Shared::default(),
            spawned: Shared::default(),
        }
    }

    /// Creates a network without backpressure: the [receive limit](Connect::receive_limit) ends a connection, as in most
    /// browsers.
    pub fn without_backpressure() -> Self {
        Self { has_backpressure: false, ..Self::new() }
    }

    /// Connects over this network. It is short for [`connect`](crate::connect) with [`Connect::network`].
    pub fn connect(&self, url: impl Into<String>) -> Connect {
        crate::connect(url).network(self)
    }

    /// Waits for the next connection of a client.
    pub async fn accept(&self) -> Incoming {
        self.accept_queue.accept().await
    }

    /// Returns the clock of all sockets on this network.
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// Spawns a task that [`run`](super::run()) polls beside the test. It is dropped when the test ends.
    pub fn spawn(&self, task: impl Future<Output = ()> + MaybeSend + 'static) {
        self.spawned.lock().push(Box::pin(task));
    }

    /// Returns whether tasks were spawned that [`take_spawned`](Self::take_spawned) has not returned.
    pub(super) fn has_spawned(&self) -> bool {
        !self.spawned.lock().is_empty()
    }

    /// Takes the tasks that were spawned.
    pub(super) fn take_spawned(&self) -> Vec<Pin<Box<dyn Future<Output = ()>>>> {
        self.spawned.take().into_iter().map(|task| task as _).collect()
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
        self.backend(Shared::new(network.clone()))
    }
}

impl Backend for Network {
    fn dial(
        &self,
        url: &Url,
        protocols: Protocols<'_>,
        form: ReceiveMode,
        _tasks: &Tasks,
        receiver: EventSink,
    ) -> Result<Shared<dyn Transport>, FinalState> {
        let connection = Shared::new(MemoryConnection::new(receiver, form.binary_type, self.has_backpressure));
        let incoming = Incoming::new(url.serialize(), protocols.names.to_vec(), Shared::clone(&connection));
        Ok(Shared::new(MemoryTransport::new(connection, Shared::clone(&self.accept_queue), incoming)))
    }

    fn tasks(&self) -> Tasks {
        // The tasks run only when a back end cannot start or fails without an end, which this one never does.
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
