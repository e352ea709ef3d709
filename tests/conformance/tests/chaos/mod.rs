//! Sockets that do random things with servers that do random things, on several threads.
//!
//! The decisions follow from a seed. Their interleaving does not, so that a seed repeats a failure only most of the time.

mod client;
mod faults;
mod random;

use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use futures::future::join_all;
use samesocket_fault_server::Server;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use self::client::{Addresses, Client, Handle, Runtimes};
use self::random::Random;
use super::{ALLOCATOR, Held};

/// The time of one round, after which all sockets have to end. Arbitrary.
const ROUND: Duration = Duration::from_secs(15);

/// The number of threads that use the sockets.
const THREADS: u64 = 4;

/// The number of servers. One opening handshake at a time is under way with each address, and many stall.
const SERVERS: usize = 4;

/// The time in which all sockets have to end, and their resources have to be released. Arbitrary.
const END: Duration = Duration::from_secs(20);

/// The bytes by which the heap may grow after the second round. Arbitrary: queues of runtimes grow with the load, and a round has
/// thousands of sockets.
const GROWTH: usize = 1 << 20;

/// Runs rounds for this time.
pub(crate) fn run(time: Duration, seed: u64) {
    println!("chaos for {} s with the seed {seed}", time.as_secs());
    client::silence_own_panics();
    let runtimes = Runtimes::new();
    start_background_thread();
    let (start, held) = (Instant::now(), Held::now());
    let mut before = None;
    let (mut rounds, mut sockets) = (0, 0);
    while rounds < 2 || start.elapsed() < time {
        let place = format!("seed {seed}, round {rounds}");
        sockets += round(&runtimes, Random::new(seed.wrapping_add(rounds)), &place);
        rounds += 1;
        let deadline = Instant::now() + END;
        // The system releases descriptors a moment after the sockets have ended. Idle threads of a runtime, which have resolved
        // names, end after 10 s.
        while (Held::now() != held || runtimes.tasks() > 0) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(Held::now(), held, "resources are left; {place}");
        assert_eq!(runtimes.tasks(), 0, "tasks are left; {place}");
        let memory = ALLOCATOR.allocated();
        println!("{place}: {sockets} sockets so far, {} KiB", memory >> 10);
        // The first rounds fill caches.
        if rounds > 1 {
            let kept = memory.saturating_sub(*before.get_or_insert(memory));
            assert!(kept < GROWTH, "{kept} bytes more than after the second round; {place}");
        }
    }
}

/// Starts the crate's background thread by a connection that is refused, so that its resources count from the start.
fn start_background_thread() {
    let address =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr()).expect("a port");
    assert!(block_on(samesocket::connect(format!("ws://{address}/"))).is_err());
}

/// Runs one round. Returns the number of its sockets.
fn round(runtimes: &Runtimes, mut random: Random, place: &str) -> usize {
    let home = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime starts");
    let servers: Vec<Server> =
        (0..SERVERS).map(|_| home.block_on(Server::builder().start()).expect("the fault server can listen")).collect();
    let addresses = Addresses::of(&servers);
    // The sockets of this runtime lose it while they are in use.
    let mortal = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime starts");
    let client = Arc::new(Client::new(runtimes.handles(&mortal), addresses));
    let end = Instant::now() + ROUND;
    thread::scope(|scope| {
        for _ in 0..THREADS {
            let (client, mut random) = (Arc::clone(&client), Random::new(random.next()));
            scope.spawn(move || {
                while Instant::now() < end {
                    client.act(&mut random);
                }
            });
        }
        thread::sleep(ROUND / 2);
        mortal.shutdown_background();
    });
    let count = finish(&home, &client, place);
    let gone = join_all(servers.iter().map(|server| server.store().wait_live("", 0)));
    let gone = home.block_on(async { timeout(END, gone).await });
    if gone.is_err() {
        let is_open = |id: &str| servers.iter().any(|server| server.store().live(id) > 0);
        let left: Vec<_> = client.watches().into_iter().filter(|watch| is_open(&watch.id)).collect();
        panic!("connections are left at the server: {left:?}; {place}");
    }
    check_handshake_slots(&home, &client, place);
    drop((client, servers));
    home.shutdown_timeout(END);
    count
}

/// Closes all sockets, and checks their events.
fn finish(home: &Runtime, client: &Client, place: &str) -> usize {
    let handles = client.take_handles();
    handles.iter().for_each(Handle::close);
    let watches = client.watches();
    let deadline = Instant::now() + END;
    for watch in &watches {
        let left = deadline.saturating_duration_since(Instant::now());
        let ended = home.block_on(async { timeout(left, watch.ended()).await });
        assert!(ended.is_ok(), "no close event: {watch:?}; {place}");
    }
    drop(handles);
    for watch in &watches {
        watch.check(place);
    }
    watches.len()
}

/// Checks that no socket has kept the only opening handshake that may be under way with a server.
fn check_handshake_slots(home: &Runtime, client: &Client, place: &str) {
    for url in client.addresses.echoes() {
        let greeting = async {
            let mut socket = client.addresses.connect(&url).await?;
            socket.send("hello".into()).await?;
            Ok::<_, Box<dyn std::error::Error>>(socket.next().await.transpose()?.map(|message| message.size()))
        };
        let size = home.block_on(async { timeout(END, greeting).await.expect(place).expect(place) });
        assert_eq!(size, Some(5), "{url}; {place}");
    }
}

/// Locks a mutex, whether or not a callback has panicked.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
