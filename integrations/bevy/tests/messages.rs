//! Sockets of messages, on the network in memory.

mod frames;

use std::time::Duration;

use bevy_app::{App, Update};
use bevy_ecs::prelude::*;
use samesocket::reconnect::{Status, Update as Received};
use samesocket::testing::{self, Network, Received as AtServer};
use samesocket_bevy::{SocketSend, SocketUpdate, WebSocket, WebSocketPlugin};

use crate::frames::{Seen, Wakes, frame};

/// The number of components that a system has seen as changed.
#[derive(Resource, Default)]
struct Changes(usize);

fn record(mut updates: MessageReader<SocketUpdate>, mut seen: ResMut<Seen>) {
    for SocketUpdate { update, .. } in updates.read() {
        seen.0.push(match update {
            Received::Message(message) => format!("message {}", message.as_text().unwrap_or_default()),
            Received::Status(Status::Connecting { attempt }) => format!("attempt {attempt}"),
            Received::Status(Status::Open) => "open".to_owned(),
            other => format!("{other:?}"),
        });
    }
}

fn count(sockets: Query<(), Changed<WebSocket>>, mut changes: ResMut<Changes>) {
    changes.0 += sockets.iter().count();
}

/// Returns a socket on the network, and an app for it.
fn game(network: &Network) -> (App, WebSocket) {
    let mut app = App::new();
    app.add_plugins(WebSocketPlugin).init_resource::<Seen>().init_resource::<Changes>();
    app.add_systems(Update, (record, count));
    let tasks = network.clone();
    let builder = samesocket::connect("wss://example.com/game").network(network).reconnect();
    (app, WebSocket::new(builder.executor(move |driver| tasks.spawn(driver))))
}

#[test]
fn messages_arrive_and_leave_between_statuses() {
    testing::run(|network| async move {
        let (mut app, socket) = game(&network);
        let socket = app.world_mut().spawn(socket).id();
        app.world_mut().write_message(SocketSend { socket, message: "kept".into() });
        assert_eq!(frame(&network, &mut app).await, ["attempt 1"]);
        let mut peer = network.accept().await.open();
        let Some(AtServer::Message(message)) = peer.receive().await else { panic!("a message") };
        assert_eq!(message.as_text(), Some("kept"));
        peer.send("one");
        peer.send("two");
        assert_eq!(frame(&network, &mut app).await, ["open", "message one", "message two"]);
        // Only that it was spawned.
        assert_eq!(app.world().resource::<Changes>().0, 1);
        app.world_mut().despawn(socket);
        let Some(AtServer::Close { .. }) = peer.receive().await else { panic!("a Close") };
        assert!(frame(&network, &mut app).await.is_empty());
    });
}

#[test]
fn manual_socket_keeps_its_updates_and_wakes() {
    testing::run(|network| async move {
        let (mut app, socket) = game(&network);
        let mut socket = socket.manual();
        let wakes = Wakes::default();
        let counter = wakes.clone();
        socket.on_wake(move || counter.add());
        let socket = app.world_mut().spawn(socket).id();
        let peer = network.accept().await.open();
        peer.send("hello");
        for _ in 0..5 {
            assert!(frame(&network, &mut app).await.is_empty());
        }
        assert!(wakes.count() > 0);
        let mut component = app.world_mut().get_mut::<WebSocket>(socket).expect("it was spawned");
        let updates = std::iter::from_fn(|| component.try_next());
        let messages = updates.filter(|update| matches!(update, Received::Message(_)));
        assert_eq!(messages.count(), 1);
    });
}

#[test]
fn last_message_of_a_program_leaves_though_the_queue_is_full() {
    testing::run(|network| async move {
        let (mut app, socket) = game(&network);
        let handle = socket.socket().clone();
        app.world_mut().spawn(socket);
        let mut peer = network.accept().await.open();
        // More than the queue holds.
        (0..1000).for_each(|_| peer.send("news"));
        network.clock().sleep(Duration::from_millis(1)).await;

        // As the README does at the end of a program: `run` drops the app.
        drop(app);
        handle.send("bye").unwrap();
        handle.close(Some(1000), None).unwrap();
        let server = async {
            let Some(AtServer::Message(message)) = peer.receive().await else { panic!("a message") };
            assert_eq!(message.as_text(), Some("bye"));
            let Some(AtServer::Close { code: Some(1000), .. }) = peer.receive().await else { panic!("a Close") };
        };
        futures::join!(server, handle.closed());
    });
}

#[test]
fn socket_that_replaces_another_closes_it() {
    testing::run(|network| async move {
        let (mut app, socket) = game(&network);
        let entity = app.world_mut().spawn(socket).id();
        let mut first = network.accept().await.open();
        frame(&network, &mut app).await;
        app.world_mut().entity_mut(entity).insert(game(&network).1);
        let Some(AtServer::Close { .. }) = first.receive().await else { panic!("a Close") };
        let second = network.accept().await.open();
        first.send("old");
        second.send("new");
        assert_eq!(frame(&network, &mut app).await, ["attempt 1", "open", "message new"]);
    });
}
