//! The platform's socket, turned into feedback.

use std::cell::Cell;
use std::error::Error;
use std::rc::{Rc, Weak};

use gloo_timers::callback::Interval;
use js_sys::{Array, JsString, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, WebSocket};

use super::listener::Listener;
use super::lookout::Lookout;
use super::surface::Unread;
use super::unread::copied;
use super::{Blob, Options, Time, Url, alone};
use crate::message::Payload;
use crate::platform::{Carry, Clock, Dial, Handed, Receive, Shared, Tasks};
use crate::spec::close::CloseFrame;
use crate::spec::constructor::UrlRecord;
use crate::spec::state::Feedback;
use crate::{BinaryType, Message, Text};

#[wasm_bindgen]
extern "C" {
    /// The platform's socket, for the attribute that `web-sys` narrows to 32 bits.
    #[wasm_bindgen(extends = WebSocket)]
    type Platform;

    #[wasm_bindgen(method, getter, js_name = bufferedAmount)]
    fn buffered_amount_f64(this: &Platform) -> f64;

    /// Sends what the platform holds.
    #[wasm_bindgen(method, catch, js_name = send)]
    fn send_held(this: &Platform, data: &JsValue) -> Result<(), JsValue>;
}

/// How often a Close that waits for blobs looks whether they are gone, in milliseconds.
const LOOK_EVERY: u32 = 10;

/// After how many looks without any progress it waits no longer: 5 s.
const LOOKS: u32 = 500;

/// What is left of a socket.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remains {
    /// The bytes that the platform had queued.
    pub(crate) buffered_amount: u64,
}

impl Remains {
    /// What is left of a socket that nothing else is known of.
    pub(crate) const fn of(buffered_amount: u64) -> Self {
        Self { buffered_amount }
    }

    /// A page is not told why a connection failed.
    #[expect(clippy::unused_self, reason = "natively there is something to tell")]
    pub(crate) fn source(&self) -> Option<&(dyn Error + 'static)> {
        None
    }
}

/// A platform's socket with our listeners; dropping it takes these away and closes nothing.
pub(crate) struct Socket {
    heard: Rc<Heard>,
    /// Whether a blob was sent.
    sent_blob: Cell<bool>,
    lookout: Rc<Lookout>,
    _listeners: [Listener; 4],
}

/// What a socket shares with its listeners.
struct Heard {
    platform: WebSocket,
    receiver: Shared<dyn Receive>,
    lookout: Weak<Lookout>,
    /// Whether messages stay with the platform.
    unread: Cell<bool>,
    /// Whether a message may be a blob, since they were wanted.
    may_be_blob: Cell<bool>,
    /// Whether there is a Close that waits for blobs, and what looks for them.
    close_waits: Cell<bool>,
    waiting_close: Cell<Option<Interval>>,
}

impl Socket {
    /// Starts a connection, whose feedback is given to `receiver`, each in a task of the platform's.
    ///
    /// The arguments have been checked, so `None` says that the platform refuses to start, as it does for mixed
    /// content; the Standard knows no such exception and has the connection fail.
    pub(crate) fn connect(
        url: &Url,
        protocols: &[String],
        binary_type: BinaryType,
        receiver: Shared<dyn Receive>,
    ) -> Option<Self> {
        let list: Array = protocols.iter().map(JsValue::from).collect();
        let platform = WebSocket::new_with_str_sequence(&url.serialize(), &list).ok()?;
        let lookout = Rc::new(Lookout::new(platform.clone(), Rc::clone(&receiver)));
        let heard = Rc::new(Heard {
            platform,
            receiver,
            lookout: Rc::downgrade(&lookout),
            unread: Cell::new(false),
            may_be_blob: Cell::new(false),
            close_waits: Cell::new(false),
            waiting_close: Cell::default(),
        });
        let listeners = [
            heard.listen("open", Heard::on_open),
            heard.listen("error", Heard::on_error),
            heard.listen("message", Heard::on_message),
            heard.listen("close", Heard::on_close),
        ];
        let socket = Self { heard, sent_blob: Cell::new(false), lookout, _listeners: listeners };
        socket.set_binary_type(binary_type);
        Some(socket)
    }

    /// The platform takes no view of shared memory, so a build with threads copies out of it first.
    fn send_bytes(&self, bytes: &[u8]) -> Result<(), JsValue> {
        if cfg!(target_feature = "atomics") {
            self.heard.platform.send_with_js_u8_array(&Uint8Array::from(bytes))
        } else {
            self.heard.platform.send_with_u8_array(bytes)
        }
    }
}

impl Heard {
    fn listen(self: &Rc<Self>, name: &'static str, act: fn(&Self, &JsValue)) -> Listener {
        let heard = Rc::clone(self);
        Listener::new(&self.platform, name, Box::new(move |event| act(&heard, &event)))
    }

    /// Sends what the platform holds.
    fn send_held(&self, data: &JsValue) -> Result<(), JsValue> {
        self.platform.unchecked_ref::<Platform>().send_held(data)
    }

    fn on_open(&self, _: &JsValue) {
        let (protocol, extensions) = (self.platform.protocol(), self.platform.extensions());
        self.receiver.take(Feedback::Established { protocol, extensions });
    }

    fn on_error(&self, _: &JsValue) {
        self.receiver.take(Feedback::Failed);
    }

    fn on_message(&self, event: &JsValue) {
        let event: &MessageEvent = event.unchecked_ref();
        let message = message(event.data(), self.unread.get(), self.may_be_blob.get());
        self.receiver.take_messages(&mut alone(message));
        if let Some(lookout) = self.lookout.upgrade() {
            lookout.look();
        }
    }

    fn on_close(&self, event: &JsValue) {
        let event: &web_sys::CloseEvent = event.unchecked_ref();
        self.receiver.take(Feedback::closed(event.code(), event.reason(), event.was_clean()));
    }
}

impl Dial for Options {
    fn dial(
        &self,
        url: &Url,
        protocols: &[String],
        binary_type: BinaryType,
        _tasks: &Tasks,
        receiver: Shared<dyn Receive>,
    ) -> Option<Shared<dyn Carry>> {
        Socket::connect(url, protocols, binary_type, receiver).map(|socket| Shared::new(socket) as _)
    }

    fn tasks(&self) -> Tasks {
        Tasks
    }

    fn clock(&self) -> Shared<dyn Clock> {
        Shared::new(Time)
    }
}

impl Carry for Socket {
    /// The platform has started it, and tells of it in tasks to come.
    fn start(&self) {}

    /// Whether the platform has seen a closing handshake start, of which no event tells.
    fn is_closing(&self) -> bool {
        self.heard.platform.ready_state() >= WebSocket::CLOSING
    }

    /// What the platform knows now, for the time after it was let go of.
    fn remains(&self) -> Remains {
        Remains { buffered_amount: buffered_amount(&self.heard.platform) }
    }

    /// Sets how binary messages arrive from the next one on.
    fn set_binary_type(&self, binary_type: BinaryType) {
        self.heard.platform.set_binary_type(match binary_type {
            BinaryType::Blob => {
                self.heard.may_be_blob.set(true);
                web_sys::BinaryType::Blob
            }
            BinaryType::ArrayBuffer => web_sys::BinaryType::Arraybuffer,
        });
    }

    /// Hands data to the platform, which is OPEN; whether it took it.
    fn send(&self, payload: Payload<'_>) -> Handed {
        let sent = match payload {
            Payload::Text(text, _) => self.heard.platform.send_with_str(text),
            Payload::Binary(bytes, _) => self.send_bytes(bytes),
            Payload::Blob(blob) => {
                self.sent_blob.set(true);
                self.heard.send_held(blob.as_platform())
            }
            Payload::Unread(unread) => self.heard.send_held(unread.as_platform()),
        };
        Handed::if_taken(sent.is_ok())
    }

    /// Starts the closing handshake, or fails a connection that is not established.
    ///
    /// A Close must not overtake a blob that was sent before, but in WebKit it does, and the blob is lost. So it waits
    /// until the platform has nothing queued, if there may be a blob, or takes no more.
    fn close(&self, frame: CloseFrame<'_>) {
        if !self.sent_blob.get() || buffered_amount(&self.heard.platform) == 0 {
            return close(&self.heard.platform, frame);
        }
        let frame = frame.map(|(code, reason)| (code, reason.to_owned()));
        let heard = Rc::clone(&self.heard);
        let (least, looks) = (Cell::new(buffered_amount(&self.heard.platform)), Cell::new(0));
        let look = move || {
            let queued = buffered_amount(&heard.platform);
            looks.set(if queued < least.get() { 0 } else { looks.get() + 1 });
            least.set(least.get().min(queued));
            if queued == 0 || looks.get() == LOOKS {
                close(&heard.platform, frame.as_ref().map(|(code, reason)| (*code, &**reason)));
                heard.close_waits.set(false);
                heard.waiting_close.take();
            }
        };
        self.heard.close_waits.set(true);
        self.heard.waiting_close.set(Some(Interval::new(LOOK_EVERY, look)));
    }

    /// Whether the closing handshake that was asked for has still to be started.
    fn has_waiting_close(&self) -> bool {
        self.heard.close_waits.get()
    }

    fn watch(&self) {
        self.lookout.watch();
    }

    fn keep_unread(&self) {
        self.heard.unread.set(true);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // The interval refers to its own place, so that it can end itself.
        self.heard.waiting_close.take();
    }
}

pub(super) fn buffered_amount(platform: &WebSocket) -> u64 {
    // The platform counts in a double, which holds every integer up to 2^53.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let bytes = platform.unchecked_ref::<Platform>().buffered_amount_f64() as u64;
    bytes
}

fn close(platform: &WebSocket, frame: CloseFrame<'_>) {
    // The arguments have been checked, and an absent code is left out: an engine takes `undefined` for zero.
    let _ = match frame {
        None => platform.close(),
        Some((code, reason)) => platform.close_with_code_and_reason(code, reason),
    };
}

/// Makes a message of what an event carries, with one copy out of the platform for text and bytes that are read.
fn message(data: JsValue, unread: bool, may_be_blob: bool) -> Message {
    if may_be_blob && data.is_instance_of::<web_sys::Blob>() {
        Message::Blob(Blob::from(data.unchecked_into::<web_sys::Blob>()))
    } else if unread {
        Message::Unread(Unread::of_platform(data))
    } else if data.is_string() {
        Message::Text(Text::from(String::from(data.unchecked_into::<JsString>())))
    } else {
        Message::Binary(copied(&Uint8Array::new(&data)))
    }
}
