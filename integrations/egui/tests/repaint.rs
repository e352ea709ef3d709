//! Repaints, on the network in memory and from the thread of a socket.

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use samesocket::reconnect::Status;
use samesocket::testing::{self, Received};
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

#[test]
fn status_from_the_thread_of_the_socket_requests_a_repaint() {
    let context = egui::Context::default();
    let (sender, repaints) = mpsc::channel();
    // It sees each request. The callback by which eframe wakes a window's event loop is called after it, for the first one of a frame.
    context.set_repaint_observer(move |info| {
        // Nothing receives once the test ends.
        let _ = sender.send((info.viewport_id, thread::current().id()));
    });
    // Nothing listens at this address any more.
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let mut socket = WebSocket::connect(&context, format!("ws://{address}"));
    while !matches!(socket.socket().status(), Status::Waiting { .. }) {
        let (viewport, thread) = repaints.recv().expect("the context has its observer");
        assert_eq!(viewport, egui::ViewportId::ROOT);
        assert_ne!(thread, thread::current().id());
        // It wakes again only after all updates were taken.
        assert_eq!(socket.messages().next(), None);
    }
}

#[test]
fn last_message_of_a_program_leaves_though_the_queue_is_full() {
    testing::run(|network| async move {
        let tasks = network.clone();
        let builder = samesocket::connect("wss://example.com/chat").network(&network).reconnect();
        let socket = WebSocket::new(&egui::Context::default(), builder.executor(move |driver| tasks.spawn(driver)));
        let mut peer = network.accept().await.open();
        // More than the queue holds.
        (0..1000).for_each(|_| peer.send("news"));
        network.clock().sleep(Duration::from_millis(1)).await;

        // As the README does at the end of a program.
        let handle = socket.socket().clone();
        drop(socket);
        handle.send("bye").unwrap();
        handle.close(Some(1000), None).unwrap();
        let server = async {
            let received = peer.receive().await;
            assert!(matches!(received, Some(Received::Message(message)) if message.as_text() == Some("bye")));
            assert!(matches!(peer.receive().await, Some(Received::Close { code: Some(1000), .. })));
        };
        futures::join!(server, handle.closed());
    });
}
