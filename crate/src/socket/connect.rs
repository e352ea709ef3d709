//! Connecting: a builder that is a future.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::FusedFuture;

use super::core::Settings;
use super::feed::{Change, Feed};
use super::heartbeat::Heartbeat;
use super::patience::{self, Patience, Watch};
use super::{ConnectError, ConnectionFailed, Core, Socket};
use crate::backlog::Room;
use crate::listen::Listen;
use crate::platform::{self, Clock, Dial, HIGH_WATER_MARK, Options, RECEIVE_LIMIT, Shared, Sleep};
use crate::spec::subprotocol::Offer;
use crate::{BinaryType, CloseEvent, IntoProtocols, Message, WebSocket};

/// How long connecting may take, unless it is set.
const TIMEOUT: Duration = Duration::from_mins(1);

/// How long the closing handshake may take, unless it is set.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// How much may wait to be taken where the peer can be made to wait, unless it is set.
const PAUSING_RECEIVE_LIMIT: (usize, u64) = (1024, 1 << 20);

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
    Connect { step: Step::Planned(Box::new(Plan::new(url.into()))) }
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
    step: Step,
}

enum Step {
    Planned(Box<Plan>),
    Opening(Box<Opening>),
    Done,
}

/// What was chosen.
struct Plan {
    url: String,
    base: Option<String>,
    offer: Offer,
    binary_type: BinaryType,
    timeout: Duration,
    /// How messages are to be given, if not as they come: a program that does not ask for it links nothing of it.
    unread: Option<Change>,
    /// Chosen, or that of who makes the connection.
    limit: Option<Room>,
    settings: Settings,
    /// Who loses patience, if anybody does.
    watch: Option<Box<dyn Watch>>,
    dial: Shared<dyn Dial>,
    has_usual_dial: bool,
    /// Looks for another way to connect, if that was asked for.
    pausing: Option<Look>,
}

/// Finds who makes connections in another way, where there is one.
type Look = fn() -> Option<Shared<dyn Dial>>;

struct Opening {
    core: Shared<Core>,
    watch: Option<Box<dyn Watch>>,
    deadline: Sleep,
    timeout: Duration,
}

impl Connect {
    /// Offers subprotocols, in the order of preference: one name or a list, see [`IntoProtocols`]; none unless it is set.
    pub fn subprotocols(self, protocols: impl IntoProtocols) -> Self {
        self.with(|plan| plan.offer = Offer::of(protocols.into_protocols()))
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
        self.with(|plan| plan.settings.close_timeout = timeout)
    }

    /// Sets how long the stream may wait for a message, before it ends with [`Error::Idle`](crate::Error::Idle) and the
    /// connection is closed with 4008; for ever unless it is set.
    ///
    /// Only the time counts in which the stream is waited for.
    pub fn idle_timeout(self, timeout: Duration) -> Self {
        self.watched(|patience| patience.idle_timeout = Some(timeout))
    }

    /// Has the peer asked whether it is still there when nothing comes; when no answer comes in time, the stream ends with
    /// [`Error::NoAnswer`](crate::Error::NoAnswer) and the connection is closed with 4008. It is never asked unless it is
    /// set.
    ///
    /// Only the time counts in which the stream is waited for.
    pub fn heartbeat(self, heartbeat: Heartbeat) -> Self {
        self.watched(|patience| patience.heartbeat = Some(heartbeat))
    }

    /// Sets how many bytes may be queued, by bufferedAmount, before a sender waits: natively 1 MiB unless it is set, in a
    /// browser 8 MiB.
    ///
    /// No more than this and one message is queued. More than the default makes nothing faster, less lets what is sent next
    /// leave sooner where the line is slow; [backpressure](crate::guide::backpressure) has what was measured.
    pub fn high_water_mark(self, bytes: u64) -> Self {
        self.with(|plan| plan.settings.high_water_mark = bytes)
    }

    /// Sets how many messages may wait to be taken, and from how many bytes on nothing more is taken; one message always
    /// has room.
    ///
    /// Natively, 1024 and 1 MiB unless it is set: at the limit, the socket stops to read, and the peer has to wait. In a
    /// browser, whose socket cannot be stopped, 65,536 and 64 MiB: the message for which there is no room is an
    /// [`Error::ReceiveLimit`](crate::Error::ReceiveLimit) after those that wait, and the connection is closed with 4009.
    pub fn receive_limit(self, messages: usize, bytes: u64) -> Self {
        self.with(|plan| plan.limit = Some(Room { messages: messages.max(1), bytes: bytes.max(1) }))
    }

    /// Has the peer wait at the [receive limit](Self::receive_limit), where the engine can: by `WebSocketStream`, which
    /// Chromium has. The limit is then 1024 messages and 1 MiB unless it is set.
    ///
    /// Elsewhere the socket is the ordinary one, which [`Control::makes_peer_wait`](crate::Control::makes_peer_wait) tells;
    /// natively every socket makes its peer wait. Of such a socket, bufferedAmount is what the engine's stream has not yet
    /// taken, and that the peer starts to close is seen at its end only.
    pub fn make_peer_wait(self) -> Self {
        self.with(|plan| plan.pausing = Some(platform::pausing))
    }

    /// Gives messages unread, as [`Message::Unread`](crate::Message::Unread): in a browser the platform holds them, and a
    /// program that only forwards or measures them copies nothing. Blobs stay what they are.
    ///
    /// At the [receive limit](Self::receive_limit) a text counts two bytes for each of its UTF-16 units, in a browser. What
    /// [`Heartbeat`] has to know as an answer is unread, too.
    pub fn unread(self) -> Self {
        self.with(|plan| plan.unread = Some(Message::into_unread))
    }

    /// Sets what binary messages are received as; unlike the interface's, the default is bytes.
    pub fn binary_type(self, binary_type: BinaryType) -> Self {
        self.with(|plan| plan.binary_type = binary_type)
    }

    /// Gives the clock of the connection that is to be made.
    pub(crate) fn clock(&self) -> Option<Shared<dyn Clock>> {
        match &self.step {
            Step::Planned(plan) => Some(plan.dial.clock()),
            Step::Opening(opening) => Some(Shared::clone(&opening.core.clock)),
            Step::Done => None,
        }
    }

    /// Sets who makes the connection.
    pub(crate) fn by(self, dial: Shared<dyn Dial>) -> Self {
        self.with(|plan| (plan.dial, plan.has_usual_dial) = (dial, false))
    }

    fn watched(self, choose: impl FnOnce(&mut Patience)) -> Self {
        self.with(|plan| choose(plan.watch.get_or_insert_with(patience::watch).patience()))
    }

    fn with(mut self, choose: impl FnOnce(&mut Plan)) -> Self {
        // What is under way is not changed any more.
        if let Step::Planned(plan) = &mut self.step {
            choose(plan);
        }
        self
    }
}

impl Plan {
    fn new(url: String) -> Self {
        Self {
            url,
            base: None,
            offer: Offer::default(),
            binary_type: BinaryType::ArrayBuffer,
            timeout: TIMEOUT,
            unread: None,
            limit: None,
            settings: Settings {
                high_water_mark: HIGH_WATER_MARK,
                close_timeout: CLOSE_TIMEOUT,
                makes_peer_wait: false,
            },
            watch: None,
            dial: Shared::new(Options::default()),
            has_usual_dial: true,
            pausing: None,
        }
    }

    fn start(mut self) -> Result<Box<Opening>, ConnectError> {
        let mut limit = RECEIVE_LIMIT;
        if self.has_usual_dial
            && let Some(pausing) = self.pausing.and_then(|pausing| pausing())
        {
            (self.dial, limit) = (pausing, PAUSING_RECEIVE_LIMIT);
        }
        self.settings.makes_peer_wait = self.dial.pauses();
        let (messages, bytes) = limit;
        let feed = Shared::new(Feed::new(self.limit.unwrap_or(Room { messages, bytes }), self.unread));
        let listener: Shared<dyn Listen> = Shared::<Feed>::clone(&feed);
        let base = self.base.as_deref();
        let socket = WebSocket::dial(&self.url, base, self.offer, self.binary_type, &*self.dial, listener)?;
        if self.unread.is_some() {
            socket.connection().keep_unread();
        }
        let clock = self.dial.clock();
        let deadline = clock.sleep(self.timeout);
        let core = Shared::new(Core { socket, feed, clock, settings: self.settings });
        Ok(Box::new(Opening { core, watch: self.watch, deadline, timeout: self.timeout }))
    }
}

impl Opening {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        if let Poll::Ready(opened) = self.core.feed.poll_open(context) {
            // The only end without a failure is that of a connection that was open.
            let unknown = || ConnectionFailed::new(CloseEvent::abnormal(), self.core.socket.connection().remains());
            return Poll::Ready(opened.map_err(|failed| ConnectError::Failed(failed.unwrap_or_else(unknown))));
        }
        self.deadline.as_mut().poll(context).map(|()| Err(ConnectError::TimedOut { after: self.timeout }))
    }
}

impl Future for Connect {
    type Output = Result<Socket, ConnectError>;

    /// Goes on with connecting; polled after it has ended, it stays pending.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut opening = match std::mem::replace(&mut self.step, Step::Done) {
            Step::Planned(plan) => plan.start()?,
            Step::Opening(opening) => opening,
            Step::Done => return Poll::Pending,
        };
        let Poll::Ready(opened) = opening.poll(context) else {
            self.step = Step::Opening(opening);
            return Poll::Pending;
        };
        Poll::Ready(opened.map(|()| Socket::new(opening.core, opening.watch)))
    }
}

impl FusedFuture for Connect {
    fn is_terminated(&self) -> bool {
        matches!(self.step, Step::Done)
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match &self.step {
            Step::Planned(_) => "planned",
            Step::Opening(_) => "opening",
            Step::Done => "done",
        };
        f.debug_struct("Connect").field("step", &step).finish_non_exhaustive()
    }
}
