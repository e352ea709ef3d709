//! A program that is tested without a network: an hour's patience takes no time.

mod common;

use std::time::Duration;

use common::{Outcome, run, say};
use samesocket::testing::{self, Received};
use samesocket::{Connect, Error, Message};

fn main() {
    run(async {
        check();
        Ok(())
    });
}

/// What is tested: it greets, and waits for at most an hour.
async fn greet(connect: Connect) -> Outcome {
    let mut socket = connect.idle_timeout(Duration::from_hours(1)).await?;
    socket.send("hello".into()).await?;
    match socket.next().await {
        Some(Err(error)) => Err(error.into()),
        _ => Ok(()),
    }
}

/// The test.
fn check() {
    testing::run(|network| async move {
        let server = network.clone();
        network.spawn(async move {
            let mut peer = server.accept().await.open();
            let greeting = peer.receive().await;
            assert!(matches!(greeting, Some(Received::Message(Message::Text(text))) if text == "hello"));
            // It says nothing, until the other end gives up.
            assert!(matches!(peer.receive().await, Some(Received::Close { code: Some(4008), .. })));
        });
        let error = greet(network.connect("ws://a.example")).await.unwrap_err();
        let error = error.downcast::<Error>().expect("what the socket gave");
        assert!(matches!(*error, Error::Idle { .. }));
        assert_eq!(network.clock().now(), Duration::from_hours(1));
    });
    say(&"an hour has passed");
}
