//! Waiting for an event, with a timeout.

use std::collections::VecDeque;

use futures::channel::mpsc::UnboundedReceiver;
use futures::future::{Either, select};
use futures::{FutureExt, StreamExt, pin_mut};

use crate::script::Kind;
use crate::target;

/// The events that a script has not waited for yet.
pub(crate) struct EventQueue {
    pub(crate) events: UnboundedReceiver<Kind>,
    /// The kinds that arrived before an awaited kind.
    pub(crate) skipped: VecDeque<Kind>,
    /// The timeout in milliseconds.
    pub(crate) timeout: u32,
}

impl EventQueue {
    /// Waits for the next event of a kind; returns whether it arrived in time.
    pub(crate) async fn wait_for(&mut self, kind: Kind) -> bool {
        if let Some(index) = self.skipped.iter().position(|&other| other == kind) {
            self.skipped.drain(..=index);
            return true;
        }
        let timeout = target::sleep(self.timeout).fuse();
        let (events, skipped) = (&mut self.events, &mut self.skipped);
        let event = async {
            while let Some(next) = events.next().await {
                if next == kind {
                    return true;
                }
                skipped.push_back(next);
            }
            false
        }
        .fuse();
        pin_mut!(timeout, event);
        match select(event, timeout).await {
            Either::Left((arrived, _)) => arrived,
            Either::Right(_) => false,
        }
    }
}
