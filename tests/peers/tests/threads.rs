//! Sockets in numbers, and used by many threads at once: nothing is left, mixed up or late.

use std::alloc::System;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use cap::Cap;

use futures::channel::mpsc;
use futures::{Stream, StreamExt};
use samesocket::{BinaryType, Event, Events, Message, Options, ReadyState, WebSocket};
use samesocket_fault_server::Server;
use samesocket_peers::{Direction, Line, line};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// Counts what is allocated.
#[global_allocator]
static ALLOCATED: Cap<System> = Cap::new(System, usize::MAX);

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

async fn server() -> Server {
    Server::builder().start().await.expect("a free port")
}

fn url(server: &Server, id: &str, query: &str) -> String {
    format!("ws://{}/ws?id={id}&{query}", server.addresses().plain)
}

/// Runs a test while no other one has anything open, not even a runtime, since what is counted is the whole process's.
fn alone(test: impl Future<Output = ()>) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(test);
}

/// A runtime for the sockets of one test, whose tasks can be counted.
fn sockets() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// Looks again and again whether it is so, since nothing tells of the end of tasks; whether it was in time.
async fn becomes(mut so: impl FnMut() -> bool) -> bool {
    let waiting = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, waiting).await.is_ok()
}

async fn until(what: &str, so: impl FnMut() -> bool) {
    assert!(becomes(so).await, "not in time: {what}");
}

/// A message that begins with its number, as the floods of the server do.
fn number(event: &Event) -> Option<u32> {
    let Event::Message(message) = event else { return None };
    let Message::Binary(bytes) = &message.data else { panic!("{:?}", message.data) };
    Some(u32::from_be_bytes(bytes[..4].try_into().expect("four bytes")))
}

#[test]
fn sends_of_many_threads_arrive_whole_and_in_the_order_of_each() {
    alone(async {
        const THREADS: usize = 8;
        const EACH: usize = 400;
        let (server, runtime) = (server().await, sockets());
        let options = Options::new().runtime(runtime.handle().clone());
        let socket = WebSocket::with_options(&url(&server, "a", "do=echo"), (), &options).expect("a good URL");
        let mut events = socket.events();
        assert!(matches!(events.next().await, Some(Event::Open)));
        let senders: Vec<_> = (0..THREADS)
            .map(|thread| {
                let socket = socket.clone();
                thread::spawn(move || {
                    for index in 0..EACH {
                        // Of every size around that at which a frame's head grows.
                        let text = format!("{thread} {index} {}", "x".repeat(index % 300));
                        socket.send(&text).expect("it is open");
                    }
                })
            })
            .collect();
        let mut next = [0; THREADS];
        for _ in 0..THREADS * EACH {
            let event = events.next().await.expect("an echo");
            let Event::Message(message) = &event else { panic!("{}", line(&event)) };
            let Message::Text(text) = &message.data else { panic!("{}", line(&event)) };
            let mut words = text.splitn(3, ' ');
            let thread: usize = words.next().and_then(|word| word.parse().ok()).expect("a number");
            let index: usize = words.next().and_then(|word| word.parse().ok()).expect("a number");
            assert_eq!((index, words.next()), (next[thread], Some(&*"x".repeat(index % 300))), "of thread {thread}");
            next[thread] += 1;
        }
        for sender in senders {
            sender.join().expect("it sends");
        }
        socket.close(Some(1000), None).expect("a good code");
        let rest: Vec<_> = events.map(|event| line(&event)).collect().await;
        assert_eq!(rest, ["close 1000 \"\" clean"]);
        assert_eq!((next, socket.buffered_amount()), ([EACH; THREADS], 0));
        until("no task is left", || runtime.metrics().num_alive_tasks() == 0).await;
        runtime.shutdown_background();
    });
}

#[test]
fn no_message_comes_to_a_stream_once_close_has_returned() {
    alone(async {
        let (server, runtime) = (server().await, sockets());
        let options = Options::new().runtime(runtime.handle().clone());
        for round in 0..60 {
            let id = format!("flood-{round}");
            let query = "do=flood:20000:16,echo";
            let socket = WebSocket::with_options(&url(&server, &id, query), (), &options).expect("a good URL");
            socket.set_binary_type(BinaryType::ArrayBuffer);
            let mut events = socket.events();
            assert!(matches!(events.next().await, Some(Event::Open)));
            for expected in 0..round * 10 {
                let event = events.next().await.expect("a flood");
                assert_eq!(number(&event), Some(expected), "{}", line(&event));
            }
            let closer = socket.clone();
            let closing = thread::spawn(move || {
                closer.close(Some(3000), None).expect("a good code");
                // What a stream holds by now was fired before; the `close` event may be among it.
                (events.size_hint().0, events)
            });
            let (held, events) = closing.join().expect("it closes");
            let rest: Vec<_> = timeout(PATIENCE, events.collect()).await.expect("the end is seen behind the flood");
            let late = rest.iter().filter(|event| number(event).is_some()).count();
            assert!(late <= held, "round {round}: {late} messages after close, of which {held} were fired before");
            assert_eq!(rest.last().map(line).as_deref(), Some("close 3000 \"\" clean"));
            assert_eq!(rest.len(), late + 1, "nothing but messages and the end");
        }
        timeout(PATIENCE, server.store().wait_live("flood-", 0)).await.expect("the server sees the end");
        until("no task is left", || runtime.metrics().num_alive_tasks() == 0).await;
        runtime.shutdown_background();
    });
}

#[test]
fn a_stream_that_nobody_reads_stops_the_flood_and_the_end_is_seen_after_close() {
    alone(async {
        const SIZE: u64 = 16_000;
        let (server, runtime) = (server().await, sockets());
        let line_to_server = Line::lay(server.addresses().plain, None).await.expect("a free port");
        let traffic = line_to_server.traffic();
        let options = Options::new().runtime(runtime.handle().clone()).closing_timeout(Duration::from_millis(200));
        // Far more than is ever taken: the flood does not end by itself.
        let url = format!("ws://{}/ws?id=a&do=flood:1000000:{SIZE},echo", line_to_server.address());
        let before = ALLOCATED.allocated();
        let socket = WebSocket::with_options(&url, (), &options).expect("a good URL");
        socket.set_binary_type(BinaryType::ArrayBuffer);
        let events = socket.events();
        let full = usize::try_from(Events::MAX_BYTES / SIZE).expect("it is small");
        until("the stream is full", || events.size_hint().0 > full).await;
        // How much the system's buffers take is not known; that nothing moves any more is.
        let mut carried = 0;
        until("the flood stands still", || {
            thread::sleep(Duration::from_millis(100));
            carried == std::mem::replace(&mut carried, traffic.carried(Direction::Down))
        })
        .await;
        let held = events.size_hint().0;
        assert!(held <= full + 3, "{held} of {full}");
        assert!(carried < 4 * Events::MAX_BYTES, "{carried}");
        let allocated = ALLOCATED.allocated().saturating_sub(before) as u64;
        assert!(allocated < 2 * Events::MAX_BYTES, "{allocated}");

        // The server floods on, so that its answer does not come in time; the stream keeps what was fired before.
        socket.close(Some(3000), None).expect("a good code");
        assert_eq!(socket.ready_state(), ReadyState::Closing);
        let closed = timeout(PATIENCE, socket.closed()).await.expect("a deadline passes");
        assert_eq!((closed.code, closed.was_clean), (1006, false));
        assert!(traffic.carried(Direction::Down) > carried, "reading went on");
        let rest: Vec<_> = events.collect().await;
        assert_eq!(rest.iter().filter(|event| number(event).is_some()).count(), held - 1);
        assert_eq!(rest.last().map(line).as_deref(), Some("close 1006 \"\" unclean"));
        timeout(PATIENCE, server.store().wait_live("a", 0)).await.expect("the server sees the end");
        line_to_server.end().await;
        until("no task is left", || runtime.metrics().num_alive_tasks() == 0).await;
        runtime.shutdown_background();
    });
}

/// Where a socket is dropped.
#[derive(Clone, Copy)]
enum When {
    AtOnce,
    Event(usize),
    /// Within the callback of this event.
    Within(usize),
    /// After `close` at this event.
    Closed(usize),
}

/// Opens a socket and drops it, and gives the events that its callback heard of.
async fn open_and_drop(url: &str, options: &Options, when: When) {
    let socket = WebSocket::with_options(url, (), options).expect("a good URL");
    let (sender, mut heard) = mpsc::unbounded();
    let (mut count, mut own) = (0, None);
    let subscription = match when {
        When::AtOnce => return,
        When::Within(at) => {
            let handles = Arc::new(Mutex::new(Some(socket)));
            let socket = handles.lock().expect("nobody panics").clone().expect("it is there");
            own = Some(Arc::clone(&handles));
            let callback = move |_: &WebSocket, _: &Event| {
                count += 1;
                if count == at {
                    drop(handles.lock().expect("nobody panics").take());
                }
                let _ = sender.unbounded_send(());
            };
            socket.subscribe(callback).detach();
            None
        }
        When::Event(_) | When::Closed(_) => {
            let subscription = socket.subscribe(move |_, _| drop(sender.unbounded_send(())));
            Some((socket, subscription))
        }
    };
    let events = match when {
        When::AtOnce => 0,
        When::Event(at) | When::Within(at) | When::Closed(at) => at,
    };
    for _ in 0..events {
        timeout(PATIENCE, heard.next()).await.expect("an event");
    }
    if let (When::Closed(_), Some((socket, _))) = (when, &subscription) {
        socket.close(None, None).expect("nothing to refuse");
    }
    drop((subscription, own));
}

/// The files and sockets that this process has open.
fn descriptors() -> Vec<String> {
    let descriptors = std::fs::read_dir("/proc/self/fd").expect("Linux tells").flatten();
    descriptors.filter_map(|entry| Some(std::fs::read_link(entry.path()).ok()?.display().to_string())).collect()
}

#[test]
fn a_thousand_sockets_dropped_in_every_state_leave_nothing() {
    alone(async {
        const SOCKETS: usize = 1000;
        const CASES: [(&str, When); 10] = [
            ("do=echo", When::AtOnce),
            ("hold=handshake&do=echo", When::AtOnce),
            ("do=echo", When::Event(1)),
            ("do=flood:1000:100,echo", When::Event(3)),
            ("do=bytes:1000000,echo", When::Event(1)),
            ("do=echo", When::Closed(1)),
            ("do=text:a,close:1000", When::Event(3)),
            ("do=masked:a,await-close,end", When::Event(3)),
            ("do=text:a,echo", When::Within(2)),
            ("do=flood:1000:100,echo", When::Within(1)),
        ];
        let (server, runtime) = (server().await, sockets());
        let options = Options::new().runtime(runtime.handle().clone()).fin_timeout(Duration::from_millis(200));
        open_and_drop(&url(&server, "first", "do=echo"), &options, When::Event(1)).await;
        until("no task is left", || runtime.metrics().num_alive_tasks() == 0).await;
        timeout(PATIENCE, server.store().wait_live("first", 0)).await.expect("the server sees the end");
        let before = descriptors().len();
        let mut allocated = Vec::new();
        for batch in 0..2 {
            let all = futures::stream::iter(0..SOCKETS / 2).map(|index| {
                let (query, when) = CASES[index % CASES.len()];
                let url = url(&server, &format!("s-{batch}-{index}"), query);
                let options = &options;
                async move { open_and_drop(&url, options, when).await }
            });
            all.buffer_unordered(32).collect::<Vec<()>>().await;
            until("no task is left", || runtime.metrics().num_alive_tasks() == 0).await;
            timeout(PATIENCE, server.store().wait_live("s-", 0)).await.expect("the server sees every end");
            // The server's own ends go when it has looked at what it accepted, perhaps in vain.
            let mut open = Vec::new();
            let none_is_left = becomes(|| {
                open = descriptors();
                open.len() <= before
            });
            assert!(none_is_left.await, "there were {before} descriptors, and are {open:?}");
            allocated.push(ALLOCATED.allocated());
        }
        // The server keeps a record of each connection; a socket would be more.
        let each = allocated[1].saturating_sub(allocated[0]) / (SOCKETS / 2);
        assert!(each < 4096, "{each} bytes of each socket");
        runtime.shutdown_background();
    });
}
