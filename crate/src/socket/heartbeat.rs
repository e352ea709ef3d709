//! The keepalive: a question that the server has to answer in time.

use std::fmt;
use std::task::{Context, Poll};
use std::time::Duration;

use super::SocketCore;
use crate::platform::Sleep;
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
    /// The number of questions sent as messages whose answers have not arrived. A late answer is still expected.
    unanswered: u64,
}

#[derive(Default)]
enum Phase {
    /// A message or an answer arrived since the last poll.
    #[default]
    Active,
    /// No message arrives. The timer ends when the question is due.
    Silent(Sleep),
    /// The question was sent. The timer ends when the answer is overdue.
    AwaitingAnswer {
        timeout: Sleep,
        /// Whether the question was a ping frame.
        by_ping: bool,
    },
}

impl HeartbeatState {
    /// Records a message. Returns whether it answers a question, so that the stream must not yield it.
    pub(super) fn on_message(&mut self, heartbeat: &Heartbeat, message: &Message) -> bool {
        self.phase = Phase::Active;
        let answers = self.unanswered > 0 && (heartbeat.is_answer)(message);
        self.unanswered -= u64::from(answers);
        answers
    }

    /// Waits for silence, asks, and waits for the answer. Returns `Ready` when the answer is overdue.
    pub(super) fn poll(&mut self, heartbeat: &Heartbeat, core: &SocketCore, context: &mut Context<'_>) -> Poll<()> {
        let connection = &core.connection;
        loop {
            self.phase = match &mut self.phase {
                Phase::Active => Phase::Silent(core.clock.sleep(heartbeat.every)),
                Phase::Silent(sleep) => {
                    if sleep.as_mut().poll(context).is_pending() {
                        return Poll::Pending;
                    }
                    let by_ping = connection.ping();
                    if !by_ping {
                        // An error is ignored, because a socket that is not OPEN ends by itself.
                        self.unanswered += u64::from(core.send_now(heartbeat.question.clone()).is_ok());
                    }
                    Phase::AwaitingAnswer { timeout: core.clock.sleep(heartbeat.within), by_ping }
                }
                Phase::AwaitingAnswer { timeout, by_ping } => {
                    if timeout.as_mut().poll(context).is_pending() {
                        return Poll::Pending;
                    }
                    if !(*by_ping && connection.take_pong()) {
                        return Poll::Ready(());
                    }
                    Phase::Active
                }
            };
        }
    }
}
