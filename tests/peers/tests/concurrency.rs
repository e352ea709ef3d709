//! Many sockets, and sockets that many threads use at once: no leaks, no reordering, no late messages.

use std::alloc::System;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use cap::Cap;

use futures::channel::mpsc;
use futures::{Stream, StreamExt};
use samesocket::{BinaryType, Event, Events, Message, Options, ReadyState, WebSocket};
use samesocket_fault_server::Server;
use samesocket_peers::{Direction, FaultProxy, describe};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// An allocator that counts allocated bytes.
#[global_allocator]
static ALLOCATED: Cap<System> = Cap::new(System, usize::MAX);

/// The longest time that one wait may take on a busy machine. Arbitrary.
const TIMEOUT: Duration = Duration::from_secs(60);

async fn server() -> Server {
    Server::builder().start().await.expect("a free port")
}

fn url(server: &Server, id: &str, query: &str) -> String {
    format!("ws://{}/ws?id={id}&{query}", server.addresses().plain)
}

/// Runs a test while no other test runs, because descriptors and allocations are counted for the whole process.
fn run_exclusively(test: impl Future<Output = ()>) {
    static EXCLUSIVE: Mutex<()> = Mutex::new(());
    let _exclusive = EXCLUSIVE.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(test);
}

/// Creates a runtime for the sockets of one test, so that their tasks can be counted.
fn socket_runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// Polls a condition, because tasks end without a notification. Returns whether it held in time.
async fn eventually(mut holds: impl FnMut() -> bool) -> bool {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(TIMEOUT, waiting).await.is_ok()
}

async fn assert_eventually(condition: &str, holds: impl FnMut() -> bool) {
    assert!(eventually(holds).await, "timed out waiting until {condition}");
}

/// Returns the number at the start of a message of the server's `flood` step.
fn number(event: &Event) -> Option<u32> {
    let Event::Message(message) = event else { return None };
    let Message::Binary(bytes) = &message.data else { panic!("{:?}", message.data) };
    Some(u32::from_be_bytes(bytes[..4].try_into().expect("four bytes")))
}

#[test]
fn concurrent_sends_keep_each_threads_order() {
    run_exclusively(async {
        const THREADS: usize = 8;
        const EACH: usize = 400;
        let (server, runtime) = (server().await, socket_runtime());
        let options = Options::new().runtime(runtime.handle().clone());
        let socket = WebSocket::with_options(&url(&server, "a", "do=echo"), (), &options).expect("the URL is valid");
        let mut events = socket.events();
        assert!(matches!(events.next().await, Some(Event::Open)));
        let senders: Vec<_> = (0..THREADS)
            .map(|thread| {
                let socket = socket.clone();
                thread::spawn(move || {
                    for index in 0..EACH {
                        // All sizes around the one at which the frame header grows.
                        let text = format!("{thread} {index} {}", "x".repeat(index % 300));
                        socket.send(&text).expect("the socket is open");
                    }
                })
            })
            .collect();
        let mut next = [0; THREADS];
        for _ in 0..THREADS * EACH {
            let event = events.next().await.expect("an echo");
            let Event::Message(message) = &event else { panic!("{}", describe(&event)) };
            let Message::Text(text) = &message.data else { panic!("{}", describe(&event)) };
            let mut words = text.splitn(3, ' ');
            let thread: usize = words.next().and_then(|word| word.parse().ok()).expect("a number");
            let index: usize = words.next().and_then(|word| word.parse().ok()).expect("a number");
            assert_eq!((index, words.next()), (next[thread], Some(&*"x".repeat(index % 300))), "of thread {thread}");
            next[thread] += 1;
        }
        for sender in senders {
            sender.join().expect("the sender does not panic");
        }
        socket.close(Some(1000), None).expect("the code is valid");
        let rest: Vec<_> = events.map(|event| describe(&event)).collect().await;
        assert_eq!(rest, ["close 1000 \"\" clean"]);
        assert_eq!((next, socket.buffered_amount()), ([EACH; THREADS], 0));
        assert_eventually("no task is left", || runtime.metrics().num_alive_tasks() == 0).await;
        runtime.shutdown_background();
    });
}

#[test]
fn closed_socket_queues_no_more_messages() {
    run_exclusively(async {
        let (server, runtime) = (server().await, socket_runtime());
        let options = Options::new().runtime(runtime.handle().clone());
        for round in 0..60 {
            let id = format!("flood-{round}");
            let query = "do=flood:20000:16,echo";
            let socket = WebSocket::with_options(&url(&server, &id, query), (), &options).expect("the URL is valid");
            socket.set_binary_type(BinaryType::ArrayBuffer);
            let mut events = socket.events();
            assert!(matches!(events.next().await, Some(Event::Open)));
            for expected in 0..round * 10 {
                let event = events.next().await.expect("a flood");
                assert_eq!(number(&event), Some(expected), "{}", describe(&event));
            }
            let closer = socket.clone();
            let closing = thread::spawn(move || {
                closer.close(Some(3000), None).expect("the code is valid");
                // The queued events were fired before `close` returned; the `close` event may be among them.
                (events.size_hint().0, events)
            });
            let (held, events) = closing.join().expect("the closer does not panic");
            let rest: Vec<_> = timeout(TIMEOUT, events.collect()).await.expect("the stream ends after the flood");
            let late = rest.iter().filter(|event| number(event).is_some()).count();
            assert!(late <= held, "round {round}: {late} messages after close, of which {held} were fired before");
            assert_eq!(rest.last().map(describe).as_deref(), Some("close 3000 \"\" clean"));
            assert_eq!(rest.len(), late + 1, "nothing but messages and the end");
        }
        timeout(TIMEOUT, server.store().wait_live("flood-", 0)).await.expect("the server records the end");
        assert_eventually("no task is left", || runtime.metrics().num_alive_tasks() == 0).await;
        runtime.shutdown_background();
    });
}

#[test]
fn unread_stream_pauses_reading_until_close() {
    run_exclusively(async {
        const SIZE: u64 = 16_000;
        let (server, runtime) = (server().await, socket_runtime());
        let proxy = FaultProxy::start(server.addresses().plain, None).await.expect("a free port");
        let traffic = proxy.traffic();
        let options = Options::new().runtime(runtime.handle().clone()).closing_timeout(Duration::from_millis(200));
        // The flood is far larger than all buffers, so it does not end by itself.
        let url = format!("ws://{}/ws?id=a&do=flood:1000000:{SIZE},echo", proxy.address());
        let before = ALLOCATED.allocated();
        let socket = WebSocket::with_options(&url, (), &options).expect("the URL is valid");
        socket.set_binary_type(BinaryType::ArrayBuffer);
        let events = socket.events();
        let full = usize::try_from(Events::MAX_BYTES / SIZE).expect("the number is small");
        assert_eventually("the stream is full", || events.size_hint().0 > full).await;
        // The size of the system's buffers is unknown, so wait until no more bytes are forwarded.
        let mut carried = 0;
        assert_eventually("the flood pauses", || {
            thread::sleep(Duration::from_millis(100));
            carried == std::mem::replace(&mut carried, traffic.forwarded(Direction::ToClient))
        })
        .await;
        let held = events.size_hint().0;
        assert!(held <= full + 3, "{held} of {full}");
        assert!(carried < 4 * Events::MAX_BYTES, "{carried}");
        let allocated = ALLOCATED.allocated().saturating_sub(before) as u64;
        assert!(allocated < 2 * Events::MAX_BYTES, "{allocated}");

        // The server is still sending, so its Close does not arrive in time. The stream keeps the events fired before.
        socket.close(Some(3000), None).expect("the code is valid");
        assert_eq!(socket.ready_state(), ReadyState::Closing);
        let closed = timeout(TIMEOUT, socket.closed()).await.expect("the closing timeout expires");
        assert_eq!((closed.code, closed.was_clean), (1006, false));
        assert!(traffic.forwarded(Direction::ToClient) > carried, "reading resumed");
        let rest: Vec<_> = events.collect().await;
        assert_eq!(rest.iter().filter(|event| number(event).is_some()).count(), held - 1);
        assert_eq!(rest.last().map(describe).as_deref(), Some("close 1006 \"\" unclean"));
        timeout(TIMEOUT, server.store().wait_live("a", 0)).await.expect("the server records the end");
        proxy.finished().await;
        assert_eventually("no task is left", || runtime.metrics().num_alive_tasks() == 0).await;
        runtime.shutdown_background();
    });
}

/// The point at which a socket is dropped.
#[derive(Clone, Copy)]
enum DropPoint {
    /// Right after its construction.
    AtOnce,
    /// After this number of events.
    Event(usize),
    /// Inside the callback, at this event.
    Within(usize),
    /// After `close` at this event.
    Closed(usize),
}

/// Opens a socket and drops it at the given point.
async fn open_and_drop(url: &str, options: &Options, drop_point: DropPoint) {
    let socket = WebSocket::with_options(url, (), options).expect("the URL is valid");
    let (sender, mut notifications) = mpsc::unbounded();
    let (mut count, mut shared_handle) = (0, None);
    let subscription = match drop_point {
        DropPoint::AtOnce => return,
        DropPoint::Within(at) => {
            let handles = Arc::new(Mutex::new(Some(socket)));
            let socket = handles.lock().expect("no callback panics").clone().expect("the handle is there");
            shared_handle = Some(Arc::clone(&handles));
            let callback = move |_: &WebSocket, _: &Event| {
                count += 1;
                if count == at {
                    drop(handles.lock().expect("no callback panics").take());
                }
                let _ = sender.unbounded_send(());
            };
            socket.subscribe(callback).detach();
            None
        }
        DropPoint::Event(_) | DropPoint::Closed(_) => {
            let subscription = socket.subscribe(move |_, _| drop(sender.unbounded_send(())));
            Some((socket, subscription))
        }
    };
    let events = match drop_point {
        DropPoint::AtOnce => 0,
        DropPoint::Event(at) | DropPoint::Within(at) | DropPoint::Closed(at) => at,
    };
    for _ in 0..events {
        timeout(TIMEOUT, notifications.next()).await.expect("an event");
    }
    if let (DropPoint::Closed(_), Some((socket, _))) = (drop_point, &subscription) {
        socket.close(None, None).expect("the close is valid");
    }
    drop((subscription, shared_handle));
}

/// Returns the open file descriptors of this process.
fn descriptors() -> Vec<String> {
    let descriptors = std::fs::read_dir("/proc/self/fd").expect("Linux has /proc").flatten();
    descriptors.filter_map(|entry| Some(std::fs::read_link(entry.path()).ok()?.display().to_string())).collect()
}

#[test]
fn thousand_sockets_dropped_in_any_state_leak_nothing() {
    run_exclusively(async {
        const SOCKETS: usize = 1000;
        const CASES: [(&str, DropPoint); 10] = [
            ("do=echo", DropPoint::AtOnce),
            ("hold=handshake&do=echo", DropPoint::AtOnce),
            ("do=echo", DropPoint::Event(1)),
            ("do=flood:1000:100,echo", DropPoint::Event(3)),
            ("do=bytes:1000000,echo", DropPoint::Event(1)),
            ("do=echo", DropPoint::Closed(1)),
            ("do=text:a,close:1000", DropPoint::Event(3)),
            ("do=masked:a,await-close,end", DropPoint::Event(3)),
            ("do=text:a,echo", DropPoint::Within(2)),
            ("do=flood:1000:100,echo", DropPoint::Within(1)),
        ];
        let (server, runtime) = (server().await, socket_runtime());
        let options = Options::new().runtime(runtime.handle().clone()).closing_timeout(Duration::from_millis(200));
        open_and_drop(&url(&server, "first", "do=echo"), &options, DropPoint::Event(1)).await;
        assert_eventually("no task is left", || runtime.metrics().num_alive_tasks() == 0).await;
        timeout(TIMEOUT, server.store().wait_live("first", 0)).await.expect("the server records the end");
        let before = descriptors().len();
        let mut allocated = Vec::new();
        for batch in 0..2 {
            let all = futures::stream::iter(0..SOCKETS / 2).map(|index| {
                let (query, drop_point) = CASES[index % CASES.len()];
                let url = url(&server, &format!("s-{batch}-{index}"), query);
                let options = &options;
                async move { open_and_drop(&url, options, drop_point).await }
            });
            all.buffer_unordered(32).collect::<Vec<()>>().await;
            assert_eventually("no task is left", || runtime.metrics().num_alive_tasks() == 0).await;
            timeout(TIMEOUT, server.store().wait_live("s-", 0)).await.expect("the server records every end");
            // The server closes its own descriptors later, after it has read from the accepted connections.
            let mut open = Vec::new();
            let returned_to_baseline = eventually(|| {
                open = descriptors();
                open.len() <= before
            });
            assert!(returned_to_baseline.await, "{before} descriptors were open before, now these are: {open:?}");
            allocated.push(ALLOCATED.allocated());
        }
        // The server keeps a record of each connection. A leaked socket would be larger than that.
        let each = allocated[1].saturating_sub(allocated[0]) / (SOCKETS / 2);
        assert!(each < 4096, "{each} bytes are leaked for each socket");
        runtime.shutdown_background();
    });
}
