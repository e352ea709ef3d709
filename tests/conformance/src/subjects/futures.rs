//! The futures API as a subject: the end of connecting is `open`, and stream items are the other events.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures::future::{AbortHandle, abortable};
use futures::{FutureExt, Sink};
use samesocket::{
    BinaryType, Blob, CloseEvent, Connect, ConnectError, Control, Error, Message, ReadyState, Sender, Socket,
};

use super::samesocket::received;
use crate::script::{Attribute, Payload, Protocols};
use crate::subject::{Member, Subject, SubjectEvent, Thrown, pattern};
use crate::target::{self, MaybeSendSync};

/// A split socket of `samesocket::connect`: a task receives, the sink sends, and the control does the rest.
pub struct Futures {
    /// The sending half, once the connection is open.
    open: Arc<Mutex<Option<Open>>>,
    /// Whether `close` was called, so that later messages are discarded.
    done: Arc<AtomicBool>,
    task: AbortHandle,
}

struct Open {
    sender: Sender,
    control: Control,
}

const NOT_OPEN_YET: &str = "the futures API has no socket before the connection is open: connecting is a future";
const NOT_OPEN: &str = "in the states CLOSING and CLOSED, send returns an error with the message and counts nothing";
const BINARY_TYPE: &str = "the binary type is set before connecting and cannot be changed";
const UNCLEAN: &str = "an unclean close is reported as one error, even without an error event";

impl Subject for Futures {
    const NAME: &'static str = "futures";
    const DROP_CLOSES: bool = true;
    const WEB_IDL: bool = false;

    fn construct(
        url: &str,
        protocols: &Protocols,
        listener: impl Fn(SubjectEvent) + MaybeSendSync + 'static,
    ) -> Result<Self, Thrown> {
        // The interface's default.
        Self::construct_with(url, protocols, "blob", listener)
    }

    fn construct_with(
        url: &str,
        protocols: &Protocols,
        binary_type: &str,
        listener: impl Fn(SubjectEvent) + MaybeSendSync + 'static,
    ) -> Result<Self, Thrown> {
        let connect = target::connect_to(url).binary_type(binary_type.parse::<BinaryType>().expect("a known value"));
        // The scripts do not wait for send capacity.
        let connect = connect.high_water_mark(u64::MAX);
        let mut connect = match protocols {
            Protocols::Absent => connect,
            Protocols::One(name) => connect.subprotocols(*name),
            Protocols::List(names) => connect.subprotocols(*names),
            Protocols::Object => unreachable!("a script for subjects with Web IDL"),
        };
        // The first poll checks the arguments.
        let polled = connect.poll_unpin(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(Err(ConnectError::Exception(exception))) = polled {
            return Err(exception.into());
        }
        assert!(polled.is_pending(), "connecting does not end within the constructor's task");
        let (open, done) = (Arc::default(), Arc::default());
        let (task, handle) = abortable(converse(connect, Arc::clone(&open), Arc::clone(&done), listener));
        target::spawn_in_events(Box::pin(task.map(drop)));
        Ok(Self { open, done, task: handle })
    }

    fn lacks(&self, member: Member) -> Option<&'static str> {
        if matches!(member, Member::SetBinaryType | Member::Attribute(Attribute::BinaryType)) {
            return Some(BINARY_TYPE);
        }
        match (&*lock(&self.open), member) {
            (None, _) => Some(NOT_OPEN_YET),
            (Some(open), Member::Send) if open.control.ready_state() != ReadyState::Open => {
                let sent = open.sender.try_send("lost?".into());
                assert!(matches!(sent, Err(Error::NotOpen(_))), "{sent:?}");
                Some(NOT_OPEN)
            }
            _ => None,
        }
    }

    fn reword(expected: &mut Vec<String>) -> Option<&'static str> {
        let is_bare = |(index, line): (usize, &String)| {
            let has_error = index > 0 && expected[index - 1].starts_with("error");
            (line.starts_with("close ") && line.contains(" unclean") && !has_error).then_some(index)
        };
        let bare = expected.iter().enumerate().find_map(is_bare)?;
        expected.insert(bare, "error".to_owned());
        Some(UNCLEAN)
    }

    fn read(&self, attribute: Attribute) -> String {
        let control = self.control();
        match attribute {
            Attribute::Url => control.url().to_owned(),
            Attribute::ReadyState => control.ready_state().to_string(),
            Attribute::BufferedAmount => control.buffered_amount().to_string(),
            Attribute::Extensions => control.extensions(),
            Attribute::Protocol => control.protocol(),
            Attribute::BinaryType => unreachable!("there is no such attribute"),
        }
    }

    fn send(&self, payload: Payload) -> Result<(), Thrown> {
        let message = match payload {
            Payload::Text(text) => Message::from(text.to_text()),
            Payload::Bytes(count) => pattern(count).into(),
            Payload::Blob(count) => Blob::new(&pattern(count)).into(),
        };
        let mut sender = lock(&self.open).as_ref().expect("it is open").sender.clone();
        let mut sink = std::pin::Pin::new(&mut sender);
        let ready = sink.as_mut().poll_ready(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(ready, Poll::Ready(Ok(()))), "the sink is not ready: {ready:?}");
        sink.start_send(message).expect("it is open");
        Ok(())
    }

    fn close(&self, code: Option<f64>, reason: Option<&str>) -> Result<(), Thrown> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "other codes need Web IDL")]
        let code = code.map(|code| code as u16);
        let was_done = self.done.swap(true, Ordering::AcqRel);
        // The closing handshake has started, and the script waits for the event.
        match self.control().close(code, reason).now_or_never() {
            Some(Err(Error::Exception(exception))) => {
                self.done.store(was_done, Ordering::Release);
                Err(exception.into())
            }
            Some(Err(error)) => panic!("{error}"),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    fn set_binary_type(&self, _: &str) {
        unreachable!("there is no such attribute");
    }
}

impl Futures {
    fn control(&self) -> Control {
        lock(&self.open).as_ref().expect("it is open").control.clone()
    }
}

impl Drop for Futures {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Release);
        self.task.abort();
    }
}

/// Connects and receives, and reports events as the interface does.
///
/// Unlike the interface, the API still delivers messages that arrived before a local close. Once `done` is set, messages
/// are discarded, as the interface does.
async fn converse(
    connect: Connect,
    target: Arc<Mutex<Option<Open>>>,
    done: Arc<AtomicBool>,
    listener: impl Fn(SubjectEvent),
) {
    let socket = match connect.await {
        Ok(socket) => socket,
        Err(ConnectError::Failed(failed)) => {
            listener(SubjectEvent::Error);
            return listener(closed(failed.event().clone()));
        }
        Err(error) => panic!("{error}"),
    };
    let origin = origin(&socket);
    let (sender, mut receiver) = socket.split();
    let control = sender.control();
    let end = control.closed();
    *lock(&target) = Some(Open { sender, control });
    // From now on only the subject and the receiver keep the socket open.
    let target = Arc::downgrade(&target);
    listener(SubjectEvent::Open);
    while let Some(item) = receiver.next().await {
        if target.strong_count() == 0 {
            return;
        }
        match item {
            Ok(_) if done.load(Ordering::Acquire) => {}
            Ok(message) => listener(SubjectEvent::Message { data: received(&message), origin: origin.clone() }),
            Err(Error::Failed(_)) => listener(SubjectEvent::Error),
            Err(error) => panic!("{error}"),
        }
    }
    listener(closed(end.await));
}

fn closed(event: CloseEvent) -> SubjectEvent {
    SubjectEvent::Close { code: event.code, reason: event.reason, was_clean: event.was_clean }
}

/// Returns the origin of the URL, because messages of this API have none.
fn origin(socket: &Socket) -> String {
    let url = socket.url();
    let end = url.match_indices('/').nth(2).map_or(url.len(), |(index, _)| index);
    url[..end].to_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
