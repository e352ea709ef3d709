//! Connections that are cut, half cut, delayed and reset at any byte, in every state.
//!
//! A round that fails prints its seed. Set `SAMESOCKET_SEED` to it to repeat the same rounds.

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
use samesocket_peers::{Direction, Fault, FaultPlan, FaultProxy, Random, describe};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::time::timeout;

/// The number of rounds. Arbitrary.
const ROUNDS: u64 = 1000;

/// The number of rounds that run at the same time. Arbitrary.
const CONCURRENT_ROUNDS: usize = 12;

/// The longest time that one round may take on a busy machine. Arbitrary.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A state of a connection in which a fault is injected.
struct Case {
    name: &'static str,
    secure: bool,
    query: &'static str,
    /// The client's action, and the number of events after which it takes it.
    client: Option<(usize, Action)>,
    /// All events without a fault.
    events: &'static [&'static str],
    fault_point: FaultPoint,
}

/// An action of the client.
#[derive(Clone, Copy)]
enum Action {
    /// Sends this number of bytes.
    Send(usize),
    /// Closes with 3000 and "bye".
    Close,
}

/// The point at which a fault is injected.
#[derive(Clone, Copy)]
enum FaultPoint {
    /// Before the client has reached the server.
    Connecting,
    /// After any byte in either direction.
    AnyByte,
    /// When the client has received this number of events.
    Seen(usize),
}

const CASES: [Case; 11] = [
    Case {
        name: "connecting",
        secure: false,
        query: "do=close:1000",
        client: None,
        events: &["open", "close 1000 \"\" clean"],
        fault_point: FaultPoint::Connecting,
    },
    Case {
        name: "TLS, the opening handshake over it, and the end",
        secure: true,
        query: "do=text:a,close:1000",
        client: None,
        events: &["open", "text \"a\"", "close 1000 \"\" clean"],
        fault_point: FaultPoint::AnyByte,
    },
    Case {
        name: "the opening handshake",
        secure: false,
        query: "subprotocol=chat&deflate=1&do=close:1000",
        client: None,
        events: &["open", "close 1000 \"\" clean"],
        fault_point: FaultPoint::AnyByte,
    },
    Case {
        name: "open and idle",
        secure: false,
        query: "do=text:a,end",
        client: None,
        events: &["open", "text \"a\""],
        fault_point: FaultPoint::Seen(2),
    },
    Case {
        name: "open and idle over TLS",
        secure: true,
        query: "do=text:a,end",
        client: None,
        events: &["open", "text \"a\""],
        fault_point: FaultPoint::Seen(2),
    },
    Case {
        name: "within frames",
        secure: false,
        query: "do=bytes:70000,await:1,close:3001:over",
        client: Some((1, Action::Send(50_000))),
        events: &["open", "binary: 70000 counting up", "close 3001 \"over\" clean"],
        fault_point: FaultPoint::AnyByte,
    },
    Case {
        name: "within compressed messages of several frames",
        secure: false,
        query: "deflate=send&do=frames:text:one|two|three,frames:bin:four||five,close:1000:",
        client: None,
        events: &["open", "text \"onetwothree\"", "binary fourfive", "close 1000 \"\" clean"],
        fault_point: FaultPoint::AnyByte,
    },
    Case {
        name: "closing by us",
        secure: false,
        query: "do=text:a,text:b,echo",
        client: Some((2, Action::Close)),
        events: &["open", "text \"a\"", "close 3000 \"bye\" clean"],
        fault_point: FaultPoint::AnyByte,
    },
    Case {
        name: "just closed by us",
        secure: false,
        query: "do=text:a,echo",
        client: Some((2, Action::Close)),
        events: &["open", "text \"a\"", "close 3000 \"bye\" clean"],
        fault_point: FaultPoint::Seen(2),
    },
    Case {
        name: "closing by the peer",
        secure: true,
        query: "do=text:a,close:1001:away",
        client: None,
        events: &["open", "text \"a\"", "close 1001 \"away\" clean"],
        fault_point: FaultPoint::Seen(2),
    },
    Case {
        name: "after the close event of a failure",
        secure: false,
        query: "do=masked:a,await-close,end",
        client: None,
        events: &["open", "error", "close 1006 \"\" unclean"],
        fault_point: FaultPoint::Seen(3),
    },
];

/// The server and the options that all rounds share.
struct Setup {
    server: Server,
    options: Options,
}

/// The result of one round.
struct Outcome {
    /// The descriptions of all events.
    seen: Vec<String>,
    /// Whether the client called `close` while the connection was open.
    closed_by_us: bool,
}

impl Setup {
    async fn new(sockets: &Runtime) -> Self {
        let server = Server::builder().start().await.expect("a free port");
        let options = Options::new()
            .runtime(sockets.handle().clone())
            .closing_timeout(Duration::from_millis(200))
            .tls_config(Arc::new(trust(server.certificate())));
        Self { server, options }
    }

    fn target(&self, case: &Case) -> SocketAddr {
        let addresses = self.server.addresses();
        if case.secure { addresses.tls } else { addresses.plain }
    }

    /// Runs one conversation with the server behind `address`, and calls `inject_fault` at [`FaultPoint::Seen`].
    async fn converse(
        &self,
        case: &Case,
        id: &str,
        address: SocketAddr,
        inject_fault: impl Fn() + Send + 'static,
    ) -> Outcome {
        let scheme = if case.secure { "wss" } else { "ws" };
        let url = format!("{scheme}://{address}/ws?id={id}&{}", case.query);
        let protocols: &[&str] = if case.query.contains("subprotocol=chat") { &["chat"] } else { &[] };
        let socket = WebSocket::with_options(&url, protocols, &self.options).expect("the URL is valid");
        socket.set_binary_type(BinaryType::ArrayBuffer);
        let (sender, receiver) = mpsc::unbounded();
        let closed_by_us = Arc::new(AtomicBool::new(false));
        let (client, fault_point, closed, mut count) = (case.client, case.fault_point, Arc::clone(&closed_by_us), 0);
        // Act inside the callback, because the state cannot change between the event and the action there.
        let callback = move |socket: &WebSocket, event: &Event| {
            sender.unbounded_send(describe(event)).expect("the receiver is read to the end");
            count += 1;
            match client {
                Some((at, Action::Send(bytes))) if at == count => {
                    socket.send(&vec![7; bytes]).expect("the socket is open");
                }
                Some((at, Action::Close)) if at == count => {
                    closed.store(socket.ready_state() == ReadyState::Open, Ordering::Relaxed);
                    socket.close(Some(3000), Some("bye")).expect("the code is valid");
                }
                _ => {}
            }
            if matches!(fault_point, FaultPoint::Seen(at) if at == count) {
                inject_fault();
            }
        };
        socket.subscribe(callback).detach();
        // The channel closes when the callback is dropped, after the last event.
        let seen = receiver.collect().await;
        Outcome { seen, closed_by_us: closed_by_us.load(Ordering::Relaxed) }
    }

    /// Returns the bytes to and from the server without a fault. Returns zeros unless the case needs them.
    async fn traffic(&self, case: &Case, id: &str) -> (u64, u64) {
        if !matches!(case.fault_point, FaultPoint::AnyByte) {
            return (0, 0);
        }
        let proxy = FaultProxy::start(self.target(case), None).await.expect("a free port");
        let outcome = self.converse(case, id, proxy.address(), || {}).await;
        assert_eq!(outcome.seen, case.events, "{}", case.name);
        let traffic = proxy.finished().await;
        (traffic.forwarded(Direction::ToServer), traffic.forwarded(Direction::ToClient))
    }

    /// Runs one conversation with a random fault and checks its events.
    async fn round(
        &self,
        case: &Case,
        (seed, round): (u64, u64),
        (to_server, to_client): (u64, u64),
        random: &mut Random,
    ) {
        let direction = *random.choose(&[Direction::ToServer, Direction::ToClient]);
        let fault = match random.in_range(0..=3) {
            0 => Fault::Cut,
            1 => Fault::HalfCut,
            2 => Fault::Reset,
            // A delay alone would leave an idle connection open forever.
            _ if matches!(case.fault_point, FaultPoint::Seen(_)) => Fault::Reset,
            _ => Fault::Delay(Duration::from_millis(random.in_range(1..=20))),
        };
        let offset = match case.fault_point {
            FaultPoint::Connecting => Some(0),
            FaultPoint::AnyByte => {
                Some(random.in_range(0..=if direction == Direction::ToServer { to_server } else { to_client }))
            }
            FaultPoint::Seen(_) => None,
        };
        let chunk_size = *random.choose(&[1 << 16, 1000, 7, 1]);
        // One byte at a time would be slow for long messages and test nothing more.
        let chunk_size = if to_server + to_client > 20_000 { chunk_size.max(1000) } else { chunk_size };
        let plan = FaultPlan { direction, offset, fault, chunk_size };
        let context = format!("round {round} of SAMESOCKET_SEED={seed}: {}, {plan:?}", case.name);
        let id = format!("round-{round}");

        let (address, proxy) = if matches!(case.fault_point, FaultPoint::Connecting) && random.in_range(0..=1) == 0 {
            // The listener is dropped, so the port refuses connections.
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
            (listener.local_addr().expect("it is bound"), None)
        } else {
            let proxy = FaultProxy::start(self.target(case), Some(plan)).await.expect("a free port");
            (proxy.address(), Some(proxy))
        };
        let trigger = proxy.as_ref().map(FaultProxy::trigger);
        let inject_fault = move || trigger.iter().for_each(|trigger| trigger());
        let outcome = timeout(TIMEOUT, self.converse(case, &id, address, inject_fault))
            .await
            .unwrap_or_else(|_| panic!("{context}: the connection does not end"));
        assert_outcome(case, &context, &outcome);
        if let Some(proxy) = proxy {
            timeout(TIMEOUT, proxy.finished())
                .await
                .unwrap_or_else(|_| panic!("{context}: the proxied connections do not end"));
        }
    }
}

/// Compares a conversation with a fault to the one without.
fn assert_outcome(case: &Case, context: &str, outcome: &Outcome) {
    let seen: Vec<&str> = outcome.seen.iter().map(String::as_str).collect();
    let (last, before) = seen.split_last().unwrap_or_else(|| panic!("{context}: no event"));
    let error = before.last() == Some(&"error");
    let before = if error { &before[..before.len() - 1] } else { before };
    let all: Vec<&str> =
        case.events.iter().copied().filter(|event| *event != "error" && !event.starts_with("close")).collect();
    assert!(all.starts_with(before), "{context}: {seen:?}");
    let abnormal = *last == "close 1006 \"\" unclean";
    let whole = case.events.last().expect("each case has events");
    let unclean = whole.replace(" clean", " unclean");
    assert!(abnormal || last == whole || *last == unclean, "{context}: {seen:?}");
    // The Standard fires `error` if the connection failed: it was never established, or lost before the client closed it.
    assert_eq!(error, before.is_empty() || abnormal && !outcome.closed_by_us, "{context}: {seen:?}");
}

/// Creates a configuration that trusts only this certificate.
///
/// Session resumption is disabled, so that each handshake has the same length.
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

/// Returns the number of open file descriptors of this process.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("Linux has /proc").count()
}

/// Polls a condition until it holds, because tasks and descriptors end without a notification.
async fn assert_eventually(condition: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(TIMEOUT, waiting).await.unwrap_or_else(|_| panic!("timed out waiting until {condition}"));
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn fault_at_any_byte_ends_cleanly_and_leaks_nothing() {
    let seed = Random::seed();
    let sockets =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let setup = Setup::new(&sockets).await;
    let mut traffic = Vec::new();
    for (index, case) in CASES.iter().enumerate() {
        traffic.push(setup.traffic(case, &format!("whole-{index}")).await);
    }
    setup.server.store().wait_live("", 0).await;
    assert_eventually("no task is left of the conversations without a fault", || {
        sockets.metrics().num_alive_tasks() == 0
    })
    .await;
    let before = descriptors();

    let rounds = futures::stream::iter(0..ROUNDS).map(|round| {
        let (setup, traffic) = (&setup, &traffic);
        async move {
            let index = usize::try_from(round).expect("the index is small") % CASES.len();
            // Each round has its own generator, so that it does not depend on the other rounds.
            let mut random = Random::new(seed.wrapping_add(round));
            setup.round(&CASES[index], (seed, round), traffic[index], &mut random).await;
        }
    });
    rounds.buffer_unordered(CONCURRENT_ROUNDS).collect::<Vec<()>>().await;

    timeout(TIMEOUT, setup.server.store().wait_live("", 0))
        .await
        .expect("the server records the end of every connection");
    assert_eventually("no task is left", || sockets.metrics().num_alive_tasks() == 0).await;
    assert_eventually("no descriptor is left", || descriptors() <= before).await;
    sockets.shutdown_background();
}
