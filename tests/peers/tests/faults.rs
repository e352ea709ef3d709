//! Lines that are cut, half cut, delayed and reset at any byte, in every state of a connection.
//!
//! A round that fails tells its seed; `SAMESOCKET_SEED` has the same rounds again.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt;
use futures::channel::mpsc;
use samesocket::rustls::client::Resumption;
use samesocket::rustls::crypto::ring;
use samesocket::rustls::pki_types::CertificateDer;
use samesocket::rustls::{ClientConfig, RootCertStore};
use samesocket::{BinaryType, Event, Options, ReadyState, WebSocket};
use samesocket_fault_server::Server;
use samesocket_peers::{Act, Direction, Line, Plan, Random, line};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::time::timeout;

const ROUNDS: u64 = 1000;

/// How many rounds run at the same time.
const AT_ONCE: usize = 12;

/// How long one round may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A state in which lines break.
struct State {
    name: &'static str,
    secure: bool,
    query: &'static str,
    /// What the client does once it has seen so many events.
    client: Option<(usize, Deed)>,
    /// All events over a line that holds.
    events: &'static [&'static str],
    when: When,
}

#[derive(Clone, Copy)]
enum Deed {
    /// Sends so many bytes.
    Send(usize),
    /// Closes with 3000 and "bye".
    Close,
}

/// When a line may break.
#[derive(Clone, Copy)]
enum When {
    /// Before the client gets through.
    Connecting,
    /// After any byte in either direction.
    AnyByte,
    /// When the client has seen so many events.
    Seen(usize),
}

const STATES: [State; 11] = [
    State {
        name: "connecting",
        secure: false,
        query: "do=close:1000",
        client: None,
        events: &["open", "close 1000 \"\" clean"],
        when: When::Connecting,
    },
    State {
        name: "TLS, the opening handshake over it, and the end",
        secure: true,
        query: "do=text:a,close:1000",
        client: None,
        events: &["open", "text \"a\"", "close 1000 \"\" clean"],
        when: When::AnyByte,
    },
    State {
        name: "the opening handshake",
        secure: false,
        query: "subprotocol=chat&deflate=1&do=close:1000",
        client: None,
        events: &["open", "close 1000 \"\" clean"],
        when: When::AnyByte,
    },
    State {
        name: "open and idle",
        secure: false,
        query: "do=text:a,end",
        client: None,
        events: &["open", "text \"a\""],
        when: When::Seen(2),
    },
    State {
        name: "open and idle over TLS",
        secure: true,
        query: "do=text:a,end",
        client: None,
        events: &["open", "text \"a\""],
        when: When::Seen(2),
    },
    State {
        name: "within frames",
        secure: false,
        query: "do=bytes:70000,await:1,close:3001:over",
        client: Some((1, Deed::Send(50_000))),
        events: &["open", "binary: 70000 counting up", "close 3001 \"over\" clean"],
        when: When::AnyByte,
    },
    State {
        name: "within compressed messages of several frames",
        secure: false,
        query: "deflate=send&do=frames:text:one|two|three,frames:bin:four||five,close:1000:",
        client: None,
        events: &["open", "text \"onetwothree\"", "binary fourfive", "close 1000 \"\" clean"],
        when: When::AnyByte,
    },
    State {
        name: "closing by us",
        secure: false,
        query: "do=text:a,text:b,echo",
        client: Some((2, Deed::Close)),
        events: &["open", "text \"a\"", "close 3000 \"bye\" clean"],
        when: When::AnyByte,
    },
    State {
        name: "just closed by us",
        secure: false,
        query: "do=text:a,echo",
        client: Some((2, Deed::Close)),
        events: &["open", "text \"a\"", "close 3000 \"bye\" clean"],
        when: When::Seen(2),
    },
    State {
        name: "closing by the peer",
        secure: true,
        query: "do=text:a,close:1001:away",
        client: None,
        events: &["open", "text \"a\"", "close 1001 \"away\" clean"],
        when: When::Seen(2),
    },
    State {
        name: "after the close event of a failure",
        secure: false,
        query: "do=masked:a,await-close,end",
        client: None,
        events: &["open", "error", "close 1006 \"\" unclean"],
        when: When::Seen(3),
    },
];

/// What all rounds share.
struct Stage {
    server: Server,
    options: Options,
}

/// What came of one round.
struct Outcome {
    seen: Vec<String>,
    /// Whether `close` was called while the connection was open.
    closed_by_us: bool,
}

impl Stage {
    async fn new(sockets: &Runtime) -> Self {
        let server = Server::builder().start().await.expect("a free port");
        let options = Options::new()
            .runtime(sockets.handle().clone())
            .fin_timeout(Duration::from_millis(200))
            .tls_config(Arc::new(trust(server.certificate())));
        Self { server, options }
    }

    fn target(&self, state: &State) -> SocketAddr {
        let addresses = self.server.addresses();
        if state.secure { addresses.tls } else { addresses.plain }
    }

    /// Has one conversation with the server behind `address`, and calls `broken` when it is time to break the line.
    async fn converse(
        &self,
        state: &State,
        id: &str,
        address: SocketAddr,
        broken: impl Fn() + Send + 'static,
    ) -> Outcome {
        let scheme = if state.secure { "wss" } else { "ws" };
        let url = format!("{scheme}://{address}/ws?id={id}&{}", state.query);
        let protocols: &[&str] = if state.query.contains("subprotocol=chat") { &["chat"] } else { &[] };
        let socket = WebSocket::with_options(&url, protocols, &self.options).expect("a good URL");
        socket.set_binary_type(BinaryType::ArrayBuffer);
        let (sender, receiver) = mpsc::unbounded();
        let closed_by_us = Arc::new(AtomicBool::new(false));
        let (client, when, closed, mut count) = (state.client, state.when, Arc::clone(&closed_by_us), 0);
        // Within the callback, since the state cannot change between an event and what is done about it there.
        let callback = move |socket: &WebSocket, event: &Event| {
            sender.unbounded_send(line(event)).expect("it is received to the end");
            count += 1;
            match client {
                Some((at, Deed::Send(bytes))) if at == count => socket.send(&vec![7; bytes]).expect("it was open"),
                Some((at, Deed::Close)) if at == count => {
                    closed.store(socket.ready_state() == ReadyState::Open, Ordering::Relaxed);
                    socket.close(Some(3000), Some("bye")).expect("a good code");
                }
                _ => {}
            }
            if matches!(when, When::Seen(at) if at == count) {
                broken();
            }
        };
        socket.subscribe(callback).detach();
        // It ends when the callback is dropped, after the last event.
        let seen = receiver.collect().await;
        Outcome { seen, closed_by_us: closed_by_us.load(Ordering::Relaxed) }
    }

    /// How many bytes each direction carries over a line that holds, where that is of use.
    async fn traffic(&self, state: &State, id: &str) -> (u64, u64) {
        if !matches!(state.when, When::AnyByte) {
            return (0, 0);
        }
        let line = Line::lay(self.target(state), None).await.expect("a free port");
        let outcome = self.converse(state, id, line.address(), || {}).await;
        assert_eq!(outcome.seen, state.events, "{}", state.name);
        let traffic = line.end().await;
        (traffic.carried(Direction::Up), traffic.carried(Direction::Down))
    }

    async fn round(&self, state: &State, (seed, round): (u64, u64), (up, down): (u64, u64), random: &mut Random) {
        let direction = *random.one(&[Direction::Up, Direction::Down]);
        let act = match random.within(0..=3) {
            0 => Act::Cut,
            1 => Act::HalfCut,
            2 => Act::Reset,
            // A delay alone would leave an idle connection open for good.
            _ if matches!(state.when, When::Seen(_)) => Act::Reset,
            _ => Act::Delay(Duration::from_millis(random.within(1..=20))),
        };
        let offset = match state.when {
            When::Connecting => Some(0),
            When::AnyByte => Some(random.within(0..=if direction == Direction::Up { up } else { down })),
            When::Seen(_) => None,
        };
        let piece = *random.one(&[1 << 16, 1000, 7, 1]);
        // Byte by byte, long messages would take long, and show no more.
        let piece = if up + down > 20_000 { piece.max(1000) } else { piece };
        let plan = Plan { direction, offset, act, piece };
        let words = format!("round {round} of SAMESOCKET_SEED={seed}: {}, {plan:?}", state.name);
        let id = format!("round-{round}");

        let (address, line) = if matches!(state.when, When::Connecting) && random.within(0..=1) == 0 {
            // Nobody listens there any more.
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
            (listener.local_addr().expect("it is bound"), None)
        } else {
            let line = Line::lay(self.target(state), Some(plan)).await.expect("a free port");
            (line.address(), Some(line))
        };
        let teller = line.as_ref().map(Line::teller);
        let broken = move || teller.iter().for_each(|tell| tell());
        let outcome = timeout(PATIENCE, self.converse(state, &id, address, broken))
            .await
            .unwrap_or_else(|_| panic!("{words}: no end"));
        check(state, &words, &outcome);
        if let Some(line) = line {
            timeout(PATIENCE, line.end()).await.unwrap_or_else(|_| panic!("{words}: the line is still in use"));
        }
    }
}

/// Compares a broken conversation with the whole one.
fn check(state: &State, words: &str, outcome: &Outcome) {
    let seen: Vec<&str> = outcome.seen.iter().map(String::as_str).collect();
    let (last, before) = seen.split_last().unwrap_or_else(|| panic!("{words}: no event"));
    let error = before.last() == Some(&"error");
    let before = if error { &before[..before.len() - 1] } else { before };
    let all: Vec<&str> =
        state.events.iter().copied().filter(|line| *line != "error" && !line.starts_with("close")).collect();
    assert!(all.starts_with(before), "{words}: {seen:?}");
    let abnormal = *last == "close 1006 \"\" unclean";
    let whole = state.events.last().expect("no list is empty");
    let unclean = whole.replace(" clean", " unclean");
    assert!(abnormal || last == whole || *last == unclean, "{words}: {seen:?}");
    // The Standard fires `error` where the connection was failed: never established, or lost before anybody closed it.
    assert_eq!(error, before.is_empty() || abnormal && !outcome.closed_by_us, "{words}: {seen:?}");
}

/// Trusts this certificate alone, and does every handshake whole, so that each has the same length.
fn trust(certificate: &[u8]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(certificate.to_vec())).expect("a certificate");
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config
}

/// How many files and sockets this process has open.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("Linux tells").count()
}

/// Looks again and again whether it is so, since nothing tells of the end of tasks and descriptors.
async fn until(what: &str, so: impl Fn() -> bool) {
    let waiting = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_line_may_break_at_any_byte_in_any_state_and_nothing_is_left() {
    let seed = Random::seed();
    let sockets =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let stage = Stage::new(&sockets).await;
    let mut traffic = Vec::new();
    for (index, state) in STATES.iter().enumerate() {
        traffic.push(stage.traffic(state, &format!("whole-{index}")).await);
    }
    stage.server.store().wait_live("", 0).await;
    until("no task after the whole conversations", || sockets.metrics().num_alive_tasks() == 0).await;
    let before = descriptors();

    let rounds = futures::stream::iter(0..ROUNDS).map(|round| {
        let (stage, traffic) = (&stage, &traffic);
        async move {
            let index = usize::try_from(round).expect("it is small") % STATES.len();
            // A generator of its own, so that the round is the same whatever the others do.
            let mut random = Random::new(seed.wrapping_add(round));
            stage.round(&STATES[index], (seed, round), traffic[index], &mut random).await;
        }
    });
    rounds.buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;

    timeout(PATIENCE, stage.server.store().wait_live("", 0)).await.expect("the server has seen every connection end");
    until("no task is left", || sockets.metrics().num_alive_tasks() == 0).await;
    until("no descriptor is left", || descriptors() <= before).await;
    sockets.shutdown_background();
}
