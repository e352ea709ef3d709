#![doc = include_str!("../README.md")]

mod receiving;
mod values;

use std::fmt;

use bevy_app::{App, Plugin, PostUpdate, PreUpdate};
use bevy_ecs::prelude::*;
use samesocket::OwnedMessage;
use samesocket::reconnect::{LiveSocket, Reconnect, Update, Updates};
pub use samesocket::{connect, reconnect, typed};

use self::receiving::Receiving;
pub use self::values::{TypedSend, TypedUpdate, TypedWebSocket, TypedWebSocketPlugin};

/// A socket of an entity. It connects at once, and reconnects until it is removed.
///
/// Systems may also send with its handle, which returns whether the message was sent or kept:
/// `query.single()?.socket().send("hello")`.
#[derive(Component)]
pub struct WebSocket {
    socket: LiveSocket,
    receiving: Receiving<Updates>,
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
        Self { socket, receiving: Receiving::new(updates) }
    }

    /// Returns the handle, which sends, closes, restarts and has the status. A clone of it keeps the socket open.
    pub fn socket(&self) -> &LiveSocket {
        &self.socket
    }

    /// Leaves the updates in the queue of the socket, so that the plugin does not write them as messages.
    ///
    /// Take them with [`try_next`](Self::try_next). When 256 updates or 1 MiB are queued, nothing is received until some are taken.
    #[must_use]
    pub fn manual(mut self) -> Self {
        self.receiving.is_manual = true;
        self
    }

    /// Takes the next update, or returns `None` if there is none now. It never waits.
    ///
    /// Without [`manual`](Self::manual), the plugin takes the updates first, at the start of each frame.
    pub fn try_next(&mut self) -> Option<Update> {
        self.receiving.try_next()
    }

    /// Sets a function that is called when there is something to take after the queue was empty. It replaces the former one.
    ///
    /// Any thread may call it, and it should return soon. In an application that draws frames only when something happens, it wakes
    /// the event loop. It is called again only after all updates were taken. The plugin takes at most 4096 in a frame, and then
    /// calls it again.
    pub fn on_wake(&mut self, wake_up: impl Fn() + Send + Sync + 'static) {
        self.receiving.on_wake(wake_up);
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WebSocket").field(&self.socket).finish()
    }
}

fn receive(mut sockets: Query<(Entity, &mut WebSocket)>, mut updates: MessageWriter<SocketUpdate>) {
    for (socket, mut component) in &mut sockets {
        // Taking updates does not count as a change of the component.
        component.bypass_change_detection().receiving.take_frame(|taken| {
            updates.write_batch(taken.map(|update| SocketUpdate { socket, update }));
        });
    }
}

fn send(mut outgoing: MessageReader<SocketSend>, sockets: Query<&WebSocket>) {
    for SocketSend { socket, message } in outgoing.read() {
        if let Ok(component) = sockets.get(*socket) {
            let _ = component.socket.send(message.clone());
        }
    }
}
