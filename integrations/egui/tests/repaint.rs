//! Repaints, on the network in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use samesocket::testing;
use samesocket_egui::WebSocket;

#[test]
fn partly_taken_messages_request_a_repaint() {
    testing::run(|network| async move {
        let context = egui::Context::default();
        let repaints = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&repaints);
        context.set_request_repaint_callback(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        let tasks = network.clone();
        let builder = samesocket::connect("wss://example.com/chat").network(&network).reconnect();
        let mut socket = WebSocket::new(&context, builder.executor(move |driver| tasks.spawn(driver)));
        let peer = network.accept().await.open();
        peer.send("one");
        peer.send("two");
        network.clock().sleep(Duration::from_millis(1)).await;
        assert!(repaints.swap(0, Ordering::Relaxed) > 0);

        // A pass of the context, in which it forgets the requests before.
        let pass = |context: &egui::Context| context.run_ui(egui::RawInput::default(), |_| {}).textures_delta.clear();
        (0..3).for_each(|_| pass(&context));
        repaints.store(0, Ordering::Relaxed);
        assert_eq!(socket.messages().next(), Some("one".into()));
        assert!(repaints.load(Ordering::Relaxed) > 0);

        (0..3).for_each(|_| pass(&context));
        repaints.store(0, Ordering::Relaxed);
        assert_eq!(socket.messages().count(), 1);
        assert_eq!(repaints.load(Ordering::Relaxed), 0);
    });
}
