//! The connections of this process, by server.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard, Notify};
use tokio::time::{Instant, timeout};

use super::connection::{Connection, Place};
use super::key::Key;
use super::usage::ConnectionList;
use crate::platform::native::dial::handshake_queue::LEASE;
use crate::platform::native::dial::route::Dialed;
use crate::platform::native::dial::target::Target;
use crate::platform::native::runtime::per_process::PerProcess;
use crate::sync::catch_panic::drop_caught;

/// The time for which a server counts as one without WebSockets over HTTP/2. Arbitrary.
const HTTP1_MEMORY: Duration = Duration::from_secs(300);

/// The result of a search.
pub(super) enum Found {
    /// A place on a connection of HTTP/2.
    Place(Place),
    /// A connection of HTTP/1.1, because the server has no HTTP/2 for WebSockets.
    Http1(Dialed),
}

/// The state of a server, for sockets with equal settings.
#[derive(Default)]
pub(super) struct Origin {
    state: Mutex<OriginState>,
    /// Held while a connection is made, so that the others wait for it.
    turn: AsyncMutex<()>,
    /// Notified when a connection was added.
    added: Notify,
}

#[derive(Default)]
struct OriginState {
    connections: Vec<Connection>,
    /// The end of the time in which HTTP/2 is not tried.
    http1_until: Option<Instant>,
}

/// The name or address of a server, its port, and whether TLS is used.
type Server = (String, u16, bool);

static POOL: PerProcess<Pool> = PerProcess::new();

#[derive(Default)]
struct Pool {
    origins: HashMap<Server, Vec<(Key, Arc<Origin>)>>,
    /// The number of entries of all servers.
    count: usize,
    /// The number of entries at which unused ones are removed.
    sweep_at: usize,
}

/// Returns the state of this server.
pub(super) fn origin(target: &Target, key: Key) -> Arc<Origin> {
    let server = (target.host.clone(), target.port, target.secure);
    let mut owned = POOL.lock();
    let pool = owned.value.get_or_insert_default();
    let unused = pool.sweep();
    let Pool { origins, count, .. } = pool;
    let entries = origins.entry(server).or_default();
    let known = entries.iter().find(|(known, _)| *known == key).map(|(_, origin)| Arc::clone(origin));
    let is_known = known.is_some();
    let origin = known.unwrap_or_default();
    let spare = if is_known {
        Some(key)
    } else {
        entries.push((key, Arc::clone(&origin)));
        *count += 1;
        None
    };
    drop(owned);
    // Drop outside the lock: a key may own values of the user.
    for (key, _) in unused {
        drop_caught(key);
    }
    drop_caught(spare);
    origin
}

impl Pool {
    /// Removes and returns the entries without a use, if there are twice as many entries as after the last time.
    fn sweep(&mut self) -> Vec<(Key, Arc<Origin>)> {
        let mut unused = Vec::new();
        if self.count < self.sweep_at {
            return unused;
        }
        self.origins.retain(|_, entries| {
            let (kept, rest) = std::mem::take(entries).into_iter().partition(|(_, origin)| !origin.is_unused());
            *entries = kept;
            unused.extend::<Vec<_>>(rest);
            !entries.is_empty()
        });
        self.count -= unused.len();
        self.sweep_at = 2 * self.count + 16;
        unused
    }
}

impl Origin {
    /// Reserves a place on a connection that has one.
    pub(super) fn reserve(&self) -> Option<Place> {
        let place = self.state.lock().connections.iter().find_map(Connection::reserve)?;
        // Outside the lock: this wakes a task.
        place.announce();
        Some(place)
    }

    /// Adds a connection.
    pub(super) fn add(&self, connection: Connection) {
        let usage = connection.usage();
        self.state.lock().connections.push(connection);
        // If its task ended before it was added, it was not in the list to be removed from it.
        if usage.is_closed() {
            usage.close();
        }
        self.added.notify_waiters();
    }

    /// Waits for a place on a connection that another socket makes.
    pub(super) async fn wait_for_place(&self) -> Place {
        loop {
            let mut added = pin!(self.added.notified());
            // Before the search, so that no connection is missed.
            added.as_mut().enable();
            if let Some(place) = self.reserve() {
                return place;
            }
            added.await;
        }
    }

    /// Returns whether the server is known to have no WebSockets over HTTP/2.
    pub(super) fn is_http1(&self) -> bool {
        self.state.lock().http1_until.is_some_and(|end| Instant::now() < end)
    }

    /// Remembers for a while that the server has no WebSockets over HTTP/2.
    pub(super) fn remember_http1(&self) {
        self.state.lock().http1_until = Instant::now().checked_add(HTTP1_MEMORY);
    }

    /// Waits until no other socket makes a connection. Returns `None` after the [lease](LEASE) of a handshake.
    pub(super) async fn wait_for_turn(&self) -> Option<MutexGuard<'_, ()>> {
        timeout(LEASE, self.turn.lock()).await.ok()
    }

    fn is_unused(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) == 1 && self.state.lock().connections.is_empty() && !self.is_http1()
    }
}

impl ConnectionList for Origin {
    fn remove(&self, number: u64) {
        let mut state = self.state.lock();
        let index = state.connections.iter().position(|connection| connection.number() == number);
        let removed = index.map(|index| state.connections.swap_remove(index));
        drop(state);
        drop(removed);
    }
}

/// Returns the list of connections, which it does not keep alive.
pub(super) fn list(origin: &Arc<Origin>) -> Weak<dyn ConnectionList> {
    let weak: Weak<Origin> = Arc::downgrade(origin);
    weak
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use h2::client::Builder;
    use tokio::io::duplex;

    use super::super::usage::Usage;
    use super::*;

    #[tokio::test]
    async fn connection_that_has_ended_before_it_is_added_is_not_kept() {
        let (near, _far) = duplex(1 << 16);
        let (send, _connection) = Builder::new().handshake(near).await.unwrap();
        let origin = Arc::<Origin>::default();
        let (usage, _reservation) = Usage::new(list(&origin), send.clone(), Arc::default());
        usage.close();
        origin.add(Connection::new(send, usage, 1));
        assert!(origin.is_unused());
    }
}
