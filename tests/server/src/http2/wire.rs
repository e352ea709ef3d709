//! The state of one HTTP/2 connection as its frames show it, shared by the frame relay and the streams.

use std::{
    collections::{HashMap, VecDeque},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use tokio::sync::{mpsc, oneshot};

use crate::{
    record::{ConnectionSeen, End},
    store::ConnectionHandle,
};

/// The number that stands for the connection itself, where a stream could be named.
pub(crate) const CONNECTION: u32 = 0;

/// A request to the frame relay.
#[derive(Debug)]
pub(crate) enum Command {
    /// Writes these frames between those of the server, and reports it.
    Write(Vec<u8>, oneshot::Sender<()>),
    /// Looks again whether what was held back for one write is complete.
    Uncork,
    /// Closes the TCP connection.
    Drop,
    /// Resets the TCP connection.
    Reset,
}

/// The state of one connection.
#[derive(Debug)]
pub(crate) struct Wire {
    state: Mutex<State>,
    commands: mpsc::UnboundedSender<Command>,
    seen: ConnectionHandle,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) streams: HashMap<u32, StreamState>,
    last_stream: u32,
    /// The `WINDOW_UPDATE` frames that are held back, by stream.
    pub(crate) held_updates: HashMap<u32, Vec<u8>>,
    /// For each SETTINGS frame that the client has not acknowledged, whether a script has sent it.
    pub(crate) settings_of_scripts: VecDeque<bool>,
    pub(crate) ignore_pings: bool,
    /// The frames that have to be written at once.
    pub(crate) cork: Option<Cork>,
}

/// A condition until which the relay writes nothing: a stream has sent this much in all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cork {
    pub(crate) stream: u32,
    pub(crate) blocks: u32,
    pub(crate) data: u64,
}

/// The state of one stream.
#[derive(Debug, Default)]
pub(crate) struct StreamState {
    /// The number of header blocks that were written.
    pub(crate) blocks_written: u32,
    /// The number of bytes in DATA frames that were written.
    pub(crate) data_written: u64,
    /// Whether `END_STREAM` or `RST_STREAM` was written.
    pub(crate) end_written: bool,
    /// The way in which the client has ended the stream.
    pub(crate) client_end: Option<End>,
    /// The error code with which the client has reset the stream.
    pub(crate) client_error: Option<u32>,
    /// Whether DATA frames are replaced by padding of the same length.
    pub(crate) pad: bool,
    /// The frames to write instead of the next header block.
    pub(crate) replacement: Option<Vec<u8>>,
    wakers: Vec<Waker>,
}

impl Wire {
    pub(crate) fn new(seen: ConnectionHandle) -> (Arc<Self>, mpsc::UnboundedReceiver<Command>) {
        let (commands, receiver) = mpsc::unbounded_channel();
        (Arc::new(Self { state: Mutex::default(), commands, seen }), receiver)
    }

    /// Changes the state. Wakes no stream.
    pub(crate) fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.lock())
    }

    /// Adds a stream. Returns whether it is new, so that trailers are told from requests.
    pub(crate) fn add_stream(&self, id: u32) -> bool {
        self.update(|state| {
            let is_new = id > state.last_stream;
            if is_new {
                state.last_stream = id;
                state.streams.insert(id, StreamState::default());
            }
            is_new
        })
    }

    /// Changes the state of a stream, if there is one with this number, and wakes it.
    pub(crate) fn update_stream(&self, id: u32, change: impl FnOnce(&mut StreamState)) {
        let wakers = self.update(|state| {
            let stream = state.streams.get_mut(&id)?;
            change(stream);
            Some(mem::take(&mut stream.wakers))
        });
        wakers.unwrap_or_default().into_iter().for_each(Waker::wake);
    }

    /// Records that the TCP connection has ended, and wakes all streams.
    pub(crate) fn end_streams(&self, end: End) {
        let ids: Vec<_> = self.lock().streams.keys().copied().collect();
        for id in ids {
            self.update_stream(id, |stream| {
                stream.client_end.get_or_insert(end);
            });
        }
    }

    /// Changes the record of the connection.
    pub(crate) fn record(&self, change: impl FnOnce(&mut ConnectionSeen)) {
        self.seen.update(change);
    }

    /// Writes frames between those of the server. Does nothing if the connection has ended.
    pub(crate) async fn write(&self, frames: Vec<u8>) {
        let (sender, receiver) = oneshot::channel();
        let _ = self.commands.send(Command::Write(frames, sender));
        let _ = receiver.await;
    }

    /// Sets how much of a stream has to be written at once.
    pub(crate) fn cork(&self, cork: Option<Cork>) {
        self.update(|state| state.cork = cork);
        let _ = self.commands.send(Command::Uncork);
    }

    /// Ends the TCP connection.
    pub(crate) fn end_connection(&self, command: Command) {
        let _ = self.commands.send(command);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream's part of the state, which it removes on drop.
#[derive(Debug)]
pub(crate) struct WireStream {
    pub(crate) wire: Arc<Wire>,
    pub(crate) id: u32,
}

impl WireStream {
    /// Reads or changes the state of this stream.
    pub(crate) fn with<T>(&self, read: impl FnOnce(&mut StreamState) -> T) -> T {
        read(self.wire.lock().streams.entry(self.id).or_default())
    }

    /// Polls until `probe` returns a value. It is called after each change of the stream.
    pub(crate) fn poll<T>(&self, cx: &Context<'_>, probe: impl FnOnce(&StreamState) -> Option<T>) -> Poll<T> {
        self.with(|stream| {
            let found = probe(stream);
            if found.is_none() && !stream.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
                stream.wakers.push(cx.waker().clone());
            }
            found.map_or(Poll::Pending, Poll::Ready)
        })
    }
}

impl Drop for WireStream {
    fn drop(&mut self) {
        self.wire.lock().streams.remove(&self.id);
        let _ = self.wire.commands.send(Command::Uncork);
    }
}
