//! Whether the peer is still there.

use std::fmt;
use std::task::{Context, Poll};
use std::time::Duration;

use super::SocketCore;
use crate::platform::Sleep;
use crate::types::message::Message;

/// A question that is asked when nothing comes, and has to be answered in time; for
/// [`Connect::heartbeat`](crate::Connect::heartbeat).
///
/// Where the engine can, natively, the question is a ping of the protocol, which every server answers. In a browser it is
/// the message, which this server has to answer by one that `is_answer` knows; answers are not given to the stream there.
/// Whatever comes is an answer, too.
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
    /// Makes a heartbeat that asks after half a minute of silence, and waits ten seconds for an answer.
    pub fn new(question: Message, is_answer: fn(&Message) -> bool) -> Self {
        Self { question, is_answer, every: Duration::from_secs(30), within: Duration::from_secs(10) }
    }

    /// Sets after how long a silence it asks.
    #[must_use]
    pub fn every(self, every: Duration) -> Self {
        Self { every, ..self }
    }

    /// Sets how long the answer may take; a message that is on its way may be in front of it.
    #[must_use]
    pub fn within(self, within: Duration) -> Self {
        Self { within, ..self }
    }

    pub(super) const fn deadline(&self) -> Duration {
        self.within
    }
}

impl fmt::Debug for Heartbeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heartbeat").field("every", &self.every).field("within", &self.within).finish_non_exhaustive()
    }
}

/// The exchange.
#[derive(Default)]
pub(super) struct Pulse {
    stand: Stand,
    /// The messages that were sent to ask, and whose answers have yet to come: each of them does, late though it may be.
    unanswered: u64,
}

/// Where the exchange stands.
#[derive(Default)]
enum Stand {
    /// Something came.
    #[default]
    Heard,
    /// Nothing comes.
    Quiet(Sleep),
    /// The question was asked; whether by the protocol.
    Asked(Sleep, bool),
}

impl Pulse {
    /// Notes that a message came; whether it is an answer, and for nobody else.
    pub(super) fn hear(&mut self, heartbeat: &Heartbeat, message: &Message) -> bool {
        self.stand = Stand::Heard;
        let answers = self.unanswered > 0 && (heartbeat.is_answer)(message);
        self.unanswered -= u64::from(answers);
        answers
    }

    /// Waits, asks, and waits for the answer; ready when it did not come in time.
    pub(super) fn poll(&mut self, heartbeat: &Heartbeat, core: &SocketCore, context: &mut Context<'_>) -> Poll<()> {
        let connection = &core.connection;
        loop {
            self.stand = match &mut self.stand {
                Stand::Heard => Stand::Quiet(core.clock.sleep(heartbeat.every)),
                Stand::Quiet(sleep) => {
                    if sleep.as_mut().poll(context).is_pending() {
                        return Poll::Pending;
                    }
                    let by_protocol = connection.ping();
                    if !by_protocol {
                        // A socket that is not OPEN any more ends by itself.
                        self.unanswered += u64::from(core.hand_over(heartbeat.question.clone()).is_ok());
                    }
                    Stand::Asked(core.clock.sleep(heartbeat.within), by_protocol)
                }
                Stand::Asked(sleep, by_protocol) => {
                    if sleep.as_mut().poll(context).is_pending() {
                        return Poll::Pending;
                    }
                    if !(*by_protocol && connection.take_pong()) {
                        return Poll::Ready(());
                    }
                    Stand::Heard
                }
            };
        }
    }
}
