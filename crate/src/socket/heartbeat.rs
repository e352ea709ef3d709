//! The keepalive: a question that the server has to answer in time.

use std::fmt;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::FutureExt;
use futures::channel::oneshot;

use super::SocketCore;
use super::deadline::{Deadline, Expiry};
use crate::sync::{MaybeSend, MaybeSync, Shared};
use crate::types::message::Message;
use crate::types::payload::MessageCompression;
use crate::types::ping::PingError;

/// A keepalive for [`Connect::heartbeat`](crate::Connect::heartbeat): it asks the server when no message arrives, and
/// waits for an answer.
///
/// | | on native targets, and on the [network in memory](crate::testing) | in a browser |
/// | --- | --- | --- |
/// | [`Heartbeat::pings`] | sends a ping frame, which every server answers | asks nothing, because a browser cannot send pings |
/// | [`Heartbeat::new`] | the same | sends a message, which the server has to answer with a message |
///
/// Any message counts as an answer. Those that answer the question are not yielded by the stream.
///
/// By default it asks after 30 seconds of silence and waits 10 seconds. Both values are arbitrary.
///
/// ```
/// use samesocket::{Heartbeat, Message};
/// use std::time::Duration;
///
/// let heartbeat = Heartbeat::new("ping".into(), |message| matches!(message, Message::Text(text) if text == "pong"))
///     .every(Duration::from_secs(20))
///     .within(Duration::from_secs(5));
/// # drop(heartbeat);
/// ```
#[derive(Clone)]
pub struct Heartbeat {
    /// The question where the platform cannot send pings. `None` to ask nothing there.
    question: Option<Question>,
    every: Duration,
    within: Duration,
}

#[derive(Clone)]
struct Question {
    message: Message,
    is_answer: Shared<dyn IsAnswer>,
}

/// A closure that decides whether a message is an answer.
trait IsAnswer: Fn(&Message) -> bool + MaybeSend + MaybeSync {}

impl<F: Fn(&Message) -> bool + MaybeSend + MaybeSync> IsAnswer for F {}

impl Heartbeat {
    /// Creates a heartbeat of ping frames that asks after 30 seconds of silence and waits 10 seconds for the answer.
    ///
    /// It has no effect in a browser. Use it for programs that run on native targets, or that need no heartbeat in a
    /// browser.
    ///
    /// ```
    /// use samesocket::Heartbeat;
    ///
    /// let connecting = samesocket::connect("wss://example.com/chat").heartbeat(Heartbeat::pings());
    /// # drop(connecting);
    /// ```
    pub const fn pings() -> Self {
        Self { question: None, every: Duration::from_secs(30), within: Duration::from_secs(10) }
    }

    /// Creates a heartbeat as [`pings`](Self::pings) does, except that it sends the message `question` in a browser.
    ///
    /// The server has to answer it with a message for which `is_answer` returns `true`. The closure is called with each
    /// message that arrives while an answer is awaited, on the task that polls the stream.
    pub fn new(question: Message, is_answer: impl Fn(&Message) -> bool + MaybeSend + MaybeSync + 'static) -> Self {
        Self { question: Some(Question { message: question, is_answer: Shared::new(is_answer) }), ..Self::pings() }
    }

    /// Sets the length of the silence after which the heartbeat asks.
    #[must_use]
    pub fn every(self, every: Duration) -> Self {
        Self { every, ..self }
    }

    /// Sets the time that the server has to answer. It includes the time that a message ahead of the answer takes.
    ///
    /// What was sent before the question leaves first. The time begins anew as long as bufferedAmount falls, because a slow network says
    /// nothing about the server.
    #[must_use]
    pub fn within(self, within: Duration) -> Self {
        Self { within, ..self }
    }

    pub(super) const fn answer_timeout(&self) -> Duration {
        self.within
    }
}

impl fmt::Debug for Heartbeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heartbeat").field("every", &self.every).field("within", &self.within).finish_non_exhaustive()
    }
}

/// The state of a [`Heartbeat`] on one connection.
#[derive(Default)]
pub(super) struct HeartbeatState {
    phase: Phase,
    /// The end of the silence, or of the time for the answer.
    deadline: Deadline,
    /// The least bufferedAmount since the question, in bytes.
    queued: u64,
    /// The number of questions sent as messages whose answers have not arrived. A late answer is still expected.
    unanswered: u64,
}

#[derive(Default)]
enum Phase {
    /// The question is due when the deadline is over.
    #[default]
    Silent,
    /// A ping was sent. The pong is overdue when the deadline is over.
    AwaitingPong(oneshot::Receiver<Duration>),
    /// The question was sent. The answer is overdue when the deadline is over.
    AwaitingAnswer,
}

impl HeartbeatState {
    /// Records a message. Returns whether it answers a question, so that the stream must not yield it.
    pub(super) fn on_message(&mut self, heartbeat: &Heartbeat, message: &Message) -> bool {
        self.set_phase(Phase::Silent);
        let question = heartbeat.question.as_ref().filter(|_| self.unanswered > 0);
        let answers = question.is_some_and(|question| (question.is_answer)(message));
        self.unanswered -= u64::from(answers);
        answers
    }

    /// Waits for silence, asks, and waits for the answer.
    ///
    /// Returns `Ready` if the stream is to be polled again, and when the answer is overdue.
    pub(super) fn poll(&mut self, heartbeat: &Heartbeat, core: &SocketCore, context: &mut Context<'_>) -> Poll<Expiry> {
        let SocketCore { connection, clock, .. } = core;
        loop {
            let is_over = match &mut self.phase {
                // The server has answered, or the connection has ended.
                Phase::AwaitingPong(pong) => pong.poll_unpin(context).is_ready(),
                Phase::Silent | Phase::AwaitingAnswer => false,
            };
            if is_over {
                self.set_phase(Phase::Silent);
            }
            // Not zero, so that a socket which cannot ask at present does not keep its thread.
            let every = heartbeat.every.max(Duration::from_millis(1));
            let duration = if matches!(self.phase, Phase::Silent) { every } else { heartbeat.within };
            self.deadline.start(&**clock, duration);
            let Expiry::Over = ready!(self.deadline.poll(&**clock, connection, context)) else {
                return Poll::Ready(Expiry::CheckAgain);
            };
            let queued = connection.buffered_amount();
            if !matches!(self.phase, Phase::Silent) {
                if queued >= self.queued {
                    return Poll::Ready(Expiry::Over);
                }
                self.queued = queued;
                self.deadline.stop();
                continue;
            }
            self.queued = queued;
            let asked = self.ask(heartbeat, core);
            self.set_phase(asked);
        }
    }

    /// Asks the server. Stays silent if the socket is not OPEN, because such a socket ends by itself.
    fn ask(&mut self, heartbeat: &Heartbeat, core: &SocketCore) -> Phase {
        match (core.connection.ping(), &heartbeat.question) {
            (Ok(pong), _) => Phase::AwaitingPong(pong),
            (Err(PingError::Unsupported), Some(question))
                if core.send_now(question.message.clone(), MessageCompression::OF_CONNECTION).is_ok() =>
            {
                self.unanswered += 1;
                Phase::AwaitingAnswer
            }
            _ => Phase::Silent,
        }
    }

    fn set_phase(&mut self, phase: Phase) {
        self.phase = phase;
        self.deadline.stop();
    }
}
