//! Tests a program on a network in memory. An idle timeout of one hour takes no time.

mod common;

use std::time::Duration;

use common::{Outcome, run, say};
use samesocket::testing::{self, Received};
use samesocket::{Connect, Error, Message};

fn main() {
    run(async {
        test_greeting();
        Ok(())
    });
}

/// The program under test. It sends a greeting and waits for an answer, for at most one hour.
async fn greet(connect: Connect) -> Outcome {
    let mut socket = connect.idle_timeout(Duration::from_secs(3600)).await?;
    socket.send("hello".into()).await?;
    match socket.next().await {
        Some(Err(error)) => Err(error.into()),
        _ => Ok(()),
    }
}

/// The test.
fn test_greeting() {
    testing::run(|network| async move {
        let server = network.clone();
        network.spawn(async move {
            let mut peer = server.accept().await.open();
            let greeting = peer.receive().await;
            assert!(matches!(greeting, Some(Received::Message(Message::Text(text))) if text == "hello"));
            // The server sends nothing until the client gives up.
            assert!(matches!(peer.receive().await, Some(Received::Close { code: Some(4008), .. })));
        });
        let error = greet(network.connect("ws://a.example")).await.unwrap_err();
        let error = error.downcast::<Error>().expect("the error is the socket's");
        assert!(matches!(*error, Error::Idle { .. }));
        assert_eq!(network.clock().now(), Duration::from_secs(3600));
    });
    say(&"the idle timeout expired after one hour of virtual time");
}
