//! Properties of reconnecting sockets on a network in memory.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _};
use samesocket::reconnect::{
    Backoff, Cause, Outbox, Reconnecting, Sender, Status, StatusChanges, reconnect as connect_again,
};
use samesocket::testing::{Network, Peer, Received};
use samesocket::{Error, Message};

use crate::script::Script;

/// The size of each message in bytes.
const SIZE: u64 = 8;

/// The bounds of an outbox that keeps messages.
const KEPT: usize = 5;

/// The waits, whose first is short enough to grow several times.
const BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(500), longest: Duration::from_secs(4), factor: 2.0, jitter: 0.5 };

/// Checks a reconnecting socket. The first byte encodes the outbox, the second the attempts that connect to nothing.
///
/// - The states follow each other as documented, and each wait is within its bounds.
/// - No message is received twice or out of order, in either direction.
/// - A message that was sent arrives, is kept, or is counted as lost.
/// - The socket ends when it is closed, and then nothing follows.
///
/// # Panics
/// Panics if a property does not hold.
pub fn reconnect(data: &[u8]) {
    let mut script = Script::new(data);
    let outbox = match script.below(3) {
        0 => Outbox::Return,
        1 => Outbox::Keep { messages: KEPT, bytes: SIZE * 4 },
        _ => Outbox::Drop,
    };
    let mut scene = Scene::new(outbox, script.byte());
    while !script.is_over() {
        scene.act(&mut script);
    }
    scene.finish();
}

struct Scene {
    network: Network,
    outbox: Outbox,
    /// The socket, until it is dropped.
    socket: Option<Reconnecting>,
    sender: Sender,
    states: StateLog,
    peers: Vec<Peer>,
    /// The messages that were taken by `send`, of which some may be lost without a count.
    sent: u64,
    unsure: u64,
    /// The messages that all peers have received.
    arrived: Vec<u64>,
    /// The messages that peers have sent, and those that the socket has received.
    answers: u64,
    answered: Vec<u64>,
    /// Whether the socket's user has closed or dropped it.
    closed: bool,
    /// Whether the stream has ended, and whether that was with an error.
    ended: bool,
    cause: Option<Cause>,
}

impl Scene {
    fn new(outbox: Outbox, nothing: u8) -> Self {
        let network = Network::new();
        let attempts = Arc::new(Mutex::new(0_u32));
        let connecting = network.clone();
        let attempt = move |_failures| {
            let mut attempts = attempts.lock().unwrap_or_else(PoisonError::into_inner);
            *attempts += 1;
            let connect = connecting.connect("ws://h/").high_water_mark(3 * SIZE).receive_limit(4, 1 << 10);
            let connect = (nothing >> (*attempts % 8) & 1 == 0).then_some(connect);
            async { connect }
        };
        let socket = connect_again(attempt).backoff(BACKOFF).outbox(outbox).start();
        Self {
            states: StateLog::new(socket.status_changes()),
            sender: socket.sender(),
            socket: Some(socket),
            network,
            outbox,
            peers: Vec::new(),
            sent: 0,
            unsure: 0,
            arrived: Vec::new(),
            answers: 0,
            answered: Vec::new(),
            closed: false,
            ended: false,
            cause: None,
        }
    }

    fn act(&mut self, script: &mut Script<'_>) {
        match script.below(16) {
            0 | 1 => self.send(script.flag()),
            2..=4 => self.poll(),
            5 | 6 => self.accept(script.below(4) > 0),
            7 => self.answer(),
            8 => {
                let code = [None, Some(1000), Some(1001), Some(1012)][usize::from(script.below(4))];
                if let Some(peer) = self.peers.last() {
                    peer.close(code, "");
                }
            }
            9 => self.fail(),
            10 => self.peers.iter().for_each(Peer::pause),
            11 => {
                self.resume();
                self.receive();
            }
            12 => self.network.clock().advance(Duration::from_millis(50) * u32::from(script.byte())),
            13 => {
                self.network.clock().come_back();
                self.states.may_be_early = true;
            }
            14 => self.receive(),
            _ => match script.below(8) {
                0 => {
                    self.sender.close(Some(1000), None).expect("the code is valid");
                    self.closed = true;
                }
                1 => {
                    // What a dropped socket has not written is lost without a count.
                    self.socket = None;
                    self.unsure = self.sent;
                    (self.closed, self.ended) = (true, true);
                }
                2 => self.peers.iter().for_each(Peer::hold_close),
                _ => self.peers.iter().for_each(Peer::answer_close),
            },
        }
        self.states.read(&self.network);
    }

    /// Sends the next message. A send that has to wait is cancelled, which sends nothing.
    fn send(&mut self, waits: bool) {
        let message = Message::from(format!("{:08}", self.sent));
        let outcome =
            if waits { self.sender.send(message).now_or_never() } else { Some(self.sender.try_send(message)) };
        match outcome {
            Some(Ok(())) => {
                assert!(!self.closed && !self.ended, "a message was taken after the end");
                self.sent += 1;
                self.unsure += u64::from(self.states.misses_failure);
            }
            Some(Err(Error::NotOpen(message) | Error::Full(message))) => assert_eq!(message.size(), SIZE),
            Some(Err(error)) => panic!("{error}"),
            None => assert!(waits),
        }
    }

    /// Polls the socket until it waits.
    fn poll(&mut self) {
        let Some(socket) = &mut self.socket else { return };
        while let Some(next) = socket.next().now_or_never() {
            assert!(!self.ended || next.is_none(), "an item follows the end");
            match next {
                Some(Ok(Message::Text(text))) => self.answered.push(text.parse().expect("a number")),
                Some(Ok(message)) => panic!("{message:?} was not sent"),
                Some(Err(cause)) => {
                    assert!(self.cause.is_none() && !self.closed && !cause.is_worth_another_attempt(), "{cause}");
                    self.cause = Some(cause);
                }
                None => {
                    self.ended = true;
                    break;
                }
            }
        }
    }

    fn accept(&mut self, opens: bool) {
        let Some(incoming) = self.network.accept().now_or_never() else { return };
        if opens {
            self.receive();
            self.peers.push(incoming.open());
        }
    }

    /// Sends a message to the socket.
    fn answer(&mut self) {
        if let Some(peer) = self.peers.last().filter(|peer| !peer.is_over()) {
            peer.send(format!("{:08}", self.answers));
            self.answers += 1;
        }
    }

    /// Lets the newest connection fail.
    fn fail(&mut self) {
        self.receive();
        if let Some(peer) = self.peers.pop() {
            peer.fail();
            // The socket may not know it yet. Messages that it sends until then are lost without a count.
            self.states.misses_failure = true;
            self.unsure += KEPT as u64;
        }
    }

    /// Lets peers read again. What was in transit when a connection ended counts as lost.
    fn resume(&self) {
        self.peers.iter().filter(|peer| !peer.is_over()).for_each(Peer::resume);
    }

    /// Receives what has arrived at the peers, the oldest first.
    fn receive(&mut self) {
        for peer in &mut self.peers {
            while let Some(Some(received)) = peer.receive().now_or_never() {
                match received {
                    Received::Message(Message::Text(text)) => self.arrived.push(text.parse().expect("a number")),
                    Received::Message(message) => panic!("{message:?} was not sent"),
                    _ => {}
                }
            }
        }
    }

    /// Ends the socket, and checks what has arrived.
    fn finish(mut self) {
        self.sender.close(Some(1000), None).expect("the code is valid");
        self.closed = true;
        for _ in 0..10 {
            self.poll();
            self.accept(false);
            self.resume();
            self.peers.iter().for_each(Peer::answer_close);
            self.states.read(&self.network);
            self.network.clock().advance(Duration::from_secs(3600));
        }
        assert!(self.ended, "the socket has not ended");
        self.send(false);
        self.receive();
        drop(self.socket);
        self.states.read(&self.network);
        self.states.check_end();

        let increases = |numbers: &[u64]| numbers.windows(2).all(|pair| pair[0] < pair[1]);
        assert!(increases(&self.arrived), "messages arrived twice or out of order: {:?}", self.arrived);
        assert!(increases(&self.answered), "messages were received twice or out of order: {:?}", self.answered);
        let (losses, kept) = (self.sender.losses(), self.sender.take_kept());
        assert!(kept.len() <= KEPT && (kept.is_empty() || matches!(self.outbox, Outbox::Keep { .. })));
        assert!(losses.dropped_messages == 0 || self.outbox == Outbox::Drop);
        assert_eq!(losses.dropped_bytes, losses.dropped_messages * SIZE);
        let known = self.arrived.len() as u64 + kept.len() as u64 + losses.dropped_messages;
        // Messages in transit may have arrived, so that they may be counted twice here.
        let least = self.sent.saturating_sub(losses.unknown_bytes / SIZE + self.unsure);
        assert!(known >= least && known <= self.sent, "of {} messages, {known} are known: {losses:?}", self.sent);
        let numbers = kept.iter().map(|message| match message {
            Message::Text(text) => text.parse().expect("a number"),
            other => panic!("{other:?} was not sent"),
        });
        let all: Vec<u64> = self.arrived.iter().copied().chain(numbers).collect();
        assert!(increases(&all), "kept messages precede messages that arrived: {all:?}");
    }
}

/// The states of a socket, which are checked as they come.
struct StateLog {
    states: StatusChanges,
    last: Option<Status>,
    /// The failures at the last attempt.
    failures: u32,
    /// The time of the last state.
    since: Duration,
    /// Whether the machine came back online since then.
    may_be_early: bool,
    /// Whether a connection has failed since then.
    misses_failure: bool,
}

impl StateLog {
    const fn new(states: StatusChanges) -> Self {
        Self { states, last: None, failures: 0, since: Duration::ZERO, may_be_early: false, misses_failure: false }
    }

    fn read(&mut self, network: &Network) {
        while let Some(Some(state)) = self.states.next().now_or_never() {
            let now = network.clock().now();
            match (&self.last, &state) {
                (None, Status::Connecting { attempt }) => assert_eq!(*attempt, 1),
                (
                    None | Some(Status::Connecting { .. } | Status::Open | Status::Waiting { .. }),
                    Status::Ended { .. },
                )
                | (Some(Status::Connecting { .. }), Status::Open) => {}
                (Some(before @ (Status::Connecting { .. } | Status::Open)), Status::Waiting { wait, cause, .. }) => {
                    assert!(cause.is_worth_another_attempt());
                    let is_open = matches!(before, Status::Open);
                    let least = if is_open { 1 } else { self.failures + 1 };
                    let whole = |failures: u32| (BACKOFF.first * 2_u32.pow(failures.min(8) - 1)).min(BACKOFF.longest);
                    let bounds = whole(least) / 2..=whole(self.failures + 1);
                    assert!(bounds.contains(wait), "a wait of {wait:?} is not in {bounds:?}");
                }
                (Some(Status::Waiting { wait, .. }), Status::Connecting { attempt }) => {
                    let failures = *attempt - 1;
                    assert!((1..=self.failures + 1).contains(&failures), "{failures} after {}", self.failures);
                    self.failures = failures;
                    assert!(self.may_be_early || now >= self.since + *wait, "an attempt came too early");
                }
                (last, state) => panic!("{state:?} follows {last:?}"),
            }
            (self.last, self.since) = (Some(state), now);
            (self.may_be_early, self.misses_failure) = (false, false);
        }
    }

    /// Checks that the last state is the end.
    fn check_end(&mut self) {
        assert!(matches!(self.last, Some(Status::Ended { .. })), "{:?} is the last state", self.last);
        assert!(matches!(self.states.next().now_or_never(), Some(None)), "the states have not ended");
    }
}
