//! Failures that the other tests do not cover: names, and connections lost after `open`.

use std::io;

use samesocket::{Failure, Options, WebSocket};

use crate::manual_server::{ManualServer, failure_of};
use crate::support::{TestServer, UnusedAddress, event_lines};

/// Returns a name that fails to resolve without the network, because one of its labels is too long.
fn unresolvable() -> String {
    format!("{}.invalid", "a".repeat(64))
}

#[tokio::test]
async fn unresolvable_name_fails_with_resolve() {
    let failure = failure_of(&format!("ws://{}/", unresolvable()), &Options::new()).await;
    let Failure::Resolve { host, source } = &failure else { panic!("{failure:?}") };
    assert_eq!((host, source.is_some()), (&unresolvable(), true));
    let reason = source.as_ref().unwrap();
    assert_eq!(failure.to_string(), format!("no address for `{host}`: {reason}"));
}

#[tokio::test]
async fn reset_after_open_fails_with_lost() {
    let test_server = TestServer::new().await;
    let socket = WebSocket::new(&test_server.url("a", "do=text:a,reset"), ()).unwrap();
    let seen = event_lines(&socket).await;
    assert_eq!(
        (&*seen[0], &seen[seen.len() - 2..]),
        ("open", &["error", "close 1006 \"\" unclean"].map(str::to_owned)[..])
    );
    let failure = socket.failure().unwrap();
    let Failure::Lost { source } = &failure else { panic!("{failure:?}") };
    assert_eq!(source.kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(failure.to_string(), format!("the connection was lost: {source}"));
}

#[tokio::test]
async fn localhost_connects_to_a_loopback_address() {
    // The other address of these names is ::1, where no server listens.
    let manual_server = ManualServer::new().await;
    for host in ["localhost", "LOCALHOST.", "a.b.localhost"] {
        let socket = WebSocket::new(&format!("ws://{host}:{}/a", manual_server.address().port()), ()).unwrap();
        let connection = manual_server.next().await;
        assert_eq!(connection.path, "/a");
        drop(connection);
        assert_eq!(event_lines(&socket).await, ["error", "close 1006 \"\" unclean"]);
    }

    let reserved = UnusedAddress::new();
    let port = reserved.get().port();
    let failure = failure_of(&format!("ws://a.localhost:{port}/"), &Options::new()).await;
    let Failure::Connect { host, attempts, .. } = &failure else { panic!("{failure:?}") };
    assert_eq!(host, "a.localhost");
    let attempts: Vec<_> = attempts.iter().map(|(address, _)| address.to_string()).collect();
    assert_eq!(attempts, [format!("[::1]:{port}"), format!("127.0.0.1:{port}")]);
}
