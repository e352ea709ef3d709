//! The model tests of the hand-over between the handles of a reconnecting socket and its stream or task.
//!
//! Everything but the server is the real code, over the network in memory. `shuttle` runs the threads one at a time, and
//! decides at each lock which of them goes on. After a lost wake-up, the server waits for a message forever, which `shuttle`
//! reports as a deadlock.
//!
//! It is compiled with `--cfg shuttle`; `cargo xtask test` runs it.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use shuttle::rand::{Rng as _, thread_rng};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::sync::{Condvar, Mutex};
use shuttle::thread::{self, JoinHandle};
use shuttle::{Config, Runner, future};

use super::{Backoff, Cause, LiveSocket, Outbox, Reconnect, Sender, Status, Update, Updates};
use crate::testing::{Network, Peer, Received};
use crate::types::message::Message;

/// The schedules that are tried by each scheduler. Arbitrary, but a fault in the turn needs more of them than another.
const SCHEDULES: usize = 2_000;
const TURN_SCHEDULES: usize = 5_000;

/// The number of unlikely changes of the thread that a fault needs, for the second scheduler. Arbitrary.
const PCT_DEPTH: usize = 3;

/// The threads that send, and the messages that each of them sends.
const SENDERS: u8 = 2;
const MESSAGES: u8 = 3;

/// The connections that the server closes before the last one, chosen for each schedule.
const LOST_CONNECTIONS: RangeInclusive<usize> = 0..=2;

/// The longest time that a thread lets others run before its next step.
const MAX_YIELDS: usize = 8;

/// The message that the server sends first. It fills the queue of updates, so that the task waits for the taker.
const GREETING: &[u8] = &[7; 1 << 20];

/// The URL of the connection that ends the server.
const END: &str = "ws://model.invalid/end";

/// A message: the number of its sender, and its number among those of that sender.
type Id = (u8, u8);

/// The message that is sent when all others have arrived.
const LAST: Id = (SENDERS, 0);

/// The messages and Close frames that the server has received.
#[derive(Default)]
struct Log {
    messages: Vec<Id>,
    /// The codes of the Close frames of the client.
    closes: Vec<Option<u16>>,
}

/// The server's log, and the signal that it has another entry.
#[derive(Default)]
struct Server {
    log: Mutex<Log>,
    has_received: Condvar,
}

impl Server {
    fn add(&self, entry: Received) {
        let mut log = self.log.lock().unwrap();
        match entry {
            Received::Message(message) => log.messages.push(id_of(&message)),
            Received::Close { code, .. } => log.closes.push(code),
        }
        self.has_received.notify_all();
    }

    /// Waits until so many messages have arrived.
    fn wait_for(&self, messages: usize) {
        let mut log = self.log.lock().unwrap();
        while log.messages.len() < messages {
            log = self.has_received.wait(log).unwrap();
        }
    }

    /// Serves all connections until one is to [`END`]. Closes as many of the first as `lost` says.
    async fn run(&self, network: Network, mut lost: usize, greeting: Option<Bytes>) {
        loop {
            let incoming = network.accept().await;
            if incoming.url() == END {
                return;
            }
            let peer = incoming.open();
            // While the server reads nothing, one message fills the connection.
            peer.pause();
            if let Some(greeting) = &greeting {
                peer.send(greeting.clone());
            }
            self.serve(peer, &mut lost).await;
        }
    }

    /// Receives until the end of a connection.
    async fn serve(&self, mut peer: Peer, lost: &mut usize) {
        loop {
            pause();
            if *lost > 0 && thread_rng().gen_bool(0.3) {
                *lost -= 1;
                // What the client has sent until it learns of the close still arrives.
                peer.close(Some(1001), "");
            }
            peer.resume();
            match peer.receive().await {
                Some(entry) => self.add(entry),
                None => return,
            }
            if !peer.is_over() {
                peer.pause();
            }
        }
    }
}

/// Lets other threads run for a while.
fn pause() {
    (0..thread_rng().gen_range(0..=MAX_YIELDS)).for_each(|_| thread::yield_now());
}

/// The server on a network, in a thread of its own.
struct Serving {
    server: Arc<Server>,
    network: Network,
    thread: JoinHandle<()>,
}

impl Serving {
    fn start(lost: usize, greeting: Option<Bytes>) -> Self {
        let (server, network) = (Arc::<Server>::default(), Network::new());
        let (running, on) = (Arc::clone(&server), network.clone());
        let thread = thread::spawn(move || future::block_on(running.run(on, lost, greeting)));
        Self { server, network, thread }
    }

    /// Builds a socket whose connections have capacity for one message.
    fn builder(&self) -> Reconnect {
        let backoff = Backoff { first: Duration::ZERO, longest: Duration::ZERO, ..Backoff::default() };
        let connect = self.network.connect("ws://model.invalid/").high_water_mark(0);
        connect.reconnect().backoff(backoff).retry_while(|_, _| true)
    }

    /// Stops the server, and returns its log.
    fn stop(self) -> Log {
        let mut last = self.network.connect(END);
        // The server may refuse it at once.
        drop((&mut last).now_or_never());
        self.thread.join().unwrap();
        std::mem::take(&mut *self.server.log.lock().unwrap())
    }
}

/// Checks that messages are in the order in which each sender sent them, and that none is there twice.
fn check_order(messages: &[Id]) {
    for sender in 0..SENDERS {
        let numbers: Vec<_> = messages.iter().filter(|id| id.0 == sender).map(|id| id.1).collect();
        assert!(numbers.is_sorted_by(|one, next| one < next), "{messages:?}");
    }
}

fn id_of(message: &Message) -> Id {
    let Message::Binary(bytes) = message else { panic!("{message:?}") };
    (bytes[0], bytes[1])
}

fn bytes((sender, number): Id) -> Bytes {
    Bytes::copy_from_slice(&[sender, number])
}

/// Sends from several threads, with and without waiting for capacity, and closes before or after they have sent.
///
/// The turn to pass messages is the same for all threads and the stream.
fn share_turn(outbox: Outbox) {
    let keeps = matches!(outbox, Outbox::Keep { .. });
    let lost = if keeps { thread_rng().gen_range(LOST_CONNECTIONS) } else { 0 };
    let serving = Serving::start(lost, None);
    let mut socket = serving.builder().outbox(outbox).start();
    let sender = socket.sender();
    let senders: Vec<_> = (0..SENDERS)
        .map(|number| {
            let sender = socket.sender();
            thread::spawn(move || send_all(&sender, number, keeps))
        })
        .collect();
    let driver = thread::spawn(move || {
        let first = future::block_on(socket.next());
        assert!(first.is_none(), "{first:?}");
    });
    let closes_early = thread_rng().gen_bool(0.5);
    if closes_early {
        pause();
        sender.close(Some(3000), None).unwrap();
    }
    let mut sent: Vec<Id> = senders.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    if !closes_early {
        // Nothing else happens any more, so that a message that was left behind would stay there.
        serving.server.wait_for(sent.len());
        sender.close(Some(3000), None).unwrap();
    }
    driver.join().unwrap();
    assert!(matches!(sender.status(), Status::Ended { cause: Cause::Closed(_) | Cause::Stopped }));
    let log = serving.stop();
    let kept = sender.take_kept();
    let mut all: Vec<Id> = log.messages.iter().copied().chain(kept.iter().map(id_of)).collect();
    check_order(&all);
    // There may be no connection to close, and one that the socket does not use yet is closed without a code.
    assert!(closes_early || lost > 0 || log.closes == [Some(3000)], "{:?}", log.closes);
    sent.sort_unstable();
    all.sort_unstable();
    assert_eq!(all, sent, "what was accepted has arrived, or is kept");
}

/// Sends the messages of a thread. Returns those that were accepted.
fn send_all(sender: &Sender, number: u8, keeps: bool) -> Vec<Id> {
    if !keeps {
        let mut statuses = sender.status_changes();
        while let Some(status) = future::block_on(statuses.next()) {
            if status.is_open() {
                break;
            }
        }
    }
    let ids = (0..MESSAGES).map(|message| (number, message));
    ids.filter(|&id| {
        let message = Message::Binary(bytes(id));
        let waits = thread_rng().gen_bool(0.5);
        if waits { future::block_on(sender.send(message)).is_ok() } else { sender.try_send(message).is_ok() }
    })
    .collect()
}

/// The updates of a live socket until now, and the signal that there is another one.
#[derive(Default)]
struct Seen {
    updates: Mutex<(Vec<Update>, bool)>,
    has_changed: Condvar,
}

impl Seen {
    fn add(&self, update: Update) {
        self.updates.lock().unwrap().0.push(update);
        self.has_changed.notify_all();
    }

    /// Notes that no other update comes.
    fn finish(&self) {
        self.updates.lock().unwrap().1 = true;
        self.has_changed.notify_all();
    }

    /// Waits until the updates satisfy a condition, of which the second argument is whether no other comes.
    fn wait_until(&self, condition: impl Fn(&[Update], bool) -> bool) {
        let mut updates = self.updates.lock().unwrap();
        while !condition(&updates.0, updates.1) {
            updates = self.has_changed.wait(updates).unwrap();
        }
    }

    /// Checks the order of all updates.
    fn check(&self) {
        let updates = &self.updates.lock().unwrap().0;
        let mut last = &Status::Idle;
        let mut received = 0;
        for update in updates {
            let is_next = match (last, update) {
                (Status::Open, Update::Message(message)) => {
                    received += 1;
                    received == 1 && message.size() == GREETING.len() as u64
                }
                (_, Update::Status(Status::Ended { .. })) => !last.is_ended(),
                (Status::Connecting { .. }, Update::Status(status)) => status.is_open(),
                (Status::Idle | Status::Waiting { .. }, Update::Status(Status::Connecting { .. }))
                | (Status::Open, Update::Status(Status::Waiting { .. })) => true,
                _ => false,
            };
            assert!(is_next, "{:?} after {last:?}", std::mem::discriminant(update));
            if let Update::Status(status) = update {
                (last, received) = (status, 0);
            }
        }
    }
}

/// The callback of a live socket.
struct Callback {
    seen: Arc<Seen>,
    is_running: AtomicBool,
}

impl Callback {
    fn call(&self, update: Update) {
        assert!(!self.is_running.swap(true, Ordering::Relaxed), "one call at a time");
        pause();
        self.seen.add(update);
        self.is_running.store(false, Ordering::Relaxed);
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        self.seen.finish();
    }
}

/// Takes all updates of a queue, in a thread of its own.
fn take_updates(mut updates: Updates, seen: Arc<Seen>) {
    thread::spawn(move || {
        while let Some(update) = future::block_on(updates.next()) {
            pause();
            seen.add(update);
        }
        seen.finish();
    });
}

/// Uses the handles of a live socket on several threads, and drops them there.
fn use_live_handles(has_callback: bool) {
    let serving = Serving::start(thread_rng().gen_range(LOST_CONNECTIONS), Some(Bytes::from_static(GREETING)));
    let builder = serving.builder().executor(|driver| drop(future::spawn(driver)));
    let builder = if thread_rng().gen_bool(0.5) { builder.disconnected() } else { builder };
    let seen = Arc::<Seen>::default();
    let live = if has_callback {
        let callback = Callback { seen: Arc::clone(&seen), is_running: AtomicBool::new(false) };
        builder.drive(move |update| callback.call(update))
    } else {
        let (live, updates) = builder.drive_stream();
        take_updates(updates, Arc::clone(&seen));
        live
    };
    let senders: Vec<_> = (0..SENDERS)
        .map(|number| {
            let live = live.clone();
            thread::spawn(move || send_all_live(&live, number))
        })
        .collect();
    let mut closes = thread_rng().gen_bool(0.3);
    let third = {
        let live = live.clone();
        thread::spawn(move || {
            pause();
            if closes {
                live.close(Some(3000), None).unwrap();
            }
            // It starts a disconnected socket, and does nothing to a closed one.
            live.reconnect_now();
        })
    };
    let weak = live.downgrade();
    // If this thread keeps no handle, the last one is dropped while messages are on their way.
    let live = Some(live).filter(|_| thread_rng().gen_bool(0.5));
    third.join().unwrap();
    let mut sent: Vec<Id> = senders.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    let mut kept: Vec<Message> = Vec::new();
    if let Some(live) = &live {
        if !closes {
            // Nothing else happens any more, so that a message that was left behind would stay there.
            serving.server.wait_for(sent.len());
            // Nothing else wakes the task for this one.
            live.send(bytes(LAST)).unwrap();
            sent.push(LAST);
            closes = thread_rng().gen_bool(0.5);
            if closes {
                live.close(Some(3000), None).unwrap();
            } else {
                serving.server.wait_for(sent.len());
            }
        }
        if closes {
            seen.wait_until(|updates, _| matches!(updates.last(), Some(Update::Status(Status::Ended { .. }))));
            assert!(live.status().is_ended());
            kept = live.take_kept().into_iter().map(Message::from).collect();
        }
    }
    let waits_for_all = live.is_some();
    drop(live);
    assert!(weak.upgrade().is_none());
    seen.wait_until(|_, is_finished| is_finished);
    seen.check();
    let log = serving.stop();
    // A connection that the socket does not use yet is closed without a code.
    assert!(log.closes.iter().all(|close| close.is_none_or(|code| closes && code == 3000)), "{:?}", log.closes);
    let mut all: Vec<Id> = log.messages.iter().copied().chain(kept.iter().map(id_of)).collect();
    check_order(&all);
    if waits_for_all {
        sent.sort_unstable();
        all.sort_unstable();
        assert_eq!(all, sent, "what was accepted has arrived, or is kept");
    }
}

/// Sends the messages of a thread over a live socket. Returns those that were accepted.
fn send_all_live(live: &LiveSocket, number: u8) -> Vec<Id> {
    let ids = (0..MESSAGES).map(|message| (number, message));
    ids.filter(|&id| live.send(bytes(id)).is_ok()).collect()
}

/// Runs a test under many schedules of each kind.
fn explore(schedules: usize, test: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    // The default is too small for the code of a whole socket.
    config.stack_size = 1 << 19;
    let test = Arc::new(test);
    let same = Arc::clone(&test);
    Runner::new(RandomScheduler::new(schedules), config.clone()).run(move || same());
    // It finds what needs few, but unlikely changes of the thread.
    Runner::new(PctScheduler::new(PCT_DEPTH, schedules), config).run(move || test());
}

#[test]
fn turn_loses_no_message_with_outbox() {
    explore(TURN_SCHEDULES, || share_turn(Outbox::Keep { messages: 100, bytes: 1000 }));
}

#[test]
fn turn_loses_no_message_without_outbox() {
    explore(SCHEDULES, || share_turn(Outbox::Return));
}

#[test]
fn live_handles_lose_no_wake_up_of_a_callback() {
    explore(SCHEDULES, || use_live_handles(true));
}

#[test]
fn live_handles_lose_no_wake_up_of_a_queue() {
    explore(SCHEDULES, || use_live_handles(false));
}
