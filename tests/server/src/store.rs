//! The state that connections and tests share: records, gates and reports.

use std::{
    collections::{HashMap, HashSet},
    future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use crate::record::{ConnectionSeen, Handshake, HttpVersion, Record, Until};

/// The records, gates and reports of a server. Waiters are woken by changes, without polling.
#[derive(Debug, Default)]
pub struct Store {
    contents: Mutex<Contents>,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Contents {
    records: Vec<Record>,
    connections: Vec<ConnectionSeen>,
    by_id: HashMap<String, Vec<usize>>,
    open_gates: HashSet<(String, String)>,
    reports: HashMap<String, String>,
}

impl Store {
    /// Returns the record of the latest connection with this id.
    pub fn record(&self, id: &str) -> Option<Record> {
        self.lock().find(id, None).cloned()
    }

    /// Returns the record of the nth connection with this id, counted from 1.
    pub fn nth_record(&self, id: &str, nth: usize) -> Option<Record> {
        self.lock().find(id, Some(nth)).cloned()
    }

    /// Waits until the latest connection with this id satisfies `until` or has ended. Returns its record.
    pub async fn wait_record(&self, id: &str, until: Until) -> Record {
        self.wait_nth_record(id, None, until).await
    }

    /// Waits as [`Store::wait_record`] does, for the nth connection with this id, counted from 1.
    pub async fn wait_nth_record(&self, id: &str, nth: Option<usize>, until: Until) -> Record {
        self.wait_for(|contents| contents.find(id, nth).filter(|record| until.is_satisfied_by(record)).cloned()).await
    }

    /// Returns the records of all TCP connections, in the order of accepting.
    pub fn connections(&self) -> Vec<ConnectionSeen> {
        self.lock().connections.clone()
    }

    /// Waits until the TCP connection with this number satisfies the condition. Returns its record.
    pub async fn wait_connection(
        &self,
        number: usize,
        is_satisfied: impl Fn(&ConnectionSeen) -> bool,
    ) -> ConnectionSeen {
        self.wait_for(|contents| {
            let seen = contents.connections.get(number.checked_sub(1)?)?;
            is_satisfied(seen).then(|| seen.clone())
        })
        .await
    }

    /// Opens a gate for all present and future connections with this id.
    pub fn release(&self, id: &str, gate: &str) {
        self.lock().open_gates.insert((id.to_owned(), gate.to_owned()));
        self.notify();
    }

    /// Returns the number of open connections whose id starts with `prefix`. Refused handshakes do not count.
    pub fn live(&self, prefix: &str) -> usize {
        self.lock().live(prefix)
    }

    /// Waits until [`Store::live`] returns `count`.
    pub async fn wait_live(&self, prefix: &str, count: usize) {
        self.wait_for(|contents| (contents.live(prefix) == count).then_some(())).await;
    }

    /// Returns the report with this name.
    pub fn report(&self, name: &str) -> Option<String> {
        self.lock().reports.get(name).cloned()
    }

    /// Waits for a report with this name and returns it.
    pub async fn wait_report(&self, name: &str) -> String {
        self.wait_for(|contents| contents.reports.get(name).cloned()).await
    }

    /// Stores a report. It replaces an earlier report with the same name.
    pub fn put_report(&self, name: &str, text: String) {
        self.lock().reports.insert(name.to_owned(), text);
        self.notify();
    }

    pub(crate) async fn wait_gate(&self, id: &str, gate: &str) {
        let key = (id.to_owned(), gate.to_owned());
        self.wait_for(|contents| contents.open_gates.contains(&key).then_some(())).await;
    }

    /// Adds the record of a new connection. Generates an id if the record has none.
    pub(crate) fn add_record(self: &Arc<Self>, mut record: Record) -> RecordHandle {
        let mut contents = self.lock();
        let index = contents.records.len();
        if record.id.is_empty() {
            record.id = format!("anonymous-{index}");
        }
        let same_id = contents.by_id.entry(record.id.clone()).or_default();
        same_id.push(index);
        record.nth = same_id.len();
        let id = record.id.clone();
        contents.records.push(record);
        drop(contents);
        self.notify();
        RecordHandle { store: Arc::clone(self), index, id }
    }

    /// Adds the record of a new TCP connection.
    pub(crate) fn add_connection(self: &Arc<Self>, secure: bool, version: HttpVersion) -> ConnectionHandle {
        let mut contents = self.lock();
        let number = contents.connections.len() + 1;
        contents.connections.push(ConnectionSeen { number, secure, version, ..ConnectionSeen::default() });
        drop(contents);
        self.notify();
        ConnectionHandle { store: Arc::clone(self), number }
    }

    /// Waits until `probe` returns a value.
    async fn wait_for<T>(&self, probe: impl Fn(&Contents) -> Option<T>) -> T {
        let mut changes = self.changed.subscribe();
        loop {
            changes.mark_unchanged();
            let found = probe(&self.lock());
            if let Some(found) = found {
                return found;
            }
            if changes.changed().await.is_err() {
                return future::pending().await;
            }
        }
    }

    fn notify(&self) {
        self.changed.send_modify(|version| *version = version.wrapping_add(1));
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    fn find(&self, id: &str, nth: Option<usize>) -> Option<&Record> {
        let indexes = self.by_id.get(id)?;
        let index = match nth {
            Some(nth) => indexes.get(nth.checked_sub(1)?)?,
            None => indexes.last()?,
        };
        self.records.get(*index)
    }

    fn live(&self, prefix: &str) -> usize {
        self.records
            .iter()
            .filter(|record| record.end.is_none())
            .filter(|record| record.handshake == Some(Handshake::Accepted))
            .filter(|record| record.id.starts_with(prefix))
            .count()
    }
}

/// A handle by which a connection updates its own record.
#[derive(Debug)]
pub(crate) struct RecordHandle {
    store: Arc<Store>,
    index: usize,
    id: String,
}

impl RecordHandle {
    pub(crate) fn update(&self, change: impl FnOnce(&mut Record)) {
        if let Some(record) = self.store.lock().records.get_mut(self.index) {
            change(record);
        }
        self.store.notify();
    }

    /// Waits until a gate is opened for this connection's id.
    ///
    /// The future borrows nothing, so that the connection can keep reading.
    pub(crate) fn gate(&self, name: &str) -> impl Future<Output = ()> + Send + use<> {
        let (store, id, name) = (Arc::clone(&self.store), self.id.clone(), name.to_owned());
        async move { store.wait_gate(&id, &name).await }
    }
}

/// A handle by which a TCP connection updates its own record, and records its end on drop.
#[derive(Debug)]
pub(crate) struct ConnectionHandle {
    store: Arc<Store>,
    number: usize,
}

impl ConnectionHandle {
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut ConnectionSeen)) {
        if let Some(seen) = self.store.lock().connections.get_mut(self.number - 1) {
            change(seen);
        }
        self.store.notify();
    }
}

impl Drop for ConnectionHandle {
    fn drop(&mut self) {
        self.update(|seen| seen.ended = true);
    }
}
