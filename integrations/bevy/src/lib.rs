#![doc = include_str!("../README.md")]

mod values;

use bevy_app::{App, Plugin, PostUpdate, PreUpdate};
use bevy_ecs::prelude::*;
use samesocket::OwnedMessage;
use samesocket::reconnect::{LiveSocket, Reconnect, Update, Updates};
pub use samesocket::{connect, reconnect, typed};

pub use self::values::{TypedSend, TypedUpdate, TypedWebSocket, TypedWebSocketPlugin};

/// The most updates of a socket in one frame, which ends then although the socket may receive faster. The next frame goes on. Arbitrary.
const MAX_UPDATES: usize = 4096;

/// A socket of an entity. It connects at once, and reconnects until it is removed.
///
/// Systems may also send with its handle, which returns whether the message was sent or kept:
/// `query.single()?.socket().send("hello")`.
#[derive(Component, Debug)]
pub struct WebSocket {
    socket: LiveSocket,
    updates: Updates,
}

/// An update of a socket: a message, or a change of its status. Read it with a `MessageReader`.
#[derive(Message, Clone, Debug)]
pub struct SocketUpdate {
    /// The entity that has the [`WebSocket`].
    pub socket: Entity,
    /// The message, or the new status.
    pub update: Update,
}

/// A message to send. Write it with a `MessageWriter`.
///
/// A message for an entity without a [`WebSocket`] is dropped, and so is one that the socket refuses. Use
/// [`LiveSocket::send`] to know.
#[derive(Message, Clone, Debug)]
pub struct SocketSend {
    /// The entity that has the [`WebSocket`].
    pub socket: Entity,
    /// The message.
    pub message: OwnedMessage,
}

/// The plugin: it receives before the systems of `Update`, and sends after them.
#[derive(Clone, Copy, Debug, Default)]
pub struct WebSocketPlugin;

impl Plugin for WebSocketPlugin {
    fn build(&self, app: &mut App) {
        app.add_message::<SocketUpdate>().add_message::<SocketSend>();
        app.add_systems(PreUpdate, receive).add_systems(PostUpdate, send);
    }
}

impl WebSocket {
    /// Opens a socket that reconnects until it is removed.
    ///
    /// In a page, a relative URL is resolved against the page's.
    pub fn connect(url: impl Into<String>) -> Self {
        Self::new(connect(url.into()).reconnect())
    }

    /// Opens a socket with options, such as subprotocols, heartbeats and waits.
    ///
    /// ```
    /// use samesocket::connect;
    /// use samesocket_bevy::WebSocket;
    ///
    /// let socket = WebSocket::new(connect("wss://example.com/game").reconnect().max_attempts(10));
    /// ```
    pub fn new(socket: Reconnect) -> Self {
        let (socket, updates) = socket.drive_stream();
        Self { socket, updates }
    }

    /// Returns the handle, which sends, closes, restarts and has the status. A clone of it keeps the socket open.
    pub fn socket(&self) -> &LiveSocket {
        &self.socket
    }
}

fn receive(mut sockets: Query<(Entity, &mut WebSocket)>, mut updates: MessageWriter<SocketUpdate>) {
    for (socket, mut component) in &mut sockets {
        // Taking updates does not count as a change of the component.
        let queue = &mut component.bypass_change_detection().updates;
        let taken = std::iter::from_fn(|| queue.try_next()).take(MAX_UPDATES);
        updates.write_batch(taken.map(|update| SocketUpdate { socket, update }));
    }
}

fn send(mut outgoing: MessageReader<SocketSend>, sockets: Query<&WebSocket>) {
    for SocketSend { socket, message } in outgoing.read() {
        if let Ok(component) = sockets.get(*socket) {
            let _ = component.socket.send(message.clone());
        }
    }
}
