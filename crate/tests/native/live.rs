//! Live sockets over loopback: where they run, what survives a server, and what is left of them.

use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::executor::block_on;
use samesocket::reconnect::{Backoff, Cause, LiveSocket, Outbox, Reconnect, Sent, Status, Update};
use samesocket::{Error, OwnedMessage, connect};
use samesocket_fault_server::{Server, Until};
use tokio::runtime::{Builder, Runtime};

use crate::child_process;
use crate::support::TestServer;

const MS: Duration = Duration::from_millis(1);

/// The longest time that a test waits for an update.
const LIMIT: Duration = Duration::from_secs(30);

/// Builds a socket that reconnects soon.
fn to(url: impl Into<String>) -> Reconnect {
    connect(url).reconnect().backoff(Backoff { first: MS, longest: 10 * MS, ..Backoff::default() })
}

fn text(update: Update) -> String {
    match update {
        Update::Status(Status::Connecting { .. }) => "connecting".to_owned(),
        Update::Status(Status::Waiting { .. }) => "waiting".to_owned(),
        Update::Status(status) => status.to_string(),
        Update::Message(OwnedMessage::Text(text)) => text.to_string(),
        other => format!("{other:?}"),
    }
}

/// Starts a live socket whose updates arrive as text, together with the name of the thread.
fn live(builder: Reconnect) -> (LiveSocket, Receiver<(String, Option<String>)>) {
    let (sender, receiver) = mpsc::channel();
    let on_update = move |update| {
        let thread = thread::current().name().map(str::to_owned);
        // A test may have dropped the receiver.
        drop(sender.send((text(update), thread)));
    };
    (builder.drive(on_update), receiver)
}

/// Waits until this update comes, and returns all until then.
fn until(updates: &Receiver<(String, Option<String>)>, last: &str) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        seen.push(updates.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("no {last:?} after {seen:?}")).0);
        if seen.last().is_some_and(|update| update == last) {
            return seen;
        }
    }
}

/// Starts a server on this port, in a runtime that kills it on drop.
///
/// A port that was used before may belong to a connection of another test for a moment.
fn server_on(port: u16) -> (Runtime, Server) {
    let runtime = Runtime::new().unwrap();
    let start = Instant::now();
    loop {
        match runtime.block_on(Server::builder().plain_port(port).start()) {
            Ok(server) => return (runtime, server),
            Err(error) => assert!(start.elapsed() < LIMIT, "the port is not free: {error}"),
        }
        thread::sleep(10 * MS);
    }
}

fn url(address: SocketAddr, query: &str) -> String {
    format!("ws://{address}/ws?id=a&{query}")
}

#[test]
fn killed_server_that_returns_receives_what_was_sent_meanwhile() {
    let (runtime, server) = server_on(0);
    let address = server.addresses().plain;
    let (live, updates) = live(to(url(address, "do=text:hello,echo")));
    let mut seen = until(&updates, "hello");
    drop(server);
    runtime.shutdown_background();
    seen.extend(until(&updates, "waiting"));
    assert_eq!(live.send("1"), Ok(Sent::Kept));
    assert_eq!(live.send("2"), Ok(Sent::Kept));
    // Nothing listens there.
    until(&updates, "waiting");
    assert_eq!(live.send("3"), Ok(Sent::Kept));
    let (_runtime, server) = server_on(address.port());
    until(&updates, "open");
    seen.push("open".to_owned());
    seen.extend(until(&updates, "3"));
    live.close(Some(3000), Some("done")).unwrap();
    let end = "ended: the connection was closed with code 3000";
    seen.extend(until(&updates, end));
    assert_eq!(seen, ["connecting", "open", "hello", "waiting", "open", "hello", "1", "2", "3", end]);
    let record = block_on(server.store().wait_record("a", Until::End));
    let received: Vec<_> = record.messages.iter().filter_map(|message| message.text.clone()).collect();
    assert_eq!(received, ["1", "2", "3"], "each once");
    assert_eq!(live.status().code(), Some(3000));
}

#[test]
fn burst_of_messages_arrives_whole_and_in_order() {
    let (_runtime, server) = server_on(0);
    let (live, updates) = live(to(url(server.addresses().plain, "do=echo")));
    let mut expected = vec!["connecting".to_owned(), "open".to_owned()];
    for number in 0..200 {
        live.send(number.to_string()).unwrap();
        expected.push(number.to_string());
    }
    assert_eq!(until(&updates, "199"), expected);
}

#[test]
fn quick_toggles_leave_one_socket_on_the_server() {
    let (runtime, server) = server_on(0);
    let start = || live(to(url(server.addresses().plain, "do=text:hello,echo")));
    let mut kept = start();
    for round in 0..10 {
        if round % 3 == 0 {
            until(&kept.1, "hello");
        }
        kept = start();
    }
    until(&kept.1, "hello");
    runtime.block_on(server.store().wait_live("a", 1));
    drop(kept.0);
    runtime.block_on(server.store().wait_live("a", 0));
    assert_eq!(kept.1.recv_timeout(LIMIT), Err(RecvTimeoutError::Disconnected), "the callback is dropped, not called");
}

#[test]
fn task_runs_where_the_socket_is_started() {
    let (_servers, server) = server_on(0);
    let start = || live(to(url(server.addresses().plain, "do=text:hello,echo")));
    let (outside, updates) = start();
    let thread = |updates: &Receiver<(String, Option<String>)>| updates.recv_timeout(LIMIT).unwrap().1;
    assert_eq!(thread(&updates).as_deref(), Some("samesocket"), "the background thread");
    let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("own").enable_all().build().unwrap();
    let entered = runtime.enter();
    let (inside, inside_updates) = start();
    drop(entered);
    assert_eq!(thread(&inside_updates).as_deref(), Some("own"));
    until(&inside_updates, "hello");
    runtime.shutdown_timeout(LIMIT);
    assert_eq!(inside.status(), Status::Ended { cause: Cause::Stopped });
    assert_eq!(inside.send("late"), Err(Error::NotOpen("late".into())));
    until(&updates, "hello");
    assert_eq!(outside.status(), Status::Open, "the other one lives");
}

#[test]
fn disconnected_socket_starts_no_thread() {
    const NAME: &str = "live::disconnected_socket_starts_no_thread";
    if child_process::argument().is_none() {
        let output = child_process::command(NAME, "").output().unwrap();
        return child_process::check(&output);
    }
    let threads = || std::fs::read_dir("/proc/self/task").map(Iterator::count).unwrap_or_default();
    let before = threads();
    let (live, updates) = live(to("ws://127.0.0.1:9/").disconnected());
    assert_eq!((live.status(), live.send("kept"), live.kept()), (Status::Idle, Ok(Sent::Kept), 1));
    assert_eq!((threads(), updates.try_recv().is_err()), (before, true));
    let (_runtime, server) = server_on(0);
    drop((live, updates));
    // The same socket connects on demand.
    let (sender, received) = mpsc::channel();
    let live = to(url(server.addresses().plain, "do=echo")).disconnected().drive(move |update| {
        if matches!(update, Update::Message(_)) {
            sender.send(text(update)).unwrap();
        }
    });
    live.send("kept").unwrap();
    live.reconnect_now();
    assert_eq!(received.recv_timeout(LIMIT).as_deref(), Ok("kept"));
}

#[test]
fn handles_on_many_threads_lose_and_repeat_nothing() {
    const THREADS: usize = 4;
    const EACH: usize = 200;
    let (runtime, server) = server_on(0);
    let (live, updates) = live(to(url(server.addresses().plain, "do=echo")));
    thread::scope(|scope| {
        for name in 0..THREADS {
            let live = live.clone();
            scope.spawn(move || {
                for number in 0..EACH {
                    while live.send(format!("{name} {number}")).is_err() {
                        thread::yield_now();
                    }
                }
            });
        }
    });
    live.send("last").unwrap();
    until(&updates, "last");
    drop(live);
    let record = runtime.block_on(server.store().wait_record("a", Until::End));
    let texts: Vec<_> = record.messages.iter().filter_map(|message| message.text.clone()).collect();
    assert_eq!(texts.len(), THREADS * EACH + 1);
    for name in 0..THREADS {
        let own: Vec<_> = texts.iter().filter(|text| text.starts_with(&format!("{name} "))).cloned().collect();
        assert_eq!(own, (0..EACH).map(|number| format!("{name} {number}")).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn stream_of_updates_is_polled_on_the_callers_runtime() {
    let server = TestServer::new().await;
    let (live, mut updates) = to(server.url("a", "do=text:hello,close:1000")).drive_stream();
    let end = "ended: the connection was closed with code 1000";
    let mut seen = Vec::new();
    while seen.last().is_none_or(|last| last != end) {
        seen.push(text(updates.next().await.unwrap()));
    }
    assert_eq!(seen, ["connecting", "open", "hello", end]);
    drop(live);
    assert_eq!(updates.next().await, None);
}

/// A payload whose destructor sends over the same socket.
struct SendsOnDrop(samesocket::reconnect::Sender, Sender<bool>);

impl AsRef<[u8]> for SendsOnDrop {
    fn as_ref(&self) -> &[u8] {
        b"owned"
    }
}

impl Drop for SendsOnDrop {
    fn drop(&mut self) {
        let sent = self.0.try_send("from the destructor".into());
        self.1.send(sent.is_ok()).unwrap();
    }
}

#[test]
fn destructor_of_a_payload_may_use_the_reconnecting_socket() {
    let (runtime, server) = server_on(0);
    let mut socket =
        to(url(server.addresses().plain, "do=text:hello,echo")).outbox(Outbox::Keep { messages: 9, bytes: 99 }).start();
    let sender = socket.sender();
    let (done, is_done) = mpsc::channel();
    let payload = |sender: &samesocket::reconnect::Sender| Bytes::from_owner(SendsOnDrop(sender.clone(), done.clone()));
    // The first is kept and passed with the connection, and the second is sent at once.
    sender.try_send(payload(&sender).into()).unwrap();
    let second = payload(&sender);
    let (finished, is_finished) = mpsc::channel();
    thread::spawn(move || {
        block_on(socket.next());
        sender.try_send(second.into()).unwrap();
        sender.close(Some(1000), None).unwrap();
        while block_on(socket.next()).is_some() {}
        finished.send(()).unwrap();
    });
    is_finished.recv_timeout(LIMIT).expect("the destructor waited for a lock");
    drop(done);
    assert_eq!(is_done.iter().collect::<Vec<_>>(), [true, true]);
    let record = runtime.block_on(server.store().wait_record("a", Until::End));
    let texts: Vec<_> = record.messages.iter().map(|message| message.text.clone()).collect();
    let own = Some("from the destructor".to_owned());
    assert_eq!(texts.iter().filter(|text| **text == own).count(), 2, "{texts:?}");
    assert_eq!(texts.len(), 4);
}
