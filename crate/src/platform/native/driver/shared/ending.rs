//! The end of a connection: its cause, and what is dropped outside the lock.

use bytes::Bytes;

use super::state::{ConnState, drop_each};
use crate::platform::native::driver::io::StreamIo;
use crate::types::failure::Failure;
use samesocket_protocol::Failure as ProtocolFailure;
use samesocket_spec::state::Feedback;

impl ConnState {
    /// Returns why the connection failed, if it did.
    pub(crate) fn failure(&self) -> Option<Failure> {
        if !self.has_failed {
            return None;
        }
        match (self.connection.failure(), &self.response) {
            // A refusal counts even if the connection was lost within the body.
            (Some(ProtocolFailure::Status { .. }), Some(response)) => {
                let response = response.clone();
                Some(match self.redirect_failure {
                    Some((reason, followed)) => Failure::Redirect { reason, followed, response },
                    None => Failure::Refused(response),
                })
            }
            (failure, _) => self.cause.clone().or_else(|| failure.cloned().map(Failure::Protocol)),
        }
    }

    /// Returns whether the connection was given up because the server did not answer, or was not awaited.
    pub(crate) const fn is_aborted(&self) -> bool {
        matches!(
            self.connection.failure(),
            Some(
                ProtocolFailure::Aborted
                    | ProtocolFailure::OpeningTimeout
                    | ProtocolFailure::ClosingTimeout
                    | ProtocolFailure::ClosedWhileConnecting
            )
        )
    }

    /// Abandons what waits to be written, because the stream is gone.
    pub(crate) fn write_failed(&mut self) {
        self.connection.write_failed();
    }

    /// Ends the connection because the stream was lost or never came about. Returns the failure if another one came first; it
    /// has to be dropped outside the lock.
    #[must_use]
    pub(crate) fn on_stream_lost(&mut self, failure: Failure) -> Option<Failure> {
        self.connection.read_failed();
        self.record_cause(failure)
    }

    /// Fails a connection whose driver was dropped; returns what has to be dropped outside the lock.
    pub(crate) fn on_driver_dropped(&mut self, failure: Failure) -> (Option<StreamIo>, Unused) {
        self.has_failed = true;
        // Moves the payloads that wait to those that are dropped outside the lock.
        self.connection.write_failed();
        let mut unused = Unused { payloads: Vec::new(), failure: self.cause.replace(failure) };
        self.files.clear(&mut unused.payloads);
        (self.stream.take(), unused)
    }

    /// Records the first cause of a failure; returns a later one.
    #[must_use]
    pub(super) fn record_cause(&mut self, failure: Failure) -> Option<Failure> {
        if self.cause.is_some() {
            return Some(failure);
        }
        self.cause = Some(failure);
        None
    }
}

/// Values that were taken out of the state under its lock, to be dropped outside of it.
#[derive(Default)]
pub(crate) struct Unused {
    pub(super) payloads: Vec<Bytes>,
    pub(super) failure: Option<Failure>,
}

impl Unused {
    pub(crate) fn is_some(&self) -> bool {
        !self.payloads.is_empty() || self.failure.is_some()
    }
}

impl Drop for Unused {
    fn drop(&mut self) {
        let _ = drop_each(self.payloads.drain(..));
    }
}

/// Returns whether the feedback says that the connection has failed or did not close cleanly.
pub(super) const fn is_failure(feedback: &Feedback<()>) -> bool {
    match feedback {
        Feedback::Failed => true,
        Feedback::Closed(event) => !event.was_clean,
        _ => false,
    }
}
