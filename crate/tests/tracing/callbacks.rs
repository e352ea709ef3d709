//! A subscriber that uses the socket, as user code may: no lock is held while it is called.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use samesocket::{Options, ReadyState, WebSocket, connect};
use tokio::runtime::{Builder, Handle};

use crate::collector::{self, events_until};
use crate::support::TestServer;

/// Runs a test on a thread of its own, and fails if it hangs.
fn run<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    let thread = thread::spawn(move || {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(test());
        let _ = done.send(());
    });
    match is_done.recv_timeout(Duration::from_secs(60)) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("the subscriber waits for a lock that its caller holds"),
        Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => thread.join().unwrap(),
    }
}

/// Calls everything that a program may ask of a socket.
fn use_socket(socket: &WebSocket) {
    assert!(socket.url().starts_with("ws://"));
    assert!(socket.ready_state() >= ReadyState::Connecting);
    let _ = (socket.buffered_amount(), socket.protocol(), socket.extensions(), socket.failure());
    drop((socket.closed(), socket.events()));
    drop(socket.send("from the subscriber"));
}

/// The place of the socket that the subscriber uses.
type SocketPlace = Arc<Mutex<Option<WebSocket>>>;

/// The calls of the subscriber.
type SeenCalls = Arc<Mutex<BTreeSet<String>>>;

/// Lets the subscriber use the next socket of this thread whenever it is called, and close it at `last`.
///
/// Returns the place for the socket, and the calls that were seen while it was there.
fn use_at_each_call(last: &'static str) -> (SocketPlace, SeenCalls) {
    let place = Arc::new(Mutex::new(None::<WebSocket>));
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let (socket, calls) = (Arc::clone(&place), Arc::clone(&seen));
    collector::call_back(move |call| {
        let Some(socket) = socket.lock().unwrap().clone() else { return };
        let name = if call.contains(' ') { call.split(" address=").next().unwrap() } else { call };
        calls.lock().unwrap().insert(name.to_owned());
        use_socket(&socket);
        if call.contains(last) {
            socket.close(Some(3000), Some("by the subscriber")).unwrap();
        }
    });
    (place, seen)
}

#[test]
fn subscriber_may_use_and_close_the_socket() {
    for in_background in [true, false] {
        run(move || async move {
            collector::install();
            let server = TestServer::new().await;
            let (place, seen) = use_at_each_call("INFO open");
            let options = Options::new();
            let options = if in_background { options.background_thread() } else { options };
            let socket = WebSocket::with_options(&server.url("a", "hold=handshake&do=echo"), (), &options).unwrap();
            *place.lock().unwrap() = Some(socket.clone());
            server.store().release("a", "handshake");
            let event = socket.closed().await;
            assert_eq!((event.code, event.was_clean), (3000, true));
            let seen = seen.lock().unwrap().clone();
            for call in ["INFO open subprotocol= extensions=", "INFO closed code=3000 clean=true started_by=client"] {
                assert!(seen.contains(call), "{call} is missing: {seen:#?}");
            }
            // The background thread may connect before the subscriber knows the socket.
            if !in_background {
                for call in ["enter", "exit", "DEBUG TCP connected", "DEBUG sending the request"] {
                    assert!(seen.contains(call), "{call} is missing: {seen:#?}");
                }
            }
            place.lock().unwrap().take();
        });
    }
}

#[test]
fn subscriber_may_close_the_socket_at_each_event() {
    for last in ["name resolved", "TCP connected", "sending the request", "closing started_by", "failed", "closed code"]
    {
        run(move || async move {
            collector::install();
            let server = TestServer::new().await;
            let (place, _) = use_at_each_call(last);
            let options = Options::new().runtime(Handle::current());
            let socket = WebSocket::with_options(&server.url("a", "do=text:a,drop"), (), &options).unwrap();
            *place.lock().unwrap() = Some(socket.clone());
            socket.closed().await;
            events_until("INFO closed").await;
            place.lock().unwrap().take();
        });
    }
}

#[test]
fn subscriber_may_use_the_socket_at_backpressure() {
    run(|| async {
        collector::install();
        let server = TestServer::new().await;
        let script = "do=text:a,text:b,text:c,read-gate:go,await-close,answer";
        let mut socket = connect(server.url("a", script)).receive_limit(1, 1).high_water_mark(0).await.unwrap();
        let control = socket.control().downgrade();
        collector::call_back(move |_| {
            let Some(control) = control.upgrade() else { return };
            let _ = (control.ready_state(), control.buffered_amount(), control.protocol());
        });
        events_until("reading paused").await;
        for _ in 0..3 {
            socket.next().await.unwrap().unwrap();
        }
        socket.send(vec![7; 16 << 20].into()).await.unwrap();
        let sending = async { socket.send("after".into()).await.unwrap() };
        let opening = async {
            events_until("sending paused").await;
            server.store().release("a", "go");
        };
        futures::join!(sending, opening);
        socket.close(None, None).await.unwrap();
        let lines = events_until("INFO closed").await;
        for expected in ["reading paused", "reading resumed", "sending paused", "sending resumed"] {
            assert!(lines.iter().any(|line| line.ends_with(expected)), "{expected} is missing: {lines:#?}");
        }
    });
}
