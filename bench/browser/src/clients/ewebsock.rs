//! `ewebsock`, with its handler.

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::rc::Rc;

use ewebsock::{Options, WsEvent, WsMessage, WsSender, ws_connect};

use crate::callbacks::{CallbackClient, Counter};
use crate::job::Payload;
use crate::streams::Result;

/// The handler must be `Send`, so it cannot own the sender and the counter.
struct Handler {
    counter: Rc<Counter>,
    sender: Option<WsSender>,
}

thread_local! {
    static HANDLER: RefCell<Option<Handler>> = const { RefCell::new(None) };
}

pub(crate) struct Client;

impl CallbackClient for Client {
    fn connect(url: &str, counter: &Rc<Counter>) -> Result<Self> {
        HANDLER.set(Some(Handler { counter: Rc::clone(counter), sender: None }));
        let sender = ws_connect(url.to_owned(), Options::default(), Box::new(on_event))?;
        HANDLER.with_borrow_mut(|handler| handler.as_mut().map(|handler| handler.sender.replace(sender)));
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
    HANDLER.with_borrow_mut(|handler| {
        let Some(Handler { counter, sender }) = handler else { return };
        match event {
            WsEvent::Opened => counter.opened(),
            WsEvent::Message(WsMessage::Text(text)) => answer(counter, sender.as_mut(), text.len()),
            WsEvent::Message(WsMessage::Binary(bytes)) => answer(counter, sender.as_mut(), bytes.len()),
            WsEvent::Closed => counter.closed(),
            _ => {}
        }
    });
    ControlFlow::Continue(())
}

fn answer(counter: &Counter, sender: Option<&mut WsSender>, length: usize) {
    if let (Some(reply), Some(sender)) = (counter.message(length), sender) {
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
    HANDLER.with_borrow_mut(|handler| match handler {
        Some(Handler { sender: Some(sender), .. }) => {
            what(sender);
            Ok(())
        }
        _ => Err("there is no sender".to_owned()),
    })
}
