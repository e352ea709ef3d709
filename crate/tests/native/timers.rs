//! The cost of the timers of a socket.

use std::time::Duration;

use allocation_counter::measure;
use samesocket::{Connect, Heartbeat, Options, connect};
use tokio::runtime::{Builder, Runtime};

use crate::support::TestServer;

/// The messages whose allocations are counted.
const MESSAGES: u64 = 1000;

#[test]
fn idle_timeout_and_heartbeat_allocate_nothing_per_message() {
    let servers = Runtime::new().unwrap();
    let test_server = servers.block_on(TestServer::new());
    // The socket lives on this thread, so that its allocations are counted.
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let allocations = |id, configure: fn(Connect) -> Connect| {
        let options = Options::new().runtime(runtime.handle().clone());
        let connecting = configure(connect(test_server.url(id, "do=echo"))).options(options);
        let mut socket = runtime.block_on(connecting).unwrap();
        let mut echo = |messages| {
            runtime.block_on(async {
                for _ in 0..messages {
                    socket.send("a".into()).await.unwrap();
                    socket.next().await.unwrap().unwrap();
                }
            });
        };
        echo(10);
        let counted = measure(|| echo(MESSAGES));
        let tasks = runtime.metrics().num_alive_tasks();
        drop(socket);
        (counted.count_total, tasks)
    };
    let (plain, _) = allocations("a", |connect| connect);
    let (timed, tasks) = allocations("b", |connect| {
        let heartbeat = Heartbeat::new("?".into(), |_| false).every(Duration::from_secs(30));
        connect.idle_timeout(Duration::from_secs(60)).heartbeat(heartbeat)
    });
    assert!(timed < plain + MESSAGES / 10, "{timed} allocations with timers, {plain} without");
    assert!(tasks <= 4, "{tasks} tasks: the driver, and at most one for each timer");
}
