//! The direct sender of a page, which never sends.

use crate::platform::buffered_amount_hint::BufferedAmountHint;
use crate::platform::{SendOutcome, Transport};
use crate::types::payload::Data;

/// A direct sender that never sends, because a page has no lock to avoid.
// Code size: nothing is stored or called, so that a page links nothing for it.
#[derive(Default)]
pub(crate) struct DirectSender {}

#[expect(clippy::unused_self, reason = "the methods of native targets")]
impl DirectSender {
    pub(crate) const fn attach(&self, _: &dyn Transport) {}

    pub(crate) const fn set_open(&self, _: bool) {}

    pub(crate) const fn send(&self, _: Data<'_>, _: &BufferedAmountHint) -> Option<SendOutcome> {
        None
    }

    pub(crate) const fn flush(&self) {}

    pub(crate) const fn measure(&self, _: &BufferedAmountHint) -> Option<u64> {
        None
    }
}
