//! The platform's `WebSocketStream`, where there is one: a socket that can make its peer wait.
//!
//! It tells neither of bufferedAmount nor of a closing handshake that the peer starts; what was handed over and is not yet
//! written is counted here.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Poll, Waker};

use futures::channel::{mpsc, oneshot};
use futures::future::{AbortHandle, abortable, poll_fn};
use futures::{FutureExt, StreamExt};
use js_sys::{Array, JsString, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::{FinalState, Time, Url, alone};
use crate::platform::buffered_amount_hint::BufferedAmountHint;
use crate::platform::{Backend, Clock, EventSink, Hold, Protocols, ReceiveMode, SendOutcome, Tasks, Transport, Watch};
use crate::sync::Shared;
use crate::types::binary_type::BinaryType;
use crate::types::blob::Blob;
use crate::types::lazy_message::copy_to_bytes;
use crate::types::message::Message;
use crate::types::payload::Payload;
use samesocket_spec::close::CloseFrame;
use samesocket_spec::constructor::UrlRecord;
use samesocket_spec::state::Feedback;

/// The name of the interface, by which its presence is seen.
const NAME: &str = "WebSocketStream";

#[wasm_bindgen]
extern "C" {
    #[derive(Clone)]
    type WebSocketStream;
    #[wasm_bindgen(constructor, catch)]
    fn new(url: &str, options: &Object) -> Result<WebSocketStream, JsValue>;
    #[wasm_bindgen(method, getter)]
    fn opened(this: &WebSocketStream) -> Promise;
    #[wasm_bindgen(method, getter)]
    fn closed(this: &WebSocketStream) -> Promise;
    #[wasm_bindgen(method, catch)]
    fn close(this: &WebSocketStream, info: &Object) -> Result<(), JsValue>;

    type Opened;
    #[wasm_bindgen(method, getter)]
    fn readable(this: &Opened) -> Readable;
    #[wasm_bindgen(method, getter)]
    fn writable(this: &Opened) -> Writable;
    #[wasm_bindgen(method, getter)]
    fn protocol(this: &Opened) -> String;
    #[wasm_bindgen(method, getter)]
    fn extensions(this: &Opened) -> String;

    type Readable;
    #[wasm_bindgen(method, js_name = getReader)]
    fn get_reader(this: &Readable) -> Reader;
    type Reader;
    #[wasm_bindgen(method)]
    fn read(this: &Reader) -> Promise;
    type ReadResult;
    #[wasm_bindgen(method, getter)]
    fn done(this: &ReadResult) -> bool;
    #[wasm_bindgen(method, getter)]
    fn value(this: &ReadResult) -> JsValue;

    type Writable;
    #[wasm_bindgen(method, js_name = getWriter)]
    fn get_writer(this: &Writable) -> Writer;
    type Writer;
    #[wasm_bindgen(method)]
    fn write(this: &Writer, chunk: &JsValue) -> Promise;

    /// What `closed` resolves to, or the error that it is rejected with.
    type CloseInfo;
    #[wasm_bindgen(method, getter, js_name = closeCode)]
    fn close_code(this: &CloseInfo) -> Option<u16>;
    #[wasm_bindgen(method, getter)]
    fn reason(this: &CloseInfo) -> Option<String>;
}

/// Gives who makes connections that can make their peers wait, where the engine can.
pub(crate) fn backpressure_backend() -> Option<Shared<dyn Backend>> {
    let is_there = Reflect::has(&js_sys::global(), &NAME.into()).unwrap_or(false);
    is_there.then(|| Shared::new(Streams) as _)
}

struct Streams;

impl Backend for Streams {
    fn dial(
        &self,
        url: &Url,
        protocols: Protocols<'_>,
        form: ReceiveMode,
        _tasks: &Tasks,
        receiver: EventSink,
    ) -> Option<Shared<dyn Transport>> {
        Stream::connect(url, protocols.names, form, receiver).map(|stream| Shared::new(stream) as _)
    }

    fn tasks(&self) -> Tasks {
        Tasks
    }

    fn clock(&self) -> Shared<dyn Clock> {
        Shared::new(Time)
    }

    fn has_backpressure(&self) -> bool {
        true
    }
}

/// A platform's stream with our tasks; dropping it ends these, and closes nothing.
struct Stream {
    platform: WebSocketStream,
    state: Rc<State>,
    outgoing: mpsc::UnboundedSender<Outgoing>,
    tasks: [AbortHandle; 2],
}

/// What the tasks share.
struct State {
    receiver: EventSink,
    binary_type: Cell<BinaryType>,
    /// Whether messages stay with the platform.
    hold: Option<Hold>,
    /// What was handed over and is not yet written.
    amount: Cell<u64>,
    /// How many messages that is: an empty one adds nothing to the amount.
    unwritten: Cell<usize>,
    /// Whether somebody waits for the amount to fall.
    watched: Cell<bool>,
    closing: Cell<bool>,
    /// Whether the Close waits for what is not yet written.
    close_waits: Cell<bool>,
    /// The reading task, while it waits for room.
    reading: RefCell<Option<Waker>>,
}

/// What the writing task has to do.
enum Outgoing {
    Chunk(JsValue, u64),
    Blob(Blob),
    Close(Object),
}

impl Stream {
    fn connect(url: &Url, protocols: &[String], form: ReceiveMode, receiver: EventSink) -> Option<Self> {
        let list: Array = protocols.iter().map(JsValue::from).collect();
        let options = object([("protocols", list.into())]);
        let platform = WebSocketStream::new(&url.serialize(), &options).ok()?;
        let state = Rc::new(State {
            receiver,
            binary_type: Cell::new(form.binary_type),
            hold: form.hold,
            amount: Cell::new(0),
            unwritten: Cell::new(0),
            watched: Cell::new(false),
            closing: Cell::new(false),
            close_waits: Cell::new(false),
            reading: RefCell::default(),
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

/// Tells what comes, each message once there is room for it.
async fn read(platform: WebSocketStream, state: Rc<State>, writer_ready: oneshot::Sender<Writer>) {
    let Ok(opened) = JsFuture::from(platform.opened()).await else {
        return state.receiver.handle_event(Feedback::closed_abnormally());
    };
    let opened: Opened = opened.unchecked_into();
    let reader = opened.readable().get_reader();
    // Who writes goes as soon as nobody can hand over anything.
    drop(writer_ready.send(opened.writable().get_writer()));
    let (protocol, extensions) = (opened.protocol(), opened.extensions());
    state.receiver.handle_event(Feedback::Established { protocol, extensions });
    loop {
        let room = poll_fn(|context| {
            state.reading.replace(Some(context.waker().clone()));
            // What comes after a Close is nobody's, and must not keep the end from coming.
            if state.closing.get() { Poll::Ready(()) } else { state.receiver.poll_capacity(context).map(drop) }
        });
        room.await;
        let Ok(result) = JsFuture::from(reader.read()).await else { break };
        let result: ReadResult = result.unchecked_into();
        if result.done() {
            break;
        }
        state.receiver.handle_messages(&mut alone(state.message(result.value())));
    }
    let (info, was_clean) = match JsFuture::from(platform.closed()).await {
        Ok(info) => (info, true),
        Err(error) => (error, false),
    };
    let info: CloseInfo = info.unchecked_into();
    let code = info.close_code().unwrap_or(if was_clean { 1005 } else { 1006 });
    state.receiver.handle_event(Feedback::closed(code, info.reason().unwrap_or_default(), was_clean));
}

/// Writes what is handed over, in order, and then closes.
async fn write(
    platform: WebSocketStream,
    state: Rc<State>,
    writer: oneshot::Receiver<Writer>,
    mut outgoing: mpsc::UnboundedReceiver<Outgoing>,
) {
    let Ok(writer) = writer.await else { return };
    while let Some(outgoing) = outgoing.next().await {
        // What cannot be written is told by the end of the connection.
        let size = match outgoing {
            Outgoing::Chunk(chunk, size) => {
                let _ = JsFuture::from(writer.write(&chunk)).await;
                size
            }
            Outgoing::Blob(blob) => {
                if let Ok(buffer) = JsFuture::from(blob.as_js().array_buffer()).await {
                    let _ = JsFuture::from(writer.write(&buffer)).await;
                } else {
                    // A message must not be missing among others.
                    let _ = platform.close(&Object::new());
                }
                blob.size()
            }
            Outgoing::Close(info) => {
                let _ = platform.close(&info);
                state.close_waits.set(false);
                continue;
            }
        };
        state.amount.set(state.amount.get() - size);
        state.unwritten.set(state.unwritten.get() - 1);
        if state.watched.get() {
            state.watched.set(state.receiver.sent());
        }
    }
}

impl Transport for Stream {
    /// The platform has started it.
    fn start(&self) {}

    /// The platform does not tell.
    fn is_closing(&self) -> bool {
        false
    }

    fn final_state(&self) -> FinalState {
        FinalState::of(self.state.amount.get())
    }

    fn set_binary_type(&self, form: ReceiveMode) {
        self.state.binary_type.set(form.binary_type);
    }

    fn send(&self, payload: Payload<'_>, queued: &BufferedAmountHint) -> SendOutcome {
        queued.add(payload.max_size());
        let size = payload.size();
        let outgoing = match payload {
            Payload::Text(text, _) => Outgoing::Chunk(text.into(), size),
            Payload::Binary(bytes, _) => Outgoing::Chunk(Uint8Array::from(bytes).into(), size),
            Payload::Blob(blob) => Outgoing::Blob(blob.clone()),
            Payload::Lazy(lazy) => Outgoing::Chunk(lazy.as_js().clone(), size),
        };
        self.state.amount.set(self.state.amount.get() + size);
        self.state.unwritten.set(self.state.unwritten.get() + 1);
        SendOutcome::accepted_if(self.outgoing.unbounded_send(outgoing).is_ok())
    }

    /// Starts the closing handshake, or fails a connection that is not established; which it is, the platform knows first.
    fn close(&self, frame: CloseFrame<'_>) {
        let info = match frame {
            None => Object::new(),
            Some((code, reason)) => object([("closeCode", code.into()), ("reason", reason.into())]),
        };
        self.state.closing.set(true);
        if self.state.unwritten.get() == 0 {
            let _ = self.platform.close(&info);
        } else {
            self.state.close_waits.set(true);
            let _ = self.outgoing.unbounded_send(Outgoing::Close(info));
        }
        let reading = self.state.reading.take();
        reading.into_iter().for_each(Waker::wake);
    }

    fn has_waiting_close(&self) -> bool {
        self.state.close_waits.get()
    }

    fn watch(&self, _: Watch) {
        self.state.watched.set(true);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

fn object<const N: usize>(members: [(&str, JsValue); N]) -> Object {
    let object = Object::new();
    for (name, value) in members {
        // A plain object takes any member.
        let _ = Reflect::set(&object, &name.into(), &value);
    }
    object
}

impl State {
    /// Makes a message of a chunk, with one copy out of the platform if it is read.
    fn message(&self, chunk: JsValue) -> Message {
        let chunk = match chunk.dyn_into::<JsString>() {
            Ok(text) => {
                return self
                    .hold
                    .map_or_else(|| Message::Text(String::from(&text).into()), |hold| hold((&text).into()));
            }
            Err(chunk) => Uint8Array::new(&chunk),
        };
        match self.binary_type.get() {
            BinaryType::Blob => Message::Blob(Blob::from_js(&chunk)),
            BinaryType::ArrayBuffer => match self.hold {
                // A chunk has a buffer of its own.
                Some(hold) => hold(chunk.buffer().into()),
                None => Message::Binary(copy_to_bytes(&chunk)),
            },
        }
    }
}
