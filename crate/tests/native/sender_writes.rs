//! Messages that the sending thread writes to TCP itself, and those that it leaves to the driver.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::StreamExt;
use samesocket::{BinaryType, Blob, Event, Message, Options, WebSocket};
use samesocket_fault_server::Until;
use tokio::time::timeout;

use crate::manual_server::ManualServer;
use crate::separate_runtimes::SeparateRuntimes;
use crate::support::{NotifyWaker, TestServer, event_line};

#[test]
fn single_message_is_written_by_the_sending_thread() {
    let runtimes = SeparateRuntimes::new();
    let SeparateRuntimes { runtime, test_server, servers } = &runtimes;
    let socket = runtimes.open("a");
    let mut events = socket.events();
    let mut next = || runtime.block_on(events.next()).map(|event| event_line(&event));
    assert_eq!([next(), next()], [Some("open".to_owned()), Some("text \"a\"".to_owned())]);
    for _ in 0..3 {
        socket.send("b").unwrap();
        assert_eq!(socket.buffered_amount(), 0);
        servers.block_on(test_server.store().wait_record("a", Until::Message));
        assert_eq!(next().as_deref(), Some("text \"b\""));
    }
    // A task without coop budget writes, too, because a woken driver would not run before the task returns.
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
    assert_eq!(socket.buffered_amount(), 1, "the driver writes the second message");
    assert_eq!([next(), next()], [Some("text \"c\"".to_owned()), Some("text \"d\"".to_owned())]);
}

#[test]
fn flood_is_written_though_its_sender_never_yields() {
    const MESSAGES: u16 = 4_000;
    let runtimes = SeparateRuntimes::new();
    let SeparateRuntimes { runtime, test_server, .. } = &runtimes;
    let here = runtimes.open("here");
    let background = WebSocket::new(&test_server.url("background", "do=text:a,echo"), ()).unwrap();
    for socket in [here, background] {
        let mut events = socket.events();
        runtimes.skip_opening_events(&mut events);
        let messages = (0..MESSAGES).map(|number| format!("{number:064}"));
        for message in messages.clone() {
            socket.send(&*message).unwrap();
        }
        let after_the_first = u64::from(MESSAGES - 1) * 64;
        assert!(socket.buffered_amount() < after_the_first, "no message was written");
        let answers =
            runtime.block_on(events.take(MESSAGES.into()).map(|event| event_line(&event)).collect::<Vec<_>>());
        assert!(answers.into_iter().eq(messages.map(|message| format!("text {message:?}"))));
    }
}

#[test]
fn messages_leave_while_their_sender_works_between_them() {
    const MESSAGES: usize = 10;
    let servers = tokio::runtime::Runtime::new().unwrap();
    let server = servers.block_on(ManualServer::new());
    let url = server.url("a");
    let (seen, messages_seen) = std::sync::mpsc::channel();
    servers.spawn(async move {
        let mut connection = server.next().await.accept_upgrade().await;
        for _ in 0..MESSAGES {
            // A header, a masking key, and a byte.
            connection.read_exact(7).await;
            seen.send(()).unwrap();
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let socket = runtime.block_on(async { samesocket::connect(url).await }).unwrap();
    // The driver, which shares the thread, never runs here. The messages are fewer than a flood has.
    let mut arrived = 0;
    for _ in 0..200 {
        socket.try_send("a".into()).unwrap();
        arrived += usize::from(messages_seen.recv_timeout(Duration::from_millis(20)).is_ok());
        if arrived == MESSAGES {
            return;
        }
    }
    panic!("{arrived} messages have arrived");
}

#[test]
fn drained_is_woken_though_another_sender_writes_the_queue() {
    let runtimes = SeparateRuntimes::new();
    let SeparateRuntimes { runtime, test_server, .. } = &runtimes;
    let options = Options::new().runtime(runtime.handle().clone());
    let (url, woken) = (test_server.url("a", "do=text:a,answer"), Arc::new(NotifyWaker::default()));
    let mut socket = runtime.block_on(async { samesocket::connect(&url).options(options).await }).unwrap();
    runtime.block_on(socket.next()).unwrap().unwrap();
    for text in ["written at once", "left to the driver"] {
        socket.try_send(text.into()).unwrap();
    }
    let mut drained = pin!(socket.drained());
    assert!(drained.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&woken)))).is_pending());
    socket.try_send("a".repeat(5_000).into()).unwrap();
    assert_eq!(socket.buffered_amount(), 0, "a long message is written at once, together with the queue");
    runtime.block_on(async { timeout(Duration::from_secs(30), woken.0.notified()).await }).unwrap();
}

/// A time limit shorter than the 5 s after which an idle driver wakes by itself.
const SOON: Duration = Duration::from_secs(4);

#[tokio::test]
async fn rest_of_a_flood_is_written_after_its_sender_stops() {
    let test_server = TestServer::new().await;
    let mut socket = samesocket::connect(test_server.url("a", "do=text:a,answer")).await.unwrap();
    socket.next().await.unwrap().unwrap();
    for _ in 0..3 {
        for _ in 0..1_000 {
            socket.try_send("short".into()).unwrap();
        }
        timeout(SOON, socket.drained()).await.unwrap().unwrap();
    }
}

#[test]
fn file_is_read_though_the_sender_could_write_the_queue() {
    let runtimes = SeparateRuntimes::new();
    let runtime = &runtimes.runtime;
    let socket = runtimes.open("a");
    socket.set_binary_type(BinaryType::ArrayBuffer);
    let mut events = socket.events();
    runtimes.skip_opening_events(&mut events);
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
fn message_sent_in_a_callback_is_queued_until_it_returns() {
    let runtimes = SeparateRuntimes::new();
    let runtime = &runtimes.runtime;
    let (from, to) = (runtimes.open("from"), runtimes.open("to"));
    let (mut from_events, mut to_events) = (from.events(), to.events());
    for events in [&mut from_events, &mut to_events] {
        runtimes.skip_opening_events(events);
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
    assert_eq!(runtime.block_on(to_events.next()).map(|event| event_line(&event)).as_deref(), Some("text \"hello\""));
    drop(relay);
}
