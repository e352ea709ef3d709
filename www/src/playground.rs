//! The program: what the page does when someone acts on it and when the socket says something.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use samesocket::{Blob, Message, ReadyState};
use wasm_bindgen::prelude::*;
use web_sys::{DragEvent, EventTarget, File, KeyboardEvent};

use crate::fields::{self, Faulty, Fields};
use crate::frames::Frames;
use crate::journal::Journal;
use crate::page::{self, Listener};
use crate::panel::Panel;
use crate::socket::{Happening, Hearing, Refusal, Socket};
use crate::transcript::{Line, SHOWN_BYTES};

const NO_SOCKET: &str = "there is no socket yet: connect first";

/// The page and its socket.
pub(crate) struct Playground {
    fields: Fields,
    panel: Panel,
    journal: Rc<Journal>,
    frames: Frames,
    file: RefCell<Option<File>>,
    connection: RefCell<Option<Connection>>,
    _listeners: Vec<Listener>,
}

/// The socket, and the guard of our hearing of it. Dropping both closes the one and ends the other.
struct Connection {
    socket: Socket,
    _hearing: Hearing,
}

impl Playground {
    /// Takes possession of the page.
    pub(crate) fn new() -> Rc<Self> {
        Rc::new_cyclic(|playground: &Weak<Self>| Self {
            fields: Fields::new(),
            panel: Panel::new(),
            journal: Journal::new(),
            frames: Frames::new({
                let playground = playground.clone();
                move || {
                    if let Some(playground) = playground.upgrade() {
                        playground.observe();
                    }
                }
            }),
            file: RefCell::default(),
            connection: RefCell::default(),
            _listeners: listeners(playground),
        })
    }

    /// Shows what the socket is now, and keeps looking while that may change without an event.
    pub(crate) fn observe(&self) {
        if let Some(socket) = self.socket()
            && self.panel.observe(&socket)
        {
            self.frames.request();
        }
    }

    /// Opens a socket in the place of the one that there may be.
    fn connect(self: &Rc<Self>) {
        self.fields.accept();
        let fields = &self.fields;
        match Socket::new(&fields.url.input.value(), fields.subprotocols(), fields.is_of_class()) {
            Ok(socket) => {
                socket.set_binary_type(self.fields.binary_type());
                let playground = Rc::downgrade(self);
                let hearing = socket.hear(move |socket, happening| {
                    if let Some(playground) = playground.upgrade() {
                        playground.hear(socket, happening);
                    }
                });
                self.journal.divide();
                self.panel.begin(&socket);
                self.connection.replace(Some(Connection { socket, _hearing: hearing }));
                self.observe();
            }
            Err(refusal) => self.refuse("new", &refusal, &self.fields.url),
        }
    }

    fn set_binary_type(&self) {
        if let Some(socket) = self.socket() {
            socket.set_binary_type(self.fields.binary_type());
        }
    }

    fn send_text(&self) {
        self.fields.accept();
        let Some(socket) = self.socket() else {
            return self.fields.text.refuse(NO_SOCKET);
        };
        let text = self.fields.text.input.value();
        match socket.send_text(&text) {
            Ok(()) => {
                self.fields.text.input.set_value("");
                self.note_sent(&socket, Line::sent_text(&text));
            }
            Err(refusal) => self.refuse("send", &refusal, &self.fields.text),
        }
    }

    fn send_file(&self) {
        self.fields.accept();
        let Some(socket) = self.socket() else {
            return self.fields.file.refuse(NO_SOCKET);
        };
        let Some(file) = self.file.borrow().clone() else {
            return self.fields.file.refuse("there is no file yet: choose one first");
        };
        match socket.send_blob(web_sys::Blob::from(file.clone())) {
            Ok(()) => self.note_sent(&socket, Line::sent_file(&file.name(), fields::size(&file))),
            Err(refusal) => self.refuse("send", &refusal, &self.fields.file),
        }
    }

    fn close(&self) {
        self.fields.accept();
        let Some(socket) = self.socket() else {
            return self.fields.close_code.refuse(NO_SOCKET);
        };
        match self.fields.close_code() {
            Ok(code) => match socket.close(code, self.fields.close_reason().as_deref()) {
                Ok(()) => self.observe(),
                Err(refusal) => self.refuse("close", &refusal, &self.fields.close_code),
            },
            Err(fault) => self.fields.close_code.refuse(&fault),
        }
    }

    fn choose(&self, file: Option<File>) {
        self.fields.show_file(file.as_ref());
        self.file.replace(file);
    }

    fn take_dropped(&self, event: &DragEvent) {
        self.fields.show_drag(false);
        let files = event.data_transfer().and_then(|dropped| dropped.files());
        if let Some(file) = files.and_then(|files| files.get(0)) {
            self.choose(Some(file));
        }
    }

    fn hear(&self, socket: &Socket, happening: Happening) {
        let line = match happening {
            Happening::Open => Line::open(socket),
            Happening::Message { data, origin } => return self.hear_message(&data, origin),
            Happening::Error => Line::error(),
            Happening::Close { code, reason, was_clean } => {
                self.panel.show_clean(was_clean);
                Line::close(code, &reason, was_clean)
            }
            Happening::Other(text) => Line::known(text),
        };
        self.journal.write(&line);
        self.observe();
    }

    fn hear_message(&self, data: &Message, origin: String) {
        let line = match data {
            Message::Text(text) => Line::text_message(text, &origin),
            Message::Binary(bytes) => Line::bytes_message("binary", bytes.len() as u64, bytes, &origin),
            Message::Blob(blob) => {
                // The entry takes its place now: the bytes of two Blobs need not arrive in order.
                let size = blob.size();
                let entry = self.journal.write(&Line::unread_message(size, &origin));
                let (journal, start) = (Rc::clone(&self.journal), start(blob));
                return wasm_bindgen_futures::spawn_local(async move {
                    let line = match start.bytes().await {
                        Ok(start) => Line::bytes_message("blob", size, &start, &origin),
                        Err(error) => Line::unreadable_message(size, &error.to_string(), &origin),
                    };
                    journal.fill(&entry, &line);
                });
            }
            other => Line::known(format!("message {other:?}")),
        };
        self.journal.write(&line);
    }

    fn note_sent(&self, socket: &Socket, line: Line) {
        let went = socket.ready_state() == ReadyState::Open;
        self.journal.write(&if went { line } else { line.discarded(socket) });
        self.observe();
    }

    fn refuse(&self, member: &'static str, refusal: &Refusal, otherwise: &dyn Faulty) {
        self.fields.refuse(refusal, otherwise);
        self.journal.write(&Line::exception(member, refusal));
    }

    /// The socket, as a handle that lasts as long as one act.
    fn socket(&self) -> Option<Socket> {
        self.connection.borrow().as_ref().map(|connection| connection.socket.clone())
    }
}

/// Listens to everything that a person does.
fn listeners(playground: &Weak<Playground>) -> Vec<Listener> {
    let on = |id: &str, event: &'static str, act: fn(&Rc<Playground>, web_sys::Event)| {
        let playground = playground.clone();
        Listener::new(&page::by_id::<EventTarget>(id), event, move |event| {
            if let Some(playground) = playground.upgrade() {
                act(&playground, event);
            }
        })
    };
    vec![
        on("page", "input", |playground, _| playground.fields.accept()),
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
            if sends(event.unchecked_ref()) {
                event.prevent_default();
                playground.send_text();
            }
        }),
        on("file", "change", |playground, _| {
            let files = playground.fields.file.input.files();
            playground.choose(files.and_then(|files| files.get(0)));
        }),
        on("drop", "dragover", |playground, event| {
            event.prevent_default();
            playground.fields.show_drag(true);
        }),
        on("drop", "dragleave", |playground, _| playground.fields.show_drag(false)),
        on("drop", "drop", |playground, event| {
            event.prevent_default();
            playground.take_dropped(event.unchecked_ref());
        }),
        on("file-form", "submit", |playground, event| {
            event.prevent_default();
            playground.send_file();
        }),
        on("close-form", "submit", |playground, event| {
            event.prevent_default();
            playground.close();
        }),
        on("clear", "click", |playground, _| playground.journal.clear()),
        // A file that misses the drop area would otherwise take the place of the page.
        Listener::new(&page::window(), "dragover", |event| event.prevent_default()),
        Listener::new(&page::window(), "drop", |event| event.prevent_default()),
    ]
}

/// Whether a key in the text sends it: Enter alone, neither held down nor ending a composition.
fn sends(key: &KeyboardEvent) -> bool {
    key.key() == "Enter" && !key.shift_key() && !key.repeat() && !key.is_composing()
}

/// The bytes of a Blob that are shown; the rest need not be read.
fn start(blob: &Blob) -> Blob {
    let platform = web_sys::Blob::from(blob.clone());
    #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "it is a few bytes")]
    let start = platform.slice_with_i32_and_i32(0, SHOWN_BYTES as i32);
    start.map_or_else(|_| blob.clone(), Blob::from)
}
