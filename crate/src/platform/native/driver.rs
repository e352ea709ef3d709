//! The task of one socket: it moves bytes between a stream and the protocol, minds the clock, and tells what happens.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::task::yield_now;
use tokio::time::{Sleep, sleep_until};

use super::burst::Burst;
use super::line::Line;
use super::options::{CookieStore, Stream};
use super::socket::{Channel, Link};
use super::turn::Turn;
use super::{Failure, Options, Url, connect, pieces};
use crate::CloseEvent;
use crate::backlog::Room;
use crate::platform::{Receive, Shared};
use crate::spec::constructor::UrlRecord;
use crate::spec::state::Feedback;
use crate::wire::connection::Tcp;

/// After how long without any byte a connection gives back what memory it can do without.
const QUIET: Duration = Duration::from_secs(5);

/// After how many rounds the task lets others have a turn.
const ROUNDS: usize = 32;

/// A future that ends with its connection.
pub(super) struct Driver {
    link: Arc<Link>,
    receiver: Shared<dyn Receive>,
    connecting: Option<Connecting>,
    /// Whether the stream is one of ours, so that nothing of a user's runs where it is written to.
    ours: bool,
    clock: Clock,
    cookies: Option<(Arc<dyn CookieStore>, String)>,
    /// Whether bytes were written that somebody waits for.
    written: bool,
    /// How much is told before others have a turn.
    portion: Room,
    /// Messages on their way from the protocol to the receiver.
    burst: Burst,
    done: bool,
}

/// How much is told in one go, at most, where who takes it may share the thread: as much as is still near the processor then.
const PORTION: Room = Room { messages: 1024, bytes: 64 << 10 };

/// The same on the background thread, which is at no user's disposal.
const LARGE_PORTION: Room = Room { messages: 4096, bytes: 1 << 20 };

/// What came after the messages that were gathered.
enum Gathered {
    /// There is no room for what may follow.
    Full,
    /// Nothing does.
    Nothing,
    Other(Feedback<()>),
}

type Connecting = Pin<Box<dyn Future<Output = Result<Box<dyn Stream>, Failure>> + Send>>;

impl Driver {
    pub(super) fn new(link: Arc<Link>, url: Url, options: Options, receiver: Shared<dyn Receive>) -> Self {
        let ours = options.makes_stream();
        let portion = if options.is_on_background_thread() { LARGE_PORTION } else { PORTION };
        let cookies = options.cookies.clone().map(|store| (store, url.serialize()));
        Self {
            link,
            receiver,
            connecting: Some(Box::pin(connect::connect(url, options))),
            ours,
            clock: Clock::default(),
            cookies,
            written: false,
            portion,
            burst: Burst::default(),
            done: false,
        }
    }

    /// Tells the receiver what the protocol has to tell; pending, when the receiver has no room for more, or nothing is `left`
    /// of the portion.
    ///
    /// Messages that came together are told together, so that nobody is woken for each.
    fn tell(&mut self, context: &Context<'_>, left: &mut Room) -> Poll<()> {
        while !left.is_none() {
            // A user who has closed takes no more messages: what comes is discarded, so that the end is seen.
            let closing = self.link.channel.lock().closing;
            let room = if closing { *left } else { ready!(self.receiver.poll_room(context)).min(*left) };
            let now = self.link.now();
            let (gathered, told) = self.link.channel.lock().gather(&mut self.burst, room, now);
            left.remove(told.messages, told.bytes);
            let messages = self.burst.messages();
            if !messages.is_empty() {
                self.receiver.take_messages(messages);
            }
            match gathered {
                Gathered::Full => {}
                Gathered::Nothing => return Poll::Ready(()),
                Gathered::Other(feedback) => {
                    self.keep_cookies();
                    self.receiver.take(feedback);
                }
            }
        }
        Poll::Pending
    }

    /// Tells the receiver that bytes were written, if it waits for that.
    fn tell_of_writing(&mut self) {
        if std::mem::take(&mut self.written) && self.receiver.sent() {
            self.link.channel.lock().watched = true;
        }
    }

    /// Gives the cookies of the answer to the store, before anybody is told of the answer.
    fn keep_cookies(&mut self) {
        let Some((store, url)) = &self.cookies else { return };
        let Some(response) = self.link.channel.lock().wire.take_response() else { return };
        let fields = response.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("Set-Cookie"));
        let values: Vec<&[u8]> = fields.map(|(_, value)| &**value).collect();
        if !values.is_empty() {
            store.set_cookies(url, &values);
        }
        self.cookies = None;
    }

    /// Goes on with making the stream; whether there is something new.
    fn connect(&mut self, context: &mut Context<'_>) -> bool {
        let Some(connecting) = &mut self.connecting else { return false };
        let Poll::Ready(connected) = connecting.as_mut().poll(context) else { return false };
        self.connecting = None;
        match connected {
            Ok(stream) => self.link.channel.lock().line = Some(Line::new(stream, self.ours)),
            Err(failure) => self.link.channel.lock().lose(failure),
        }
        true
    }

    /// Does all there is to do at present; ready when nothing will be left to do.
    fn drive(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut left = self.portion;
        for _ in 0..ROUNDS {
            self.link.tasks.run();
            self.tell_of_writing();
            let told = self.tell(context, &mut left).is_ready();
            let mut moved = self.connect(context);
            let channel = &mut *self.link.channel.lock();
            let now = self.link.now();
            moved |= std::mem::take(&mut channel.touched);
            moved |= channel.send_waiting(context, now);
            match channel.wire.tcp() {
                // Nothing will be told any more, once all is.
                Tcp::Close if told && !moved => {
                    self.done = true;
                    return Poll::Ready(());
                }
                Tcp::Close => (self.connecting, channel.line) = (None, None),
                Tcp::Keep | Tcp::Linger => {
                    if let Some(mut line) = channel.line.take() {
                        moved |= line.exchange(context, channel, told && !left.is_none(), now);
                        channel.line = Some(line);
                    }
                }
            }
            if moved {
                self.clock.note(now);
                // Asked for anew by who still waits; in this order, nobody who begins to wait meanwhile is forgotten.
                self.written = std::mem::take(&mut channel.watched);
            }
            if left.is_none() {
                break;
            }
            if !moved {
                if !self.clock.poll(context, &self.link, channel, now) {
                    (channel.awake, channel.busy) = (false, self.clock.look_at.is_some());
                    return Poll::Pending;
                }
                if self.clock.look_at.is_none() {
                    self.burst = Burst::default();
                    pieces::give_back();
                }
            }
        }
        // What the clock has to say is acted on however much there is to read.
        let now = self.link.now();
        self.clock.poll(context, &self.link, &mut self.link.channel.lock(), now);
        // Others have a turn: above all who was told, who may share the thread and had better take what there is before more
        // is read. Merely woken, this task would come before the future that a runtime blocks on.
        let _ = pin!(yield_now()).poll(context);
        Poll::Pending
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let _turn = Turn::take();
        self.link.tasks.driver().register(context.waker());
        self.link.channel.lock().wake_up(context.waker());
        ready!(self.drive(context));
        let line = self.link.channel.lock().line.take();
        if let Some(mut line) = line {
            // TLS says farewell, if it can at once.
            let _ = Pin::new(&mut line.stream).poll_shutdown(context);
        }
        self.link.tasks.end();
        Poll::Ready(())
    }
}

impl Drop for Driver {
    /// A runtime that ends drops its tasks: the connection has failed.
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let _turn = Turn::take();
        self.connecting = None;
        let line = {
            let mut channel = self.link.channel.lock();
            channel.failure = Some(Failure::Runtime);
            channel.line.take()
        };
        drop(line);
        self.receiver.take(Feedback::Failed);
        self.receiver.take(Feedback::Closed(CloseEvent::abnormal()));
        self.link.tasks.end();
    }
}

impl Channel {
    /// Gathers the messages that have come, as long as there is room; how much is taken of that, too.
    fn gather(&mut self, burst: &mut Burst, room: Room, now: Duration) -> (Gathered, Room) {
        let mut rest = room;
        while !rest.is_none() {
            let other = self.wire.lend_feedback(now, |feedback| match feedback.into_message() {
                Ok(lent) => {
                    rest.remove(1, lent.len() as u64);
                    burst.push(lent);
                    None
                }
                Err(other) => Some(other),
            });
            match other {
                None => return (Gathered::Nothing, rest.left_of(room)),
                Some(None) => {}
                Some(Some(feedback)) => return (Gathered::Other(feedback), rest.left_of(room)),
            }
        }
        (Gathered::Full, rest.left_of(room))
    }

    /// Notes that the driver is at work, and who wakes it when it is not.
    fn wake_up(&mut self, waker: &Waker) {
        self.awake = true;
        if !self.waker.will_wake(waker) {
            self.waker.clone_from(waker);
        }
    }

    /// Notes that the stream is lost, or that there never will be one.
    pub(super) fn lose(&mut self, failure: Failure) {
        self.failure = Some(failure);
        self.wire.receive_eof();
    }

    /// Sends what waited for a file, as far as it can be; whether there was any progress.
    fn send_waiting(&mut self, context: &mut Context<'_>, now: Duration) -> bool {
        if self.outbox.is_empty() {
            return false;
        }
        if self.wire.tcp() != Tcp::Keep {
            self.outbox.drop_all();
            return false;
        }
        match self.outbox.poll(context, &mut self.wire, now) {
            Poll::Pending => false,
            Poll::Ready(Ok(())) => true,
            Poll::Ready(Err(error)) => {
                self.outbox.drop_all();
                self.wire.transmit_failed();
                self.lose(Failure::Blob(error));
                true
            }
        }
    }
}

/// The one timer of a socket: for the protocol's deadlines, and for when it has been quiet.
#[derive(Default)]
struct Clock {
    sleep: Option<Pin<Box<Sleep>>>,
    set_to: Option<Duration>,
    last_moved: Duration,
    /// When to look whether it has been quiet.
    look_at: Option<Duration>,
}

impl Clock {
    /// Notes that bytes were moved.
    fn note(&mut self, now: Duration) {
        self.last_moved = now;
        self.look_at.get_or_insert(now.saturating_add(QUIET));
    }

    /// Acts on what time it is; whether there was something to do.
    fn poll(&mut self, context: &mut Context<'_>, link: &Link, channel: &mut Channel, now: Duration) -> bool {
        let deadline = channel.wire.deadline();
        let next = [deadline, self.look_at].into_iter().flatten().min();
        let Some(next) = next else {
            (self.sleep, self.set_to) = (None, None);
            return false;
        };
        let moment = || link.moment(next).into();
        let sleep = match &mut self.sleep {
            Some(sleep) => {
                if self.set_to != Some(next) {
                    sleep.as_mut().reset(moment());
                }
                sleep
            }
            none => none.insert(Box::pin(sleep_until(moment()))),
        };
        self.set_to = Some(next);
        if sleep.as_mut().poll(context).is_pending() {
            return false;
        }
        let now = now.max(next);
        self.set_to = None;
        if self.look_at.is_some_and(|look_at| look_at <= now) {
            let quiet_since = self.last_moved.saturating_add(QUIET);
            self.look_at = (quiet_since > now).then_some(quiet_since);
            if self.look_at.is_none() {
                channel.wire.idle();
            }
        }
        channel.wire.timeout(now);
        true
    }
}
