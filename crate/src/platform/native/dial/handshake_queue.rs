//! The queues that limit the opening handshakes under way with each server, to one unless the program allows more.
//!
//! [RFC 6455, section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1), step 2, demands one at a time of every client.
//! A socket owns one [`HandshakeSlot`] and acquires a [`HandshakePermit`] for each address that it tries.
//!
//! Unlike RFC 6455, a handshake counts only for its [lease](LEASE). Otherwise one that hangs, or whose runtime is not
//! driven, would hold up all others until its timeout, and they would time out as well.

use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::MappedMutexGuard;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::platform::native::runtime::per_process::PerProcess;
use crate::sync::catch_panic::wake;

/// The time for which a handshake counts, at most. Then the next one may start beside it.
///
/// Arbitrary: longer than a lost packet of TCP and of TLS takes, and short beside the opening timeout.
pub(super) const LEASE: Duration = Duration::from_secs(5);

/// The address of a server, as far as this process knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::platform::native) enum ServerAddress {
    /// The address and port of a server that is dialed directly, or that stands as an address in the URL.
    Socket(SocketAddr),
    /// A name and port that a proxy resolves. Each name counts as an address of its own.
    Name(String, u16),
}

impl ServerAddress {
    /// Returns the address of a server behind a proxy.
    pub(in crate::platform::native) fn behind_proxy(host: &str, port: u16) -> Self {
        match host.parse::<IpAddr>() {
            Ok(address) => SocketAddr::new(address, port).into(),
            Err(_) => Self::Name(host.to_owned(), port),
        }
    }
}

impl From<SocketAddr> for ServerAddress {
    fn from(mut address: SocketAddr) -> Self {
        // An IPv4-mapped IPv6 address and its IPv4 form are one host. So are addresses that differ in the flow label
        // only.
        address.set_ip(address.ip().to_canonical());
        if let SocketAddr::V6(address) = &mut address {
            address.set_flowinfo(0);
        }
        Self::Socket(address)
    }
}

/// The places of one socket in all queues, shared by its handle and its driver.
///
/// The handle calls [`release`](Self::release) when the user closes or drops the socket. The driver's task may not be
/// polled again then, because its runtime need not be driven any more.
#[derive(Clone, Debug)]
pub(in crate::platform::native) struct HandshakeSlot {
    /// The maximum number of concurrent handshakes with one server, for this socket to start another.
    limit: usize,
    state: Arc<Mutex<SlotState>>,
}

#[derive(Debug)]
enum SlotState {
    /// The places that the socket holds or waits in.
    Active(Vec<QueuePlace>),
    Released,
}

impl HandshakeSlot {
    /// Creates the slot of a socket that starts a handshake if fewer than `limit` are under way with the server.
    pub(in crate::platform::native) fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), state: Arc::new(Mutex::new(SlotState::Active(Vec::new()))) }
    }

    /// Waits until fewer sockets than the limit are ahead: those that have an opening handshake under way with
    /// `server`, and those that wait for one.
    ///
    /// Permits are granted in the order of the first polls, whichever runtimes the sockets live on. Dropping the future
    /// leaves the queue. If the slot is released, the future stays pending.
    pub(in crate::platform::native) async fn acquire(&self, server: ServerAddress) -> HandshakePermit {
        let permit = self.enqueue(server);
        let mut timer: Option<Pin<Box<Sleep>>> = None;
        poll_fn(|context| {
            loop {
                let next_end = match permit.poll_granted(context) {
                    Ok(()) => return Poll::Ready(()),
                    Err(next_end) => next_end,
                };
                let Some(next_end) = next_end else { return Poll::Pending };
                // Each socket has its own timer for the end of a lease, because the runtime of any other may not be
                // driven.
                match &mut timer {
                    Some(timer) => timer.as_mut().reset(next_end),
                    none => *none = Some(Box::pin(sleep_until(next_end))),
                }
                if timer.as_mut().is_some_and(|timer| timer.as_mut().poll(context).is_pending()) {
                    return Poll::Pending;
                }
            }
        })
        .await;
        permit
    }

    /// Leaves all queues at once. Permits of this slot are void from then on, and no new ones are granted.
    ///
    /// It may be called from any thread, any number of times.
    pub(in crate::platform::native) fn release(&self) {
        // Drop outside the lock: leaving a queue wakes the socket behind.
        let former = std::mem::replace(&mut *self.state(), SlotState::Released);
        drop(former);
    }

    fn enqueue(&self, server: ServerAddress) -> HandshakePermit {
        // Lock order: slot, then queues.
        let mut state = self.state();
        let number = match &mut *state {
            SlotState::Active(places) => {
                let place = QueuePlace::new(server, self.limit);
                let number = place.number;
                places.push(place);
                Some(number)
            }
            SlotState::Released => None,
        };
        HandshakePermit { slot: self.clone(), number }
    }

    fn state(&self) -> MutexGuard<'_, SlotState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to open a connection to one server. Dropping it passes the right on to the next socket in the queue.
#[derive(Debug)]
pub(in crate::platform::native) struct HandshakePermit {
    slot: HandshakeSlot,
    /// The number of its place. `None` if the slot was released before the socket entered the queue.
    number: Option<u64>,
}

impl HandshakePermit {
    /// Returns whether the permit is granted. Otherwise wakes the task when it is, and returns the end of the next lease.
    fn poll_granted(&self, context: &Context<'_>) -> Result<(), Option<Instant>> {
        // Lock order: slot, then queues.
        let state = self.slot.state();
        let SlotState::Active(places) = &*state else { return Err(None) };
        let place = places.iter().find(|place| Some(place.number) == self.number);
        let (granted, former, next) = match place {
            Some(place) => place.poll_granted(context.waker()),
            None => (Err(None), None, Vec::new()),
        };
        drop(state);
        // Drop outside the lock: a waker may own a task, and waking one may poll it.
        drop(former);
        wake(next);
        granted
    }
}

impl Drop for HandshakePermit {
    fn drop(&mut self) {
        let place = match &mut *self.slot.state() {
            SlotState::Active(places) => {
                let index = places.iter().position(|place| Some(place.number) == self.number);
                let place = index.map(|index| places.swap_remove(index));
                // Free the list, because a connected socket does not use it again.
                places.shrink_to_fit();
                place
            }
            SlotState::Released => None,
        };
        // Drop outside the lock: leaving a queue wakes the socket behind.
        drop(place);
    }
}

/// A place in the queue of one server. Dropping it leaves the queue and wakes the next socket.
#[derive(Debug)]
struct QueuePlace {
    server: ServerAddress,
    /// Unique in the process and ascending within a queue.
    number: u64,
}

/// All queues of the process, by server. A server without a handshake under way has no entry.
type Queues = BTreeMap<ServerAddress, Queue>;

/// The places of one server, in order.
#[derive(Default)]
struct Queue {
    entries: VecDeque<Entry>,
    /// The largest limit of the sockets that are or were in it.
    max_limit: usize,
}

/// One place as its queue stores it.
struct Entry {
    number: u64,
    limit: usize,
    /// The end of the lease, once the permit is granted.
    lease_end: Option<Instant>,
    waker: Option<Waker>,
}

impl Queue {
    /// Grants the permits that are due. Returns the wakers of their sockets, and the end of the next lease.
    ///
    /// A permit is due if fewer places than the limit precede it, not counting those whose lease has ended.
    fn grant(&mut self, now: Instant) -> (Vec<Waker>, Option<Instant>) {
        let (mut wakers, mut next_end, mut ahead) = (Vec::new(), None, 0);
        for entry in &mut self.entries {
            if ahead >= self.max_limit {
                break;
            }
            if entry.lease_end.is_none() && ahead < entry.limit {
                entry.lease_end = Some(now + LEASE);
                wakers.extend(entry.waker.take());
            }
            match entry.lease_end {
                Some(end) if end <= now => {}
                end => {
                    ahead += 1;
                    next_end = next_end.into_iter().chain(end).min();
                }
            }
        }
        (wakers, next_end)
    }
}

/// The queues. A forked process starts without any, because the parent's sockets never leave theirs there.
static QUEUES: PerProcess<Queues> = PerProcess::new();

/// The number of the next place. A forked process goes on counting, because copies of the parent's places exist there.
static NEXT_NUMBER: AtomicU64 = AtomicU64::new(0);

fn queues() -> MappedMutexGuard<'static, Queues> {
    parking_lot::MutexGuard::map(QUEUES.lock(), |queues| queues.value.get_or_insert_default())
}

impl QueuePlace {
    /// Enters the queue of `server` at its end.
    fn new(server: ServerAddress, limit: usize) -> Self {
        let mut queues = queues();
        let number = NEXT_NUMBER.fetch_add(1, Ordering::Relaxed);
        let queue = queues.entry(server.clone()).or_default();
        queue.entries.push_back(Entry { number, limit, lease_end: None, waker: None });
        queue.max_limit = queue.max_limit.max(limit);
        Self { server, number }
    }

    /// Returns whether this place has its permit. If it has none, stores the waker, and returns the end of the next
    /// lease as the error. Also returns the waker that it replaces, and the wakers of sockets whose permits were due.
    fn poll_granted(&self, waker: &Waker) -> (Result<(), Option<Instant>>, Option<Waker>, Vec<Waker>) {
        let mut queues = queues();
        let Some(queue) = queues.get_mut(&self.server) else { return (Err(None), None, Vec::new()) };
        let (next, next_end) = queue.grant(Instant::now());
        let Ok(index) = queue.entries.binary_search_by_key(&self.number, |entry| entry.number) else {
            return (Err(None), None, next);
        };
        let entry = &mut queue.entries[index];
        if entry.lease_end.is_some() {
            return (Ok(()), entry.waker.take(), next);
        }
        match &mut entry.waker {
            Some(known) if known.will_wake(waker) => (Err(next_end), None, next),
            other => (Err(next_end), other.replace(waker.clone()), next),
        }
    }
}

impl Drop for QueuePlace {
    fn drop(&mut self) {
        let (left, next) = {
            let mut queues = queues();
            let Some(queue) = queues.get_mut(&self.server) else { return };
            let Ok(index) = queue.entries.binary_search_by_key(&self.number, |entry| entry.number) else { return };
            let left = queue.entries.remove(index);
            let (next, _) = queue.grant(Instant::now());
            if queue.entries.is_empty() {
                queues.remove(&self.server);
            }
            (left, next)
        };
        // Outside the lock: a waker may poll a task, and dropping one may drop a task.
        drop(left);
        wake(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use futures::future::BoxFuture;

    fn server(address: &str) -> ServerAddress {
        address.parse::<SocketAddr>().unwrap().into()
    }

    fn is_known(server: &ServerAddress) -> bool {
        queues().contains_key(server)
    }

    /// Enters a runtime, because a socket that waits sets a timer.
    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
    }

    /// Acquires a permit for a slot of its own.
    async fn acquire(server: ServerAddress) -> HandshakePermit {
        HandshakeSlot::new(1).acquire(server).await
    }

    #[test]
    fn permits_of_one_server_are_granted_in_order() {
        let runtime = runtime();
        let _entered = runtime.enter();
        let there = || Box::pin(acquire(server("192.0.2.1:80")));
        let mut context = Context::from_waker(Waker::noop());
        let first = there().now_or_never().expect("an empty queue");
        let (mut second, mut third, mut fourth) = (there(), there(), there());
        for waiting in [&mut second, &mut third, &mut fourth] {
            assert!(waiting.poll_unpin(&mut context).is_pending());
        }
        drop(first);
        assert!(third.poll_unpin(&mut context).is_pending());
        drop(second);
        let Poll::Ready(third) = third.poll_unpin(&mut context) else { panic!("a dropped future stays in the queue") };
        assert!(fourth.poll_unpin(&mut context).is_pending());
        drop(third);
        assert!(fourth.poll_unpin(&mut context).is_ready());
    }

    #[test]
    fn other_ports_addresses_and_names_do_not_wait() {
        let others =
            [server("192.0.2.2:80"), server("192.0.2.2:81"), server("192.0.2.3:80"), server("[2001:db8::1]:80")];
        let names = ["a.invalid", "b.invalid"].map(|name| ServerAddress::behind_proxy(name, 80));
        let all: Vec<_> = others.into_iter().chain(names).map(|server| acquire(server).now_or_never()).collect();
        assert!(all.iter().all(Option::is_some));
    }

    #[test]
    fn address_is_equal_in_all_its_spellings() {
        assert_eq!(server("[::ffff:192.0.2.4]:80"), server("192.0.2.4:80"));
        assert_eq!(ServerAddress::behind_proxy("192.0.2.4", 80), server("192.0.2.4:80"));
        assert_eq!(ServerAddress::behind_proxy("2001:db8::2", 80), server("[2001:db8::2]:80"));
    }

    #[test]
    fn queue_without_sockets_is_removed() {
        let runtime = runtime();
        let _entered = runtime.enter();
        let server = server("192.0.2.5:80");
        let mut context = Context::from_waker(Waker::noop());
        let first = acquire(server.clone()).now_or_never().unwrap();
        let mut second = Box::pin(acquire(server.clone()));
        assert!(second.poll_unpin(&mut context).is_pending() && is_known(&server));
        drop(first);
        assert!(is_known(&server));
        drop(second);
        assert!(!is_known(&server));
    }

    #[test]
    fn waiting_future_that_is_dropped_leaves_no_place() {
        let runtime = runtime();
        let _entered = runtime.enter();
        let (slot, server) = (HandshakeSlot::new(1), server("192.0.2.10:80"));
        let held = acquire(server.clone()).now_or_never().unwrap();
        for _ in 0..1000 {
            assert!(slot.acquire(server.clone()).now_or_never().is_none());
        }
        assert!(matches!(&*slot.state(), SlotState::Active(places) if places.is_empty()));
        assert_eq!(queues().get(&server).map(|queue| queue.entries.len()), Some(1));
        drop(held);
    }

    #[test]
    fn released_slot_passes_its_permits_on_at_once() {
        let runtime = runtime();
        let _entered = runtime.enter();
        let servers = [server("192.0.2.6:80"), server("192.0.2.7:80")];
        let slot = HandshakeSlot::new(1);
        let held = slot.acquire(servers[0].clone()).now_or_never().unwrap();
        let other = acquire(servers[1].clone()).now_or_never().unwrap();
        let mut context = Context::from_waker(Waker::noop());
        let mut waiting = Box::pin(slot.acquire(servers[1].clone()));
        assert!(waiting.poll_unpin(&mut context).is_pending());

        slot.release();
        drop(other);
        let next = servers.map(|server| acquire(server).now_or_never().expect("a released slot keeps its place"));
        assert!(waiting.poll_unpin(&mut context).is_pending());
        assert!(slot.acquire(server("192.0.2.8:80")).now_or_never().is_none());
        drop((held, waiting));
        assert!(is_known(&server("192.0.2.6:80")), "a void permit ends that of another socket");
        drop(next);
        assert!(!is_known(&server("192.0.2.6:80")));
    }

    #[test]
    fn released_head_wakes_the_next_socket() {
        let runtime = runtime();
        let _entered = runtime.enter();
        let (slot, server) = (HandshakeSlot::new(1), server("192.0.2.9:80"));
        let held = slot.acquire(server.clone()).now_or_never().unwrap();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut waiting = Box::pin(acquire(server));
        assert!(waiting.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
        std::thread::scope(|scope| scope.spawn(|| slot.release()).join().unwrap());
        assert!(woken.0.load(std::sync::atomic::Ordering::Relaxed));
        assert!(waiting.poll_unpin(&mut Context::from_waker(&waker)).is_ready());
        drop(held);
    }

    #[tokio::test(start_paused = true)]
    async fn limit_is_the_number_of_handshakes_at_once() {
        let server = || server("192.0.2.20:80");
        let slots: Vec<_> = (0..6).map(|_| HandshakeSlot::new(3)).collect();
        let mut waiting: VecDeque<_> = slots.iter().map(|slot| slot.acquire(server()).boxed()).collect();
        let mut context = Context::from_waker(Waker::noop());
        let mut poll = |waiting: &mut VecDeque<BoxFuture<'_, HandshakePermit>>| {
            let mut granted = Vec::new();
            waiting.retain_mut(|future| match future.poll_unpin(&mut context) {
                Poll::Ready(permit) => {
                    granted.push(permit);
                    false
                }
                Poll::Pending => true,
            });
            granted
        };
        let mut granted: Vec<HandshakePermit> = poll(&mut waiting);
        assert_eq!((granted.len(), waiting.len()), (3, 3));
        // A socket with a limit of its own waits for all before it, and does not hold up those behind it for longer.
        let strict = HandshakeSlot::new(1);
        let mut strict = Box::pin(strict.acquire(server()));
        assert!(futures::poll!(&mut strict).is_pending());
        granted.remove(1);
        granted.extend(poll(&mut waiting));
        assert_eq!((granted.len(), waiting.len()), (3, 2));
        granted.clear();
        granted.extend(poll(&mut waiting));
        assert_eq!((granted.len(), waiting.len()), (2, 0));
        assert!(futures::poll!(&mut strict).is_pending());
        drop(granted);
        assert!(futures::poll!(&mut strict).is_ready());
    }

    #[tokio::test(start_paused = true)]
    async fn hanging_handshake_counts_for_one_lease() {
        let server = || server("192.0.2.21:80");
        let start = Instant::now();
        let hanging = acquire(server()).await;
        let second = acquire(server()).await;
        assert_eq!(start.elapsed(), LEASE);
        // A socket that waits behind two of them has its lease after theirs.
        let third = acquire(server()).await;
        assert_eq!(start.elapsed(), 2 * LEASE);
        // A lease that has ended does not count again, and no permit is taken back.
        drop(third);
        assert!(acquire(server()).now_or_never().is_some());
        drop((hanging, second));
        assert!(!is_known(&server()));
    }

    #[tokio::test(start_paused = true)]
    async fn socket_that_is_never_polled_again_counts_for_one_lease() {
        let server = || server("192.0.2.22:80");
        let start = Instant::now();
        let _first = acquire(server()).await;
        let mut waiting = [Box::pin(acquire(server())), Box::pin(acquire(server()))];
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.iter_mut().all(|future| future.poll_unpin(&mut context).is_pending()));
        drop(acquire(server()).await);
        assert_eq!(start.elapsed(), 3 * LEASE);
    }

    #[derive(Default)]
    struct Woken(std::sync::atomic::AtomicBool);

    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    }
}
