//! The direct transport of a page, which does nothing.

use std::task::Context;

use crate::platform::buffered_amount_hint::BufferedAmountHint;
use crate::platform::{Messages, SendOutcome, Transport};
use crate::queue::Capacity;
use crate::types::payload::Data;

/// A direct transport that does nothing, because a page has neither a lock nor a driver to avoid.
// Code size: nothing is stored or called, so that a page links nothing for it.
#[derive(Default)]
pub(crate) struct DirectTransport {}

/// The permission for a receiver to read, which does not exist in a page.
#[derive(Clone, Copy)]
pub(crate) enum ReceiverTurn {}

#[expect(clippy::unused_self, reason = "the methods of native targets")]
impl DirectTransport {
    pub(crate) const fn attach(&self, _: &dyn Transport) {}

    pub(crate) const fn set_open(&self, _: bool) {}

    pub(crate) const fn send(&self, _: &Data<'_>, _: &BufferedAmountHint) -> Option<SendOutcome> {
        None
    }

    pub(crate) const fn flush(&self) {}

    pub(crate) const fn receiver_turn(&self) -> Option<ReceiverTurn> {
        None
    }

    pub(crate) fn receive(
        &self,
        _: &Context<'_>,
        turn: ReceiverTurn,
        _: Capacity,
        _: impl FnOnce(&mut Messages),
    ) -> bool {
        match turn {}
    }

    pub(crate) const fn forget_receiver(&self) {}

    pub(crate) const fn measure(&self, _: &BufferedAmountHint) -> Option<u64> {
        None
    }
}
