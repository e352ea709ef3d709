//! The queues that allow one opening handshake at a time with each server.
//!
//! [RFC 6455, section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1), step 2, demands it of every client.
//! A socket owns one [`HandshakeSlot`] and acquires a [`HandshakePermit`] for each address that it tries.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use parking_lot::MappedMutexGuard;

use crate::platform::native::runtime::per_process::PerProcess;

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
pub(in crate::platform::native) struct HandshakeSlot(Arc<Mutex<SlotState>>);

#[derive(Debug)]
enum SlotState {
    /// The places that the socket holds or waits in.
    Active(Vec<QueuePlace>),
    Released,
}

impl Default for HandshakeSlot {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(SlotState::Active(Vec::new()))))
    }
}

impl HandshakeSlot {
    /// Waits until no other socket has an opening handshake under way with `server`.
    ///
    /// Permits are granted in the order of the first polls, whichever runtimes the sockets live on. Dropping the future
    /// leaves the queue. If the slot is released, the future stays pending.
    pub(in crate::platform::native) async fn acquire(&self, server: ServerAddress) -> HandshakePermit {
        let permit = self.enqueue(server);
        poll_fn(|context| permit.poll_granted(context)).await;
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
                let place = QueuePlace::new(server);
                let number = place.number;
                places.push(place);
                Some(number)
            }
            SlotState::Released => None,
        };
        HandshakePermit { slot: self.clone(), number }
    }

    fn state(&self) -> MutexGuard<'_, SlotState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    /// Returns `Ready` at the head of the queue. Otherwise wakes the task when the place becomes the head.
    fn poll_granted(&self, context: &Context<'_>) -> Poll<()> {
        // Lock order: slot, then queues.
        let state = self.slot.state();
        let SlotState::Active(places) = &*state else { return Poll::Pending };
        let place = places.iter().find(|place| Some(place.number) == self.number);
        let (polled, former) = place.map_or((Poll::Pending, None), |place| place.poll_head(context.waker()));
        drop(state);
        // Drop outside the lock: a waker may own a task.
        drop(former);
        polled
    }
}

impl Drop for HandshakePermit {
    fn drop(&mut self) {
        let place = match &mut *self.slot.state() {
            SlotState::Active(places) => {
                let index = places.iter().position(|place| Some(place.number) == self.number);
                index.map(|index| places.swap_remove(index))
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
type Queues = BTreeMap<ServerAddress, VecDeque<Entry>>;

/// One place as its queue stores it. The head of a queue holds the permit.
struct Entry {
    number: u64,
    waker: Option<Waker>,
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
    fn new(server: ServerAddress) -> Self {
        let mut queues = queues();
        let number = NEXT_NUMBER.fetch_add(1, Ordering::Relaxed);
        queues.entry(server.clone()).or_default().push_back(Entry { number, waker: None });
        Self { server, number }
    }

    /// Returns whether this place is the head. Otherwise stores the waker. A waker that it replaces is returned, too.
    fn poll_head(&self, waker: &Waker) -> (Poll<()>, Option<Waker>) {
        let mut queues = queues();
        let Some(queue) = queues.get_mut(&self.server) else { return (Poll::Pending, None) };
        let Ok(index) = queue.binary_search_by_key(&self.number, |entry| entry.number) else {
            return (Poll::Pending, None);
        };
        if index == 0 {
            return (Poll::Ready(()), None);
        }
        match &mut queue[index].waker {
            Some(known) if known.will_wake(waker) => (Poll::Pending, None),
            other => (Poll::Pending, other.replace(waker.clone())),
        }
    }
}

impl Drop for QueuePlace {
    fn drop(&mut self) {
        let (left, next) = {
            let mut queues = queues();
            let Some(queue) = queues.get_mut(&self.server) else { return };
            let Ok(index) = queue.binary_search_by_key(&self.number, |entry| entry.number) else { return };
            let left = queue.remove(index);
            let next = if index == 0 { queue.front_mut().and_then(|head| head.waker.take()) } else { None };
            if queue.is_empty() {
                queues.remove(&self.server);
            }
            (left, next)
        };
        // Outside the lock: a waker may poll a task, and dropping one may drop a task.
        drop(left);
        if let Some(next) = next {
            next.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn server(address: &str) -> ServerAddress {
        address.parse::<SocketAddr>().unwrap().into()
    }

    fn is_known(server: &ServerAddress) -> bool {
        queues().contains_key(server)
    }

    /// Acquires a permit for a slot of its own.
    async fn acquire(server: ServerAddress) -> HandshakePermit {
        HandshakeSlot::default().acquire(server).await
    }

    #[test]
    fn permits_of_one_server_are_granted_in_order() {
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
        let (slot, server) = (HandshakeSlot::default(), server("192.0.2.10:80"));
        let held = acquire(server.clone()).now_or_never().unwrap();
        for _ in 0..1000 {
            assert!(slot.acquire(server.clone()).now_or_never().is_none());
        }
        assert!(matches!(&*slot.state(), SlotState::Active(places) if places.is_empty()));
        assert_eq!(queues().get(&server).map(VecDeque::len), Some(1));
        drop(held);
    }

    #[test]
    fn released_slot_passes_its_permits_on_at_once() {
        let servers = [server("192.0.2.6:80"), server("192.0.2.7:80")];
        let slot = HandshakeSlot::default();
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
        let (slot, server) = (HandshakeSlot::default(), server("192.0.2.9:80"));
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

    #[derive(Default)]
    struct Woken(std::sync::atomic::AtomicBool);

    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    }
}
