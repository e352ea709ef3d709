//! `ewebsock`, with its handler.

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::rc::Rc;

use ewebsock::{Options, WsEvent, WsMessage, WsSender, ws_connect};

use crate::calling::{Calling, Tally};
use crate::job::Payload;
use crate::streaming::Result;

/// The handler has to be `Send`, so that it cannot own what it works with.
struct Place {
    tally: Rc<Tally>,
    sender: Option<WsSender>,
}

thread_local! {
    static PLACE: RefCell<Option<Place>> = const { RefCell::new(None) };
}

pub(crate) struct Client;

impl Calling for Client {
    fn connect(url: &str, tally: &Rc<Tally>) -> Result<Self> {
        PLACE.set(Some(Place { tally: Rc::clone(tally), sender: None }));
        let sender = ws_connect(url.to_owned(), Options::default(), Box::new(on_event))?;
        PLACE.with_borrow_mut(|place| place.as_mut().map(|place| place.sender.replace(sender)));
        Ok(Self)
    }

    fn send(&self, payload: &Payload) -> Result<()> {
        with_sender(|sender| sender.send(message(payload)))
    }

    fn close(&self) -> Result<()> {
        with_sender(WsSender::close)
    }
}

fn on_event(event: WsEvent) -> ControlFlow<()> {
    PLACE.with_borrow_mut(|place| {
        let Some(Place { tally, sender }) = place else { return };
        match event {
            WsEvent::Opened => tally.opened(),
            WsEvent::Message(WsMessage::Text(text)) => answer(tally, sender.as_mut(), text.len()),
            WsEvent::Message(WsMessage::Binary(bytes)) => answer(tally, sender.as_mut(), bytes.len()),
            WsEvent::Closed => tally.closed(),
            _ => {}
        }
    });
    ControlFlow::Continue(())
}

fn answer(tally: &Tally, sender: Option<&mut WsSender>, length: usize) {
    if let (Some(reply), Some(sender)) = (tally.message(length), sender) {
        sender.send(message(reply));
    }
}

fn message(payload: &Payload) -> WsMessage {
    match payload {
        Payload::Text(text) => WsMessage::Text(text.clone()),
        Payload::Binary(bytes) => WsMessage::Binary(bytes.to_vec()),
    }
}

fn with_sender(what: impl FnOnce(&mut WsSender)) -> Result<()> {
    PLACE.with_borrow_mut(|place| match place {
        Some(Place { sender: Some(sender), .. }) => {
            what(sender);
            Ok(())
        }
        _ => Err("there is no sender".to_owned()),
    })
}
