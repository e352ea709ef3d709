//! What the tests of sockets themselves share.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::cell::Cell;
use std::rc::Rc;

use futures::StreamExt;
use gloo_timers::future::TimeoutFuture;
use js_sys::Function;
use samesocket::{Event, Events, Message, WebSocket};
use samesocket_conformance::server::Server;

/// A fault server and an id of which no other test knows.
pub(crate) struct Place {
    pub(crate) server: Server,
    pub(crate) id: String,
}

impl Place {
    pub(crate) async fn new(name: &str) -> Self {
        let server = Server::find().await;
        let id = format!("{}-{name}-{}", server.engine, js_sys::Date::now());
        Self { server, id }
    }

    /// A socket at the fault server.
    pub(crate) fn connect(&self, query: &str) -> WebSocket {
        WebSocket::new(&self.server.socket_url(&self.id, query), ()).expect("a valid URL")
    }

    /// Waits until the server has seen the end of the connection.
    pub(crate) async fn ended(&self) -> samesocket_conformance::server::Record {
        self.server.record(&self.id, "end").await.expect("the connection ends")
    }

    /// Waits for a task after all that the event loop has in hand.
    pub(crate) async fn settle(&self) {
        let other = WebSocket::new(&self.server.socket_url(&format!("{}-settle", self.id), "do=close:1000"), ());
        other.expect("a valid URL").closed().await;
        TimeoutFuture::new(0).await;
    }
}

/// An event as a short text.
pub(crate) fn describe(event: &Event) -> String {
    match event {
        Event::Open => "open".to_owned(),
        Event::Message(message) => match &message.data {
            Message::Text(text) => text.to_string(),
            other => format!("{} bytes", other.size()),
        },
        Event::Error => "error".to_owned(),
        Event::Close(close) => format!("close {}", close.code),
        Event::Lagged(lagged) => format!("lagged {} {}", lagged.messages, lagged.bytes),
        other => format!("{other:?}"),
    }
}

/// All that is left in a stream.
pub(crate) async fn collect(events: Events) -> Vec<String> {
    events.map(|event| describe(&event)).collect().await
}

/// Waits for the next event that is described so.
pub(crate) async fn until(events: &mut Events, description: &str) {
    while let Some(event) = events.next().await {
        if describe(&event) == description {
            return;
        }
    }
    panic!("the stream ended before {description}");
}

/// Counts how many of its clones are alive.
#[derive(Clone, Default)]
pub(crate) struct Token(Rc<()>);

impl Token {
    /// The number of other clones.
    pub(crate) fn others(&self) -> usize {
        Rc::strong_count(&self.0) - 1
    }
}

/// What the page counts for us: listeners at sockets, and closures of this program that JavaScript may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Alive {
    pub(crate) listeners: i32,
    pub(crate) closures: i32,
}

impl Alive {
    /// Starts to count, the first time, and gives the present counts.
    pub(crate) fn now() -> Self {
        thread_local! {
            static STARTED: Cell<bool> = const { Cell::new(false) };
        }
        if !STARTED.replace(true) {
            Function::new_no_args(COUNT).call0(&js_sys::global()).expect("a script that runs");
        }
        let count = |name: &str| {
            let value = js_sys::Reflect::get(&js_sys::global(), &name.into()).expect("a global");
            #[expect(clippy::cast_possible_truncation, reason = "a small integer")]
            let count = value.as_f64().expect("a number") as i32;
            count
        };
        Self { listeners: count("aliveListeners"), closures: count("aliveClosures") }
    }
}

/// A closure that JavaScript may call is registered for finalization when it is made, and no more when it is freed.
const COUNT: &str = "
    globalThis.aliveListeners = 0;
    globalThis.aliveClosures = 0;
    const wrap = (prototype, name, around) => {
        const original = prototype[name];
        prototype[name] = function (...args) { around(this); return original.apply(this, args); };
    };
    wrap(EventTarget.prototype, 'addEventListener', (target) => { if (target instanceof WebSocket) aliveListeners++; });
    wrap(EventTarget.prototype, 'removeEventListener', (target) => { if (target instanceof WebSocket) aliveListeners--; });
    wrap(FinalizationRegistry.prototype, 'register', () => { aliveClosures++; });
    wrap(FinalizationRegistry.prototype, 'unregister', () => { aliveClosures--; });
";
