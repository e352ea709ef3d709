//! What a socket gives back when nothing has been sent or received for a while.

use std::time::Duration;

use allocation_counter::measure;
use samesocket::{Message, Options, connect};
use tokio::runtime::{Builder, Runtime};
use tokio::{task, time};

use crate::support::Stage;

#[test]
fn a_socket_that_is_quiet_for_five_seconds_gives_its_memory_back() {
    let elsewhere = Runtime::new().unwrap();
    let stage = elsewhere.block_on(Stage::new());
    // The socket lives on this thread, whose allocations are counted and whose clock can be put forward.
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let options = Options::new().runtime(runtime.handle().clone());
    let socket = runtime.block_on(async {
        let mut socket = connect(stage.url("a", "do=echo")).options(options).await.unwrap();
        socket.send(Message::Binary(vec![7; 4 << 20].into())).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap().size(), 4 << 20);
        time::pause();
        socket
    });
    let wait = |duration| {
        measure(|| {
            runtime.block_on(async {
                time::advance(duration).await;
                task::yield_now().await;
                task::yield_now().await;
            });
        })
        .bytes_current
    };
    // The end of what was under way, and what the runtime itself takes.
    wait(Duration::ZERO);
    let soon = wait(Duration::from_secs(3));
    assert!(soon >= 0, "{soon} bytes after three seconds");
    let later = wait(Duration::from_secs(3));
    // The write buffer: a large message is masked in steps of 64 KiB.
    assert!(later < -(60 << 10), "{later} bytes after six");
    drop(socket);
}
