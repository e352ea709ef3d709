//! Handles of one socket, used and dropped in random orders: nothing panics, the socket has one end, and no future waits for ever.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures::FutureExt;
use futures::future::join;
use samesocket::testing::{self, Network, Peer};
use samesocket::{CloseEvent, Connect, Control, Error, Heartbeat, PingError, Receiver, Remote, Sender, Socket};

/// A generator whose numbers a seed decides.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    /// Returns one of the durations that are extreme, or ordinary.
    fn duration(&mut self) -> Duration {
        [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(5), Duration::MAX][self.below(4)]
    }
}

type Boxed<T> = Pin<Box<dyn Future<Output = T>>>;

/// The futures that have to complete after the end of the socket.
#[derive(Default)]
struct Waiting {
    closed: Vec<Boxed<CloseEvent>>,
    pings: Vec<Boxed<Result<Duration, PingError>>>,
    others: Vec<Boxed<()>>,
}

impl Waiting {
    /// Polls a future once or not at all, and then keeps it or drops it.
    fn other(&mut self, random: &mut Random, future: impl Future + 'static) {
        let mut future: Boxed<()> = Box::pin(future.map(drop));
        if random.below(3) > 0 && future.as_mut().now_or_never().is_some() {
            return;
        }
        if random.below(3) > 0 {
            self.others.push(future);
        }
    }

    /// Checks that all futures complete, with the same event.
    async fn check(mut self, network: &Network, seed: u64) {
        // Some are polled for the first time here, and ask the driver of a remote.
        self.others.retain_mut(|other| other.as_mut().now_or_never().is_none());
        network.clock().sleep(Duration::from_secs(1)).await;
        let events: Vec<_> = self.closed.into_iter().map(FutureExt::now_or_never).collect();
        assert!(events.iter().all(|event| event.is_some() && *event == events[0]), "{seed}: {events:?}");
        let pings = self.pings.into_iter().filter_map(FutureExt::now_or_never);
        let pings: Vec<_> = pings.filter(|ping| *ping != Err(PingError::Unsupported)).collect();
        assert!(pings.iter().all(|ping| matches!(ping, Ok(_) | Err(PingError::Closed | PingError::NotOpen))), "{seed}");
        for (number, other) in self.others.into_iter().enumerate() {
            assert!(other.now_or_never().is_some(), "{seed}: future {number} waits for ever");
        }
    }
}

/// Does one thing at the server's end.
fn act_as_peer(random: &mut Random, peer: &mut Option<Peer>) {
    let Some(there) = peer else { return };
    match random.below(11) {
        0 => there.send("text"),
        1 => there.send(vec![0; random.below(100)]),
        2 => there.ping(),
        3 => there.hold_pongs(),
        4 => there.send_pongs(),
        5 => there.pause(),
        6 => there.resume(),
        7 => drop(there.receive().now_or_never()),
        8 if random.below(5) == 0 => there.close(Some(1001), "going"),
        9 if random.below(5) == 0 => there.start_closing(),
        10 if random.below(10) == 0 => *peer = None,
        _ => {}
    }
}

/// The handles of a socket that was split.
struct Handles {
    senders: Vec<Sender>,
    receiver: Option<Receiver>,
    controls: Vec<Control>,
    /// The error that the stream has yielded.
    failed: bool,
}

impl Handles {
    fn act(&mut self, random: &mut Random, waiting: &mut Waiting) {
        let sender = (!self.senders.is_empty()).then(|| random.below(self.senders.len()));
        let control = (!self.controls.is_empty()).then(|| random.below(self.controls.len()));
        match (random.below(16), sender, control) {
            (0 | 1, Some(index), _) => {
                let sender = self.senders[index].clone();
                waiting.other(random, async move { sender.send("text".into()).await });
            }
            (2, Some(index), _) => drop(self.senders[index].try_send(vec![1; 300].into())),
            (3, Some(index), _) => {
                let sender = self.senders[index].clone();
                waiting.other(random, async move { sender.drained().await });
            }
            (4, Some(index), _) => self.senders.push(self.senders[index].clone().without_compression()),
            (5, Some(index), _) => self.controls.push(self.senders[index].control()),
            (6, Some(index), _) if random.below(4) == 0 => drop(self.senders.swap_remove(index)),
            (7, _, Some(index)) => drop(self.controls.swap_remove(index)),
            (8 | 9, _, Some(index)) => waiting.pings.push(Box::pin(self.controls[index].ping())),
            (10, _, Some(index)) => {
                let _ = (self.controls[index].received_pings(), self.controls[index].response());
                waiting.closed.push(Box::pin(self.controls[index].closed()));
            }
            (11, _, Some(index)) if random.below(8) == 0 => {
                waiting.other(random, self.controls[index].close(Some(3000), Some("done")));
            }
            (12, _, Some(index)) if random.below(8) == 0 => self.controls[index].abort(),
            (13, Some(index), _) => {
                let _ = format!("{:?}", self.senders[index]);
            }
            _ => self.receive(),
        }
    }

    fn receive(&mut self) {
        let Some(item) = self.receiver.as_mut().and_then(|receiver| receiver.next().now_or_never()) else { return };
        if let Some(Err(error)) = &item {
            assert!(!self.failed, "a second error: {error}");
            self.failed = true;
        }
    }
}

/// Returns the options of a connection, some of them extreme.
fn configured(mut connect: Connect, random: &mut Random) -> Connect {
    if random.below(2) == 0 {
        connect = connect.high_water_mark([0, 500, u64::MAX][random.below(3)]);
    }
    if random.below(2) == 0 {
        connect = connect.receive_limit([0, 3, usize::MAX][random.below(3)], [0, 50, u64::MAX][random.below(3)]);
    }
    if random.below(4) == 0 {
        connect = connect.idle_timeout(random.duration());
    }
    if random.below(4) == 0 {
        connect = connect.heartbeat(Heartbeat::pings().every(random.duration()).within(random.duration()));
    }
    if random.below(2) == 0 { connect.close_timeout(random.duration()) } else { connect }
}

async fn open(network: &Network, random: &mut Random) -> (Socket, Peer) {
    let other = if random.below(2) == 0 { network.without_pings() } else { network.clone() };
    let connect = configured(other.connect("ws://a.example").timeout(Duration::MAX), random);
    let (socket, peer) = join(connect, async { network.accept().await.open() }).await;
    (socket.unwrap(), peer)
}

#[test]
fn handles_in_random_orders_have_one_end() {
    for seed in 0..1000 {
        testing::run_with_limit(Duration::MAX, |network| async move {
            let mut random = Random::new(seed);
            let (socket, peer) = open(&network, &mut random).await;
            let (mut peer, mut waiting) = (Some(peer), Waiting::default());
            waiting.closed.push(Box::pin(socket.closed()));
            let (sender, receiver) = socket.split();
            let controls = vec![sender.control()];
            let mut handles = Handles { senders: vec![sender], receiver: Some(receiver), controls, failed: false };
            for _ in 0..random.below(60) {
                match random.below(8) {
                    0..5 => handles.act(&mut random, &mut waiting),
                    5..7 => act_as_peer(&mut random, &mut peer),
                    _ => network.clock().sleep(Duration::from_millis(100)).await,
                }
            }
            drop(handles);
            drop(peer);
            network.clock().sleep(Duration::from_secs(100)).await;
            waiting.check(&network, seed).await;
        });
    }
}

/// Does one thing with a remote.
fn act_remotely(random: &mut Random, remote: &mut Remote, waiting: &mut Waiting, failed: &mut bool) {
    let sender = remote.sender();
    match random.below(12) {
        0 | 1 => waiting.other(random, async move { sender.send("text".into()).await }),
        2 => waiting.other(random, async move { sender.without_compression().send(vec![1; 300].into()).await }),
        3 => waiting.other(random, async move { sender.drained().await }),
        4 => waiting.pings.push(Box::pin(sender.ping())),
        5 => waiting.closed.push(Box::pin(sender.closed())),
        6 => waiting.other(random, async move { sender.received_pings().await }),
        7 => waiting.other(random, async move { sender.ready_state().await }),
        8 if random.below(8) == 0 => waiting.other(random, sender.close(Some(3000), Some("done"))),
        9 if random.below(8) == 0 => sender.abort(),
        _ => {
            if let Some(Some(Err(error))) = remote.next().now_or_never() {
                assert!(!std::mem::replace(failed, true), "a second error: {error}");
                assert!(!matches!(error, Error::NotOpen(_) | Error::Full(_)), "{error}");
            }
        }
    }
}

#[test]
fn remote_in_random_orders_has_one_end() {
    for seed in 0..1000 {
        testing::run_with_limit(Duration::MAX, |network| async move {
            let mut random = Random::new(seed);
            let (socket, peer) = open(&network, &mut random).await;
            let (mut peer, mut waiting, mut failed) = (Some(peer), Waiting::default(), false);
            let drops_driver = random.below(10) == 0;
            if !drops_driver {
                // Without a driver, the handles report a failure, whatever the end of the connection is.
                waiting.closed.push(Box::pin(socket.closed()));
            }
            let mut remote =
                socket.into_remote_by(|driver| if drops_driver { drop(driver) } else { network.spawn(driver) });
            for _ in 0..random.below(60) {
                match random.below(8) {
                    0..4 => act_remotely(&mut random, &mut remote, &mut waiting, &mut failed),
                    4..6 => act_as_peer(&mut random, &mut peer),
                    _ => network.clock().sleep(Duration::from_millis(100)).await,
                }
            }
            drop(remote);
            drop(peer);
            network.clock().sleep(Duration::from_secs(100)).await;
            waiting.check(&network, seed).await;
        });
    }
}
