//! Why a connection failed, where the other tests do not come by: names, and what is lost once it is open.

use std::error::Error;
use std::io;

use samesocket::{Failure, Options, WebSocket};
use tokio::net::TcpListener;

use crate::door::{Doorkeeper, failure_of};
use crate::support::{Stage, lines};

/// A name that no system resolves, nor asks a network for: one of its labels is too long.
fn unresolvable() -> String {
    format!("{}.invalid", "a".repeat(64))
}

#[tokio::test]
async fn a_name_that_is_not_resolved() {
    let failure = failure_of(&format!("ws://{}/", unresolvable()), &Options::new()).await;
    let Failure::Resolve { host, source } = &failure else { panic!("{failure:?}") };
    assert_eq!((host, source.is_some()), (&unresolvable(), true));
    assert_eq!(failure.to_string(), format!("the name {:?} could not be resolved", unresolvable()));
    assert!(failure.source().is_some_and(<dyn Error>::is::<io::Error>));
}

#[tokio::test]
async fn a_connection_that_is_reset_once_it_is_open() {
    let stage = Stage::new().await;
    let socket = WebSocket::new(&stage.url("a", "do=text:a,reset"), ()).unwrap();
    let seen = lines(&socket).await;
    assert_eq!(
        (&*seen[0], &seen[seen.len() - 2..]),
        ("open", &["error", "close 1006 \"\" unclean"].map(str::to_owned)[..])
    );
    let failure = socket.failure().unwrap();
    let Failure::Lost { source } = &failure else { panic!("{failure:?}") };
    assert_eq!(source.kind(), io::ErrorKind::ConnectionReset);
    assert!(failure.source().is_some_and(<dyn Error>::is::<io::Error>));
}

#[tokio::test]
async fn a_name_is_gone_to_by_whichever_of_its_addresses_takes_the_connection() {
    // On most systems, this name is first of all that of an address where nobody listens now.
    let door = Doorkeeper::new().await;
    let socket = WebSocket::new(&format!("ws://localhost:{}/a", door.address().port()), ()).unwrap();
    let caller = door.next().await;
    assert_eq!(caller.path, "/a");
    drop(caller);
    assert_eq!(lines(&socket).await, ["error", "close 1006 \"\" unclean"]);

    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let failure = failure_of(&format!("ws://localhost:{port}/"), &Options::new()).await;
    let Failure::Connect { host, attempts, .. } = &failure else { panic!("{failure:?}") };
    assert_eq!(host, "localhost");
    let addresses: Vec<_> = tokio::net::lookup_host(("localhost", port)).await.unwrap().collect();
    assert_eq!(attempts.len(), addresses.len());
    assert!(attempts.iter().all(|(address, _)| addresses.contains(address)));
}
