//! Connecting: a builder that is a future.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::FusedFuture;

use super::endpoint::{AskForRoom, Change, Endpoint};
use super::heartbeat::Heartbeat;
use super::watchdog::{self, Patience, Watch};
use super::{ConnectError, Socket, SocketCore};
use crate::connection::Connection;
use crate::platform::{
    self, Backend, Clock, HIGH_WATER_MARK, MAKE_LAZY, MAKE_SUBPROTOCOL_LIST, MakeSubprotocolList, Options,
    RECEIVE_LIMIT, ReceiveMode, Sleep, Url,
};
use crate::queue::Capacity;
use crate::sync::{MaybeSend, MaybeSync, Shared};
use crate::types::binary_type::BinaryType;
use crate::types::message::Message;
use crate::types::subprotocol::IntoProtocols;
use samesocket_spec::constructor;
use samesocket_spec::subprotocol::Offer;

/// How long connecting may take, unless it is set.
const TIMEOUT: Duration = Duration::from_mins(1);

/// How long the closing handshake may take, unless it is set.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// How much may wait to be taken where the peer can be made to wait, unless it is set.
const PAUSING_RECEIVE_LIMIT: Capacity = Capacity { messages: 1024, bytes: 1 << 20 };

/// Connects to `url`; see [`Connect`] for what can be chosen.
///
/// ```no_run
/// # async fn example() -> Result<(), samesocket::ConnectError> {
/// use std::time::Duration;
///
/// let socket = samesocket::connect("wss://example.com/chat")
///     .subprotocols(["chat.v2", "chat.v1"])
///     .timeout(Duration::from_secs(10))
///     .await?;
/// # Ok(())
/// # }
/// ```
pub fn connect(url: impl Into<String>) -> Connect {
    Connect { plan: Some(Plan { url: url.into(), chosen: None }), opening: None }
}

/// A connection that is to be made, from [`connect`]: a builder, and a future that gives an open [`Socket`].
///
/// Nothing happens before it is polled. Dropped or timed out, at any point, the connection is given up: the server sees it
/// gone, and nothing is called any more.
///
/// # Errors
///
/// A [`ConnectError`] tells which of these happened: an argument is at fault, the connection failed, the time ran out.
#[must_use = "nothing is done unless it is awaited"]
pub struct Connect {
    /// Until it is polled.
    plan: Option<Plan>,
    opening: Option<Opening>,
}

struct Plan {
    url: String,
    /// None, if that is the [usual](USUAL).
    chosen: Option<Box<dyn Choose>>,
}

/// What a choice is to who makes none: a program that does not links nothing of it.
trait Choose: MaybeSend + MaybeSync {
    /// Gives what was chosen, to be changed.
    fn choice(&mut self) -> &mut Choice;

    /// Gives the clock of the connection that is to be made.
    fn clock(&self) -> Shared<dyn Clock>;

    /// Begins to connect. The URL goes by value, since a call of four words through a table has a program of a page link
    /// whatever else in its tables takes as many: of `bytes`, a kilobyte that nobody calls.
    fn start(self: Box<Self>, url: String) -> Result<Opening, ConnectError>;
}

/// What can be chosen.
struct Choice {
    base: Option<String>,
    offer: Option<(Offer, MakeSubprotocolList)>,
    form: ReceiveMode,
    timeout: Duration,
    /// How messages are to be given, if not as they come: a program that does not ask for it links nothing of it.
    lazy: Option<Change>,
    /// Chosen, or that of who makes the connection.
    limit: Option<Capacity>,
    high_water_mark: u64,
    close_timeout: Duration,
    /// Who loses patience, if anybody does.
    watch: Option<Box<dyn Watch>>,
    /// Who makes the connection, if not the platform as it is.
    dial: Option<Shared<dyn Backend>>,
    /// Looks for another way to connect, if that was asked for.
    backpressure_backend: Option<Look>,
    /// What tells of room for messages, if connections are such that anybody may ask.
    room: Option<AskForRoom>,
}

/// Finds who makes connections in another way, where there is one.
type Look = fn() -> Option<Shared<dyn Backend>>;

/// What is chosen unless it is set.
const USUAL: &Choice = &Choice::USUAL;

struct Opening {
    core: Shared<SocketCore>,
    watch: Option<Box<dyn Watch>>,
    deadline: Sleep,
    /// How long that is.
    timeout: Duration,
}

impl Connect {
    /// Offers subprotocols, in the order of preference: one name or a list, see [`IntoProtocols`]; none unless it is set.
    pub fn subprotocols(self, protocols: impl IntoProtocols) -> Self {
        self.with(|plan| plan.offer = Some((Offer::new(protocols.into_protocols()), MAKE_SUBPROTOCOL_LIST)))
    }

    /// Sets the URL that the given one is relative to; unless it is set, that is the API base URL in a browser, and none
    /// natively.
    pub fn base_url(self, base: impl Into<String>) -> Self {
        self.with(|plan| plan.base = Some(base.into()))
    }

    /// Sets how long connecting may take; a minute unless it is set.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|plan| plan.timeout = timeout)
    }

    /// Sets how long the closing handshake is waited for; ten seconds unless it is set.
    pub fn close_timeout(self, timeout: Duration) -> Self {
        self.with(|plan| plan.close_timeout = timeout)
    }

    /// Sets how long the stream may wait for a message, before it ends with [`Error::Idle`](crate::Error::Idle) and the
    /// connection is closed with 4008; for ever unless it is set.
    ///
    /// It counts from the poll that finds nothing, until there is something to take; that it is over, a poll finds, too.
    pub fn idle_timeout(self, timeout: Duration) -> Self {
        self.watched(|patience| patience.idle_timeout = Some(timeout))
    }

    /// Has the peer asked whether it is still there when nothing comes; when no answer comes in time, the stream ends with
    /// [`Error::NoAnswer`](crate::Error::NoAnswer) and the connection is closed with 4008. It is never asked unless it is
    /// set.
    ///
    /// Silence counts as it does for the [idle timeout](Self::idle_timeout): while nobody polls the stream, nothing is asked.
    pub fn heartbeat(self, heartbeat: Heartbeat) -> Self {
        self.watched(|patience| patience.heartbeat = Some(heartbeat))
    }

    /// Sets how many bytes may be queued, by bufferedAmount, before a sender waits: natively 1 MiB unless it is set, in a
    /// browser 8 MiB.
    ///
    /// No more than this and one message of each sender is queued. More than the default makes nothing faster, less lets what is sent next
    /// leave sooner where the line is slow; [backpressure](crate::guide::backpressure) has what was measured.
    pub fn high_water_mark(self, bytes: u64) -> Self {
        self.with(|plan| plan.high_water_mark = bytes)
    }

    /// Sets how many messages may wait to be taken, and from how many bytes on nothing more is taken; one message always
    /// has room.
    ///
    /// Natively, 1024 and 1 MiB unless it is set: at the limit, the socket stops to read, and the peer has to wait. In a
    /// browser, whose socket cannot be stopped, 65,536 and 64 MiB: the message for which there is no room is an
    /// [`Error::ReceiveLimit`](crate::Error::ReceiveLimit) after those that wait, and the connection is closed with 4009.
    pub fn receive_limit(self, messages: usize, bytes: u64) -> Self {
        self.with(|plan| plan.limit = Some(Capacity { messages: messages.max(1), bytes: bytes.max(1) }))
    }

    /// Has the peer wait at the [receive limit](Self::receive_limit), where the engine can: by `WebSocketStream`, which
    /// Chromium has. The limit is then 1024 messages and 1 MiB unless it is set.
    ///
    /// Elsewhere the socket is the ordinary one, which [`Control::has_backpressure`](crate::Control::makes_peer_wait) tells;
    /// natively every socket makes its peer wait. Of such a socket, bufferedAmount is what the engine's stream has not yet
    /// taken, and that the peer starts to close is seen at its end only. A page in Chromium 156 does not survive the loss of such
    /// a connection while something waits to be written: see [backpressure](crate::guide::backpressure).
    pub fn with_backpressure(self) -> Self {
        self.with(|plan| {
            plan.backpressure_backend = Some(platform::backpressure_backend);
            plan.room = Some(Endpoint::ask_for_room);
        })
    }

    /// Gives messages unread, as [`Message::Lazy`](crate::Message::Lazy): in a browser the platform holds them, and a
    /// program that only forwards or measures them copies nothing. Blobs stay what they are.
    ///
    /// At the [receive limit](Self::receive_limit) a text counts two bytes for each of its UTF-16 units, in a browser. What
    /// [`Heartbeat`] has to know as an answer is unread, too.
    pub fn lazy(self) -> Self {
        self.with(|plan| (plan.lazy, plan.form.make_lazy) = (Some(Message::make_lazy as Change), Some(MAKE_LAZY)))
    }

    /// Sets what binary messages are received as; unlike the interface's, the default is bytes.
    pub fn binary_type(self, binary_type: BinaryType) -> Self {
        self.with(|plan| plan.form = ReceiveMode { make_lazy: plan.form.make_lazy, ..binary_type.into() })
    }

    /// Gives the clock of the connection that is to be made.
    pub(crate) fn clock(&self) -> Option<Shared<dyn Clock>> {
        if let Some(opening) = &self.opening {
            return Some(Shared::clone(&opening.core.clock));
        }
        let chosen = &self.plan.as_ref()?.chosen;
        Some(chosen.as_ref().map_or_else(|| Options::default().clock(), |chosen| chosen.clock()))
    }

    /// Sets who makes the connection.
    pub(crate) fn by(self, dial: Shared<dyn Backend>) -> Self {
        self.with(|plan| {
            plan.dial = Some(dial);
            plan.room = Some(Endpoint::ask_for_room);
        })
    }

    fn watched(self, choose: impl FnOnce(&mut Patience)) -> Self {
        self.with(|plan| choose(plan.watch.get_or_insert_with(watchdog::watch).patience()))
    }

    fn with(mut self, choose: impl FnOnce(&mut Choice)) -> Self {
        // What is under way is not changed any more.
        if let Some(plan) = &mut self.plan {
            choose(plan.chosen.get_or_insert_with(|| Box::new(Choice::USUAL)).choice());
        }
        self
    }
}

impl Choice {
    const USUAL: Self = Self {
        base: None,
        offer: None,
        form: ReceiveMode::BYTES,
        timeout: TIMEOUT,
        lazy: None,
        limit: None,
        high_water_mark: HIGH_WATER_MARK,
        close_timeout: CLOSE_TIMEOUT,
        watch: None,
        dial: None,
        backpressure_backend: None,
        room: if platform::SUPPORTS_BACKPRESSURE { Some(Endpoint::ask_for_room) } else { None },
    };
}

impl Choose for Choice {
    fn choice(&mut self) -> &mut Choice {
        self
    }

    fn clock(&self) -> Shared<dyn Clock> {
        self.dial.as_ref().map_or_else(|| Options::default().clock(), |dial| dial.clock())
    }

    fn start(mut self: Box<Self>, url: String) -> Result<Opening, ConnectError> {
        let url = constructor::get_a_url_record(Url::parse(&url, self.base.as_deref()), &url, self.base.as_deref())?;
        let (protocols, list) = match &self.offer {
            Some((offer, list)) => (offer.checked()?, Some(*list)),
            None => (Vec::new(), None),
        };
        let usual = Options::default();
        let backpressure_backend = if self.dial.is_none() {
            self.backpressure_backend.and_then(|backpressure_backend| backpressure_backend())
        } else {
            None
        };
        let limit = if backpressure_backend.is_some() { PAUSING_RECEIVE_LIMIT } else { RECEIVE_LIMIT };
        let dial = backpressure_backend.as_deref().or(self.dial.as_deref()).unwrap_or(&usual);
        let mut opening = Opening::new(url, protocols, list, &self, self.limit.unwrap_or(limit), dial);
        opening.watch = self.watch.take();
        Ok(opening)
    }
}

impl Plan {
    fn start(self) -> Result<Opening, ConnectError> {
        if let Some(chosen) = self.chosen {
            return chosen.start(self.url);
        }
        let url = constructor::get_a_url_record(Url::parse(&self.url, None), &self.url, None)?;
        Ok(Opening::new(url, Vec::new(), None, USUAL, RECEIVE_LIMIT, &Options::default()))
    }
}

impl Opening {
    /// Starts a connection; the arguments have been checked.
    fn new(
        url: Url,
        protocols: Vec<String>,
        list: Option<MakeSubprotocolList>,
        choice: &Choice,
        limit: Capacity,
        dial: &dyn Backend,
    ) -> Self {
        let feed = Endpoint::new(limit, choice.lazy, choice.room);
        let connection = Connection::establish(url, protocols, list, choice.form, dial, dial.tasks(), feed);
        let clock = dial.clock();
        let &Choice { timeout, high_water_mark, close_timeout, .. } = choice;
        let deadline = clock.sleep(timeout);
        let has_backpressure = dial.has_backpressure();
        let core = Shared::new(SocketCore { connection, clock, has_backpressure, high_water_mark, close_timeout });
        Self { core, watch: None, deadline, timeout }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        if let Poll::Ready(opened) = self.core.feed().poll_open(context) {
            return Poll::Ready(if opened {
                Ok(())
            } else {
                Err(ConnectError::Failed(self.core.feed().take_failure()))
            });
        }
        let timed_out = |()| Err(ConnectError::TimedOut { after: self.timeout });
        self.deadline.as_mut().poll(context).map(timed_out)
    }
}

impl Future for Connect {
    type Output = Result<Socket, ConnectError>;

    /// Goes on with connecting; polled after it has ended, it stays pending.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(plan) = self.plan.take() {
            self.opening = Some(plan.start()?);
        }
        let Some(opening) = &mut self.opening else { return Poll::Pending };
        let Poll::Ready(opened) = opening.poll(context) else { return Poll::Pending };
        let Some(Opening { core, watch, .. }) = self.opening.take() else { return Poll::Pending };
        Poll::Ready(opened.map(|()| Socket::new(core, watch)))
    }
}

impl FusedFuture for Connect {
    fn is_terminated(&self) -> bool {
        self.plan.is_none() && self.opening.is_none()
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match (&self.plan, &self.opening) {
            (Some(_), _) => "planned",
            (None, Some(_)) => "opening",
            (None, None) => "done",
        };
        f.debug_struct("Connect").field("step", &step).finish_non_exhaustive()
    }
}
