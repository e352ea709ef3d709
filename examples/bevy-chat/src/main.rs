//! A chat in Bevy, in the terminal: `bevy-chat [SERVER]`.
//!
//! Each room is an entity with a socket of its own. `lobby hello` says something in a room; `/join lobby` and `/leave lobby`
//! mount and unmount one.

use std::sync::{Mutex, mpsc};
use std::time::Duration;
use std::{env, io, thread};

use bevy_app::{App, AppExit, ScheduleRunnerPlugin, Startup, Update};
use bevy_ecs::prelude::*;
use samesocket_bevy::{SocketUpdate, WebSocket, WebSocketPlugin, reconnect};

#[derive(Component)]
struct Room(String);

#[derive(Resource, Clone)]
struct Server(String);

impl Server {
    fn room(&self, name: &str) -> impl Bundle + use<> {
        (Room(name.to_owned()), WebSocket::connect(format!("{}/ws?id={name}", self.0)))
    }
}

/// The lines of the standard input, from the thread that waits for them.
#[derive(Resource)]
struct Lines(Mutex<mpsc::Receiver<String>>);

fn join(mut commands: Commands, server: Res<Server>) {
    commands.spawn(server.room("lobby"));
    commands.spawn(server.room("games"));
}

fn show(mut updates: MessageReader<SocketUpdate>, rooms: Query<&Room>) {
    for SocketUpdate { socket, update } in updates.read() {
        let Ok(Room(name)) = rooms.get(*socket) else { continue };
        match update {
            reconnect::Update::Status(status) => println!("[{name}: {status}]"),
            reconnect::Update::Message(message) => println!("{name} {}", message.as_text().unwrap_or_default()),
            _ => {}
        }
    }
}

fn enter(
    lines: Res<Lines>,
    rooms: Query<(Entity, &Room, &WebSocket)>,
    server: Res<Server>,
    mut commands: Commands,
    mut exit: MessageWriter<AppExit>,
) {
    let Ok(lines) = lines.0.lock() else { return };
    let line = match lines.try_recv() {
        Ok(line) => line,
        Err(mpsc::TryRecvError::Empty) => return,
        Err(mpsc::TryRecvError::Disconnected) => {
            exit.write(AppExit::Success);
            return;
        }
    };
    match line.split_once(' ').unwrap_or_default() {
        ("/join", name) => {
            commands.spawn(server.room(name));
        }
        (first, second) => {
            let wanted = if first == "/leave" { second } else { first };
            for (entity, _, socket) in rooms.iter().filter(|(_, room, _)| room.0 == wanted) {
                if first == "/leave" {
                    commands.entity(entity).despawn();
                } else if let Err(error) = socket.socket().send(second) {
                    eprintln!("{error}");
                }
            }
        }
    }
}

fn main() {
    let server = env::args().nth(1).unwrap_or_else(|| "ws://localhost:8080".to_owned());
    let (entered, lines) = mpsc::channel();
    thread::spawn(move || io::stdin().lines().map_while(Result::ok).try_for_each(|line| entered.send(line)));
    App::new()
        .add_plugins((ScheduleRunnerPlugin::run_loop(Duration::from_millis(5)), WebSocketPlugin))
        .insert_resource(Server(server))
        .insert_resource(Lines(Mutex::new(lines)))
        .add_systems(Startup, join)
        .add_systems(Update, (show, enter))
        .run();
}
