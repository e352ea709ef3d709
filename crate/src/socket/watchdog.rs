//! How long a stream waits for a message.

use std::task::{Context, Poll};
use std::time::Duration;

use super::heartbeat::{Heartbeat, Pulse};
use super::{Error, SocketCore};
use crate::platform::Sleep;
use crate::sync::{MaybeSend, MaybeSync};
use crate::types::message::Message;
use samesocket_spec::close::CloseFrame;

/// The Close frame that follows when nothing came for too long.
const IDLE: CloseFrame<'static> = Some((4008, "nothing came for too long"));

/// The Close frame that follows when a heartbeat was not answered.
const NO_ANSWER: CloseFrame<'static> = Some((4008, "no answer came"));

/// What was chosen.
#[derive(Default)]
pub(super) struct Patience {
    pub(super) idle_timeout: Option<Duration>,
    pub(super) heartbeat: Option<Heartbeat>,
}

/// Who loses it.
pub(super) trait Watch: MaybeSend + MaybeSync {
    /// Notes what polling the stream gave; if that was nothing, waits until nothing has come for too long. Whether the
    /// stream is to be polled again, because what came was for nobody else, or because it has been ended.
    fn poll(
        &mut self,
        core: &SocketCore,
        polled: &Poll<Option<Result<Message, Error>>>,
        context: &mut Context<'_>,
    ) -> bool;

    /// Gives what was chosen, to be changed.
    fn patience(&mut self) -> &mut Patience;
}

/// Gives who loses it: a program whose sockets wait for ever links none.
pub(super) fn watch() -> Box<dyn Watch> {
    Box::new(Watcher { patience: Patience::default(), idle: None, pulse: Pulse::default() })
}

struct Watcher {
    patience: Patience,
    /// The deadline of the present wait, if there is one.
    idle: Option<Sleep>,
    pulse: Pulse,
}

impl Watch for Watcher {
    fn poll(
        &mut self,
        core: &SocketCore,
        polled: &Poll<Option<Result<Message, Error>>>,
        context: &mut Context<'_>,
    ) -> bool {
        if let Poll::Ready(item) = polled {
            self.idle = None;
            return match (item, &self.patience.heartbeat) {
                (Some(Ok(message)), Some(heartbeat)) => self.pulse.hear(heartbeat, message),
                _ => false,
            };
        }
        if let Some(after) = self.patience.idle_timeout {
            let idle = self.idle.get_or_insert_with(|| core.clock.sleep(after));
            if idle.as_mut().poll(context).is_ready() {
                self.idle = None;
                return end(core, Error::Idle { after }, IDLE);
            }
        }
        let Some(heartbeat) = &self.patience.heartbeat else { return false };
        match self.pulse.poll(heartbeat, core, context) {
            Poll::Pending => false,
            Poll::Ready(()) => end(core, Error::NoAnswer { after: heartbeat.deadline() }, NO_ANSWER),
        }
    }

    fn patience(&mut self) -> &mut Patience {
        &mut self.patience
    }
}

/// Ends the stream with this error, and the connection with this frame.
fn end(core: &SocketCore, error: Error, frame: CloseFrame<'static>) -> bool {
    core.feed().end(error);
    core.connection.close(frame);
    true
}
