//! The memory that an idle socket frees.

use std::time::Duration;

use allocation_counter::measure;
use futures::FutureExt;
use samesocket::{Message, Options, connect};
use tokio::runtime::{Builder, Runtime};
use tokio::{task, time};

use crate::support::TestServer;

#[test]
fn socket_that_exchanges_short_messages_keeps_no_buffers() {
    let servers = Runtime::new().unwrap();
    let test_server = servers.block_on(TestServer::new());
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let options = Options::new().runtime(runtime.handle().clone());
    let mut sockets = [(); 3].map(|()| {
        let connecting = connect(test_server.url("a", "do=echo")).options(options.clone()).into_future();
        runtime.block_on(connecting).unwrap()
    });
    let mut kept = sockets.each_mut().map(|socket| {
        measure(|| {
            runtime.block_on(async {
                for _ in 0..3 {
                    socket.send(Message::Text("hello".into())).await.unwrap();
                    assert_eq!(socket.next().await.unwrap().unwrap().size(), 5);
                    assert!(socket.next().now_or_never().is_none());
                }
            });
        })
        .bytes_current
    });
    // The first one allocates what the sockets of the thread share. The others keep the list of received messages.
    kept[0] = 0;
    assert!(kept.iter().all(|&bytes| bytes < 256), "{kept:?}");
}

#[test]
fn socket_idle_for_five_seconds_frees_its_buffers() {
    let servers = Runtime::new().unwrap();
    let test_server = servers.block_on(TestServer::new());
    // The socket lives on this thread, so that its allocations are counted and its clock can be advanced.
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let options = Options::new().runtime(runtime.handle().clone());
    let socket = runtime.block_on(async {
        let mut socket = connect(test_server.url("a", "do=echo")).options(options).await.unwrap();
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
    // Finishes work that is under way, and allocations of the runtime itself.
    wait(Duration::ZERO);
    let soon = wait(Duration::from_secs(3));
    assert!(soon >= 0, "{soon} bytes after three seconds");
    let later = wait(Duration::from_secs(3));
    // The write buffer: a large message is masked in steps of 64 KiB.
    assert!(later < -(1 << 20), "{later} bytes after six");
    drop(socket);
}
