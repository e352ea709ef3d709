//! One at a time: what a server sees of sockets that open connections to it at once.

use std::net::SocketAddr;
use std::time::Duration;

use futures::FutureExt;
use samesocket::{Failure, Options, ProtocolFailure, Proxy, ReadyState, Stream, Target, WebSocket};
use tokio::net::TcpStream;

use crate::door::{Caller, Doorkeeper, first_line};
use crate::support::lines;

/// Waits until every socket that was made before has done what it can without its server.
///
/// They share the background thread with this one, which does all its steps after theirs.
async fn others_have_tried() {
    let elsewhere = Doorkeeper::new().await;
    let socket = WebSocket::new(&elsewhere.url("elsewhere"), ()).unwrap();
    let caller = elsewhere.next().await;
    caller.welcome().await;
    assert_eq!(first_line(&socket).await, "open");
}

/// Whether a connection waits to be accepted.
fn is_called(door: &Doorkeeper) -> bool {
    door.accept().now_or_never().is_some()
}

#[tokio::test]
async fn a_server_sees_the_second_connection_only_after_it_has_answered_the_first() {
    let door = Doorkeeper::new().await;
    let sockets = ["first", "second", "third"].map(|name| WebSocket::new(&door.url(name), ()).unwrap());
    let mut welcome = Vec::new();
    for (name, socket) in ["/first", "/second", "/third"].into_iter().zip(&sockets) {
        let caller = door.next().await;
        assert_eq!(caller.path, name);
        others_have_tried().await;
        assert!(!is_called(&door), "{name}");
        assert_eq!(socket.ready_state(), ReadyState::Connecting);
        welcome.push(caller.welcome().await);
        assert_eq!(first_line(socket).await, "open");
    }
}

#[tokio::test]
async fn a_socket_that_waits_and_is_closed_or_dropped_is_passed_over() {
    let door = Doorkeeper::new().await;
    let [first, closed, dropped, last] =
        ["first", "closed", "dropped", "last"].map(|name| WebSocket::new(&door.url(name), ()).unwrap());
    let caller = door.next().await;
    closed.close(None, None).unwrap();
    drop(dropped);
    assert_eq!(lines(&closed).await, ["error", "close 1006 \"\" unclean"]);
    caller.welcome().await;
    assert_eq!(first_line(&first).await, "open");
    let caller = door.next().await;
    assert_eq!(caller.path, "/last");
    caller.welcome().await;
    assert_eq!(first_line(&last).await, "open");
}

#[tokio::test]
async fn a_handshake_that_fails_or_is_given_up_lets_the_next_one_begin() {
    let door = Doorkeeper::new().await;
    let [refused, left, closed, dropped, last] =
        ["refused", "left", "closed", "dropped", "last"].map(|name| WebSocket::new(&door.url(name), ()).unwrap());
    let failed = ["error", "close 1006 \"\" unclean"];

    door.next().await.answer("HTTP/1.1 404 Not Found\r\n\r\n").await;
    assert_eq!(lines(&refused).await, failed);
    let caller = door.next().await;
    assert_eq!(caller.path, "/left");
    drop(caller);
    assert_eq!(lines(&left).await, failed);
    let caller = door.next().await;
    assert_eq!(caller.path, "/closed");
    closed.close(None, None).unwrap();
    assert_eq!(lines(&closed).await, failed);
    let caller = door.next().await;
    assert_eq!(caller.path, "/dropped");
    drop(dropped);
    let caller = door.next().await;
    assert_eq!(caller.path, "/last");
    caller.welcome().await;
    assert_eq!(first_line(&last).await, "open");
}

#[tokio::test]
async fn other_ports_and_streams_of_the_users_wait_for_nobody() {
    let (held, other) = (Doorkeeper::new().await, Doorkeeper::new().await);
    let waiting = WebSocket::new(&held.url("waiting"), ()).unwrap();
    let _unanswered = held.next().await;

    let socket = WebSocket::new(&other.url("a"), ()).unwrap();
    other.next().await.welcome().await;
    assert_eq!(first_line(&socket).await, "open");

    let address = held.address();
    let connector =
        move |_: &Target| async move { Ok(Box::new(TcpStream::connect(address).await?) as Box<dyn Stream>) };
    let options = Options::new().connector(connector);
    let socket = WebSocket::with_options(&held.url("a"), (), &options).unwrap();
    held.next().await.welcome().await;
    assert_eq!(first_line(&socket).await, "open");
    assert_eq!(waiting.ready_state(), ReadyState::Connecting);
}

#[tokio::test]
async fn behind_a_proxy_each_name_and_port_is_a_server_of_its_own() {
    let proxy = Doorkeeper::new().await;
    let options = Options::new().proxy(Proxy::new(&format!("http://{}", proxy.address())).unwrap());
    let open = |url: &str| WebSocket::with_options(url, (), &options).unwrap();
    let sockets = ["ws://a.invalid/1", "ws://a.invalid/2", "ws://b.invalid/", "ws://a.invalid:81/"].map(open);
    let mut callers = Vec::new();
    for _ in 0..3 {
        callers.push(proxy.next().await);
    }
    callers.sort_by(|one, other| one.path.cmp(&other.path));
    let names: Vec<_> = callers.iter().map(|caller| &*caller.path).collect();
    assert_eq!(names, ["a.invalid:80", "a.invalid:81", "b.invalid:80"]);
    others_have_tried().await;
    assert!(!is_called(&proxy));

    let mut through: Caller = callers.swap_remove(0).tunnel().await;
    assert_eq!(through.path, "/1");
    others_have_tried().await;
    assert!(!is_called(&proxy));
    through = through.welcome().await;
    assert_eq!(first_line(&sockets[0]).await, "open");
    assert_eq!(proxy.next().await.path, "a.invalid:80");
    drop(through);
}

#[tokio::test]
async fn the_opening_deadline_counts_while_a_socket_waits() {
    let door = Doorkeeper::new().await;
    let first = WebSocket::new(&door.url("first"), ()).unwrap();
    let unanswered = door.next().await;
    let options = Options::new().opening_timeout(Duration::from_millis(50));
    let second = WebSocket::with_options(&door.url("second"), (), &options).unwrap();
    assert_eq!(lines(&second).await, ["error", "close 1006 \"\" unclean"]);
    assert!(matches!(second.failure(), Some(Failure::Protocol(ProtocolFailure::OpeningTimeout))));
    assert_eq!(first.ready_state(), ReadyState::Connecting);
    assert!(!is_called(&door));
    drop(unanswered);
}

#[tokio::test]
async fn sockets_of_different_runtimes_wait_for_each_other_and_for_no_runtime_that_has_ended() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (mortal, other) = (runtime(), runtime());
    let door = Doorkeeper::new().await;
    let on = |runtime: &tokio::runtime::Runtime, name: &str| {
        WebSocket::with_options(&door.url(name), (), &Options::new().runtime(runtime.handle().clone())).unwrap()
    };
    let first = on(&mortal, "first");
    let unanswered = door.next().await;
    let second = WebSocket::new(&door.url("second"), ()).unwrap();
    others_have_tried().await;
    assert!(!is_called(&door));
    mortal.shutdown_background();
    assert_eq!(lines(&first).await, ["error", "close 1006 \"\" unclean"]);
    assert!(matches!(first.failure(), Some(Failure::Runtime)));
    let caller = door.next().await;
    assert_eq!(caller.path, "/second");
    let third = on(&other, "third");
    caller.welcome().await;
    assert_eq!(first_line(&second).await, "open");
    door.next().await.welcome().await;
    assert_eq!(first_line(&third).await, "open");
    drop(unanswered);
    other.shutdown_background();
}

#[tokio::test]
async fn an_address_is_one_server_under_all_its_names() {
    let door = Doorkeeper::new().await;
    let SocketAddr::V4(address) = door.address() else { panic!("it listens on 127.0.0.1") };
    let first = WebSocket::new(&door.url("first"), ()).unwrap();
    let caller = door.next().await;
    // Where the system has no such addresses, it does not get that far.
    let mapped = format!("ws://[::ffff:7f00:1]:{}/second", address.port());
    let second = WebSocket::new(&mapped, ()).unwrap();
    others_have_tried().await;
    assert!(!is_called(&door));
    caller.welcome().await;
    assert_eq!(first_line(&first).await, "open");
    drop(second);
}
