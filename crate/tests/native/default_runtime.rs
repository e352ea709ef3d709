//! The place where a socket lives by default.

use std::sync::mpsc;
use std::thread::{self, ThreadId};

use futures::channel::mpsc::unbounded;
use futures::executor::block_on;
use futures::{FutureExt, StreamExt};
use samesocket::{Failure, Message, Options, Socket, WebSocket, connect};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::support::{TestServer, event_line};

const EVENTS: [&str; 3] = ["open", "text \"a\"", "close 1000 \"\" clean"];

/// A server in a runtime of its own.
fn servers() -> (Runtime, TestServer) {
    let servers = Runtime::new().unwrap();
    let test_server = servers.block_on(TestServer::new());
    (servers, test_server)
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Returns the thread on which the callbacks of a socket run.
async fn callback_thread(socket: &WebSocket) -> ThreadId {
    let (sender, calls) = unbounded();
    let record = move |_: &_, event: &_| _ = sender.unbounded_send((event_line(event), thread::current().id()));
    let subscription = socket.subscribe(record);
    let (lines, threads): (Vec<_>, Vec<_>) = calls.take(EVENTS.len()).unzip().await;
    drop(subscription);
    assert_eq!(lines, EVENTS);
    assert_eq!(threads, [threads[0]; EVENTS.len()]);
    threads[0]
}

#[test]
fn socket_lives_where_it_is_created() {
    let (_servers, test_server) = servers();
    let url = test_server.url("a", "do=text:a,close:1000");
    let runtime = current_thread();
    let here = thread::current().id();
    let new = |options: &Options| WebSocket::with_options(&url, (), options).unwrap();
    let inside = runtime.block_on(async { callback_thread(&new(&Options::new())).await });
    assert_eq!(inside, here);
    let chosen = runtime.block_on(async { callback_thread(&new(&Options::new().background_thread())).await });
    assert_ne!(chosen, here);
    let outside = block_on(callback_thread(&new(&Options::new())));
    assert_eq!(outside, chosen, "there is one background thread");
    let last_call = Options::new().background_thread().runtime(runtime.handle().clone());
    assert_eq!(runtime.block_on(callback_thread(&new(&last_call))), here);
    let entered = runtime.enter();
    let socket = new(&Options::new());
    drop(entered);
    assert_eq!(runtime.block_on(callback_thread(&socket)), here);
}

#[test]
fn first_poll_decides_where_a_connection_lives() {
    let (_servers, test_server) = servers();
    let url = test_server.url("a", "do=text:a,echo");
    let runtime = current_thread();
    let mut inside = connect(url.clone());
    let unopened = runtime.block_on(async { (&mut inside).now_or_never().is_none() });
    assert!(unopened);
    assert!(block_on(async { (&mut inside).now_or_never().is_none() }), "nothing drives the runtime");
    let socket = runtime.block_on(inside).unwrap();
    let outside = block_on(connect(url)).unwrap();
    drop(runtime);
    assert_eq!(block_on(socket.closed()).code, 1006);
    assert_eq!(block_on(echo(outside)), Some("b".into()));
}

/// Sends a text and returns the answer to it, which comes after the server's first message.
async fn echo(mut socket: Socket) -> Option<Message> {
    socket.send("b".into()).await.unwrap();
    socket.next().await.unwrap().unwrap();
    Some(socket.next().await?.unwrap())
}

#[test]
fn runtime_without_a_driver_is_not_chosen() {
    let (_servers, test_server) = servers();
    let url = test_server.url("a", "do=text:a,close:1000");
    let builders: [fn(&mut Builder) -> &mut Builder; 3] = [|all| all, Builder::enable_io, Builder::enable_time];
    for enable in builders {
        let runtime = enable(&mut Builder::new_current_thread()).build().unwrap();
        let thread = runtime.block_on(async { callback_thread(&WebSocket::new(&url, ()).unwrap()).await });
        assert_ne!(thread, thread::current().id());
        let socket = runtime.block_on(connect(url.clone())).unwrap();
        assert_eq!(runtime.block_on(socket.closed()).code, 1000);
    }
}

#[test]
fn callback_on_the_background_thread_creates_sockets_there() {
    let (_servers, test_server) = servers();
    let url = test_server.url("a", "do=text:a,close:1000");
    let socket = WebSocket::new(&url, ()).unwrap();
    let (sender, created) = mpsc::channel();
    socket
        .subscribe(move |_, event| {
            if event_line(event) == "open" {
                assert!(Handle::try_current().is_ok(), "callbacks run inside a runtime");
                drop(sender.send((thread::current().id(), WebSocket::new(&url, ()).unwrap())));
            }
        })
        .detach();
    let (background, inner) = created.recv().unwrap();
    assert_eq!(block_on(callback_thread(&inner)), background);
}

#[test]
fn socket_waits_while_its_runtime_is_not_driven() {
    let (_servers, test_server) = servers();
    let runtime = current_thread();
    let mut socket = runtime.block_on(connect(test_server.url("a", "do=text:a,echo"))).unwrap();
    assert!(matches!(runtime.block_on(socket.next()), Some(Ok(_))));
    // The server has echoed before the runtime is driven again.
    socket.try_send("b".into()).unwrap();
    assert!(socket.next().now_or_never().is_none());
    assert!(matches!(runtime.block_on(socket.next()), Some(Ok(_))));
    drop(runtime);
    let end = block_on(socket.next()).unwrap().unwrap_err();
    assert!(matches!(end.failure(), Some(Failure::Runtime)), "{end:?}");
    assert_eq!(block_on(socket.closed()).code, 1006);
}
