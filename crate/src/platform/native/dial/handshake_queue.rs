//! One at a time: no server has to do two opening handshakes of this process's at once, by
//! [RFC 6455, section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1), step 2.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

/// Where a server is, as far as it is known here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::platform::native) enum Remote {
    Address(SocketAddr),
    /// A name that a proxy resolves: it stands for an address that no other name has.
    Name(String, u16),
}

impl Remote {
    /// The server behind a proxy.
    pub(in crate::platform::native) fn behind_proxy(host: &str, port: u16) -> Self {
        match host.parse::<IpAddr>() {
            Ok(address) => SocketAddr::new(address, port).into(),
            Err(_) => Self::Name(host.to_owned(), port),
        }
    }
}

impl From<SocketAddr> for Remote {
    fn from(mut address: SocketAddr) -> Self {
        // Neither another way of writing an address nor a label of its packets makes it another host.
        address.set_ip(address.ip().to_canonical());
        if let SocketAddr::V6(address) = &mut address {
            address.set_flowinfo(0);
        }
        Self::Address(address)
    }
}

/// The right to open a connection, which ends when this is dropped: then the next one has it.
#[derive(Debug)]
pub(in crate::platform::native) struct Admission {
    _turn: OwnedMutexGuard<()>,
    _queue: Arc<Queue>,
}

impl Admission {
    /// Waits until nobody else opens a connection there, in the order of asking; dropping the future gives the place up.
    ///
    /// The sockets may live on whichever runtimes they like.
    pub(in crate::platform::native) async fn to(remote: Remote) -> Self {
        let queue = Queue::of(remote);
        Self { _turn: Arc::clone(&queue.turn).lock_owned().await, _queue: queue }
    }
}

/// Those who open connections to one place, the first of them having its turn.
#[derive(Debug)]
struct Queue {
    remote: Remote,
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// The queues that somebody stands in.
static QUEUES: Mutex<BTreeMap<Remote, Weak<Queue>>> = Mutex::new(BTreeMap::new());

impl Queue {
    fn of(remote: Remote) -> Arc<Self> {
        let mut queues = queues();
        if let Some(queue) = queues.get(&remote).and_then(Weak::upgrade) {
            return queue;
        }
        let queue = Arc::new(Self { remote: remote.clone(), turn: Arc::default() });
        queues.insert(remote, Arc::downgrade(&queue));
        queue
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let mut queues = queues();
        // Meanwhile there may be another one, of somebody who came too late for this.
        if queues.get(&self.remote).is_some_and(|queue| queue.strong_count() == 0) {
            queues.remove(&self.remote);
        }
    }
}

fn queues() -> MutexGuard<'static, BTreeMap<Remote, Weak<Queue>>> {
    QUEUES.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::task::{Context, Poll, Waker};

    fn remote(address: &str) -> Remote {
        address.parse::<SocketAddr>().unwrap().into()
    }

    fn is_known(remote: &Remote) -> bool {
        queues().contains_key(remote)
    }

    #[test]
    fn one_has_its_turn_and_the_others_come_in_the_order_of_asking() {
        let there = || Admission::to(remote("192.0.2.1:80"));
        let mut context = Context::from_waker(Waker::noop());
        let first = there().now_or_never().expect("nobody else");
        let (mut second, mut third, mut fourth) = (Box::pin(there()), Box::pin(there()), Box::pin(there()));
        for waiting in [&mut second, &mut third, &mut fourth] {
            assert!(waiting.poll_unpin(&mut context).is_pending());
        }
        drop(first);
        assert!(third.poll_unpin(&mut context).is_pending());
        drop(second);
        let Poll::Ready(third) = third.poll_unpin(&mut context) else { panic!("who went away is passed over") };
        assert!(fourth.poll_unpin(&mut context).is_pending());
        drop(third);
        assert!(fourth.poll_unpin(&mut context).is_ready());
    }

    #[test]
    fn other_ports_addresses_and_names_do_not_wait() {
        let others =
            [remote("192.0.2.2:80"), remote("192.0.2.2:81"), remote("192.0.2.3:80"), remote("[2001:db8::1]:80")];
        let names = ["a.invalid", "b.invalid"].map(|name| Remote::behind_proxy(name, 80));
        let all: Vec<_> = others.into_iter().chain(names).map(|remote| Admission::to(remote).now_or_never()).collect();
        assert!(all.iter().all(Option::is_some));
    }

    #[test]
    fn an_address_is_the_same_however_it_is_written() {
        assert_eq!(remote("[::ffff:192.0.2.4]:80"), remote("192.0.2.4:80"));
        assert_eq!(Remote::behind_proxy("192.0.2.4", 80), remote("192.0.2.4:80"));
        assert_eq!(Remote::behind_proxy("2001:db8::2", 80), remote("[2001:db8::2]:80"));
    }

    #[test]
    fn nothing_is_remembered_of_a_place_that_nobody_opens_a_connection_to() {
        let place = remote("192.0.2.5:80");
        let mut context = Context::from_waker(Waker::noop());
        let first = Admission::to(place.clone()).now_or_never().unwrap();
        let mut second = Box::pin(Admission::to(place.clone()));
        assert!(second.poll_unpin(&mut context).is_pending() && is_known(&place));
        drop(first);
        assert!(is_known(&place));
        drop(second);
        assert!(!is_known(&place));
    }
}
