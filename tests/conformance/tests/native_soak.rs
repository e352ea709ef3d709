//! Tests that take a minute on native targets; run by `cargo xtask soak`.
#![cfg(not(target_family = "wasm"))]

mod chaos;

use std::alloc::System;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use std::{env, fs};

use cap::Cap;
use futures::executor::block_on;
use futures::future::join_all;
use samesocket::{Message, connect};
use samesocket_conformance::server::Server;
use samesocket_conformance::short_lived::connect_and_end;
use samesocket_conformance::subjects::Samesocket;
use samesocket_conformance::{report, scripts};

/// Counts the bytes on the heap. Unlike the resident memory, they do not include what the allocator keeps.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

#[test]
fn samesocket_passes_the_scripts() {
    let _alone = alone();
    block_on(report::run_within::<Samesocket>(150_000, "soak", scripts::long())).demand();
}

/// Takes its time from `SAMESOCKET_CHAOS_MINUTES` and its seed from `SAMESOCKET_CHAOS_SEED`, which `cargo xtask soak` sets.
#[test]
fn chaos_ends_every_socket_once_and_leaves_nothing() {
    let _alone = alone();
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().expect(name));
    let minutes = number("SAMESOCKET_CHAOS_MINUTES").unwrap_or(1);
    let now = || SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs());
    chaos::run(Duration::from_secs(60 * minutes), number("SAMESOCKET_CHAOS_SEED").unwrap_or_else(now));
}

/// Locks the process for one test, because each test counts resources of the whole process.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The number of connections, and the number at a time; each takes two descriptors, because the server is in this process.
const CONNECTIONS: usize = 10_000;
const BATCH: usize = 500;

/// The resources that the system counts for this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    descriptors: usize,
    threads: usize,
}

impl Held {
    fn now() -> Self {
        let count = |folder| fs::read_dir(folder).expect("procfs is readable").count();
        Self { descriptors: count("/proc/self/fd"), threads: count("/proc/self/task") }
    }
}

/// Returns the resident memory of this process in bytes.
fn resident() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").expect("procfs is readable");
    let pages: usize = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number of pages");
    pages * 4096
}

#[test]
fn ten_thousand_connections_leave_nothing() {
    let _alone = alone();
    // The bytes that the server, which is in this process too, keeps for the record of each connection.
    const RECORD: usize = 8 << 10;
    let server = block_on(Server::find());
    let mut before = None;
    for batch in 0..CONNECTIONS / BATCH {
        let prefix = format!("batch-{batch}-");
        let connections =
            (0..BATCH).map(|index| connect_and_end(server.socket_url(&format!("{prefix}{index}"), ""), index));
        block_on(join_all(connections));
        block_on(server.all_gone(&prefix));
        // The thread of the socket may end a moment later than the connection of the server.
        let mut polls = 0;
        while before.is_some_and(|(held, _)| held != Held::now()) && polls < 1000 {
            polls += 1;
            block_on(connect_and_end(server.socket_url(&format!("{prefix}poll-{polls}"), ""), 0));
        }
        let (held, memory) = *before.get_or_insert((Held::now(), resident()));
        assert_eq!(Held::now(), held, "after {} connections", (batch + 1) * BATCH);
        let kept = resident().saturating_sub(memory);
        assert!(kept <= batch * BATCH * RECORD + (8 << 20), "{kept} bytes after {} connections", (batch + 1) * BATCH);
    }
}

#[test]
fn gibibyte_to_slow_reader_keeps_memory_flat() {
    let _alone = alone();
    const MESSAGE: usize = 1 << 20;
    const MESSAGES: usize = 1 << 10;
    let server = block_on(Server::find());
    block_on(async {
        let url = server.socket_url("gibibyte", "do=read-slow:67108864,await:1024,close:1000");
        let socket = connect(url).await.unwrap();
        let message = Message::from(vec![7; MESSAGE]);
        socket.send(message.clone()).await.unwrap();
        let (before, mut most) = (resident(), 0);
        for _ in 1..MESSAGES {
            socket.send(message.clone()).await.unwrap();
            most = resident().saturating_sub(before).max(most);
        }
        assert!(most < 32 << 20, "{most} bytes more");
        assert!(socket.closed().await.was_clean);
        let record = server.record("gibibyte", "end").await.unwrap();
        assert_eq!(record.message_count, MESSAGES as u64);
    });
}
