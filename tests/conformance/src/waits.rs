//! Waiting for events, with an end.

use std::collections::VecDeque;

use futures::channel::mpsc::UnboundedReceiver;
use futures::future::{Either, select};
use futures::{FutureExt, StreamExt, pin_mut};

use crate::place;
use crate::script::Kind;

/// The events that a script has not waited for yet.
pub(crate) struct Waits {
    pub(crate) events: UnboundedReceiver<Kind>,
    pub(crate) early: VecDeque<Kind>,
    pub(crate) patience: u32,
}

impl Waits {
    /// Waits for the next event of a kind; whether it came in time.
    pub(crate) async fn until(&mut self, kind: Kind) -> bool {
        if let Some(index) = self.early.iter().position(|&other| other == kind) {
            self.early.drain(..=index);
            return true;
        }
        let timeout = place::elapse(self.patience).fuse();
        let (events, early) = (&mut self.events, &mut self.early);
        let event = async {
            while let Some(next) = events.next().await {
                if next == kind {
                    return true;
                }
                early.push_back(next);
            }
            false
        }
        .fuse();
        pin_mut!(timeout, event);
        match select(event, timeout).await {
            Either::Left((came, _)) => came,
            Either::Right(_) => false,
        }
    }
}
