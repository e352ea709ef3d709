//! `web-sys` with the least that makes its messages a stream: what no client that is awaited can do without.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, Event, MessageEvent, WebSocket};

use super::web_sys::{length, said, send};
use crate::job::Payload;
use crate::streaming::{Result, Streaming};

pub(crate) struct Client {
    socket: WebSocket,
    heard: Rc<Heard>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _signals: [Closure<dyn FnMut(Event)>; 2],
}

/// What has come, and who waits for it.
#[derive(Default)]
struct Heard {
    lengths: RefCell<VecDeque<usize>>,
    is_open: Cell<bool>,
    is_closed: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Heard {
    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    async fn wait<T>(&self, mut has_come: impl FnMut(&Self) -> Option<T>) -> Result<T> {
        poll_fn(|context| match has_come(self) {
            Some(value) => Poll::Ready(Ok(value)),
            None if self.is_closed.get() => Poll::Ready(Err("the connection ended".to_owned())),
            None => {
                self.waker.replace(Some(context.waker().clone()));
                Poll::Pending
            }
        })
        .await
    }
}

impl Streaming for Client {
    type Message = Payload;

    async fn connect(url: &str) -> Result<Self> {
        let socket = WebSocket::new(url).map_err(said)?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let heard = Rc::<Heard>::default();
        let on_message = {
            let heard = Rc::clone(&heard);
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                heard.lengths.borrow_mut().push_back(length(&event));
                heard.wake();
            })
        };
        let signal = |flag: fn(&Heard) -> &Cell<bool>| {
            let heard = Rc::clone(&heard);
            Closure::<dyn FnMut(Event)>::new(move |_| {
                flag(&heard).set(true);
                heard.wake();
            })
        };
        let signals = [signal(|heard| &heard.is_open), signal(|heard| &heard.is_closed)];
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onopen(Some(signals[0].as_ref().unchecked_ref()));
        socket.set_onclose(Some(signals[1].as_ref().unchecked_ref()));
        heard.wait(|heard| heard.is_open.get().then_some(())).await?;
        Ok(Self { socket, heard, _on_message: on_message, _signals: signals })
    }

    fn message(payload: &Payload) -> Payload {
        payload.clone()
    }

    async fn receive(&mut self) -> Result<usize> {
        self.heard.wait(|heard| heard.lengths.borrow_mut().pop_front()).await
    }

    async fn feed(&mut self, message: Payload) -> Result<()> {
        send(&self.socket, &message).map_err(said)
    }

    async fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    async fn close(self) -> Result<()> {
        self.socket.close().map_err(said)?;
        self.heard.wait(|heard| heard.is_closed.get().then_some(())).await
    }
}
