//! Sockets of values.

use std::fmt;
use std::marker::PhantomData;

use bevy_app::{App, Plugin, PostUpdate, PreUpdate};
use bevy_ecs::prelude::*;
use samesocket::reconnect::{DecodeError, TypedLiveSocket, TypedReconnect, TypedUpdates, Update};

use crate::receiving::Receiving;

/// A [`WebSocket`](crate::WebSocket) that receives values of the type `In` and sends values of the type `Out`.
///
/// The app needs the [`TypedWebSocketPlugin`] for these types.
#[derive(Component)]
pub struct TypedWebSocket<In: 'static, Out: 'static> {
    socket: TypedLiveSocket<In, Out>,
    receiving: Receiving<TypedUpdates<In, Out>>,
}

/// An update of a [`TypedWebSocket`]: a value, a message that the codec could not decode, or a change of the status.
#[derive(Message, Debug)]
pub struct TypedUpdate<In: Send + Sync + 'static> {
    /// The entity that has the socket.
    pub socket: Entity,
    /// The value or the error, or the new status.
    pub update: Update<Result<In, DecodeError>>,
}

/// A value to send. Write it with a `MessageWriter`.
///
/// A value for an entity without a [`TypedWebSocket`] of its type is dropped, and so is one that the codec or the socket
/// refuses. Use [`TypedLiveSocket::send`] to know.
#[derive(Message, Clone, Debug)]
pub struct TypedSend<Out: Send + Sync + 'static> {
    /// The entity that has the socket.
    pub socket: Entity,
    /// The value.
    pub value: Out,
}

/// The plugin for sockets of these types: it receives before the systems of `Update`, and sends after them.
pub struct TypedWebSocketPlugin<In, Out>(PhantomData<fn(Out) -> In>);

impl<In, Out> Default for TypedWebSocketPlugin<In, Out> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<In: Send + Sync + 'static, Out: Send + Sync + 'static> Plugin for TypedWebSocketPlugin<In, Out> {
    fn build(&self, app: &mut App) {
        app.add_message::<TypedUpdate<In>>().add_message::<TypedSend<Out>>();
        app.add_systems(PreUpdate, receive::<In, Out>).add_systems(PostUpdate, send::<In, Out>);
    }
}

impl<In: 'static, Out: 'static> TypedWebSocket<In, Out> {
    /// Opens a socket that reconnects until it is removed.
    ///
    /// ```
    /// use samesocket_bevy::typed::Json;
    /// use samesocket_bevy::{TypedWebSocket, connect};
    ///
    /// let builder = connect("wss://example.com/sum").reconnect().max_attempts(10);
    /// let socket = TypedWebSocket::<u32, Vec<u32>>::new(builder.typed(Json));
    /// ```
    pub fn new(socket: TypedReconnect<In, Out>) -> Self {
        let (socket, updates) = socket.drive_stream();
        Self { socket, receiving: Receiving::new(updates) }
    }

    /// Returns the handle, which sends values. Its handle of messages closes, restarts and has the status.
    pub fn socket(&self) -> &TypedLiveSocket<In, Out> {
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
    pub fn try_next(&mut self) -> Option<Update<Result<In, DecodeError>>> {
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

impl<In: 'static, Out: 'static> fmt::Debug for TypedWebSocket<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedWebSocket").field(self.socket.socket()).finish()
    }
}

impl<In, Out> fmt::Debug for TypedWebSocketPlugin<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TypedWebSocketPlugin")
    }
}

fn receive<In: Send + Sync + 'static, Out: 'static>(
    mut sockets: Query<(Entity, &mut TypedWebSocket<In, Out>)>,
    mut updates: MessageWriter<TypedUpdate<In>>,
) {
    for (socket, mut component) in &mut sockets {
        // Taking updates does not count as a change of the component.
        component.bypass_change_detection().receiving.take_frame(|taken| {
            updates.write_batch(taken.map(|update| TypedUpdate { socket, update }));
        });
    }
}

fn send<In: 'static, Out: Send + Sync + 'static>(
    mut outgoing: MessageReader<TypedSend<Out>>,
    sockets: Query<&TypedWebSocket<In, Out>>,
) {
    for TypedSend { socket, value } in outgoing.read() {
        if let Ok(component) = sockets.get(*socket) {
            let _ = component.socket.send(value);
        }
    }
}
