//! `web-sys` with the least code that makes its messages a stream: a lower bound for every client that is awaited.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, Event, MessageEvent, WebSocket};

use super::web_sys::{length, said, send};
use crate::job::Payload;
use crate::streams::{Result, StreamClient};

pub(crate) struct Client {
    socket: WebSocket,
    received: Rc<Received>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _signals: [Closure<dyn FnMut(Event)>; 2],
}

/// The received events, and the waker of the task that waits.
#[derive(Default)]
struct Received {
    lengths: RefCell<VecDeque<usize>>,
    is_open: Cell<bool>,
    is_closed: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Received {
    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    async fn wait<T>(&self, mut take: impl FnMut(&Self) -> Option<T>) -> Result<T> {
        poll_fn(|context| match take(self) {
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

impl StreamClient for Client {
    type Message = Payload;

    async fn connect(url: &str) -> Result<Self> {
        let socket = WebSocket::new(url).map_err(said)?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let received = Rc::<Received>::default();
        let on_message = {
            let received = Rc::clone(&received);
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                received.lengths.borrow_mut().push_back(length(&event));
                received.wake();
            })
        };
        let signal = |flag: fn(&Received) -> &Cell<bool>| {
            let received = Rc::clone(&received);
            Closure::<dyn FnMut(Event)>::new(move |_| {
                flag(&received).set(true);
                received.wake();
            })
        };
        let signals = [signal(|received| &received.is_open), signal(|received| &received.is_closed)];
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onopen(Some(signals[0].as_ref().unchecked_ref()));
        socket.set_onclose(Some(signals[1].as_ref().unchecked_ref()));
        received.wait(|received| received.is_open.get().then_some(())).await?;
        Ok(Self { socket, received, _on_message: on_message, _signals: signals })
    }

    fn message(payload: &Payload) -> Payload {
        payload.clone()
    }

    async fn receive(&mut self) -> Result<usize> {
        self.received.wait(|received| received.lengths.borrow_mut().pop_front()).await
    }

    async fn feed(&mut self, message: Payload) -> Result<()> {
        send(&self.socket, &message).map_err(said)
    }

    async fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    async fn close(self) -> Result<()> {
        self.socket.close().map_err(said)?;
        self.received.wait(|received| received.is_closed.get().then_some(())).await
    }
}
