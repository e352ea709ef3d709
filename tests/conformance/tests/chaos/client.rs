//! The sockets of a round, which all threads share.

use std::fmt;
use std::panic;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use futures::future::select;
use samesocket::rustls::pki_types::CertificateDer;
use samesocket::{Closed, Connect, Event, Message, Options, Sender, WebSocket, connect};
use samesocket_fault_server::Server;
use tokio::runtime::{self, Builder, Runtime};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::random::Random;
use super::{faults, lock};

/// The number of sockets at a time.
const MAX_SOCKETS: usize = 60;

/// The bytes that a socket may have queued. A server that does not read would fill the memory otherwise.
const MAX_QUEUED: u64 = 1 << 20;

/// The index of the runtime that ends during a round.
const MORTAL: usize = 2;

/// The message of the panics of callbacks.
const PANIC: &str = "the callback panics, as it should";

/// Does not print the panics that callbacks have on purpose.
pub(crate) fn silence_own_panics() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if info.payload().downcast_ref::<&str>() != Some(&PANIC) {
            print(info);
        }
    }));
}

/// The runtimes of the program, beside the background thread of the crate.
pub(crate) struct Runtimes {
    many: Runtime,
    /// A current-thread runtime, which a thread of its own drives.
    single: runtime::Handle,
}

impl Runtimes {
    pub(crate) fn new() -> Self {
        let many = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime starts");
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        let single = runtime.handle().clone();
        thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
        Self { many, single }
    }

    /// Returns the number of tasks on both runtimes.
    pub(crate) fn tasks(&self) -> usize {
        self.many.metrics().num_alive_tasks() + self.single.metrics().num_alive_tasks()
    }

    pub(crate) fn handles(&self, mortal: &Runtime) -> [runtime::Handle; 3] {
        [self.many.handle().clone(), self.single.clone(), mortal.handle().clone()]
    }
}

/// The addresses of the servers of a round.
pub(crate) struct Addresses {
    /// URLs without a query, with the certificate of the server.
    urls: Vec<(String, Option<CertificateDer<'static>>)>,
}

impl Addresses {
    pub(crate) fn of(servers: &[Server]) -> Self {
        let mut urls = Vec::new();
        for server in servers {
            let addresses = server.addresses();
            let plain = [Some(addresses.plain), addresses.plain6];
            urls.extend(plain.into_iter().flatten().map(|address| (format!("ws://{address}/ws"), None)));
            let certificate = CertificateDer::from(server.certificate().to_vec());
            urls.push((format!("wss://localhost:{}/ws", addresses.tls.port()), Some(certificate)));
        }
        Self { urls }
    }

    /// Returns the URL of an echo server at each address.
    pub(crate) fn echoes(&self) -> Vec<String> {
        self.urls.iter().map(|(url, _)| format!("{url}?id=slot")).collect()
    }

    pub(crate) fn connect(&self, url: &str) -> Connect {
        connect(url).options(self.options(url))
    }

    fn options(&self, url: &str) -> Options {
        let options = Options::new();
        let found = self.urls.iter().find(|(start, _)| url.starts_with(&**start));
        match found.and_then(|(_, certificate)| certificate.clone()) {
            Some(certificate) => options.root_certificate(certificate),
            None => options,
        }
    }
}

/// The sockets of a round.
pub(crate) struct Client {
    runtimes: [runtime::Handle; 3],
    pub(crate) addresses: Addresses,
    pool: Arc<Mutex<Pool>>,
    watches: Mutex<Vec<Arc<Watch>>>,
    opened: AtomicU64,
}

/// The sockets that the threads use.
#[derive(Default)]
struct Pool {
    handles: Vec<Handle>,
    /// Whether the round is over, so that a socket that is connected later is closed at once.
    is_over: bool,
}

impl Pool {
    fn add(pool: &Mutex<Self>, handle: Handle) {
        let mut pool = lock(pool);
        if !pool.is_over {
            pool.handles.push(handle);
            return;
        }
        drop(pool);
        handle.close();
    }
}

/// A socket.
#[derive(Clone)]
pub(crate) enum Handle {
    Interface(WebSocket, Arc<Watch>),
    Futures(Arc<Sender>, Arc<Watch>),
}

impl Client {
    pub(crate) fn new(runtimes: [runtime::Handle; 3], addresses: Addresses) -> Self {
        Self { runtimes, addresses, pool: Arc::default(), watches: Mutex::default(), opened: AtomicU64::new(0) }
    }

    /// Ends the round, and returns its sockets.
    pub(crate) fn take_handles(&self) -> Vec<Handle> {
        let mut pool = lock(&self.pool);
        pool.is_over = true;
        std::mem::take(&mut pool.handles)
    }

    pub(crate) fn watches(&self) -> Vec<Arc<Watch>> {
        lock(&self.watches).clone()
    }

    /// Does something with one of the sockets.
    pub(crate) fn act(&self, random: &mut Random) {
        let (count, picked) = {
            let pool = lock(&self.pool);
            let count = pool.handles.len();
            (count, (count > 0).then(|| pool.handles[random.below(count)].clone()))
        };
        let Some(handle) = picked.filter(|_| count >= MAX_SOCKETS || !random.once_in(8)) else {
            self.open(random);
            return;
        };
        match random.below(40) {
            0 | 1 => handle.close(),
            2 | 3 => self.forget(&handle, random),
            4..=9 => thread::yield_now(),
            10 => thread::sleep(Duration::from_millis(1)),
            _ => self.send(&handle, random),
        }
    }

    /// Creates a socket.
    fn open(&self, random: &mut Random) {
        let (start, _) = &self.addresses.urls[random.below(self.addresses.urls.len())];
        let (query, place) = (faults::query(random), random.below(4));
        // A runtime that ends closes TCP, but does not reset it: the system keeps what a server never reads.
        let query = if place == MORTAL { query.replace("read-never", "end") } else { query.to_owned() };
        let id = format!("chaos-{}", self.opened.fetch_add(1, Ordering::Relaxed));
        let url = format!("{start}?id={id}&{query}");
        let options = self
            .addresses
            .options(&url)
            .opening_timeout(Duration::from_millis(50 + random.below(500) as u64))
            .closing_timeout(Duration::from_millis(50 + random.below(1000) as u64))
            .max_message_bytes(1 << 20)
            .max_queued_bytes(4 << 20);
        let options = match self.runtimes.get(place) {
            Some(runtime) => options.runtime(runtime.clone()),
            None => options.background_thread(),
        };
        let watch = Arc::new(Watch { id, description: format!("{url} on runtime {place}"), ..Watch::default() });
        lock(&self.watches).push(Arc::clone(&watch));
        if random.once_in(2) {
            self.open_interface(&url, &options, watch, random);
        } else {
            self.open_futures(connect(url).options(options), watch, random);
        }
    }

    fn open_interface(&self, url: &str, options: &Options, watch: Arc<Watch>, random: &mut Random) {
        let socket = WebSocket::with_options(url, (), options).expect("the URL is valid");
        *lock(&watch.closed) = Some(socket.closed());
        let (seen, acts) = (Arc::clone(&watch), random.below(6));
        let callback = move |socket: &WebSocket, event: &Event| {
            seen.see(event);
            match acts {
                0 => panic::panic_any(PANIC),
                1 if matches!(event, Event::Open) => drop(socket.close(Some(1000), None)),
                2 if matches!(event, Event::Message(_)) && socket.buffered_amount() < MAX_QUEUED => {
                    drop(socket.send("an answer"));
                }
                _ => {}
            }
        };
        socket.subscribe(callback).detach();
        Pool::add(&self.pool, Handle::Interface(socket, watch));
    }

    fn open_futures(&self, connecting: Connect, watch: Arc<Watch>, random: &mut Random) {
        let connecting = connecting.high_water_mark(1 << 16).receive_limit(16, 1 << 18);
        let patience = Duration::from_millis(if random.once_in(4) { random.below(50) as u64 } else { 60_000 });
        let (reads, pause) = (if random.once_in(3) { random.below(5) } else { usize::MAX }, random.once_in(4));
        let pool = Arc::clone(&self.pool);
        self.runtimes[0].spawn(async move {
            // A connection that takes too long is given up.
            let Ok(Ok(socket)) = timeout(patience, connecting).await else {
                watch.end();
                return;
            };
            let (sender, mut receiver) = socket.split();
            let closed = sender.control().closed();
            Pool::add(&pool, Handle::Futures(Arc::new(sender), Arc::clone(&watch)));
            let reading = async {
                for _ in 0..reads {
                    match receiver.next().await {
                        Some(Ok(_)) if pause => sleep(Duration::from_millis(2)).await,
                        Some(Ok(_)) => {}
                        Some(Err(_)) => _ = watch.errors.fetch_add(1, Ordering::Relaxed),
                        None => break,
                    }
                }
            };
            select(pin!(reading), pin!(watch.forgotten.notified())).await;
            drop(receiver);
            closed.await;
            watch.end();
        });
    }

    /// Drops a socket, unless other threads use it at this moment.
    fn forget(&self, handle: &Handle, random: &mut Random) {
        handle.watch().dropped.store(true, Ordering::Relaxed);
        handle.watch().forgotten.notify_one();
        let removed = {
            let mut pool = lock(&self.pool);
            let index = pool.handles.iter().position(|other| Arc::ptr_eq(other.watch(), handle.watch()));
            index.map(|index| pool.handles.swap_remove(index))
        };
        if random.once_in(2) {
            handle.close();
        }
        drop(removed);
    }

    fn send(&self, handle: &Handle, random: &mut Random) {
        let size = [10, 300, 5000, 100_000][random.below(4)];
        let message: Message = if random.once_in(2) { "a".repeat(size).into() } else { vec![7; size].into() };
        match handle {
            Handle::Interface(socket, _) if socket.buffered_amount() < MAX_QUEUED => match &message {
                Message::Text(text) => drop(socket.send(text)),
                Message::Binary(bytes) => drop(socket.send(bytes)),
                _ => {}
            },
            Handle::Interface(..) => {}
            Handle::Futures(sender, _) if random.once_in(4) => {
                let (sender, patience) = (Arc::clone(sender), Duration::from_millis(random.below(20) as u64));
                self.runtimes[0].spawn(async move {
                    // A send that takes too long is cancelled.
                    drop(timeout(patience, sender.send(message)).await);
                });
            }
            Handle::Futures(sender, _) => drop(sender.try_send(message)),
        }
    }
}

impl Handle {
    fn watch(&self) -> &Arc<Watch> {
        match self {
            Self::Interface(_, watch) | Self::Futures(_, watch) => watch,
        }
    }

    pub(crate) fn close(&self) {
        match self {
            Self::Interface(socket, _) => drop(socket.close(Some(3000), Some("enough"))),
            Self::Futures(sender, _) => drop(sender.control().close(Some(3000), Some("enough"))),
        }
    }
}

/// The observations of one socket.
#[derive(Default)]
pub(crate) struct Watch {
    /// The id of its connection at the server.
    pub(crate) id: String,
    description: String,
    opens: AtomicU64,
    errors: AtomicU64,
    closes: AtomicU64,
    /// The number of events after the close event, and of events in another wrong order.
    late: AtomicU64,
    /// Whether all handles were dropped before the end.
    dropped: AtomicBool,
    /// The future of the close event, for the interface.
    closed: Mutex<Option<Closed>>,
    /// Whether the task of a socket of the futures API has seen the end.
    over: AtomicBool,
    notify: Notify,
    /// Makes that task drop its receiver.
    forgotten: Notify,
}

impl Watch {
    fn see(&self, event: &Event) {
        let late = self.closes.load(Ordering::Relaxed) > 0
            || matches!(event, Event::Open) && self.opens.load(Ordering::Relaxed) > 0
            || matches!(event, Event::Message(_)) && self.opens.load(Ordering::Relaxed) == 0;
        self.late.fetch_add(u64::from(late), Ordering::Relaxed);
        match event {
            Event::Open => self.opens.fetch_add(1, Ordering::Relaxed),
            Event::Error => self.errors.fetch_add(1, Ordering::Relaxed),
            Event::Close(_) => self.closes.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
    }

    /// Records the end of a socket of the futures API.
    fn end(&self) {
        self.closes.fetch_add(1, Ordering::Relaxed);
        self.over.store(true, Ordering::Release);
        self.notify.notify_one();
    }

    /// Waits for the end of the socket.
    pub(crate) async fn ended(&self) {
        let closed = lock(&self.closed).take();
        if let Some(closed) = closed {
            closed.await;
            return;
        }
        while !self.over.load(Ordering::Acquire) {
            self.notify.notified().await;
        }
    }

    /// Checks the events of a socket that has ended.
    pub(crate) fn check(&self, place: &str) {
        let closes = self.closes.load(Ordering::Relaxed);
        let is_dropped = self.dropped.load(Ordering::Relaxed);
        assert!(closes == 1 || is_dropped && closes == 0, "{closes} close events: {self:?}; {place}");
        assert!(self.errors.load(Ordering::Relaxed) <= 1, "several errors: {self:?}; {place}");
        assert_eq!(self.late.load(Ordering::Relaxed), 0, "events in a wrong order: {self:?}; {place}");
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("url", &self.description)
            .field("opens", &self.opens)
            .field("errors", &self.errors)
            .field("closes", &self.closes)
            .field("dropped", &self.dropped)
            .finish_non_exhaustive()
    }
}
