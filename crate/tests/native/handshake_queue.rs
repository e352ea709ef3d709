//! One opening handshake at a time with each server, as the server sees it.

use std::net::SocketAddr;
use std::time::Duration;

use futures::FutureExt;
use samesocket::{Failure, IoStream, Options, ProtocolFailure, Proxy, ReadyState, Target, WebSocket, connect};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::manual_server::{ManualConnection, ManualServer, first_event};
use crate::support::event_lines;

/// Waits until every socket created before has done all that it can without its server.
///
/// They share their runtime with a socket of this function's, whose steps come after theirs.
async fn let_other_sockets_run() {
    let other_server = ManualServer::new().await;
    let socket = WebSocket::new(&other_server.url("a"), ()).unwrap();
    let connection = other_server.next().await;
    connection.accept_upgrade().await;
    assert_eq!(first_event(&socket).await, "open");
}

/// Returns whether a connection waits to be accepted.
fn has_pending_connection(manual_server: &ManualServer) -> bool {
    manual_server.accept().now_or_never().is_some()
}

#[tokio::test]
async fn second_connection_waits_for_the_answer_to_the_first() {
    let manual_server = ManualServer::new().await;
    let sockets = ["first", "second", "third"].map(|name| WebSocket::new(&manual_server.url(name), ()).unwrap());
    let mut open = Vec::new();
    for (name, socket) in ["/first", "/second", "/third"].into_iter().zip(&sockets) {
        let connection = manual_server.next().await;
        assert_eq!(connection.path, name);
        let_other_sockets_run().await;
        assert!(!has_pending_connection(&manual_server), "{name}");
        assert_eq!(socket.ready_state(), ReadyState::Connecting);
        open.push(connection.accept_upgrade().await);
        assert_eq!(first_event(socket).await, "open");
    }
}

#[tokio::test]
async fn waiting_socket_closed_or_dropped_leaves_the_queue() {
    let manual_server = ManualServer::new().await;
    let [first, closed, dropped, last] =
        ["first", "closed", "dropped", "last"].map(|name| WebSocket::new(&manual_server.url(name), ()).unwrap());
    let connection = manual_server.next().await;
    closed.close(None, None).unwrap();
    drop(dropped);
    assert_eq!(event_lines(&closed).await, ["error", "close 1006 \"\" unclean"]);
    connection.accept_upgrade().await;
    assert_eq!(first_event(&first).await, "open");
    let connection = manual_server.next().await;
    assert_eq!(connection.path, "/last");
    connection.accept_upgrade().await;
    assert_eq!(first_event(&last).await, "open");
}

#[tokio::test]
async fn failed_or_cancelled_handshake_starts_the_next_one() {
    let manual_server = ManualServer::new().await;
    let [refused, left, closed, dropped, last] = ["refused", "left", "closed", "dropped", "last"]
        .map(|name| WebSocket::new(&manual_server.url(name), ()).unwrap());
    let failed = ["error", "close 1006 \"\" unclean"];

    manual_server.next().await.respond("HTTP/1.1 404 Not Found\r\n\r\n").await;
    assert_eq!(event_lines(&refused).await, failed);
    let connection = manual_server.next().await;
    assert_eq!(connection.path, "/left");
    drop(connection);
    assert_eq!(event_lines(&left).await, failed);
    let connection = manual_server.next().await;
    assert_eq!(connection.path, "/closed");
    closed.close(None, None).unwrap();
    assert_eq!(event_lines(&closed).await, failed);
    let connection = manual_server.next().await;
    assert_eq!(connection.path, "/dropped");
    drop(dropped);
    let connection = manual_server.next().await;
    assert_eq!(connection.path, "/last");
    connection.accept_upgrade().await;
    assert_eq!(first_event(&last).await, "open");
}

#[tokio::test]
async fn other_ports_and_custom_transports_do_not_wait() {
    let (held, other) = (ManualServer::new().await, ManualServer::new().await);
    let waiting = WebSocket::new(&held.url("waiting"), ()).unwrap();
    let _unanswered = held.next().await;

    let socket = WebSocket::new(&other.url("a"), ()).unwrap();
    other.next().await.accept_upgrade().await;
    assert_eq!(first_event(&socket).await, "open");

    let address = held.address();
    let connector =
        move |_: &Target| async move { Ok(Box::new(TcpStream::connect(address).await?) as Box<dyn IoStream>) };
    let options = Options::new().connector(connector);
    let socket = WebSocket::with_options(&held.url("a"), (), &options).unwrap();
    held.next().await.accept_upgrade().await;
    assert_eq!(first_event(&socket).await, "open");
    assert_eq!(waiting.ready_state(), ReadyState::Connecting);
}

#[tokio::test]
async fn names_behind_a_proxy_have_queues_of_their_own() {
    let proxy = ManualServer::new().await;
    let options = Options::new().proxy(Proxy::new(&format!("http://{}", proxy.address())).unwrap());
    let open = |url: &str| WebSocket::with_options(url, (), &options).unwrap();
    let sockets = ["ws://a.invalid/1", "ws://a.invalid/2", "ws://b.invalid/", "ws://a.invalid:81/"].map(open);
    let mut connections = Vec::new();
    for _ in 0..3 {
        connections.push(proxy.next().await);
    }
    connections.sort_by(|one, other| one.path.cmp(&other.path));
    let names: Vec<_> = connections.iter().map(|connection| &*connection.path).collect();
    assert_eq!(names, ["a.invalid:80", "a.invalid:81", "b.invalid:80"]);
    let_other_sockets_run().await;
    assert!(!has_pending_connection(&proxy));

    let mut through: ManualConnection = connections.swap_remove(0).open_tunnel().await;
    assert_eq!(through.path, "/1");
    let_other_sockets_run().await;
    assert!(!has_pending_connection(&proxy));
    through = through.accept_upgrade().await;
    assert_eq!(first_event(&sockets[0]).await, "open");
    assert_eq!(proxy.next().await.path, "a.invalid:80");
    drop(through);
}

#[tokio::test]
async fn opening_timeout_includes_the_wait_in_the_queue() {
    let manual_server = ManualServer::new().await;
    let first = WebSocket::new(&manual_server.url("first"), ()).unwrap();
    let unanswered = manual_server.next().await;
    let options = Options::new().opening_timeout(Duration::from_millis(50));
    let second = WebSocket::with_options(&manual_server.url("second"), (), &options).unwrap();
    assert_eq!(event_lines(&second).await, ["error", "close 1006 \"\" unclean"]);
    assert!(matches!(second.failure(), Some(Failure::Protocol(ProtocolFailure::OpeningTimeout))));
    assert_eq!(first.ready_state(), ReadyState::Connecting);
    assert!(!has_pending_connection(&manual_server));
    drop(unanswered);
}

#[tokio::test]
async fn queue_spans_runtimes_and_skips_those_that_have_shut_down() {
    let runtime = || Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (short_lived, other) = (runtime(), runtime());
    let manual_server = ManualServer::new().await;
    let on = |runtime: &Runtime, name: &str| {
        WebSocket::with_options(&manual_server.url(name), (), &Options::new().runtime(runtime.handle().clone()))
            .unwrap()
    };
    let first = on(&short_lived, "first");
    let unanswered = manual_server.next().await;
    let second = WebSocket::new(&manual_server.url("second"), ()).unwrap();
    let_other_sockets_run().await;
    assert!(!has_pending_connection(&manual_server));
    short_lived.shutdown_background();
    assert_eq!(event_lines(&first).await, ["error", "close 1006 \"\" unclean"]);
    assert!(matches!(first.failure(), Some(Failure::Runtime)));
    let connection = manual_server.next().await;
    assert_eq!(connection.path, "/second");
    let third = on(&other, "third");
    connection.accept_upgrade().await;
    assert_eq!(first_event(&second).await, "open");
    manual_server.next().await.accept_upgrade().await;
    assert_eq!(first_event(&third).await, "open");
    drop(unanswered);
    other.shutdown_background();
}

#[tokio::test]
async fn mapped_address_shares_the_queue_of_its_ipv4_address() {
    let manual_server = ManualServer::new().await;
    let SocketAddr::V4(address) = manual_server.address() else { panic!("it listens on 127.0.0.1") };
    let first = WebSocket::new(&manual_server.url("first"), ()).unwrap();
    let connection = manual_server.next().await;
    // On a system without IPv6 this connection fails, which the assertions below do not notice.
    let mapped = format!("ws://[::ffff:7f00:1]:{}/second", address.port());
    let second = WebSocket::new(&mapped, ()).unwrap();
    let_other_sockets_run().await;
    assert!(!has_pending_connection(&manual_server));
    connection.accept_upgrade().await;
    assert_eq!(first_event(&first).await, "open");
    drop(second);
}

/// Returns a runtime that runs only while the test blocks on it.
fn undriven_runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Connects on a runtime for a while, gives up, and leaves the runtime undriven.
fn give_up_connecting(runtime: &Runtime, url: &str) {
    let opening = connect(url).options(Options::new().runtime(runtime.handle().clone()));
    let opened = runtime.block_on(async { timeout(Duration::from_millis(300), opening).await });
    assert!(opened.is_err());
}

/// Waits for the next handshake, less long than the opening timeout of the socket that held it up.
async fn next_in_time(server: &ManualServer) -> ManualConnection {
    timeout(Duration::from_secs(10), server.next()).await.expect("the queue goes on")
}

#[test]
fn dropped_socket_of_undriven_runtime_frees_its_permit() {
    let (servers, undriven) = (Runtime::new().unwrap(), undriven_runtime());
    let server = servers.block_on(ManualServer::new());
    give_up_connecting(&undriven, &server.url("dropped"));
    servers.block_on(async {
        let next = WebSocket::new(&server.url("next"), ()).unwrap();
        let unanswered = server.next().await;
        assert_eq!(unanswered.path, "/dropped");
        let connection = next_in_time(&server).await;
        assert_eq!(connection.path, "/next");
        let _open = connection.accept_upgrade().await;
        assert_eq!(first_event(&next).await, "open");
    });
    drop(undriven);
}

#[test]
fn closed_socket_of_undriven_runtime_frees_its_permit() {
    let (servers, undriven) = (Runtime::new().unwrap(), undriven_runtime());
    let server = servers.block_on(ManualServer::new());
    let options = Options::new().runtime(undriven.handle().clone());
    let closed = WebSocket::with_options(&server.url("closed"), (), &options).unwrap();
    let unanswered = undriven.block_on(server.next());
    closed.close(None, None).unwrap();
    servers.block_on(async {
        let next = WebSocket::new(&server.url("next"), ()).unwrap();
        let connection = next_in_time(&server).await;
        assert_eq!(connection.path, "/next");
        let _open = connection.accept_upgrade().await;
        assert_eq!(first_event(&next).await, "open");
    });
    drop(unanswered);
    assert_eq!(undriven.block_on(event_lines(&closed)), ["error", "close 1006 \"\" unclean"]);
}

#[test]
fn dropped_socket_of_undriven_runtime_leaves_the_queue() {
    let (servers, undriven) = (Runtime::new().unwrap(), undriven_runtime());
    let server = servers.block_on(ManualServer::new());
    let first = WebSocket::new(&server.url("first"), ()).unwrap();
    let connection = servers.block_on(server.next());
    give_up_connecting(&undriven, &server.url("waiting"));
    servers.block_on(async {
        let last = WebSocket::new(&server.url("last"), ()).unwrap();
        let _open = connection.accept_upgrade().await;
        assert_eq!(first_event(&first).await, "open");
        let connection = next_in_time(&server).await;
        assert_eq!(connection.path, "/last");
        let _open = connection.accept_upgrade().await;
        assert_eq!(first_event(&last).await, "open");
    });
    drop(undriven);
}

/// Answers the opening handshakes of `sockets` sockets once as many are under way as the limit allows. Returns the largest
/// number that was under way at a time.
async fn most_handshakes_at_once(sockets: usize, limit: usize) -> usize {
    let server = ManualServer::new().await;
    let options = Options::new().max_concurrent_handshakes(limit);
    let opening: Vec<_> =
        (0..sockets).map(|_| WebSocket::with_options(&server.url("a"), (), &options).unwrap()).collect();
    let (mut most, mut open) = (0, Vec::new());
    while open.len() < sockets {
        let mut under_way = Vec::new();
        while under_way.len() < limit.max(1).min(sockets - open.len()) {
            under_way.push(server.next().await);
        }
        let_other_sockets_run().await;
        most = most.max(under_way.len() + usize::from(has_pending_connection(&server)));
        for connection in under_way {
            open.push(connection.accept_upgrade().await);
        }
    }
    for socket in &opening {
        assert_eq!(first_event(socket).await, "open");
    }
    most
}

#[tokio::test]
async fn limit_is_reached_and_not_exceeded() {
    assert_eq!(most_handshakes_at_once(50, 50).await, 50);
    assert_eq!(most_handshakes_at_once(50, 7).await, 7);
    assert_eq!(most_handshakes_at_once(3, 0).await, 1);
}

#[tokio::test]
async fn hanging_handshake_delays_the_next_one_only() {
    let server = ManualServer::new().await;
    let hanging = WebSocket::new(&server.url("hanging"), ()).unwrap();
    let unanswered = server.next().await;
    let sockets = ["a", "b", "c"].map(|name| WebSocket::new(&server.url(name), ()).unwrap());
    for socket in sockets {
        let _open = next_in_time(&server).await.accept_upgrade().await;
        assert_eq!(first_event(&socket).await, "open");
    }
    // The one that hung can still open.
    let _open = unanswered.accept_upgrade().await;
    assert_eq!(first_event(&hanging).await, "open");
}
