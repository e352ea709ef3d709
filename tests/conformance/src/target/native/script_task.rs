//! A script as a task that events cannot interrupt.
//!
//! Between two waits of a script, no event may arrive and no attribute may change. In a page that holds because there is
//! one thread, and the script continues right after the event that it waited for. On native targets the sockets have a
//! thread of their own. There a callback runs while that thread delivers no other event. So the script is a future that
//! is polled only within callbacks: those of its own socket, or those of a connection that exists for this purpose.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::poll_fn;
use futures::task::AtomicWaker;
use samesocket::{Event, ReadyState, WebSocket};

use super::{BoxFuture, HOME, unique_id};

/// A handle to the task that runs a script.
#[derive(Clone, Default)]
pub(crate) struct ScriptTask(Arc<TaskState>);

/// The state of the task.
#[derive(Default)]
struct TaskState {
    /// The future; `None` while it is polled, and after it has ended.
    future: Mutex<Option<BoxFuture<()>>>,
    /// Whether the future was woken.
    is_awake: AtomicBool,
    /// The waker of the future that runs the script, which requests a callback.
    parent: AtomicWaker,
}

impl ScriptTask {
    /// Polls the script, if it was woken; called within a callback.
    pub(crate) fn resume(&self) {
        let Self(state) = self;
        let Some(mut future) = state.future().take() else { return };
        let waker = Waker::from(Arc::clone(state));
        while state.is_awake.swap(false, Ordering::AcqRel) {
            if future.poll_unpin(&mut Context::from_waker(&waker)).is_ready() {
                return;
            }
        }
        *state.future() = Some(future);
    }
}

impl TaskState {
    fn future(&self) -> MutexGuard<'_, Option<BoxFuture<()>>> {
        self.future.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for TaskState {
    fn wake(self: Arc<Self>) {
        self.is_awake.store(true, Ordering::Release);
        self.parent.wake();
    }
}

/// Runs a script as a future that is polled only within callbacks.
pub(crate) async fn run_uninterrupted<T: Send + 'static>(script: impl FnOnce(ScriptTask) -> BoxFuture<T>) -> T {
    let (done, mut outcome) = oneshot::channel();
    let script_task = ScriptTask::default();
    let future = script(script_task.clone());
    *script_task.0.future() = Some(Box::pin(async move {
        let _ = done.send(future.await);
    }));
    script_task.0.is_awake.store(true, Ordering::Release);
    let ticker = Ticker::connect(&script_task);
    let outcome = poll_fn(|context| {
        script_task.0.parent.register(context.waker());
        let outcome = outcome.poll_unpin(context);
        if outcome.is_pending() && script_task.0.is_awake.load(Ordering::Acquire) {
            ticker.tick();
        }
        outcome
    });
    outcome.await.expect("the script does not panic")
}

/// A connection that exists to provide callbacks.
struct Ticker(WebSocket);

impl Ticker {
    /// Connects; the first callback is that of the `open` event.
    fn connect(script_task: &ScriptTask) -> Self {
        let url = format!("ws://{}/ws?id=ticker-{}", HOME.server.addresses().plain, unique_id());
        let socket = WebSocket::new(&url, ()).expect("a valid URL");
        let script_task = script_task.clone();
        let callback = move |_: &WebSocket, event: &Event| {
            script_task.resume();
            if matches!(event, Event::Close(_)) {
                script_task.0.parent.wake();
            }
        };
        socket.subscribe(callback).detach();
        Self(socket)
    }

    /// Requests a callback, by a message that the server echoes.
    fn tick(&self) {
        let Self(socket) = self;
        match socket.ready_state() {
            ReadyState::Connecting => {}
            ReadyState::Open => socket.send("tick").expect("the connection is open"),
            state => panic!("the connection of the ticker is {state}"),
        }
    }
}
