//! The transport over `WebSocketStream`, which has receive backpressure.
//!
//! Chromium has this interface. It reports neither bufferedAmount nor a closing handshake that the server starts. So this
//! module counts the bytes that were sent and not yet written.
//!
//! Deno has it with `--unstable-net`, and deviates: it sometimes reports a clean end as a failure. So this module is not used
//! there.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Poll, Waker};

use futures::channel::{mpsc, oneshot};
use futures::future::{AbortHandle, abortable, poll_fn};
use futures::{FutureExt, StreamExt};
use js_sys::{Array, JsString, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::buffered_amount_poll::WatchBufferedAmount;
use super::clock::EventLoopClock;
use super::inner::MakeLazy;
use super::messages::single_message;
use super::sys::{CloseInfo, OpenInfo, ReadResult, WebSocketStream, Writer};
use super::tasks::Tasks;
use super::url::Url;
use crate::platform::buffered_amount_hint::BufferedAmountHint;
use crate::platform::{Backend, Clock, DialParameters, EventSink, FinalState, ReceiveMode, SendOutcome, Transport};
use crate::sync::Shared;
use crate::types::binary_type::BinaryType;
use crate::types::blob::Blob;
use crate::types::lazy_message::copy_to_bytes;
use crate::types::message::Message;
use crate::types::payload::{Data, Payload};
use samesocket_spec::close::CloseFrame;
use samesocket_spec::constructor::UrlRecord;
use samesocket_spec::state::Feedback;

/// The name of the interface on the global object.
const NAME: &str = "WebSocketStream";

/// Returns the back end over `WebSocketStream`, if an engine of browsers has that interface.
pub(crate) fn backpressure_backend() -> Option<Shared<dyn Backend>> {
    let global = js_sys::global();
    let has = |name: &str| Reflect::has(&global, &name.into()).unwrap_or(false);
    (has(NAME) && !has("Deno")).then(|| Shared::new(StreamBackend) as _)
}

/// The back end over `WebSocketStream`.
struct StreamBackend;

impl Backend for StreamBackend {
    fn dial(
        &self,
        url: &Url,
        parameters: DialParameters<'_>,
        mode: ReceiveMode,
        _tasks: &Tasks,
        sink: EventSink,
    ) -> Result<Shared<dyn Transport>, FinalState> {
        let stream = StreamTransport::connect(url, parameters.protocols, mode, sink).ok_or_else(FinalState::default)?;
        Ok(Shared::new(stream))
    }

    fn tasks(&self) -> Tasks {
        Tasks
    }

    fn clock(&self) -> Shared<dyn Clock> {
        Shared::new(EventLoopClock)
    }

    fn has_backpressure(&self) -> bool {
        true
    }
}

/// A `WebSocketStream` with the two tasks that read and write.
///
/// Dropping it aborts the tasks and does not close the connection.
struct StreamTransport {
    platform: WebSocketStream,
    state: Rc<StreamState>,
    outgoing: mpsc::UnboundedSender<Outgoing>,
    tasks: [AbortHandle; 2],
}

/// The state that the transport shares with its tasks.
struct StreamState {
    sink: EventSink,
    binary_type: Cell<BinaryType>,
    /// The constructor of lazy messages, if messages stay in the platform.
    // Code size: see `MAKE_LAZY`.
    make_lazy: Option<MakeLazy>,
    /// The number of bytes that were sent and are not yet written.
    buffered_amount: Cell<u64>,
    /// The number of messages that are not yet written; an empty message has no bytes.
    unwritten_messages: Cell<usize>,
    /// Whether a sender waits for the amount to fall.
    is_watched: Cell<bool>,
    /// Whether `close` was called.
    is_closing: Cell<bool>,
    /// Whether the Close frame waits for messages that are not yet written.
    has_pending_close: Cell<bool>,
    /// The waker of the reading task, while it waits for capacity.
    reader: RefCell<Option<Waker>>,
}

/// A command for the writing task.
enum Outgoing {
    /// A message and its size in bytes.
    Chunk(JsValue, u64),
    /// A blob, which is read first.
    Blob(Blob),
    /// The options of `close`.
    Close(Object),
}

impl StreamTransport {
    fn connect(url: &Url, protocols: &[String], mode: ReceiveMode, sink: EventSink) -> Option<Self> {
        let list: Array = protocols.iter().map(JsValue::from).collect();
        let options = object([("protocols", list.into())]);
        let platform = WebSocketStream::new(&url.serialize(), &options).ok()?;
        // Each promise has a handler from now on, so that its rejection is never reported as unhandled.
        let _ = Promise::all_settled(&Array::of2(&platform.opened(), &platform.closed()));
        let state = Rc::new(StreamState {
            sink,
            binary_type: Cell::new(mode.binary_type),
            make_lazy: mode.make_lazy,
            buffered_amount: Cell::new(0),
            unwritten_messages: Cell::new(0),
            is_watched: Cell::new(false),
            is_closing: Cell::new(false),
            has_pending_close: Cell::new(false),
            reader: RefCell::default(),
        });
        let (outgoing, to_write) = mpsc::unbounded();
        let (writer_ready, writer) = oneshot::channel();
        let (reading, reading_handle) = abortable(read(platform.clone(), Rc::clone(&state), writer_ready));
        let (writing, writing_handle) = abortable(write(platform.clone(), Rc::clone(&state), writer, to_write));
        spawn_local(reading.map(|_| ()));
        spawn_local(writing.map(|_| ()));
        Some(Self { platform, state, outgoing, tasks: [reading_handle, writing_handle] })
    }
}

/// Delivers the events of the connection, each message as soon as there is capacity for it.
async fn read(platform: WebSocketStream, state: Rc<StreamState>, writer_ready: oneshot::Sender<Writer>) {
    let Ok(opened) = JsFuture::from(platform.opened()).await else {
        return state.sink.handle_event(Feedback::closed_abnormally());
    };
    let opened: OpenInfo = opened.unchecked_into();
    let reader = opened.readable().get_reader();
    // Sending fails if the writing task has ended, which it does when the transport is dropped.
    drop(writer_ready.send(opened.writable().get_writer()));
    let (protocol, extensions) = (opened.protocol(), opened.extensions());
    state.sink.handle_event(Feedback::Established { protocol, extensions });
    loop {
        let capacity = poll_fn(|context| {
            state.reader.replace(Some(context.waker().clone()));
            // After `close`, messages are discarded, and a full queue must not delay the end of the connection.
            if state.is_closing.get() { Poll::Ready(()) } else { state.sink.poll_capacity(context).map(drop) }
        });
        capacity.await;
        let Ok(result) = JsFuture::from(reader.read()).await else { break };
        let result: ReadResult = result.unchecked_into();
        if result.done() {
            break;
        }
        state.sink.handle_messages(&mut single_message(state.message(result.value())));
    }
    let (info, was_clean) = match JsFuture::from(platform.closed()).await {
        Ok(info) => (info, true),
        Err(error) => (error, false),
    };
    let info: CloseInfo = info.unchecked_into();
    let code = info.close_code().unwrap_or(if was_clean { 1005 } else { 1006 });
    state.sink.handle_event(Feedback::closed(code, info.reason().unwrap_or_default(), was_clean));
}

/// Writes the messages in the order in which they were sent, and then closes.
async fn write(
    platform: WebSocketStream,
    state: Rc<StreamState>,
    writer: oneshot::Receiver<Writer>,
    mut outgoing: mpsc::UnboundedReceiver<Outgoing>,
) {
    let Ok(writer) = writer.await else { return };
    while let Some(outgoing) = outgoing.next().await {
        // A failed write ends the connection, which the reading task reports.
        let size = match outgoing {
            Outgoing::Chunk(chunk, size) => {
                let _ = JsFuture::from(writer.write(&chunk)).await;
                size
            }
            Outgoing::Blob(blob) => {
                let Ok(buffer) = JsFuture::from(blob.as_js().array_buffer()).await else {
                    // The messages were accepted, so the connection fails. Their bytes stay counted.
                    state.sink.handle_event(Feedback::Failed);
                    let _ = platform.close(&Object::new());
                    return;
                };
                let _ = JsFuture::from(writer.write(&buffer)).await;
                blob.size()
            }
            Outgoing::Close(info) => {
                let _ = platform.close(&info);
                state.has_pending_close.set(false);
                continue;
            }
        };
        state.buffered_amount.set(state.buffered_amount.get() - size);
        state.unwritten_messages.set(state.unwritten_messages.get() - 1);
        if state.is_watched.get() {
            state.is_watched.set(state.sink.handle_sent());
        }
    }
}

impl Transport for StreamTransport {
    /// Does nothing: the platform's constructor has started the connection.
    fn start(&self) {}

    fn send(&self, Data { payload, .. }: Data<'_>, queued: &BufferedAmountHint) -> SendOutcome {
        queued.add(payload.max_size());
        let size = payload.size();
        let outgoing = match payload {
            Payload::Text(text, _) => Outgoing::Chunk(text.into(), size),
            Payload::Binary(bytes, _) => Outgoing::Chunk(Uint8Array::from(bytes).into(), size),
            Payload::Blob(blob) => Outgoing::Blob(blob.clone()),
            Payload::Lazy(lazy) => Outgoing::Chunk(lazy.as_js().clone(), size),
        };
        self.state.buffered_amount.set(self.state.buffered_amount.get() + size);
        self.state.unwritten_messages.set(self.state.unwritten_messages.get() + 1);
        SendOutcome::accepted_if(self.outgoing.unbounded_send(outgoing).is_ok())
    }

    fn close(&self, frame: CloseFrame<'_>) {
        let info = match frame {
            None => Object::new(),
            Some((code, reason)) => object([("closeCode", code.into()), ("reason", reason.into())]),
        };
        self.state.is_closing.set(true);
        if self.state.unwritten_messages.get() == 0 {
            let _ = self.platform.close(&info);
        } else {
            self.state.has_pending_close.set(true);
            let _ = self.outgoing.unbounded_send(Outgoing::Close(info));
        }
        // Wake outside the borrow of the cell: the waker is the executor's.
        let reader = self.state.reader.take();
        reader.into_iter().for_each(Waker::wake);
    }

    /// Closes at once, without the messages that were not written.
    fn abort(&self) -> bool {
        let _ = self.platform.close(&Object::new());
        false
    }

    fn set_binary_type(&self, mode: ReceiveMode) {
        self.state.binary_type.set(mode.binary_type);
    }

    fn watch_buffered_amount(&self, _: WatchBufferedAmount) {
        self.state.is_watched.set(true);
    }

    /// Returns `false`, because the platform does not report a closing handshake of the server.
    fn is_closing(&self) -> bool {
        false
    }

    fn has_pending_close(&self) -> bool {
        self.state.has_pending_close.get()
    }

    fn final_state(&self) -> FinalState {
        FinalState::of(self.state.buffered_amount.get())
    }
}

impl Drop for StreamTransport {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// Creates a plain object with these members.
fn object<const N: usize>(members: [(&str, JsValue); N]) -> Object {
    let object = Object::new();
    for (name, value) in members {
        // Setting a member of a plain object does not fail.
        let _ = Reflect::set(&object, &name.into(), &value);
    }
    object
}

impl StreamState {
    /// Creates a message from a chunk; text and bytes are copied once.
    fn message(&self, chunk: JsValue) -> Message {
        let chunk = match chunk.dyn_into::<JsString>() {
            Ok(text) => {
                return self
                    .make_lazy
                    .map_or_else(|| Message::Text(String::from(&text).into()), |make_lazy| make_lazy((&text).into()));
            }
            Err(chunk) => Uint8Array::new(&chunk),
        };
        match self.binary_type.get() {
            BinaryType::Blob => Message::Blob(Blob::from_js(&chunk)),
            BinaryType::ArrayBuffer => match self.make_lazy {
                // Each chunk has a buffer of its own.
                Some(make_lazy) => make_lazy(chunk.buffer().into()),
                None => Message::Binary(copy_to_bytes(&chunk)),
            },
        }
    }
}
