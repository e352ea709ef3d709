//! The idle timeout and the heartbeat of a stream.

use std::task::{Context, Poll};
use std::time::Duration;

use super::deadline::{Deadline, Expiry};
use super::heartbeat::{Heartbeat, HeartbeatState};
use super::{Error, SocketCore};
use crate::sync::{MaybeSend, MaybeSync};
use crate::trace::event;
use crate::types::message::Message;
use samesocket_spec::close::CloseFrame;

/// The Close frame that follows the idle timeout.
const IDLE: CloseFrame<'static> = Some((4008, "nothing came for too long"));

/// The Close frame that follows a heartbeat without an answer.
const NO_ANSWER: CloseFrame<'static> = Some((4008, "no answer came"));

/// The options of a watchdog.
#[derive(Clone, Default)]
pub(super) struct WatchdogConfig {
    pub(super) idle_timeout: Option<Duration>,
    pub(super) heartbeat: Option<Heartbeat>,
}

/// A watchdog, which ends a stream that receives nothing for too long.
///
/// Code size: a trait object. A program whose sockets have neither an idle timeout nor a heartbeat links no timers for
/// them.
pub(super) trait Watchdog: MaybeSend + MaybeSync {
    /// Checks the result of a poll of the stream, and starts or stops the timers.
    ///
    /// Returns whether the stream must be polled again: the message was an answer to the heartbeat, the watchdog has ended
    /// the stream, or it will do so unless a message has arrived meanwhile.
    fn poll(
        &mut self,
        core: &SocketCore,
        polled: &Poll<Option<Result<Message, Error>>>,
        context: &mut Context<'_>,
    ) -> bool;

    /// Returns the options, to be changed.
    fn config(&mut self) -> &mut WatchdogConfig;

    /// Creates a watchdog for another stream, with the same options.
    fn boxed_clone(&self) -> Box<dyn Watchdog>;
}

impl Clone for Box<dyn Watchdog> {
    fn clone(&self) -> Self {
        (**self).boxed_clone()
    }
}

/// Creates a watchdog without a timeout.
pub(super) fn watchdog() -> Box<dyn Watchdog> {
    Box::new(Timers::default())
}

/// The timers of one stream.
#[derive(Default)]
struct Timers {
    config: WatchdogConfig,
    /// The idle timeout, which runs while the stream waits for a message.
    idle: Deadline,
    heartbeat: HeartbeatState,
}

impl Watchdog for Timers {
    fn poll(
        &mut self,
        core: &SocketCore,
        polled: &Poll<Option<Result<Message, Error>>>,
        context: &mut Context<'_>,
    ) -> bool {
        if let Poll::Ready(item) = polled {
            self.idle.stop();
            return match (item, &self.config.heartbeat) {
                (Some(Ok(message)), Some(heartbeat)) => self.heartbeat.on_message(heartbeat, message),
                _ => false,
            };
        }
        if let Some(after) = self.config.idle_timeout {
            self.idle.start(&*core.clock, after);
            match self.idle.poll(&*core.clock, &core.connection, context) {
                Poll::Pending => {}
                Poll::Ready(Expiry::CheckAgain) => return true,
                Poll::Ready(Expiry::Over) => return end(core, Error::Idle { after }, IDLE),
            }
        }
        let Some(heartbeat) = &self.config.heartbeat else { return false };
        match self.heartbeat.poll(heartbeat, core, context) {
            Poll::Pending => false,
            Poll::Ready(Expiry::CheckAgain) => true,
            Poll::Ready(Expiry::Over) => end(core, Error::NoAnswer { after: heartbeat.answer_timeout() }, NO_ANSWER),
        }
    }

    fn config(&mut self) -> &mut WatchdogConfig {
        &mut self.config
    }

    fn boxed_clone(&self) -> Box<dyn Watchdog> {
        Box::new(Self { config: self.config.clone(), ..Self::default() })
    }
}

/// Ends the stream with `error` and the connection with `frame`. Returns that the stream must be polled again.
fn end(core: &SocketCore, error: Error, frame: CloseFrame<'static>) -> bool {
    event!(core.connection.span(), INFO, "deadline passed", error = %error);
    core.endpoint().end(error);
    core.connection.close(frame);
    true
}
