//! The network: who comes, and who lets in.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Poll, Waker};

use super::clock::know;
use super::link::{End, Line};
use super::{Clock, Peer};
use crate::platform::{self, Backend, EventSink, Protocols, ReceiveMode, Tasks, Transport, Url};
use crate::socket::Connect;
use crate::sync::catch_panic::wake;
use crate::sync::{Lock, MaybeSend, Shared};
use samesocket_spec::constructor::UrlRecord;

/// A network in memory, on which every host is the test; a clone is the same network.
#[derive(Clone)]
pub struct Network {
    clock: Clock,
    pausable: bool,
    door: Shared<Lock<Door>>,
}

#[derive(Default)]
struct Door {
    waiting: VecDeque<Incoming>,
    wakers: Vec<Waker>,
    spawned: Vec<Pin<Box<dyn Task>>>,
}

/// What can be spawned.
trait Task: Future<Output = ()> + MaybeSend {}

impl<F: Future<Output = ()> + MaybeSend> Task for F {}

/// A connection that waits to be let in; dropped, it is refused.
#[must_use = "dropped, the connection is refused"]
pub struct Incoming {
    url: String,
    protocols: Vec<String>,
    line: Option<Shared<Line>>,
}

impl Network {
    /// Makes a network, on which a socket that nobody reads makes its peer wait, as it is natively.
    pub fn new() -> Self {
        Self { clock: Clock::default(), pausable: true, door: Shared::default() }
    }

    /// Makes a network on which no socket can make its peer wait, as it is in a browser.
    pub fn without_backpressure() -> Self {
        Self { pausable: false, ..Self::new() }
    }

    /// Connects over this network: [`connect`](crate::connect) with [`Connect::network`].
    pub fn connect(&self, url: impl Into<String>) -> Connect {
        crate::connect(url).network(self)
    }

    /// Waits for the next connection that comes in.
    pub async fn accept(&self) -> Incoming {
        poll_fn(|context| {
            let mut door = self.door.lock();
            if let Some(incoming) = door.waiting.pop_front() {
                return Poll::Ready(incoming);
            }
            know(&mut door.wakers, context.waker());
            Poll::Pending
        })
        .await
    }

    /// Gives the clock of everything on this network.
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// Has [`run`](super::run) run a task beside the test; what has not ended with the test is dropped.
    pub fn spawn(&self, task: impl Future<Output = ()> + MaybeSend + 'static) {
        self.door.lock().spawned.push(Box::pin(task));
    }

    pub(super) fn arrive(&self, incoming: Incoming) {
        let wakers = {
            let mut door = self.door.lock();
            door.waiting.push_back(incoming);
            std::mem::take(&mut door.wakers)
        };
        wake(wakers);
    }

    pub(super) fn has_spawned(&self) -> bool {
        !self.door.lock().spawned.is_empty()
    }

    pub(super) fn take_spawned(&self) -> Vec<Pin<Box<dyn Future<Output = ()>>>> {
        let spawned = std::mem::take(&mut self.door.lock().spawned);
        spawned.into_iter().map(|task| task as _).collect()
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

impl Connect {
    /// Connects over a network in memory, for tests.
    pub fn network(self, network: &Network) -> Self {
        self.by(Shared::new(network.clone()))
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
    ) -> Option<Shared<dyn Transport>> {
        let line = Shared::new(Line::new(receiver, form.binary_type, self.pausable));
        let incoming =
            Incoming { url: url.serialize(), protocols: protocols.names.to_vec(), line: Some(Shared::clone(&line)) };
        let begin = Lock::new(Some((self.clone(), incoming)));
        Some(Shared::new(End { line, begin }))
    }

    fn tasks(&self) -> Tasks {
        // Its tasks are for what a network in memory does not do: to refuse to start, or to fail without an end.
        <Tasks as Default>::default()
    }

    fn clock(&self) -> Shared<dyn platform::Clock> {
        Shared::new(self.clock.clone())
    }

    fn has_backpressure(&self) -> bool {
        self.pausable
    }
}

impl Incoming {
    /// Gives the URL that is connected to.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Gives the subprotocols that are offered.
    pub fn protocols(&self) -> &[String] {
        &self.protocols
    }

    /// Whether the client has given up.
    pub fn is_gone(&self) -> bool {
        self.line.as_ref().is_none_or(|line| line.is_over())
    }

    /// Lets the connection in, with the first of the subprotocols.
    pub fn open(self) -> Peer {
        let protocol = self.protocols.first().cloned().unwrap_or_default();
        self.open_with(&protocol, "")
    }

    /// Lets the connection in with this subprotocol, offered or not, and these extensions.
    ///
    /// # Panics
    ///
    /// Never: what comes in can be let in once.
    pub fn open_with(mut self, protocol: &str, extensions: &str) -> Peer {
        let line = self.line.take().expect("it was not let in");
        line.establish(protocol, extensions);
        Peer::new(line)
    }

    /// Refuses the connection, as dropping this does.
    pub fn refuse(self) {}
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Some(line) = self.line.take() {
            line.fail();
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("clock", &self.clock).finish_non_exhaustive()
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("url", &self.url).field("protocols", &self.protocols).finish_non_exhaustive()
    }
}
