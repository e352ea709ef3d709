//! The turns of a script, which are the event loop's where there is one.
//!
//! A script counts on not being interrupted: from one wait to the next, no event comes and no attribute changes. In a page
//! that is so because there is one thread, on which the script goes on right after the event that it has waited for. Here
//! the sockets have a thread of their own, and whatever is done within a callback is done in their turn. So the script is
//! a future that is polled within callbacks only: of its own events, or of those of a connection that is there for
//! nothing else.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::poll_fn;
use futures::task::AtomicWaker;
use samesocket::{Event, ReadyState, WebSocket};

use super::{Later, mark};
use crate::server::Server;

/// The turn of a script.
#[derive(Clone, Default)]
pub(crate) struct Turn(Arc<Script>);

/// A script that is performed.
#[derive(Default)]
struct Script {
    /// What is left of it, unless it is being polled.
    rest: Mutex<Option<Later<()>>>,
    /// Whether it can go on.
    is_awake: AtomicBool,
    /// Wakes whoever gives it a turn where no event does.
    alarm: AtomicWaker,
}

impl Turn {
    /// Lets the script go on, if it can, within a callback.
    pub(crate) fn checkpoint(&self) {
        let Self(script) = self;
        let Some(mut rest) = script.rest().take() else { return };
        let waker = Waker::from(Arc::clone(script));
        while script.is_awake.swap(false, Ordering::AcqRel) {
            if rest.poll_unpin(&mut Context::from_waker(&waker)).is_ready() {
                return;
            }
        }
        *script.rest() = Some(rest);
    }
}

impl Script {
    fn rest(&self) -> MutexGuard<'_, Option<Later<()>>> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Script {
    fn wake(self: Arc<Self>) {
        self.is_awake.store(true, Ordering::Release);
        self.alarm.wake();
    }
}

/// Performs a script.
pub(crate) async fn play<T: Send + 'static>(server: &Server, script: impl FnOnce(Turn) -> Later<T>) -> T {
    let (done, mut outcome) = oneshot::channel();
    let turn = Turn::default();
    let rest = script(turn.clone());
    *turn.0.rest() = Some(Box::pin(async move {
        let _ = done.send(rest.await);
    }));
    turn.0.is_awake.store(true, Ordering::Release);
    let giver = Giver::connect(server, &turn);
    let outcome = poll_fn(|context| {
        turn.0.alarm.register(context.waker());
        let outcome = outcome.poll_unpin(context);
        if outcome.is_pending() && turn.0.is_awake.load(Ordering::Acquire) {
            giver.give();
        }
        outcome
    });
    outcome.await.expect("the script does not panic")
}

/// A connection whose events are turns.
struct Giver(WebSocket);

impl Giver {
    /// Connects; the first turn comes when the connection opens.
    fn connect(server: &Server, turn: &Turn) -> Self {
        let url = format!("ws://{}/ws?id=turns-{}", server.plain, mark());
        let socket = WebSocket::new(&url, ()).expect("a valid URL");
        let turn = turn.clone();
        let callback = move |_: &WebSocket, event: &Event| {
            turn.checkpoint();
            if matches!(event, Event::Close(_)) {
                turn.0.alarm.wake();
            }
        };
        socket.subscribe(callback).detach();
        Self(socket)
    }

    /// Has a turn come.
    fn give(&self) {
        let Self(socket) = self;
        match socket.ready_state() {
            ReadyState::Connecting => {}
            ReadyState::Open => socket.send("your turn").expect("the connection is open"),
            state => panic!("the connection that gives turns is {state}"),
        }
    }
}
