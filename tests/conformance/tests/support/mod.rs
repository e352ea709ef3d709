//! Helpers for the tests of sockets in an engine.
#![allow(dead_code, reason = "each test binary uses some of the helpers")]

use std::rc::Rc;

use futures::StreamExt;
use gloo_timers::future::TimeoutFuture;
use js_sys::{Function, Promise};
use samesocket::{Blob, Event, Events, Message, ReadyState, WebSocket};
use samesocket_conformance::server::Server;
use wasm_bindgen::closure::Closure;

/// The fault server and an id that is unique to one test.
pub(crate) struct Fixture {
    pub(crate) server: Server,
    pub(crate) id: String,
}

impl Fixture {
    pub(crate) async fn new(name: &str) -> Self {
        let server = Server::find().await;
        let id = format!("{}-{name}-{}", server.engine, js_sys::Date::now());
        Self { server, id }
    }

    /// Connects a socket to the fault server.
    pub(crate) fn connect(&self, query: &str) -> WebSocket {
        WebSocket::new(&self.server.socket_url(&self.id, query), ()).expect("a valid URL")
    }

    /// Waits until the server has seen the end of the connection.
    pub(crate) async fn ended(&self) -> samesocket_conformance::server::Record {
        self.server.record(&self.id, "end").await.expect("the connection ends")
    }

    /// Waits until the socket is not connecting any more, and then like [`settle`](Self::settle). Not every runtime opens sockets
    /// one after the other.
    pub(crate) async fn settle_after_opening(&self, socket: &WebSocket) {
        while socket.ready_state() == ReadyState::Connecting {
            TimeoutFuture::new(1).await;
        }
        self.settle().await;
    }

    /// Waits until the event loop has run all tasks that are queued now.
    pub(crate) async fn settle(&self) {
        let other = WebSocket::new(&self.server.socket_url(&format!("{}-settle", self.id), "do=close:1000"), ());
        other.expect("a valid URL").closed().await;
        TimeoutFuture::new(0).await;
    }
}

/// Describes an event as a short text.
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

/// Collects the remaining events of a stream.
pub(crate) async fn collect(events: Events) -> Vec<String> {
    events.map(|event| describe(&event)).collect().await
}

/// Waits for the next event with a description.
pub(crate) async fn until(events: &mut Events, description: &str) {
    while let Some(event) = events.next().await {
        if describe(&event) == description {
            return;
        }
    }
    panic!("the stream ended before {description}");
}

/// Returns an empty blob that cannot be read. The function has to stay alive.
pub(crate) fn unreadable_blob() -> (Blob, Closure<dyn Fn() -> Promise>) {
    let blob = web_sys::Blob::new().expect("an empty blob");
    let fail = Closure::<dyn Fn() -> Promise>::new(|| Promise::reject(&"unreadable".into()));
    js_sys::Reflect::set(&blob, &"arrayBuffer".into(), fail.as_ref()).expect("an extensible object");
    (Blob::from(blob), fail)
}

/// A token that counts its live clones.
#[derive(Clone, Default)]
pub(crate) struct Token(Rc<()>);

impl Token {
    /// Returns the number of other clones.
    pub(crate) fn others(&self) -> usize {
        Rc::strong_count(&self.0) - 1
    }
}

/// The numbers of live listeners of sockets, and of live closures that JavaScript may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Alive {
    pub(crate) listeners: i32,
    pub(crate) closures: i32,
}

impl Alive {
    /// Returns the current counts; the first call starts the counting.
    pub(crate) fn now() -> Self {
        if !js_sys::Reflect::has(&js_sys::global(), &"aliveListeners".into()).expect("an object") {
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

/// A script that counts. In workerd, which compiles no functions, it runs as a module before the tests.
const COUNT: &str = include_str!("count.js");
