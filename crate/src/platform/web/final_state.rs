//! The values that outlive a transport.

use std::error::Error;

/// The values of a connection after its transport is dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FinalState {
    /// The bytes that the platform had queued.
    pub(crate) buffered_amount: u64,
}

impl FinalState {
    /// Creates the state of a transport that has nothing else to report.
    pub(crate) const fn of(buffered_amount: u64) -> Self {
        Self { buffered_amount }
    }

    /// Returns `None`, because a page does not learn why a connection failed.
    #[expect(clippy::unused_self, reason = "native targets know the cause")]
    pub(crate) fn source(&self) -> Option<&(dyn Error + 'static)> {
        None
    }
}
