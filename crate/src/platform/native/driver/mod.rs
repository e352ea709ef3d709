//! The task of one socket: it moves bytes between a stream and the protocol, minds the clock, and tells what happens.

mod buffer_pool;
mod deadlines;
mod file_queue;
mod io;
mod io_access;
mod scope;
pub(crate) mod shared;
mod small_messages;
mod write_policy;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::task::yield_now;

use crate::platform::EventSink;
use crate::platform::native::catch_panic::guarded;
use crate::platform::native::dial::Way;
use crate::platform::native::dial::handshake_queue::Admission;
use crate::platform::native::driver::deadlines::Clock;
use crate::platform::native::driver::io::Line;
use crate::platform::native::driver::io_access::Apart;
use crate::platform::native::driver::scope::Turn;
use crate::platform::native::driver::shared::{Channel, Link};
use crate::platform::native::driver::small_messages::{Burst, Gathered};
use crate::platform::native::failure::Failure;
use crate::platform::native::options::CookieStore;
use crate::platform::native::runtime::background;
use crate::platform::native::{Options, Url, dial};
use crate::queue::Capacity;
use crate::sync::catch_panic::drop_caught;
use samesocket_protocol::phase::Tcp;
use samesocket_spec::CloseEvent;
use samesocket_spec::state::Feedback;

/// After how many rounds the task lets others have a turn.
const ROUNDS: usize = 32;

/// A future that ends with its connection.
pub(in crate::platform::native) struct Driver {
    link: Arc<Link>,
    receiver: EventSink,
    connecting: Option<Connecting>,
    /// While the opening handshake is under way, so that no other socket begins one with the same server.
    admission: Option<Admission>,
    /// Whether the stream is one of ours, so that nothing of a user's runs where it is written to.
    ours: bool,
    clock: Clock,
    cookies: Option<(Arc<dyn CookieStore>, String)>,
    /// Whether bytes were written that somebody waits for.
    written: bool,
    /// Whether it lives on the background thread.
    in_background: bool,
    /// Messages on their way from the protocol to the receiver.
    burst: Burst,
    stage: Stage,
}

/// How far a driver has come.
enum Stage {
    Waiting,
    /// It is being polled.
    AtWork,
    Done,
}

/// How much is told in one go, at most, where who takes it may share the thread: as much as is still near the processor then.
const PORTION: Capacity = Capacity { messages: 1024, bytes: 64 << 10 };

/// The same on the background thread, which is at no user's disposal.
const LARGE_PORTION: Capacity = Capacity { messages: 4096, bytes: 1 << 20 };

type Connecting = Pin<Box<dyn Future<Output = Result<Way, Failure>> + Send>>;

impl Driver {
    pub(in crate::platform::native) fn new(link: Arc<Link>, url: Url, options: Options, receiver: EventSink) -> Self {
        let ours = options.makes_stream();
        let clock = Clock::new(options.limits.fin);
        let in_background = options.is_on_background_thread();
        let cookies = options.cookies.clone().map(|store| (store, dial::request_url(&url)));
        Self {
            link,
            receiver,
            connecting: Some(Box::pin(dial::connect(url, options))),
            admission: None,
            ours,
            clock,
            cookies,
            written: false,
            in_background,
            burst: Burst::default(),
            stage: Stage::Waiting,
        }
    }

    /// Has it fail at once, when it is started.
    pub(in crate::platform::native) fn fail(&mut self, failure: Failure) {
        self.connecting = Some(Box::pin(std::future::ready(Err(failure))));
    }

    /// Tells the receiver what the protocol has to tell; pending, when the receiver has no room for more, or nothing is `left`
    /// of the portion.
    ///
    /// Messages that came together are told together, so that nobody is woken for each.
    fn tell(&mut self, context: &Context<'_>, left: &mut Capacity) -> Poll<()> {
        while !left.is_none() {
            // A user who has closed takes no more messages: what comes is discarded, so that the end is seen.
            let (closing, discards) = {
                let channel = self.link.channel.lock();
                (channel.closing, channel.discards)
            };
            let room =
                if closing || discards { *left } else { ready!(self.receiver.poll_capacity(context)).min(*left) };
            let now = self.link.now();
            let (gathered, told) = self.link.channel.lock().gather(&mut self.burst, room, now);
            left.remove(told.messages, told.bytes);
            let messages = self.burst.messages();
            if discards {
                messages.clear();
            } else if !messages.is_empty() {
                self.clock.tell(now);
                self.receiver.handle_messages(messages);
            }
            match gathered {
                Gathered::Full => {}
                Gathered::Nothing => return Poll::Ready(()),
                Gathered::Other(feedback) => {
                    if matches!(feedback, Feedback::Established { .. }) {
                        self.admission = None;
                    }
                    self.link.channel.lock().failed |= is_failure(&feedback);
                    match self.keep_cookies() {
                        Err(failure) if matches!(feedback, Feedback::Established { .. }) => self.break_off(failure),
                        _ => self.receiver.handle_event(feedback),
                    }
                }
            }
        }
        Poll::Pending
    }

    /// Tells the receiver that bytes were written, if it waits for that.
    fn tell_of_writing(&mut self) {
        if std::mem::take(&mut self.written) && self.receiver.handle_sent() {
            self.link.channel.lock().watched = true;
        }
    }

    /// Gives the cookies of the answer to the store, before anybody is told of the answer.
    fn keep_cookies(&mut self) -> Result<(), Failure> {
        let Some((store, url)) = &self.cookies else { return Ok(()) };
        let Some(response) = self.link.channel.lock().wire.take_response() else { return Ok(()) };
        let fields = response.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("Set-Cookie"));
        let values: Vec<&[u8]> = fields.map(|(_, value)| &**value).collect();
        let kept = if values.is_empty() { Ok(()) } else { guarded(|| store.set_cookies(url, &values)) };
        drop_caught(self.cookies.take());
        kept
    }

    /// Goes on with making the stream; whether there is something new.
    fn connect(&mut self, context: &mut Context<'_>) -> bool {
        let Some(connecting) = &mut self.connecting else { return false };
        let polled = guarded(|| connecting.as_mut().poll(context)).unwrap_or_else(|failure| Poll::Ready(Err(failure)));
        let Poll::Ready(connected) = polled else { return false };
        drop_caught(self.connecting.take());
        match connected {
            Ok((stream, admission)) => {
                self.admission = admission;
                self.link.channel.lock().line = Some(Line::new(stream, self.ours));
            }
            Err(failure) => {
                let known = self.link.channel.lock().lose(failure);
                drop(known);
            }
        }
        true
    }

    /// Has a line that is not ours move bytes, or lets go of any, while nothing is locked; whether bytes were moved.
    fn exchange_apart(
        &mut self,
        tcp: Tcp,
        line: Option<Line>,
        context: &mut Context<'_>,
        read: bool,
        now: Duration,
    ) -> bool {
        if tcp == Tcp::Close {
            drop_caught(self.connecting.take());
            farewell(line, context);
            return false;
        }
        let Some(mut line) = line else { return false };
        match guarded(|| line.exchange(context, &mut Apart(&self.link.channel), read, now)) {
            Ok(moved) => {
                self.link.channel.lock().line = Some(line);
                moved
            }
            Err(failure) => {
                self.break_off(failure);
                drop_caught(line);
                true
            }
        }
    }

    /// Gives the stream up.
    fn break_off(&self, failure: Failure) {
        let known = {
            let mut channel = self.link.channel.lock();
            channel.wire.transmit_failed();
            channel.lose(failure)
        };
        drop(known);
    }

    /// Does all there is to do at present; ready when nothing will be left to do.
    fn drive(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut left = if self.in_background { LARGE_PORTION } else { PORTION };
        let mut active = false;
        for _ in 0..ROUNDS {
            self.link.tasks.run();
            self.tell_of_writing();
            let told = self.tell(context, &mut left).is_ready();
            let mut moved = self.connect(context);
            let mut channel = self.link.channel.lock();
            let now = self.link.now();
            moved |= std::mem::take(&mut channel.touched);
            moved |= channel.send_waiting(context, now);
            let tcp = channel.wire.tcp();
            if tcp == Tcp::Close {
                self.admission = None;
            }
            match tcp {
                // Nothing will be told any more, once all is.
                Tcp::Close if told && !moved => return Poll::Ready(()),
                tcp => match channel.line.take() {
                    Some(mut line) if tcp != Tcp::Close && line.is_ours() => {
                        moved |= line.exchange(context, &mut *channel, told && !left.is_none(), now);
                        channel.line = Some(line);
                    }
                    None if self.connecting.is_none() => {}
                    line => {
                        drop(channel);
                        moved |= self.exchange_apart(tcp, line, context, told && !left.is_none(), now);
                        channel = self.link.channel.lock();
                        moved |= std::mem::take(&mut channel.touched);
                    }
                },
            }
            active |= moved;
            if moved {
                self.clock.note(now);
                // Asked for anew by who still waits; in this order, nobody who begins to wait meanwhile is forgotten.
                self.written = std::mem::take(&mut channel.watched);
            }
            if left.is_none() {
                break;
            }
            if !moved {
                if !self.clock.poll(context, &self.link, &mut channel, now) {
                    if active && self.in_background && channel.is_flooded() {
                        // It stays awake, so that who goes on sending need not wake it for every few messages.
                        background::linger(context.waker());
                    } else {
                        (channel.awake, channel.busy) = (false, self.clock.looks());
                    }
                    return Poll::Pending;
                }
                if !self.clock.looks() {
                    self.burst = Burst::default();
                    buffer_pool::give_back();
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
        if self.in_background {
            background::take_turn();
        }
        self.link.tasks.driver().register(context.waker());
        self.link.channel.lock().wake_up(context.waker());
        self.stage = Stage::AtWork;
        let driven = self.drive(context);
        self.stage = if driven.is_ready() { Stage::Done } else { Stage::Waiting };
        ready!(driven);
        let line = self.link.channel.lock().line.take();
        farewell(line, context);
        self.link.tasks.end();
        Poll::Ready(())
    }
}

impl Drop for Driver {
    /// A runtime that ends drops its tasks, and so it does with one that panics: the connection has failed.
    fn drop(&mut self) {
        let failure = match self.stage {
            Stage::Done => return,
            Stage::AtWork => Failure::Panicked { message: None },
            Stage::Waiting => Failure::Runtime,
        };
        let _turn = Turn::take();
        drop_caught(self.connecting.take());
        let of_users = {
            let mut channel = self.link.channel.lock();
            channel.failed = true;
            (channel.line.take(), channel.failure.replace(failure))
        };
        drop_caught(of_users);
        for feedback in [Feedback::Failed, Feedback::Closed(CloseEvent::abnormal())] {
            // A waker of a user's may be what has panicked, where it was dropped.
            let _ = guarded(|| self.receiver.handle_event(feedback));
        }
        self.link.tasks.end();
    }
}

/// Lets go of a line, while nothing is locked; TLS says that it ends, if it can at once.
fn farewell(line: Option<Line>, context: &mut Context<'_>) {
    if let Some(mut line) = line {
        let _ = guarded(|| Pin::new(&mut line.stream).poll_shutdown(context));
        drop_caught(line);
    }
}

/// Whether it tells that the connection has failed, or did not close cleanly.
const fn is_failure(feedback: &Feedback<()>) -> bool {
    match feedback {
        Feedback::Failed => true,
        Feedback::Closed(event) => !event.was_clean,
        _ => false,
    }
}

impl Channel {
    /// Notes that the driver is at work, and who wakes it when it is not.
    fn wake_up(&mut self, waker: &Waker) {
        self.awake = true;
        if !self.waker.will_wake(waker) {
            self.waker.clone_from(waker);
        }
    }

    /// Notes what went wrong, if nothing has before; otherwise it is given back, to be dropped when nothing is locked.
    #[must_use]
    pub(in crate::platform::native) fn note(&mut self, failure: Failure) -> Option<Failure> {
        if self.failure.is_some() {
            return Some(failure);
        }
        self.failure = Some(failure);
        None
    }

    /// Notes that there never will be a stream.
    #[must_use]
    pub(in crate::platform::native) fn lose(&mut self, failure: Failure) -> Option<Failure> {
        self.wire.receive_eof();
        self.note(failure)
    }
}
