//! How long a stream waits for a message.

use std::task::{Context, Poll};
use std::time::Duration;

use super::heartbeat::{Heartbeat, Pulse};
use super::{Core, Error};
use crate::Message;
use crate::platform::{MaybeSend, MaybeSync, Sleep};
use crate::spec::close::CloseFrame;

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
    /// Notes what polling the stream gave; if that was nothing, waits until nothing has come for too long.
    fn poll(
        &mut self,
        core: &Core,
        polled: &Poll<Option<Result<Message, Error>>>,
        context: &mut Context<'_>,
    ) -> Watched;

    /// Gives what was chosen, to be changed.
    fn patience(&mut self) -> &mut Patience;
}

/// What is to be done.
pub(super) enum Watched {
    /// Nothing.
    Nothing,
    /// What came is an answer, and for nobody else.
    Answer,
    /// The stream ends with this error, and the connection with this frame.
    TooLong(Error, CloseFrame<'static>),
}

/// Gives who loses it: a program whose sockets wait for ever links none.
pub(super) fn watch() -> Box<dyn Watch> {
    Box::new(Watcher { patience: Patience::default(), idle: None, pulse: Pulse::Heard })
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
        core: &Core,
        polled: &Poll<Option<Result<Message, Error>>>,
        context: &mut Context<'_>,
    ) -> Watched {
        if let Poll::Ready(item) = polled {
            self.idle = None;
            return match (item, &self.patience.heartbeat) {
                (Some(Ok(message)), Some(heartbeat)) if self.pulse.hear(heartbeat, message) => Watched::Answer,
                _ => Watched::Nothing,
            };
        }
        if let Some(after) = self.patience.idle_timeout {
            let idle = self.idle.get_or_insert_with(|| core.clock.sleep(after));
            if idle.as_mut().poll(context).is_ready() {
                self.idle = None;
                return Watched::TooLong(Error::Idle { after }, IDLE);
            }
        }
        let Some(heartbeat) = &self.patience.heartbeat else { return Watched::Nothing };
        match self.pulse.poll(heartbeat, core, context) {
            Poll::Pending => Watched::Nothing,
            Poll::Ready(()) => Watched::TooLong(Error::NoAnswer { after: heartbeat.deadline() }, NO_ANSWER),
        }
    }

    fn patience(&mut self) -> &mut Patience {
        &mut self.patience
    }
}
