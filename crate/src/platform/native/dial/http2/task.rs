//! The task of a connection: it moves bytes, sends pings, and ends the connection.

use std::future::Future;
use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use h2::{Ping, PingPong};
use tokio::time::{Instant, Sleep, sleep_until};

use super::buffered::{Backlog, BufferedConnection};
use super::usage::Usage;
use crate::platform::native::catch_panic::catch_as_failure;
use crate::platform::native::dial::tcp;
use crate::platform::native::runtime::background;
use crate::platform::native::runtime::clock::{LookTurns, REACTOR_TURN};
use crate::sync::catch_panic::drop_caught;
use crate::types::http2::Http2;

/// The time that an idle connection has to say farewell. Arbitrary.
const FAREWELL: Duration = Duration::from_secs(2);

/// The time for which a ping is awaited while bytes move, as a multiple of the time without any. Arbitrary: documented at
/// [`Http2::ping_timeout`].
const MAX_PING_TIMEOUTS: u32 = 5;

/// The cause of an end by a ping without an answer.
const NO_PONG: &str = "the server did not answer a ping of HTTP/2 in time";

/// The cause of an end by a panic of the stream below, which can be the user's.
const PANICKED: &str = "the stream of a connector panicked";

/// The task of a connection. Dropping it ends the connection and all its streams.
pub(super) struct ConnectionTask {
    /// `None` after it was given up.
    connection: Option<BufferedConnection>,
    pings: PingPong,
    settings: Http2,
    usage: Arc<Usage>,
    phase: Phase,
    /// The time at which the last ping was asked for.
    asked: Instant,
    /// What is written before the ping, until it is.
    backlog: Option<Backlog>,
    /// The time at which a poll has read something last.
    last_read: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

/// The phase of a connection, with the time at which it began.
#[derive(Clone, Copy)]
enum Phase {
    /// There are streams. It ends when the next ping is due.
    Active(Instant),
    /// A ping was sent. It ends with the answer. The time begins anew when bytes were received, or when bytes before the ping were written.
    Pinged(Instant),
    /// The same, in the last look after its time.
    Looking(LastLook),
    /// There are no streams. It ends with the next one, or after the idle timeout.
    Idle(Instant),
    /// The connection takes no streams, and says farewell to the server.
    Retired(Instant),
}

/// A last look at the connection, before a ping counts as not answered.
#[derive(Clone, Copy)]
struct LastLook {
    /// The time at which the deadline was noticed.
    noticed: Instant,
    /// The start of the current turn of the reactor.
    started: Instant,
    /// Whether anything was read since then.
    has_read: bool,
    turns: LookTurns,
}

impl ConnectionTask {
    /// `is_pinged` is whether a ping was sent and not answered.
    pub(super) fn new(
        connection: BufferedConnection,
        pings: PingPong,
        is_pinged: bool,
        settings: &Http2,
        usage: Arc<Usage>,
    ) -> Self {
        let now = Instant::now();
        let phase = if is_pinged { Phase::Pinged(now) } else { Phase::Active(now) };
        let settings = settings.clone();
        Self {
            connection: Some(connection),
            pings,
            settings,
            usage,
            phase,
            asked: now,
            backlog: None,
            last_read: now,
            timer: None,
        }
    }

    /// Changes the phase as the streams have changed, and takes the answer to a ping.
    fn update(&mut self, context: &mut Context<'_>) {
        let now = Instant::now();
        let is_used = self.usage.is_used();
        let has_read = self.connection.as_ref().is_some_and(BufferedConnection::has_read);
        if has_read {
            self.last_read = now;
        }
        if let Phase::Pinged(_) | Phase::Looking(_) = self.phase {
            let has_moved = has_read | self.advance_backlog();
            if self.pings.poll_pong(context).is_ready() {
                self.phase = Phase::Active(now);
            } else if has_moved && self.may_wait_longer(now) {
                self.phase = Phase::Pinged(now);
            }
        }
        self.phase = match self.phase {
            Phase::Looking(look) if has_read => Phase::Looking(LastLook { has_read: true, ..look }),
            // An answer to an earlier ping may be outstanding, and no other ping is sent before it arrives.
            Phase::Active(_) if !is_used => {
                self.release_memory();
                Phase::Idle(now)
            }
            Phase::Idle(_) if is_used => self.active_again(),
            other => other,
        };
    }

    /// Returns whether bytes before the ping were written or flushed. A slow path takes its time for these.
    ///
    /// The backlog has an end, because the system takes later bytes for a while although the path is dead.
    fn advance_backlog(&mut self) -> bool {
        let (Some(backlog), Some(connection)) = (&mut self.backlog, &self.connection) else { return false };
        let (has_moved, is_over) = connection.advance(backlog);
        if is_over {
            self.backlog = None;
        }
        has_moved
    }

    /// Returns whether the time for the answer to a ping may begin anew.
    fn may_wait_longer(&self, now: Instant) -> bool {
        self.last_pong_time().is_none_or(|end| now < end)
    }

    /// Returns the time at which a ping is not awaited any longer, although bytes move.
    fn last_pong_time(&self) -> Option<Instant> {
        self.asked.checked_add(self.settings.ping_timeout.checked_mul(MAX_PING_TIMEOUTS)?)
    }

    /// Returns the phase of a connection that was idle and is used again.
    ///
    /// A ping is due one interval after the last byte was received, because the path may have died meanwhile. If the interval started
    /// anew, sockets that give up before its end would prevent the ping.
    const fn active_again(&self) -> Phase {
        Phase::Active(self.last_read)
    }

    /// Releases the memory that an idle connection does not need.
    fn release_memory(&self) {
        if let Some(connection) = &self.connection {
            connection.release_memory();
        }
        self.usage.send_memory().release();
    }

    /// Returns the time at which the phase ends.
    fn deadline(&self) -> Option<Instant> {
        let (since, wait) = match self.phase {
            Phase::Active(since) => (since, self.settings.ping_interval),
            Phase::Pinged(since) => (since, self.settings.ping_timeout),
            Phase::Looking(look) => (look.started, REACTOR_TURN),
            Phase::Idle(since) => (since, self.settings.idle_timeout),
            Phase::Retired(since) => (since, FAREWELL),
        };
        let end = since.checked_add(wait);
        if let Phase::Pinged(_) = self.phase { end.into_iter().chain(self.last_pong_time()).min() } else { end }
    }

    /// Acts on the end of the phase; returns whether the connection is given up.
    fn end_phase(&mut self) -> bool {
        let now = Instant::now();
        match self.phase {
            Phase::Active(_) => {
                self.release_memory();
                // It fails only if the connection has ended, or if a ping is outstanding.
                let sent = self.pings.send_ping(Ping::opaque());
                self.backlog = self.connection.as_ref().map(BufferedConnection::backlog);
                self.asked = now;
                self.phase = if sent.is_ok() { Phase::Pinged(now) } else { Phase::Active(now) };
                false
            }
            Phase::Pinged(_) => {
                let look = LastLook { noticed: now, started: now, has_read: false, turns: LookTurns::ALL };
                self.phase = Phase::Looking(look);
                false
            }
            Phase::Looking(mut look) => {
                let is_over = look.turns.end_one(look.has_read, now - look.noticed);
                if is_over {
                    self.usage.set_cause(ErrorKind::TimedOut, NO_PONG);
                }
                self.phase = Phase::Looking(LastLook { started: now, has_read: false, ..look });
                is_over
            }
            Phase::Idle(_) => {
                self.phase = if self.usage.retire() { Phase::Retired(now) } else { self.active_again() };
                false
            }
            Phase::Retired(_) => true,
        }
    }

    /// Moves bytes. Returns `Ready` when the connection has ended.
    fn poll_connection(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(connection) = &mut self.connection else { return Poll::Ready(()) };
        let polled = catch_as_failure(|| connection.poll(context));
        if polled.is_err() {
            self.usage.set_cause(ErrorKind::Other, PANICKED);
        }
        polled.map_or(Poll::Ready(()), |polled| polled.map(|_| ()))
    }

    /// Resets the connection. Its streams are lost.
    fn give_up(&mut self) {
        // First, so that a stream that is woken is not opened on it again.
        self.usage.close();
        let connection = self.connection.take();
        tcp::abort(|| drop_caught(connection));
    }

    /// Polls the timer for the end of the phase.
    fn poll_timer(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline() else { return Poll::Pending };
        match &mut self.timer {
            Some(timer) if timer.deadline() == deadline => {}
            Some(timer) => timer.as_mut().reset(deadline),
            none => *none = Some(Box::pin(sleep_until(deadline))),
        }
        self.timer.as_mut().map_or(Poll::Pending, |timer| timer.as_mut().poll(context))
    }
}

impl Future for ConnectionTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        background::count_poll();
        self.usage.register_task(context.waker());
        loop {
            if self.poll_connection(context).is_ready() {
                return Poll::Ready(());
            }
            self.update(context);
            if self.poll_timer(context).is_pending() {
                return Poll::Pending;
            }
            if self.end_phase() {
                self.give_up();
                return Poll::Ready(());
            }
        }
    }
}

impl Drop for ConnectionTask {
    fn drop(&mut self) {
        self.usage.close();
        self.usage.send_memory().release();
        self.usage.forget_task();
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use std::sync::Weak;

    use futures::FutureExt as _;
    use h2::client::Builder;
    use tokio::io::duplex;

    use super::super::usage::ConnectionList;
    use super::*;

    struct NoList;

    impl ConnectionList for NoList {
        fn remove(&self, _: u64) {}
    }

    #[tokio::test]
    async fn memory_is_released_with_the_last_stream_and_with_the_connection() {
        let (near, _far) = duplex(1 << 16);
        let (send, mut connection) = BufferedConnection::start(&Builder::new(), Box::new(near)).await.unwrap();
        let pings = connection.ping_pong().unwrap();
        let (usage, place) = Usage::new(Weak::<NoList>::new(), send.clone(), connection.progress());
        let task = ConnectionTask::new(connection, pings, false, &Http2::prior_knowledge(), Arc::clone(&usage));
        let mut task = Box::pin(task);
        let copy = || usage.send_memory().copy(&[7; 10_000]);

        let held = copy();
        assert!(task.as_mut().now_or_never().is_none());
        assert!(!held.is_unique(), "its block is kept");
        drop(place);
        assert!(task.as_mut().now_or_never().is_none());
        assert!(held.is_unique());

        let held = copy();
        drop(task);
        assert!(held.is_unique());
    }
}
