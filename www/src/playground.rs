//! The playground: handles the visitor's actions and the socket's events.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use samesocket::{Blob, Message, ReadyState};
use wasm_bindgen::prelude::*;
use web_sys::{DragEvent, EventTarget, File, KeyboardEvent};

use crate::animation_frame::AnimationFrame;
use crate::dom::{self, Listener};
use crate::event_log::EventLog;
use crate::fields::{self, ErrorDisplay, Fields};
use crate::log_entry::{LogEntry, SHOWN_BYTES};
use crate::panel::Panel;
use crate::socket::{EventSubscription, Socket, SocketEvent, ThrownException};

/// The error text of an action that needs a socket.
const NO_SOCKET: &str = "There is no socket yet. Connect first.";

/// The playground and its socket.
pub(crate) struct Playground {
    fields: Fields,
    panel: Panel,
    event_log: Rc<EventLog>,
    animation_frame: AnimationFrame,
    file: RefCell<Option<File>>,
    connection: RefCell<Option<Connection>>,
    _listeners: Vec<Listener>,
}

/// The socket and the subscription to its events. Dropping them closes the socket and unsubscribes.
struct Connection {
    socket: Socket,
    _subscription: EventSubscription,
}

impl Playground {
    /// Finds the page's elements and adds the listeners.
    pub(crate) fn new() -> Rc<Self> {
        Rc::new_cyclic(|playground: &Weak<Self>| Self {
            fields: Fields::new(),
            panel: Panel::new(),
            event_log: EventLog::new(),
            animation_frame: AnimationFrame::new({
                let playground = playground.clone();
                move || {
                    if let Some(playground) = playground.upgrade() {
                        playground.update_panel();
                    }
                }
            }),
            file: RefCell::default(),
            connection: RefCell::default(),
            _listeners: listeners(playground),
        })
    }

    /// Updates the panel, on each frame while the socket may change without an event.
    pub(crate) fn update_panel(&self) {
        if self.socket().is_some_and(|socket| self.panel.update(&socket)) {
            self.animation_frame.request();
        }
    }

    /// Opens a socket and replaces the previous one.
    fn connect(self: &Rc<Self>) {
        self.fields.clear_errors();
        let fields = &self.fields;
        match Socket::new(&fields.url.input.value(), fields.subprotocols(), fields.uses_js_class()) {
            Ok(socket) => {
                socket.set_binary_type(self.fields.binary_type());
                let playground = Rc::downgrade(self);
                let subscription = socket.subscribe(move |socket, event| {
                    if let Some(playground) = playground.upgrade() {
                        playground.on_event(socket, event);
                    }
                });
                self.event_log.start_socket();
                self.panel.reset(&socket);
                self.connection.replace(Some(Connection { socket, _subscription: subscription }));
                self.update_panel();
            }
            Err(exception) => self.show_exception("new", &exception, &self.fields.url),
        }
    }

    fn set_binary_type(&self) {
        if let Some(socket) = self.socket() {
            socket.set_binary_type(self.fields.binary_type());
        }
    }

    fn send_text(&self) {
        self.fields.clear_errors();
        let Some(socket) = self.socket() else {
            return self.fields.text.show_error(NO_SOCKET);
        };
        let text = self.fields.text.input.value();
        match socket.send_text(&text) {
            Ok(()) => {
                self.fields.text.input.set_value("");
                self.log_sent(&socket, LogEntry::sent_text(&text));
            }
            Err(exception) => self.show_exception("send", &exception, &self.fields.text),
        }
    }

    fn send_file(&self) {
        self.fields.clear_errors();
        let Some(socket) = self.socket() else {
            return self.fields.file.show_error(NO_SOCKET);
        };
        let Some(file) = self.file.borrow().clone() else {
            return self.fields.file.show_error("No file is chosen yet. Choose one first.");
        };
        match socket.send_blob(web_sys::Blob::from(file.clone())) {
            Ok(()) => self.log_sent(&socket, LogEntry::sent_file(&file.name(), fields::size(&file))),
            Err(exception) => self.show_exception("send", &exception, &self.fields.file),
        }
    }

    fn close(&self) {
        self.fields.clear_errors();
        let Some(socket) = self.socket() else {
            return self.fields.close_code.show_error(NO_SOCKET);
        };
        match self.fields.close_code() {
            Ok(code) => match socket.close(code, self.fields.close_reason().as_deref()) {
                Ok(()) => self.update_panel(),
                Err(exception) => self.show_exception("close", &exception, &self.fields.close_code),
            },
            Err(message) => self.fields.close_code.show_error(&message),
        }
    }

    fn choose_file(&self, file: Option<File>) {
        self.fields.show_file(file.as_ref());
        self.file.replace(file);
    }

    fn drop_file(&self, event: &DragEvent) {
        self.fields.highlight_drop_area(false);
        let files = event.data_transfer().and_then(|dropped| dropped.files());
        if let Some(file) = files.and_then(|files| files.get(0)) {
            self.choose_file(Some(file));
        }
    }

    fn on_event(&self, socket: &Socket, event: SocketEvent) {
        let entry = match event {
            SocketEvent::Open => LogEntry::open(socket),
            SocketEvent::Message { data, origin } => return self.on_message(&data, origin),
            SocketEvent::Error => LogEntry::error(),
            SocketEvent::Close { code, reason, was_clean } => {
                self.panel.show_clean(was_clean);
                LogEntry::close(code, &reason, was_clean)
            }
            SocketEvent::Other(text) => LogEntry::from_transcript(text),
        };
        self.event_log.write(&entry);
        self.update_panel();
    }

    fn on_message(&self, data: &Message, origin: String) {
        let entry = match data {
            Message::Text(text) => LogEntry::text_message(text, &origin),
            Message::Binary(bytes) => LogEntry::bytes_message("binary", bytes.len() as u64, bytes, &origin),
            Message::Blob(blob) => {
                // Append the entry now, because the bytes of two Blobs may be read out of order.
                let size = blob.size();
                let item = self.event_log.write(&LogEntry::pending_blob_message(size, &origin));
                let (event_log, first_bytes) = (Rc::clone(&self.event_log), first_bytes(blob));
                return wasm_bindgen_futures::spawn_local(async move {
                    let entry = match first_bytes.bytes().await {
                        Ok(first_bytes) => LogEntry::bytes_message("blob", size, &first_bytes, &origin),
                        Err(error) => LogEntry::failed_blob_message(size, &error.to_string(), &origin),
                    };
                    event_log.fill(&item, &entry);
                });
            }
            other => LogEntry::from_transcript(format!("message {other:?}")),
        };
        self.event_log.write(&entry);
    }

    fn log_sent(&self, socket: &Socket, entry: LogEntry) {
        let sent = socket.ready_state() == ReadyState::Open;
        self.event_log.write(&if sent { entry } else { entry.discarded(socket) });
        self.update_panel();
    }

    fn show_exception(&self, member: &'static str, exception: &ThrownException, fallback: &dyn ErrorDisplay) {
        self.fields.show_exception(exception, fallback);
        self.event_log.write(&LogEntry::exception(member, exception));
    }

    /// Returns a handle of the current socket.
    fn socket(&self) -> Option<Socket> {
        self.connection.borrow().as_ref().map(|connection| connection.socket.clone())
    }
}

/// Adds the listeners for the visitor's actions.
fn listeners(playground: &Weak<Playground>) -> Vec<Listener> {
    let on = |id: &str, event: &'static str, handler: fn(&Rc<Playground>, web_sys::Event)| {
        let playground = playground.clone();
        Listener::new(&dom::by_id::<EventTarget>(id), event, move |event| {
            if let Some(playground) = playground.upgrade() {
                handler(&playground, event);
            }
        })
    };
    vec![
        on("page", "input", |playground, _| playground.fields.clear_errors()),
        on("connect-form", "submit", |playground, event| {
            event.prevent_default();
            playground.connect();
        }),
        on("binary-type", "change", |playground, _| playground.set_binary_type()),
        on("text-form", "submit", |playground, event| {
            event.prevent_default();
            playground.send_text();
        }),
        on("text", "keydown", |playground, event| {
            if is_send_key(event.unchecked_ref()) {
                event.prevent_default();
                playground.send_text();
            }
        }),
        on("file", "change", |playground, _| {
            let files = playground.fields.file.input.files();
            playground.choose_file(files.and_then(|files| files.get(0)));
        }),
        on("drop", "dragover", |playground, event| {
            event.prevent_default();
            playground.fields.highlight_drop_area(true);
        }),
        on("drop", "dragleave", |playground, _| playground.fields.highlight_drop_area(false)),
        on("drop", "drop", |playground, event| {
            event.prevent_default();
            playground.drop_file(event.unchecked_ref());
        }),
        on("file-form", "submit", |playground, event| {
            event.prevent_default();
            playground.send_file();
        }),
        on("close-form", "submit", |playground, event| {
            event.prevent_default();
            playground.close();
        }),
        on("clear", "click", |playground, _| playground.event_log.clear()),
        // Without these, a file that is dropped outside the drop area would replace the page.
        Listener::new(&dom::window(), "dragover", |event| event.prevent_default()),
        Listener::new(&dom::window(), "drop", |event| event.prevent_default()),
    ]
}

/// The key code of a key press that an input method handles: <https://w3c.github.io/uievents/#determine-keydown-keyup-keyCode>.
const INPUT_METHOD: u32 = 229;

/// Returns whether a key press sends the text: Enter without Shift, not repeated, not part of a composition.
fn is_send_key(key: &KeyboardEvent) -> bool {
    // In Safari, the Enter that ends a composition comes after its end. Only the key code tells.
    let is_composing = key.is_composing() || key.key_code() == INPUT_METHOD;
    key.key() == "Enter" && !key.shift_key() && !key.repeat() && !is_composing
}

/// Returns the part of a Blob that is shown, so that the rest need not be read.
fn first_bytes(blob: &Blob) -> Blob {
    let platform = web_sys::Blob::from(blob.clone());
    #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "the number is small")]
    let first_bytes = platform.slice_with_i32_and_i32(0, SHOWN_BYTES as i32);
    first_bytes.map_or_else(|_| blob.clone(), Blob::from)
}
