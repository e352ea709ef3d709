//! The task that has a socket, and does what handles elsewhere ask for.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use futures::channel::{mpsc, oneshot};
use futures::future::{FutureExt, join4};
use futures::stream::StreamExt;

use super::{Error, Socket};
use crate::connection::closed::Closed;
use crate::platform::BoxFuture;
use crate::socket::{Receiver, Sender};
use crate::types::binary_type::BinaryType;
use crate::types::blob::BlobError;
use crate::types::message::Message;
use crate::types::owned_message::OwnedMessage;
use samesocket_spec::{CloseEvent, ReadyState};

/// The task that has the socket of a [`Remote`](crate::Remote), for [`Socket::into_remote_by`]; it ends with the
/// connection.
///
/// Dropped before, it closes the socket without a code.
#[must_use = "nothing is received or sent unless it is polled"]
pub struct RemoteDriver(BoxFuture<()>);

/// The actor's ends of the ways between it and the handles.
pub(super) struct Ends {
    pub(super) items: mpsc::Sender<Item>,
    /// Ends when the receiving half is dropped.
    pub(super) receiver: oneshot::Receiver<()>,
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) questions: mpsc::Receiver<Question>,
    pub(super) end: oneshot::Sender<CloseEvent>,
}

/// What goes to the receiving half.
pub(super) enum Item {
    Message(OwnedMessage),
    /// After it there is nothing.
    Error(Error<OwnedMessage>),
    End,
}

/// A message to send.
pub(super) struct Order {
    pub(super) parcel: OwnedMessage,
    pub(super) answer: oneshot::Sender<Result<(), Error<OwnedMessage>>>,
}

/// What is asked of a socket, beside sending.
pub(super) enum Question {
    Close(Option<u16>, Option<String>, oneshot::Sender<Result<CloseEvent, Error<OwnedMessage>>>),
    Drained(oneshot::Sender<Result<(), Error<OwnedMessage>>>),
    Look(oneshot::Sender<(ReadyState, u64)>),
}

impl RemoteDriver {
    pub(super) fn new(socket: Socket, ends: Ends) -> Self {
        socket.core().connection.set_binary_type(BinaryType::ArrayBuffer);
        let closed = socket.closed();
        let (sender, receiver) = socket.split();
        let Ends { items, receiver: presence, orders, questions, end } = ends;
        // Each part lets go of its handle when those who ask it are gone; waiting for the end takes none.
        let parts = join4(
            receive(receiver, items, presence),
            send(sender.clone(), orders),
            answer(sender, questions),
            tell_end(closed, end),
        );
        Self(Box::pin(parts.map(drop)))
    }

    pub(super) fn into_boxed(self) -> BoxFuture<()> {
        self.0
    }
}

impl Future for RemoteDriver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for RemoteDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Actor")
    }
}

/// Hands over what comes, once there is room on the way.
async fn receive(mut receiver: Receiver, mut items: mpsc::Sender<Item>, mut presence: oneshot::Receiver<()>) {
    loop {
        let next = poll_fn(|context| {
            if presence.poll_unpin(context).is_ready() || ready!(items.poll_ready(context)).is_err() {
                return Poll::Ready(None);
            }
            receiver.poll_receive(context).map(Some)
        });
        let Some(next) = next.await else { return };
        let item = match next {
            None => Item::End,
            Some(Err(error)) => Item::Error(error.without_message()),
            Some(Ok(message)) => match parcel_of(message).await {
                Ok(parcel) => Item::Message(parcel),
                Err(error) => Item::Error(Error::Unreadable(error)),
            },
        };
        let is_last = !matches!(item, Item::Message(_));
        if items.start_send(item).is_err() || is_last {
            return;
        }
    }
}

/// Takes what a message holds, which of a blob has to be read.
async fn parcel_of(message: Message) -> Result<OwnedMessage, BlobError> {
    Ok(match message {
        Message::Text(text) => OwnedMessage::Text(text),
        Message::Binary(bytes) => OwnedMessage::Binary(bytes),
        Message::Lazy(unread) => unread.read(),
        Message::Blob(blob) => OwnedMessage::Binary(blob.bytes().await?),
    })
}

/// Sends what is to be sent, one message after the other, each once there is room.
async fn send(sender: Sender, mut orders: mpsc::Receiver<Order>) {
    let mut waiting = Waiting { orders: VecDeque::new(), known: 0 };
    loop {
        let order = waiting.orders.pop_front();
        let Some(Order { parcel, mut answer }) = (match order {
            Some(order) => Some(order),
            None => orders.next().await,
        }) else {
            return;
        };
        {
            let mut room = pin!(sender.room());
            // Who does not wait any more has nothing sent.
            poll_fn(|context| {
                while let Poll::Ready(Some(order)) = orders.poll_next_unpin(context) {
                    waiting.push(order);
                }
                if answer.poll_canceled(context).is_ready() { Poll::Ready(()) } else { room.as_mut().poll(context) }
            })
            .await;
        }
        if !answer.is_canceled() {
            let sent = sender.hand_over(parcel.clone().into()).map_err(|_| Error::NotOpen(parcel));
            drop(answer.send(sent));
        }
    }
}

/// The orders behind the one that waits for room.
struct Waiting {
    orders: VecDeque<Order>,
    /// How many of them somebody waited for when that was looked at.
    known: usize,
}

impl Waiting {
    /// Adds one; what nobody waits for any more is dropped when it could be as much as the rest.
    fn push(&mut self, order: Order) {
        self.orders.push_back(order);
        if self.orders.len() > 2 * self.known + FEW {
            self.orders.retain(|order| !order.answer.is_canceled());
            self.known = self.orders.len();
        }
    }
}

/// So many orders are kept in any case.
const FEW: usize = 16;

/// Answers what is asked; waits are waited for side by side, and no longer than somebody wants the answer.
async fn answer(sender: Sender, mut questions: mpsc::Receiver<Question>) {
    let control = sender.control();
    let mut waits: Vec<BoxFuture<()>> = Vec::new();
    loop {
        let question = poll_fn(|context| {
            let _ = poll_all(&mut waits, context);
            questions.poll_next_unpin(context)
        });
        match question.await {
            None => break,
            Some(Question::Look(answer)) => drop(answer.send((control.ready_state(), control.buffered_amount()))),
            Some(Question::Close(code, reason, answer)) => {
                let closing = control.close(code, reason.as_deref());
                let closed = async { closing.await.map_err(Error::without_message) };
                waits.push(Box::pin(answer_later(answer, closed)));
            }
            Some(Question::Drained(answer)) => {
                let sender = sender.clone();
                let drained = async move { sender.drained().await.map_err(Error::without_message) };
                waits.push(Box::pin(answer_later(answer, drained)));
            }
        }
    }
    // Nobody can ask any more, but who has asked to close may still wait for the end.
    drop((control, sender));
    poll_fn(|context| poll_all(&mut waits, context)).await;
}

/// Polls what is waited for, and drops what has ended; ready when all has.
fn poll_all(waits: &mut Vec<BoxFuture<()>>, context: &mut Context<'_>) -> Poll<()> {
    waits.retain_mut(|wait| wait.as_mut().poll(context).is_pending());
    if waits.is_empty() { Poll::Ready(()) } else { Poll::Pending }
}

async fn answer_later<T>(mut answer: oneshot::Sender<T>, value: impl Future<Output = T>) {
    let value = {
        let mut value = pin!(value);
        poll_fn(|context| match answer.poll_canceled(context) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => value.as_mut().poll(context).map(Some),
        })
        .await
    };
    if let Some(value) = value {
        drop(answer.send(value));
    }
}

async fn tell_end(closed: Closed, end: oneshot::Sender<CloseEvent>) {
    drop(end.send(closed.await));
}
