//! Memory use, measured by a counting allocator: subscribers and waiters that come and go leave nothing behind.
#![cfg(not(target_family = "wasm"))]

use std::future::Future;
use std::net::TcpListener;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use allocation_counter::measure;
use futures::{FutureExt, StreamExt};
use samesocket::reconnect::reconnect;
use samesocket::testing::{Network, pair};
use samesocket::{Socket, WebSocket};

const KIB: i64 = 1 << 10;

/// A waker that is no other's equal, as each task has one.
struct UniqueWaker;

impl Wake for UniqueWaker {
    fn wake(self: Arc<Self>) {}
}

/// Polls a future once, which must wait, and drops it.
fn poll_and_drop(future: impl Future) {
    let waker = Waker::from(Arc::new(UniqueWaker));
    assert!(pin!(future).poll(&mut Context::from_waker(&waker)).is_pending());
}

/// Checks that a thousand repetitions leave no more memory in use than a few.
#[track_caller]
fn check_repetition(mut repeated: impl FnMut()) {
    // The memory of the lists themselves, which is reused.
    (0..10).for_each(|_| repeated());
    let taken = measure(|| (0..1000).for_each(|_| repeated()));
    assert!(taken.bytes_current < 2 * KIB, "{taken:?}");
}

/// Returns a socket that never opens.
fn silent_socket() -> (TcpListener, WebSocket) {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = WebSocket::new(&format!("ws://{}/", silent.local_addr().unwrap()), ()).unwrap();
    (silent, socket)
}

#[test]
fn dropped_event_streams_use_no_memory() {
    let (_silent, socket) = silent_socket();
    let held = socket.events();
    check_repetition(|| drop(socket.events()));
    check_repetition(|| poll_and_drop(socket.events().next()));
    drop(held);
}

#[test]
fn dropped_subscriptions_use_no_memory() {
    let (_silent, socket) = silent_socket();
    let held = socket.subscribe(|_, _| {});
    check_repetition(|| drop(socket.subscribe(|_, _| {})));
    drop(held);
}

#[test]
fn dropped_waits_for_the_close_use_no_memory() {
    let (_silent, socket) = silent_socket();
    let held = socket.closed();
    check_repetition(|| poll_and_drop(socket.closed()));
    check_repetition(|| drop(held.clone()));
}

/// Returns a socket above its high-water mark, whose peer does not read.
fn full_socket() -> (Socket, samesocket::testing::Peer) {
    let (socket, peer) = pair();
    peer.pause();
    socket.try_send(vec![7; 2 << 20].into()).unwrap();
    (socket, peer)
}

#[test]
fn dropped_sends_use_no_memory() {
    let (socket, _peer) = full_socket();
    let mut held = pin!(socket.drained());
    assert!((&mut held).now_or_never().is_none());
    check_repetition(|| poll_and_drop(socket.send("a".into())));
    check_repetition(|| poll_and_drop(socket.drained()));
    check_repetition(|| drop((socket.sender(), socket.control())));
}

#[test]
fn dropped_closes_use_no_memory() {
    let (socket, peer) = full_socket();
    peer.hold_close();
    check_repetition(|| poll_and_drop(socket.close(Some(1000), None)));
}

#[test]
fn dropped_requests_of_a_remote_use_no_memory() {
    let (socket, peer) = full_socket();
    peer.hold_close();
    let mut driver = None;
    let remote = socket.into_remote_by(|remote_driver| driver = Some(remote_driver));
    let mut driver = driver.unwrap();
    let mut drive = || assert!((&mut driver).now_or_never().is_none());
    check_repetition(|| {
        poll_and_drop(remote.send("a".into()));
        drive();
    });
    check_repetition(|| {
        poll_and_drop(remote.drained());
        drive();
    });
    check_repetition(|| poll_and_drop(remote.closed()));
    check_repetition(|| {
        poll_and_drop(remote.close(Some(1000), None));
        drive();
    });
}

#[test]
fn dropped_states_and_sends_of_reconnecting_use_no_memory() {
    let network = Network::new();
    let connect = network.clone();
    let mut socket = reconnect(move |_| {
        let connect = connect.connect("ws://a.example");
        async { Some(connect) }
    })
    .start();
    assert!(socket.next().now_or_never().is_none());
    let peer = network.accept().now_or_never().unwrap().open();
    peer.pause();
    assert!(socket.next().now_or_never().is_none());
    let sender = socket.sender();
    sender.try_send(vec![7; 2 << 20].into()).unwrap();
    check_repetition(|| drop(socket.status_changes()));
    check_repetition(|| poll_and_drop(sender.send("a".into())));
    check_repetition(|| drop(sender.clone()));
    check_repetition(|| poll_and_drop(socket.next()));
    // While it waits for the next attempt.
    peer.fail();
    check_repetition(|| poll_and_drop(socket.next()));
}

#[test]
fn dropped_waits_of_the_network_in_memory_use_no_memory() {
    let network = Network::new();
    check_repetition(|| poll_and_drop(network.accept()));
    let clock = network.clock();
    check_repetition(|| poll_and_drop(clock.sleep(std::time::Duration::from_secs(1))));
    check_repetition(|| {
        let connect = network.connect("ws://a.example");
        poll_and_drop(connect);
        drop(network.accept().now_or_never());
    });
}
