//! A subscriber of the whole process. It collects events by their span, and can run code of a test.
//!
//! Tests run at the same time, each on a thread of its own, and a port may be used again. So a test asks for the newest
//! span that was created on its thread.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// The code of a test, which is called with the texts of events, and with the names of the subscriber's other methods.
type Callback = Arc<dyn Fn(&str) + Send + Sync>;

#[derive(Default)]
struct State {
    spans: HashMap<u64, SpanData>,
    /// The code to call for the spans of a thread.
    callbacks: HashMap<ThreadId, Callback>,
    next_id: u64,
}

struct SpanData {
    /// The thread that created the span.
    thread: ThreadId,
    name: &'static str,
    parent: Option<u64>,
    fields: String,
    events: Vec<String>,
    handles: usize,
}

struct Collector;

static STATE: OnceLock<Mutex<State>> = OnceLock::new();

/// Notified after each event and each dropped handle.
static CHANGED: Notify = Notify::const_new();

thread_local! {
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    static IN_CALLBACK: Cell<bool> = const { Cell::new(false) };
}

fn state() -> MutexGuard<'static, State> {
    let state = STATE.get_or_init(|| {
        tracing::subscriber::set_global_default(Collector).expect("no other subscriber");
        Mutex::default()
    });
    // A test that fails must not fail the others.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Installs the subscriber. A test calls it before it creates a socket.
pub(crate) fn install() {
    drop(state());
}

/// Calls `callback` whenever the subscriber is called for a span that this thread has created or will create.
pub(crate) fn call_back(callback: impl Fn(&str) + Send + Sync + 'static) {
    state().callbacks.insert(thread::current().id(), Arc::new(callback));
}

/// Passes the newest span of a connection that this thread has created to `read`.
fn newest<T>(read: impl FnOnce(&State, &SpanData) -> T) -> T {
    let state = state();
    let thread = thread::current().id();
    let own = state.spans.iter().filter(|(_, span)| span.thread == thread && span.name == "websocket");
    let (_, span) = own.max_by_key(|(id, _)| **id).expect("a span of this thread");
    read(&state, span)
}

/// Returns the events of the newest connection.
pub(crate) fn events() -> Vec<String> {
    newest(|_, span| span.events.clone())
}

/// Returns the fields of the newest connection's span.
pub(crate) fn fields() -> String {
    newest(|_, span| span.fields.clone())
}

/// Returns the fields of the parent of the newest connection's span.
pub(crate) fn fields_of_parent() -> Option<String> {
    newest(|state, span| Some(state.spans[&span.parent?].fields.clone()))
}

/// Returns all texts that the subscriber has seen.
pub(crate) fn all_texts() -> Vec<String> {
    let state = state();
    state.spans.values().flat_map(|span| span.events.iter().chain([&span.fields])).cloned().collect()
}

/// Waits until `condition` holds, which may depend on events and on handles.
async fn until(condition: impl Fn() -> bool) -> bool {
    let waiting = async {
        loop {
            let changed = CHANGED.notified();
            if condition() {
                return;
            }
            changed.await;
        }
    };
    timeout(Duration::from_secs(30), waiting).await.is_ok()
}

/// Waits until the newest connection has this event, and returns all of its events.
pub(crate) async fn events_until(last: &str) -> Vec<String> {
    let is_there = until(|| events().iter().any(|event| event.contains(last))).await;
    let events = events();
    assert!(is_there, "{last:?} is missing: {events:#?}");
    events
}

/// Waits until no handle to the newest connection's span is left.
pub(crate) async fn span_closed() {
    let is_closed = until(|| newest(|_, span| span.handles == 0)).await;
    assert!(is_closed, "the span has handles: {}", fields());
}

/// Formats fields as ` name=value`. The text of an event has no name.
struct Fields(String);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let name = field.name();
        let result = if name == "message" { write!(self.0, " {value:?}") } else { write!(self.0, " {name}={value:?}") };
        result.unwrap();
    }
}

/// Calls the code of a test, but not for what that code itself does.
fn run_callback(span: Option<u64>, what: &str) {
    let callback = {
        let state = state();
        let Some(data) = span.and_then(|id| state.spans.get(&id)) else { return };
        state.callbacks.get(&data.thread).map(Arc::clone)
    };
    let Some(callback) = callback else { return };
    if !IN_CALLBACK.replace(true) {
        callback(what);
        IN_CALLBACK.set(false);
    }
}

fn current() -> Option<u64> {
    ENTERED.with_borrow(|entered| entered.last().copied())
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        ["samesocket", "program"].contains(&metadata.target())
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut fields = Fields(attributes.metadata().name().to_owned());
        attributes.record(&mut fields);
        let parent = if attributes.is_contextual() { current() } else { attributes.parent().map(Id::into_u64) };
        let mut state = state();
        state.next_id += 1;
        let id = state.next_id;
        let data = SpanData {
            thread: thread::current().id(),
            name: attributes.metadata().name(),
            parent,
            fields: fields.0,
            events: Vec::new(),
            handles: 1,
        };
        state.spans.insert(id, data);
        Id::from_u64(id)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(event.metadata().level().to_string());
        event.record(&mut fields);
        let span = if event.is_contextual() { current() } else { event.parent().map(Id::into_u64) };
        run_callback(span, &fields.0);
        let mut state = state();
        if let Some(span) = span.and_then(|id| state.spans.get_mut(&id)) {
            span.events.push(fields.0);
        }
        drop(state);
        CHANGED.notify_waiters();
    }

    fn enter(&self, span: &Id) {
        ENTERED.with_borrow_mut(|entered| entered.push(span.into_u64()));
        run_callback(Some(span.into_u64()), "enter");
    }

    fn exit(&self, span: &Id) {
        ENTERED.with_borrow_mut(|entered| entered.retain(|id| *id != span.into_u64()));
        run_callback(Some(span.into_u64()), "exit");
    }

    fn clone_span(&self, span: &Id) -> Id {
        run_callback(Some(span.into_u64()), "clone");
        if let Some(data) = state().spans.get_mut(&span.into_u64()) {
            data.handles += 1;
        }
        span.clone()
    }

    fn try_close(&self, span: Id) -> bool {
        run_callback(Some(span.into_u64()), "drop");
        let mut state = state();
        let Some(data) = state.spans.get_mut(&span.into_u64()) else { return true };
        data.handles -= 1;
        let is_last = data.handles == 0;
        drop(state);
        CHANGED.notify_waiters();
        is_last
    }
}
