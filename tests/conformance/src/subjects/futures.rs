//! Our futures API: what connecting gives as `open`, what the stream gives as the other events.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures::future::{AbortHandle, abortable};
use futures::{FutureExt, Sink};
use samesocket::{
    BinaryType, Blob, CloseEvent, Connect, ConnectError, Control, Error, Message, ReadyState, Sender, Socket,
};

use super::samesocket::received;
use crate::place::{self, Anywhere};
use crate::script::{Attribute, Payload, Protocols};
use crate::subject::{Happening, Member, Subject, Thrown, pattern};

/// A socket from `samesocket::connect`, split: one task receives, the sink sends, the control does the rest.
pub struct Futures {
    /// There once the connection is open.
    open: Arc<Mutex<Option<Open>>>,
    done: Arc<AtomicBool>,
    task: AbortHandle,
}

struct Open {
    sender: Sender,
    control: Control,
}

const NOT_OPEN_YET: &str =
    "before it is open there is no socket to ask: connecting is a future, which gives one or an error";
const NOT_OPEN: &str = "from CLOSING on, a send is an error that hands the message back, and nothing is counted";
const BINARY_TYPE: &str = "the binary type is chosen before connecting, for good";
const UNCLEAN: &str = "a close that is not clean is a failure, be there an error event or not: one error, and the end";

impl Subject for Futures {
    const NAME: &'static str = "futures";
    const DROP_CLOSES: bool = true;
    const WEB_IDL: bool = false;

    fn construct(
        url: &str,
        protocols: &Protocols,
        listener: impl Fn(Happening) + Anywhere + 'static,
    ) -> Result<Self, Thrown> {
        // The interface's default.
        Self::construct_with(url, protocols, "blob", listener)
    }

    fn construct_with(
        url: &str,
        protocols: &Protocols,
        binary_type: &str,
        listener: impl Fn(Happening) + Anywhere + 'static,
    ) -> Result<Self, Thrown> {
        let connect = place::dial(url).binary_type(binary_type.parse::<BinaryType>().expect("a known value"));
        // The scripts have no room to wait for.
        let connect = connect.high_water_mark(u64::MAX);
        let mut connect = match protocols {
            Protocols::Absent => connect,
            Protocols::One(name) => connect.subprotocols(*name),
            Protocols::List(names) => connect.subprotocols(*names),
            Protocols::Object => unreachable!("a script for subjects with Web IDL"),
        };
        // The arguments are checked when it is polled first.
        let polled = connect.poll_unpin(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(Err(ConnectError::Exception(exception))) = polled {
            return Err(exception.into());
        }
        assert!(polled.is_pending(), "nothing comes of connecting before the task ends");
        let (open, done) = (Arc::default(), Arc::default());
        let (task, handle) = abortable(converse(connect, Arc::clone(&open), Arc::clone(&done), listener));
        place::drive(Box::pin(task.map(drop)));
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
        assert!(matches!(ready, Poll::Ready(Ok(()))), "there is room for {ready:?}");
        sink.start_send(message).expect("it is open");
        Ok(())
    }

    fn close(&self, code: Option<f64>, reason: Option<&str>) -> Result<(), Thrown> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "other codes need Web IDL")]
        let code = code.map(|code| code as u16);
        let was_done = self.done.swap(true, Ordering::AcqRel);
        // It has been started; nobody need wait.
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

/// Connects and receives, and tells of it as the interface does.
///
/// Unlike the interface, the API still gives what had arrived before a close of ours: a program that is `done` reads on for
/// the end alone.
async fn converse(
    connect: Connect,
    place: Arc<Mutex<Option<Open>>>,
    done: Arc<AtomicBool>,
    listener: impl Fn(Happening),
) {
    let socket = match connect.await {
        Ok(socket) => socket,
        Err(ConnectError::Failed(failed)) => {
            listener(Happening::Error);
            return listener(closed(failed.event().clone()));
        }
        Err(error) => panic!("{error}"),
    };
    let origin = origin(&socket);
    let (sender, mut receiver) = socket.split();
    let control = sender.control();
    let end = control.closed();
    *lock(&place) = Some(Open { sender, control });
    // From now on the subject owns what keeps the socket open, but for the receiver.
    let place = Arc::downgrade(&place);
    listener(Happening::Open);
    while let Some(item) = receiver.next().await {
        if place.strong_count() == 0 {
            return;
        }
        match item {
            Ok(_) if done.load(Ordering::Acquire) => {}
            Ok(message) => listener(Happening::Message { data: received(&message), origin: origin.clone() }),
            Err(Error::Failed(_)) => listener(Happening::Error),
            Err(error) => panic!("{error}"),
        }
    }
    listener(closed(end.await));
}

fn closed(event: CloseEvent) -> Happening {
    Happening::Close { code: event.code, reason: event.reason, was_clean: event.was_clean }
}

/// A message of this API has no origin: whoever connected knows it.
fn origin(socket: &Socket) -> String {
    let url = socket.url();
    let end = url.match_indices('/').nth(2).map_or(url.len(), |(index, _)| index);
    url[..end].to_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
