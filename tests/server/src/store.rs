//! Records, gates and reports: everything that connections and tests tell each other.

use std::{
    collections::{HashMap, HashSet},
    future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use crate::record::{Handshake, Record, Until};

/// The server's memory. Waiting is done on changes, never by the clock.
#[derive(Debug, Default)]
pub struct Store {
    contents: Mutex<Contents>,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Contents {
    records: Vec<Record>,
    by_id: HashMap<String, Vec<usize>>,
    open_gates: HashSet<(String, String)>,
    reports: HashMap<String, String>,
}

impl Store {
    /// The record of the latest connection with this id.
    pub fn record(&self, id: &str) -> Option<Record> {
        self.lock().find(id, None).cloned()
    }

    /// The record of the nth connection with this id, counted from 1.
    pub fn nth_record(&self, id: &str, nth: usize) -> Option<Record> {
        self.lock().find(id, Some(nth)).cloned()
    }

    /// Waits until the latest connection with this id has come so far, or has ended.
    pub async fn wait_record(&self, id: &str, until: Until) -> Record {
        self.wait_nth_record(id, None, until).await
    }

    /// [`Store::wait_record`] for the nth connection with this id, counted from 1.
    pub async fn wait_nth_record(&self, id: &str, nth: Option<usize>, until: Until) -> Record {
        self.wait(|contents| contents.find(id, nth).filter(|record| until.is_satisfied_by(record)).cloned()).await
    }

    /// Opens a gate for the connections with this id, those to come as well.
    pub fn release(&self, id: &str, gate: &str) {
        self.lock().open_gates.insert((id.to_owned(), gate.to_owned()));
        self.announce();
    }

    /// How many accepted connections, of those whose id begins so, have not ended.
    pub fn live(&self, prefix: &str) -> usize {
        self.lock().live(prefix)
    }

    /// Waits until [`Store::live`] is `count`.
    pub async fn wait_live(&self, prefix: &str, count: usize) {
        self.wait(|contents| (contents.live(prefix) == count).then_some(())).await;
    }

    /// The report stored under this name.
    pub fn report(&self, name: &str) -> Option<String> {
        self.lock().reports.get(name).cloned()
    }

    /// Waits until there is a report of this name.
    pub async fn wait_report(&self, name: &str) -> String {
        self.wait(|contents| contents.reports.get(name).cloned()).await
    }

    /// Stores a report, in the place of an earlier one.
    pub fn put_report(&self, name: &str, text: String) {
        self.lock().reports.insert(name.to_owned(), text);
        self.announce();
    }

    pub(crate) async fn wait_gate(&self, id: &str, gate: &str) {
        let key = (id.to_owned(), gate.to_owned());
        self.wait(|contents| contents.open_gates.contains(&key).then_some(())).await;
    }

    /// Adds a connection. Without an id, it gets one.
    pub(crate) fn enrol(self: &Arc<Self>, mut record: Record) -> Entry {
        let mut contents = self.lock();
        let slot = contents.records.len();
        if record.id.is_empty() {
            record.id = format!("anonymous-{slot}");
        }
        let same_id = contents.by_id.entry(record.id.clone()).or_default();
        same_id.push(slot);
        record.nth = same_id.len();
        let id = record.id.clone();
        contents.records.push(record);
        drop(contents);
        self.announce();
        Entry { store: Arc::clone(self), slot, id }
    }

    async fn wait<T>(&self, look: impl Fn(&Contents) -> Option<T>) -> T {
        let mut changes = self.changed.subscribe();
        loop {
            changes.mark_unchanged();
            let found = look(&self.lock());
            if let Some(found) = found {
                return found;
            }
            if changes.changed().await.is_err() {
                return future::pending().await;
            }
        }
    }

    fn announce(&self) {
        self.changed.send_modify(|version| *version = version.wrapping_add(1));
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    fn find(&self, id: &str, nth: Option<usize>) -> Option<&Record> {
        let slots = self.by_id.get(id)?;
        let slot = match nth {
            Some(nth) => slots.get(nth.checked_sub(1)?)?,
            None => slots.last()?,
        };
        self.records.get(*slot)
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

/// A connection's access to its own record.
#[derive(Debug)]
pub(crate) struct Entry {
    store: Arc<Store>,
    slot: usize,
    id: String,
}

impl Entry {
    pub(crate) fn update(&self, change: impl FnOnce(&mut Record)) {
        if let Some(record) = self.store.lock().records.get_mut(self.slot) {
            change(record);
        }
        self.store.announce();
    }

    /// Waits for a gate of this connection's id. The future borrows nothing, so that the
    /// connection can go on reading.
    pub(crate) fn gate(&self, name: &str) -> impl Future<Output = ()> + Send + use<> {
        let (store, id, name) = (Arc::clone(&self.store), self.id.clone(), name.to_owned());
        async move { store.wait_gate(&id, &name).await }
    }
}
