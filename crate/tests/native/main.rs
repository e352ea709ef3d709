//! Native sockets over loopback, against the fault server.
#![cfg(not(target_family = "wasm"))]

mod admission;
mod blobs;
mod broken;
mod clock;
mod door;
mod failures;
mod identity;
mod options;
mod paused;
mod proxies;
mod quiet;
mod runtimes;
mod support;
mod tls;
mod turns;
mod users;

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::StreamExt;
use samesocket::{BinaryType, Blob, Event, Events, Message, Options, ReadyState, WebSocket};
use samesocket_fault_server::Until;
use tokio::time::timeout;

use support::{Noting, Stage, line, lines};

#[tokio::test]
async fn a_conversation_from_open_to_close() {
    let stage = Stage::new().await;
    let socket = WebSocket::new(&stage.url("a", "subprotocol=chat&do=text:hi,echo"), ["chat"]).unwrap();
    let mut events = socket.events();
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        if matches!(event, Event::Open) {
            assert_eq!((socket.ready_state(), &*socket.protocol()), (ReadyState::Open, "chat"));
            socket.set_binary_type(BinaryType::ArrayBuffer);
            socket.send("hello").unwrap();
            socket.send(&[1, 2, 3]).unwrap();
            socket.send(&Blob::new(b"last")).unwrap();
        }
        seen.push(line(&event));
        if seen.last().is_some_and(|line| line == "binary 4") {
            socket.close(Some(3000), Some("done")).unwrap();
        }
    }
    assert_eq!(seen, ["open", "text \"hi\"", "text \"hello\"", "binary 3", "binary 4", "close 3000 \"done\" clean"]);
    assert_eq!((socket.ready_state(), socket.buffered_amount()), (ReadyState::Closed, 0));
    assert!(socket.failure().is_none());
}

#[tokio::test]
async fn a_message_that_waited_has_the_form_that_is_set_when_it_is_delivered() {
    let stage = Stage::new().await;
    let socket = WebSocket::new(&stage.url("a", "do=bytes:3,bytes:4,close:1000"), ()).unwrap();
    socket.closed().await;
    socket.set_binary_type(BinaryType::ArrayBuffer);
    socket.set_binary_type(BinaryType::Blob);
    socket.set_binary_type(BinaryType::ArrayBuffer);
    assert_eq!(lines(&socket).await, ["open", "binary 3", "binary 4", "close 1000 \"\" clean"]);
}

#[test]
fn a_socket_needs_no_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stage = runtime.block_on(Stage::new());
    let socket = WebSocket::new(&stage.url("a", "do=text:a,close:1000"), ()).unwrap();
    assert_eq!(futures::executor::block_on(lines(&socket)), ["open", "text \"a\"", "close 1000 \"\" clean"]);
}

#[tokio::test]
async fn dropping_the_last_handle_closes_in_the_background() {
    let stage = Stage::new().await;
    let socket = WebSocket::new(&stage.url("a", ""), ()).unwrap();
    let mut events = socket.events();
    assert!(matches!(events.next().await, Some(Event::Open)));
    drop((socket, events));
    let record = stage.store().wait_record("a", Until::End).await;
    assert!(record.close.is_some_and(|close| close.code.is_none()), "an empty Close");
    stage.store().wait_live("a", 0).await;
}

#[tokio::test]
async fn a_callback_that_panics_ends_neither_the_socket_nor_the_other_callbacks() {
    let stage = Stage::new().await;
    let socket = WebSocket::new(&stage.url("a", "do=text:a,text:b,close:1000"), ()).unwrap();
    let (sender, mut receiver) = futures::channel::mpsc::unbounded();
    socket.subscribe(|_, _| panic!("on purpose")).detach();
    socket.subscribe(move |_, event| sender.unbounded_send(line(event)).unwrap()).detach();
    let mut seen = Vec::new();
    while let Some(line) = receiver.next().await {
        seen.push(line);
    }
    assert_eq!(seen, ["open", "text \"a\"", "text \"b\"", "close 1000 \"\" clean"]);
}

#[tokio::test]
async fn a_runtime_that_ends_is_a_failure_at_once() {
    let stage = Stage::new().await;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let options = Options::new().runtime(runtime.handle().clone());
    let socket = WebSocket::with_options(&stage.url("a", ""), (), &options).unwrap();
    let mut events = socket.events();
    assert!(matches!(events.next().await, Some(Event::Open)));
    runtime.shutdown_background();
    let rest: Vec<_> = events.map(|event| line(&event)).collect().await;
    assert_eq!(rest, ["error", "close 1006 \"\" unclean"]);
    assert_eq!(socket.failure().unwrap().to_string(), "the socket has no runtime, or none any more");
    let late = WebSocket::with_options(&stage.url("a", ""), (), &options).unwrap();
    assert_eq!(lines(&late).await, ["error", "close 1006 \"\" unclean"]);
}

/// A runtime for sockets, which go on only while somebody blocks on it, and a stage on another one.
struct Apart {
    runtime: tokio::runtime::Runtime,
    stage: Stage,
    servers: tokio::runtime::Runtime,
}

impl Apart {
    fn new() -> Self {
        let servers = tokio::runtime::Runtime::new().unwrap();
        let stage = servers.block_on(Stage::new());
        Self { runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(), stage, servers }
    }

    /// Opens a socket to a server that sends a message and then echoes.
    fn open(&self, id: &str) -> WebSocket {
        let options = Options::new().runtime(self.runtime.handle().clone());
        WebSocket::with_options(&self.stage.url(id, "do=text:a,echo"), (), &options).unwrap()
    }

    /// Takes what comes before anything is sent.
    fn take_the_first(&self, events: &mut Events) {
        let both: Vec<_> = self.runtime.block_on(events.take(2).map(|event| line(&event)).collect());
        assert_eq!(both, ["open", "text \"a\""]);
    }
}

#[test]
fn who_sends_one_message_writes_it_itself_while_the_runtime_of_the_socket_sleeps() {
    let apart = Apart::new();
    let Apart { runtime, stage, servers } = &apart;
    let socket = apart.open("a");
    let mut events = socket.events();
    let mut next = || runtime.block_on(events.next()).map(|event| line(&event));
    assert_eq!([next(), next()], [Some("open".to_owned()), Some("text \"a\"".to_owned())]);
    for _ in 0..3 {
        socket.send("b").unwrap();
        assert_eq!(socket.buffered_amount(), 0);
        servers.block_on(stage.store().wait_record("a", Until::Message));
        assert_eq!(next().as_deref(), Some("text \"b\""));
    }
    // A task that has used up what it may do in one turn writes, too: nobody would be woken for it before the turn ends.
    let sender = tokio::runtime::Builder::new_current_thread().build().unwrap();
    sender.block_on(poll_fn(|context| {
        while pin!(tokio::task::coop::consume_budget()).poll(context).is_ready() {}
        socket.send("b").unwrap();
        assert_eq!(socket.buffered_amount(), 0);
        Poll::Ready(())
    }));
    assert_eq!(next().as_deref(), Some("text \"b\""));
    socket.send("c").unwrap();
    socket.send("d").unwrap();
    assert_eq!(socket.buffered_amount(), 1, "what follows is the driver's to write");
    assert_eq!([next(), next()], [Some("text \"c\"".to_owned()), Some("text \"d\"".to_owned())]);
}

#[test]
fn a_flood_leaves_though_its_sender_lets_nobody_else_have_a_turn() {
    const MESSAGES: u16 = 4_000;
    let apart = Apart::new();
    let Apart { runtime, stage, .. } = &apart;
    let here = apart.open("here");
    let background = WebSocket::new(&stage.url("background", "do=text:a,echo"), ()).unwrap();
    for socket in [here, background] {
        let mut events = socket.events();
        apart.take_the_first(&mut events);
        let messages = (0..MESSAGES).map(|number| format!("{number:064}"));
        for message in messages.clone() {
            socket.send(&*message).unwrap();
        }
        let behind_the_first = u64::from(MESSAGES - 1) * 64;
        assert!(socket.buffered_amount() < behind_the_first, "nothing of it has left");
        let answers = runtime.block_on(events.take(MESSAGES.into()).map(|event| line(&event)).collect::<Vec<_>>());
        assert!(answers.into_iter().eq(messages.map(|message| format!("text {message:?}"))));
    }
}

#[test]
fn who_waits_for_what_is_queued_is_told_though_somebody_else_writes_it() {
    let apart = Apart::new();
    let Apart { runtime, stage, .. } = &apart;
    let options = Options::new().runtime(runtime.handle().clone());
    let (url, woken) = (stage.url("a", "do=text:a,answer"), Arc::new(Noting::default()));
    let mut socket = runtime.block_on(async { samesocket::connect(&url).options(options).await }).unwrap();
    runtime.block_on(socket.next()).unwrap().unwrap();
    for text in ["written at once", "left to the driver"] {
        socket.try_send(text.into()).unwrap();
    }
    let mut drained = pin!(socket.drained());
    assert!(drained.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&woken)))).is_pending());
    socket.try_send("a".repeat(5_000).into()).unwrap();
    assert_eq!(socket.buffered_amount(), 0, "a long one is written at once, with what is before it");
    runtime.block_on(async { timeout(Duration::from_secs(30), woken.0.notified()).await }).unwrap();
}

/// Sooner than a driver that nobody wakes looks whether its connection has been quiet.
const SOON: Duration = Duration::from_secs(4);

#[tokio::test]
async fn what_is_left_of_a_flood_is_written_though_its_sender_does_nothing_more() {
    let stage = Stage::new().await;
    let mut socket = samesocket::connect(stage.url("a", "do=text:a,answer")).await.unwrap();
    socket.next().await.unwrap().unwrap();
    for _ in 0..3 {
        for _ in 0..1_000 {
            socket.try_send("short".into()).unwrap();
        }
        timeout(SOON, socket.drained()).await.unwrap().unwrap();
    }
}

#[test]
fn a_file_is_read_though_whoever_sends_it_could_write_what_is_before_it() {
    let apart = Apart::new();
    let runtime = &apart.runtime;
    let socket = apart.open("a");
    socket.set_binary_type(BinaryType::ArrayBuffer);
    let mut events = socket.events();
    apart.take_the_first(&mut events);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "file").unwrap();
    let file = Blob::from_file(&path).unwrap();
    for _ in 0..3 {
        socket.send(&file).unwrap();
        let answer = runtime.block_on(async { timeout(SOON, events.next()).await });
        let Ok(Some(Event::Message(event))) = answer else { panic!("{answer:?}") };
        assert!(matches!(&event.data, Message::Binary(bytes) if bytes == "file"), "{event:?}");
    }
}

#[test]
fn what_a_callback_sends_over_another_socket_is_queued_as_long_as_it_runs() {
    let apart = Apart::new();
    let runtime = &apart.runtime;
    let (from, to) = (apart.open("from"), apart.open("to"));
    let (mut heard, mut told) = (from.events(), to.events());
    for events in [&mut heard, &mut told] {
        apart.take_the_first(events);
    }
    let (amounts, mut seen) = futures::channel::mpsc::unbounded();
    let relay = from.subscribe(move |_, event| {
        if matches!(event, Event::Message(_)) {
            to.send("hello").unwrap();
            amounts.unbounded_send(to.buffered_amount()).unwrap();
        }
    });
    from.send("go").unwrap();
    assert_eq!(runtime.block_on(seen.next()), Some(5));
    assert_eq!(runtime.block_on(told.next()).map(|event| line(&event)).as_deref(), Some("text \"hello\""));
    drop(relay);
}

#[test]
fn handles_and_what_comes_of_them_may_go_to_any_thread() {
    fn any_thread<T: Send + Sync>() {}
    any_thread::<WebSocket>();
    any_thread::<samesocket::Events>();
    any_thread::<samesocket::Closed>();
    any_thread::<samesocket::Subscription>();
    any_thread::<Event>();
    any_thread::<Blob>();
    any_thread::<Options>();
    any_thread::<samesocket::Failure>();
}
