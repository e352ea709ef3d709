//! The interface of this crate as a subject.

use samesocket::{BinaryType, Blob, Event, Exception, Message, WebSocket};

use crate::script::{Attribute, Payload, Protocols};
use crate::subject::{Received, Subject, SubjectEvent, Thrown, pattern};
use crate::target::{self, MaybeSendSync};

/// `samesocket::WebSocket`.
pub struct Samesocket(WebSocket);

impl Subject for Samesocket {
    const NAME: &'static str = "samesocket";
    const DROP_CLOSES: bool = true;
    const WEB_IDL: bool = false;

    fn construct(
        url: &str,
        protocols: &Protocols,
        listener: impl Fn(SubjectEvent) + MaybeSendSync + 'static,
    ) -> Result<Self, Thrown> {
        let socket = match protocols {
            Protocols::Absent => target::open(url, ()),
            Protocols::One(name) => target::open(url, *name),
            Protocols::List(names) => target::open(url, *names),
            Protocols::Object => unreachable!("a script for subjects with Web IDL"),
        }?;
        socket.subscribe(move |_, event| listener(subject_event(event))).detach();
        Ok(Self(socket))
    }

    fn read(&self, attribute: Attribute) -> String {
        let Self(socket) = self;
        match attribute {
            Attribute::Url => socket.url().to_owned(),
            Attribute::ReadyState => socket.ready_state().to_string(),
            Attribute::BufferedAmount => socket.buffered_amount().to_string(),
            Attribute::Extensions => socket.extensions(),
            Attribute::Protocol => socket.protocol(),
            Attribute::BinaryType => socket.binary_type().to_string(),
        }
    }

    fn send(&self, payload: Payload) -> Result<(), Thrown> {
        let Self(socket) = self;
        match payload {
            Payload::Text(text) => socket.send(&text.to_text()),
            Payload::Bytes(count) => socket.send(&pattern(count)),
            Payload::Blob(count) => socket.send(&Blob::new(&pattern(count))),
        }?;
        Ok(())
    }

    fn close(&self, code: Option<f64>, reason: Option<&str>) -> Result<(), Thrown> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "other codes need Web IDL")]
        let code = code.map(|code| code as u16);
        Ok(self.0.close(code, reason)?)
    }

    fn set_binary_type(&self, value: &str) {
        self.0.set_binary_type(value.parse::<BinaryType>().expect("other values need Web IDL"));
    }
}

fn subject_event(event: &Event) -> SubjectEvent {
    match event {
        Event::Open => SubjectEvent::Open,
        Event::Message(message) => {
            SubjectEvent::Message { data: received(&message.data), origin: message.origin.to_string() }
        }
        Event::Error => SubjectEvent::Error,
        Event::Close(close) => {
            SubjectEvent::Close { code: close.code, reason: close.reason.clone(), was_clean: close.was_clean }
        }
        other => panic!("no script lets events be lost: {other:?}"),
    }
}

pub(super) fn received(message: &Message) -> Received {
    match message {
        Message::Text(text) => Received::Text(text.to_string()),
        Message::Binary(bytes) => Received::Binary(bytes.to_vec()),
        Message::Blob(blob) => {
            let blob = blob.clone();
            Received::Blob(Box::pin(async move { blob.bytes().await.expect("a message can be read").to_vec() }))
        }
        other => panic!("a message of an unknown kind: {other:?}"),
    }
}

impl From<Exception> for Thrown {
    fn from(exception: Exception) -> Self {
        Self { name: exception.name().to_owned(), code: exception.code() }
    }
}
