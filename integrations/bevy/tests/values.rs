//! Sockets of values, on the network in memory.

mod frames;

use bevy_app::{App, Update};
use bevy_ecs::prelude::*;
use samesocket::reconnect::{Status, Update as SocketUpdate};
use samesocket::testing::{self, Network, Received};
use samesocket::typed::Json;
use samesocket_bevy::{TypedSend, TypedUpdate, TypedWebSocket, TypedWebSocketPlugin};

use crate::frames::{Seen, Wakes, frame};

fn record(mut updates: MessageReader<TypedUpdate<u32>>, mut seen: ResMut<Seen>) {
    for TypedUpdate { update, .. } in updates.read() {
        seen.0.push(match update {
            SocketUpdate::Message(Ok(value)) => format!("value {value}"),
            SocketUpdate::Message(Err(error)) => format!("undecodable {:?}", error.message.as_text()),
            SocketUpdate::Status(Status::Connecting { attempt }) => format!("attempt {attempt}"),
            SocketUpdate::Status(Status::Open) => "open".to_owned(),
            other => format!("{other:?}"),
        });
    }
}

#[test]
fn values_arrive_and_leave_between_statuses() {
    testing::run(|network| async move {
        let mut app = app();
        let socket = app.world_mut().spawn(sum(&network)).id();

        // Kept until there is a connection.
        app.world_mut().write_message(TypedSend { socket, value: vec![6_u32, 7] });
        assert_eq!(frame(&network, &mut app).await, ["attempt 1"]);
        let mut peer = network.accept().await.open();
        let Some(Received::Message(message)) = peer.receive().await else { panic!("a message") };
        assert_eq!(message.as_text(), Some("[6,7]"));
        peer.send("13");
        peer.send("many");
        peer.send("42");
        assert_eq!(frame(&network, &mut app).await, ["open", "value 13", "undecodable Some(\"many\")", "value 42"]);

        app.world_mut().despawn(socket);
        let Some(Received::Close { .. }) = peer.receive().await else { panic!("a Close") };
        assert!(frame(&network, &mut app).await.is_empty());
    });
}

/// Returns an app for sockets of values.
fn app() -> App {
    let mut app = App::new();
    app.add_plugins(TypedWebSocketPlugin::<u32, Vec<u32>>::default());
    app.init_resource::<Seen>().add_systems(Update, record);
    app
}

/// Returns a socket of values on the network.
fn sum(network: &Network) -> TypedWebSocket<u32, Vec<u32>> {
    let tasks = network.clone();
    let builder = samesocket::connect("wss://example.com/sum").network(network).reconnect();
    TypedWebSocket::new(builder.executor(move |driver| tasks.spawn(driver)).typed(Json))
}

#[test]
fn manual_socket_keeps_its_updates_and_wakes() {
    testing::run(|network| async move {
        let mut app = app();
        let mut socket = sum(&network).manual();
        let wakes = Wakes::default();
        let counter = wakes.clone();
        socket.on_wake(move || counter.add());
        let socket = app.world_mut().spawn(socket).id();
        let peer = network.accept().await.open();
        peer.send("13");
        for _ in 0..5 {
            assert!(frame(&network, &mut app).await.is_empty());
        }
        assert!(wakes.count() > 0);
        let mut component = app.world_mut().get_mut::<TypedWebSocket<u32, Vec<u32>>>(socket).expect("it was spawned");
        let updates = std::iter::from_fn(|| component.try_next());
        let values = updates.filter(|update| matches!(update, SocketUpdate::Message(Ok(13))));
        assert_eq!(values.count(), 1);
    });
}

#[test]
fn value_for_an_entity_without_a_socket_is_dropped() {
    testing::run(|network| async move {
        let mut app = app();
        let (other, socket) = (app.world_mut().spawn_empty().id(), app.world_mut().spawn(sum(&network)).id());
        app.world_mut().write_message(TypedSend { socket: other, value: vec![1_u32] });
        app.world_mut().write_message(TypedSend { socket, value: vec![2_u32] });
        frame(&network, &mut app).await;
        let mut peer = network.accept().await.open();
        let Some(Received::Message(message)) = peer.receive().await else { panic!("a message") };
        assert_eq!(message.as_text(), Some("[2]"));
        // Without its component, an entity closes its socket.
        app.world_mut().entity_mut(socket).remove::<TypedWebSocket<u32, Vec<u32>>>();
        let Some(Received::Close { .. }) = peer.receive().await else { panic!("a Close") };
    });
}
