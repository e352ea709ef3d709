//! The keepalive: a question that the server has to answer in time.

use std::fmt;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::SocketCore;
use super::deadline::{Deadline, Expiry};
use crate::types::message::Message;

/// A keepalive for [`Connect::heartbeat`](crate::Connect::heartbeat): it asks the server when no message arrives, and
/// waits for an answer.
///
/// On native targets it sends a ping frame, which every server answers. A browser cannot send one, so there it sends
/// `question`. The server has to answer with a message for which `is_answer` returns `true`, and the stream does not
/// yield that message. Any other message counts as an answer too, and is yielded.
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
/// ```
#[derive(Clone)]
pub struct Heartbeat {
    question: Message,
    is_answer: fn(&Message) -> bool,
    every: Duration,
    within: Duration,
}

impl Heartbeat {
    /// Creates a heartbeat that asks after 30 seconds of silence and waits 10 seconds for the answer.
    pub fn new(question: Message, is_answer: fn(&Message) -> bool) -> Self {
        Self { question, is_answer, every: Duration::from_secs(30), within: Duration::from_secs(10) }
    }

    /// Sets the length of the silence after which the heartbeat asks.
    #[must_use]
    pub fn every(self, every: Duration) -> Self {
        Self { every, ..self }
    }

    /// Sets the time that the server has to answer. It includes the time that a message ahead of the answer takes.
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
    /// The number of questions sent as messages whose answers have not arrived. A late answer is still expected.
    unanswered: u64,
}

#[derive(Clone, Copy, Default)]
enum Phase {
    /// The question is due when the deadline is over.
    #[default]
    Silent,
    /// The question was sent. The answer is overdue when the deadline is over.
    AwaitingAnswer {
        /// Whether the question was a ping frame.
        by_ping: bool,
    },
}

impl HeartbeatState {
    /// Records a message. Returns whether it answers a question, so that the stream must not yield it.
    pub(super) fn on_message(&mut self, heartbeat: &Heartbeat, message: &Message) -> bool {
        self.set_phase(Phase::Silent);
        let answers = self.unanswered > 0 && (heartbeat.is_answer)(message);
        self.unanswered -= u64::from(answers);
        answers
    }

    /// Waits for silence, asks, and waits for the answer.
    ///
    /// Returns `Ready` if the stream is to be polled again, and when the answer is overdue.
    pub(super) fn poll(&mut self, heartbeat: &Heartbeat, core: &SocketCore, context: &mut Context<'_>) -> Poll<Expiry> {
        let SocketCore { connection, clock, .. } = core;
        loop {
            let duration = match self.phase {
                Phase::Silent => heartbeat.every,
                Phase::AwaitingAnswer { .. } => heartbeat.within,
            };
            self.deadline.start(&**clock, duration);
            let Expiry::Over = ready!(self.deadline.poll(&**clock, connection, context)) else {
                return Poll::Ready(Expiry::CheckAgain);
            };
            let next = match self.phase {
                Phase::Silent => {
                    let by_ping = connection.ping();
                    if !by_ping {
                        // An error is ignored, because a socket that is not OPEN ends by itself.
                        self.unanswered += u64::from(core.send_now(heartbeat.question.clone()).is_ok());
                    }
                    Phase::AwaitingAnswer { by_ping }
                }
                Phase::AwaitingAnswer { by_ping } if by_ping && connection.take_pong() => Phase::Silent,
                Phase::AwaitingAnswer { .. } => return Poll::Ready(Expiry::Over),
            };
            self.set_phase(next);
        }
    }

    fn set_phase(&mut self, phase: Phase) {
        self.phase = phase;
        self.deadline.stop();
    }
}
