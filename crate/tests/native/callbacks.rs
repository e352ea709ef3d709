//! Callbacks on the background thread: they may block, and use runtimes within the limits that the guide states.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;

use futures::StreamExt;
use samesocket::{Event, Events, WebSocket};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::support::{TestServer, event_line};

const EVENTS: [&str; 3] = ["open", "text \"a\"", "close 1000 \"\" clean"];

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Returns all events of a socket as lines of text.
fn lines(events: Events) -> Vec<String> {
    futures::executor::block_on(events.map(|event| event_line(&event)).collect())
}

/// Runs `steps` in the first event of a socket. Returns their result, after all events have been fired.
fn in_callback<T: Send + 'static>(steps: impl FnOnce() -> T + Send + 'static) -> T {
    let servers = Runtime::new().unwrap();
    let test_server = servers.block_on(TestServer::new());
    let socket = WebSocket::new(&test_server.url("a", "do=gate:go,text:a,close:1000"), ()).unwrap();
    let events = socket.events();
    let (sender, receiver) = mpsc::channel();
    let mut steps = Some(steps);
    let on_event = move |_: &WebSocket, _: &Event| {
        if let Some(steps) = steps.take() {
            sender.send(steps()).unwrap();
        }
    };
    socket.subscribe(on_event).detach();
    // The callback sees at least what follows, even if the socket was open before it subscribed.
    test_server.store().release("a", "go");
    assert_eq!(lines(events), EVENTS);
    receiver.recv().unwrap()
}

/// Returns the text of the panic of `steps`.
fn panic_text<T>(steps: impl FnOnce() -> T) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(steps)) else { return "no panic".to_owned() };
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

#[test]
fn callback_may_block_until_another_thread_answers() {
    let answer = in_callback(|| {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || sender.send(7).unwrap());
        (receiver.recv().unwrap(), futures::executor::block_on(async { 8 }))
    });
    assert_eq!(answer, (7, 8));
}

#[test]
fn callback_may_run_and_drop_a_runtime_on_another_thread() {
    let answer = in_callback(|| thread::scope(|scope| scope.spawn(|| runtime().block_on(async { 7 })).join().unwrap()));
    assert_eq!(answer, 7);
}

#[test]
fn callback_may_start_tasks_and_shut_a_runtime_down() {
    let answer = in_callback(|| {
        let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let (sender, receiver) = mpsc::channel();
        runtime.spawn(async move { sender.send(7).unwrap() });
        let answer = receiver.recv().unwrap();
        runtime.shutdown_background();
        answer
    });
    assert_eq!(answer, 7);
}

#[test]
fn runtime_within_a_callback_panics_with_the_stated_text() {
    let texts = in_callback(|| {
        let runtime = runtime();
        let blocking = panic_text(|| runtime.block_on(async {}));
        let with_handle = panic_text(|| Handle::current().block_on(async {}));
        (blocking, with_handle, panic_text(|| drop(runtime)))
    });
    assert!(texts.0.starts_with("Cannot start a runtime from within a runtime."), "{texts:?}");
    assert!(texts.1.starts_with("Cannot start a runtime from within a runtime."), "{texts:?}");
    assert!(texts.2.starts_with("Cannot drop a runtime in a context where blocking is not allowed."), "{texts:?}");
}

#[test]
fn runtime_within_a_callback_ends_neither_socket_nor_thread() {
    let servers = Runtime::new().unwrap();
    let test_server = servers.block_on(TestServer::new());
    for id in ["a", "b"] {
        let socket = WebSocket::new(&test_server.url(id, "do=text:a,close:1000"), ()).unwrap();
        let events = socket.events();
        socket.subscribe(|_, _| runtime().block_on(async {})).detach();
        assert_eq!(lines(events), EVENTS);
    }
}
