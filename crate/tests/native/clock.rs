//! Waiting for a runtime that ends.

use std::time::Duration;

use futures::StreamExt;
use futures::executor::block_on;
use samesocket::reconnect::{Backoff, Cause, State, reconnect};
use samesocket::{ConnectError, Options, connect};
use tokio::runtime::Runtime;

use crate::support::Stage;

#[test]
fn who_comes_back_goes_on_though_the_runtime_of_its_sockets_has_ended() {
    let servers = Runtime::new().unwrap();
    let stage = servers.block_on(Stage::new());
    let runtime = Runtime::new().unwrap();
    let (url, handle) = (stage.url("a", "do=text:a,echo"), runtime.handle().clone());
    let ms = Duration::from_millis(1);
    let mut socket = reconnect(move |_| {
        let connect = connect(url.clone()).options(Options::new().runtime(handle.clone()));
        async move { Some(connect) }
    })
    .backoff(Backoff { first: ms, longest: ms, ..Backoff::default() })
    .retry_while(|_, failures| failures < 4)
    .start();
    let states = socket.states();
    assert!(block_on(socket.next()).unwrap().is_ok());
    runtime.shutdown_background();
    let cause = block_on(socket.next());
    assert!(matches!(cause, Some(Err(Cause::NotConnected(ConnectError::Failed(_))))), "{cause:?}");
    let waits = block_on(states.filter(|state| std::future::ready(matches!(state, State::Waiting { .. }))).count());
    assert_eq!(waits, 3);
}
