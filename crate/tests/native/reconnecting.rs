//! The default retry rule and `Retry-After`, over loopback.

use std::time::Duration;

use futures::StreamExt;
use samesocket::reconnect::{Backoff, Cause, Limit, Reconnect, Status, reconnect};
use samesocket::{Connect, Failure, Response, connect};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::manual_server::ManualServer;
use crate::support::{TestServer, UnusedAddress};

const MS: Duration = Duration::from_millis(1);

fn reconnecting(connect: Connect) -> Reconnect {
    connect.reconnect().backoff(Backoff { first: MS, longest: MS, jitter: 0.0, ..Backoff::default() })
}

#[tokio::test]
async fn retry_after_of_a_refusal_is_the_least_wait() {
    let server = ManualServer::new().await;
    let most = 20 * MS;
    let mut socket = reconnecting(connect(server.url("/"))).max_retry_after(most).start();
    let states = socket.status_changes();
    let serving = async {
        // Without a `Date`, a date is compared with the clock of the machine.
        for value in ["1", "0", "Fri, 31 Dec 9999 23:59:59 GMT", "Sun, 06 Nov 1994 08:49:37 GMT"] {
            let response = format!("HTTP/1.1 429 Slow\r\nRetry-After: {value}\r\nContent-Length: 0\r\n\r\n");
            drop(server.next().await.respond(&response).await);
        }
        drop(server.next().await.respond("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n").await);
    };
    let (end, ()) = futures::join!(socket.next(), serving);
    let Some(Err(cause)) = end else { panic!("{end:?}") };
    assert_eq!(cause.response().map(Response::status), Some(401));
    let waits: Vec<_> = states
        .filter_map(|state| async move { if let Status::Waiting { wait, .. } = state { Some(wait) } else { None } })
        .collect()
        .await;
    assert_eq!(waits, [most, MS, most, MS]);
}

#[tokio::test]
async fn failures_that_stay_are_not_retried() {
    let server = ManualServer::new().await;
    let no_tls = async { drop(server.accept().await) };
    let url = server.url("/").replace("ws:", "wss:");
    let mut socket = reconnecting(connect("ws://127.0.0.1:25/")).start();
    let end = socket.next().await;
    assert!(matches!(end.as_ref().map(|end| end.as_ref().unwrap_err().failure()), Some(Some(Failure::BadPort { .. }))));
    let test_server = TestServer::new().await;
    let mut socket = reconnecting(connect(test_server.secure_url("a", ""))).start();
    let end = socket.next().await;
    let Some(Err(cause @ Cause::NotConnected(_))) = end else { panic!("{end:?}") };
    assert!(matches!(cause.failure(), Some(Failure::Tls { .. })), "the certificate is not trusted: {cause:?}");
    // A server that ends the TLS handshake may do better later.
    let mut socket = reconnecting(connect(url)).max_attempts(1).start();
    let (end, ()) = futures::join!(socket.next(), no_tls);
    assert!(matches!(end, Some(Err(Cause::GaveUp { limit: Limit::Attempts(1), .. }))), "{end:?}");
}

#[tokio::test]
async fn refused_connection_is_retried_up_to_the_maximum() {
    let unused = UnusedAddress::new();
    let url = format!("ws://{}/", unused.get());
    let mut socket = reconnecting(connect(url)).max_attempts(3).start();
    let end = socket.next().await;
    let Some(Err(cause @ Cause::GaveUp { limit: Limit::Attempts(3), .. })) = end else { panic!("{end:?}") };
    assert!(matches!(cause.failure(), Some(Failure::Connect { .. })), "{cause:?}");
    assert!(cause.to_string().starts_with("gave up after 3 attempts: "), "{cause}");
}

#[tokio::test(start_paused = true)]
async fn maximum_of_time_includes_the_first_attempt() {
    // It accepts the connection and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", silent.local_addr().unwrap());
    let attempt = move |_| {
        let url = url.clone();
        async move {
            tokio::time::sleep(Duration::from_secs(50)).await;
            Some(connect(url).timeout(Duration::from_secs(1000)))
        }
    };
    let max = Duration::from_secs(60);
    let mut socket = reconnect(attempt).max_time(max).start();
    let start = Instant::now();
    let Some(Err(cause)) = socket.next().await else { panic!("the end is an error") };
    assert!(matches!(cause, Cause::GaveUp { limit: Limit::Time(time), .. } if time == max), "{cause:?}");
    // The clock stands still while a task can run.
    assert_eq!(start.elapsed().as_secs(), 60);
}
