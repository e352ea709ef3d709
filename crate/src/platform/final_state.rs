//! The values of a connection that outlive its transport.

use std::error::Error;

use super::Diagnosis;
use crate::types::failure::Failure;
use samesocket_spec::Response;

/// The values of a connection after its transport was dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FinalState {
    /// The payload bytes that were not sent.
    pub(crate) buffered_amount: u64,
    diagnosis: Diagnosis,
}

impl FinalState {
    /// Creates the final state of a connection of which nothing else is known.
    pub(crate) const fn of(buffered_amount: u64) -> Self {
        Self { buffered_amount, diagnosis: Diagnosis::UNKNOWN }
    }

    /// Adds the reason for which the connection failed, and the response to its opening handshake. In a page they are
    /// dropped.
    #[allow(dead_code, reason = "a page knows neither")]
    pub(crate) fn with_diagnosis(mut self, failure: Option<Failure>, response: Option<Response>) -> Self {
        self.diagnosis = Diagnosis::new(failure, response);
        self
    }

    /// Returns the reason for which the connection failed, if it did and the reason is known.
    pub(crate) fn failure(&self) -> Option<&Failure> {
        self.diagnosis.failure()
    }

    /// Returns [`failure`](Self::failure) as an error.
    pub(crate) fn error(&self) -> Option<&(dyn Error + 'static)> {
        self.failure().map(|failure| failure as _)
    }

    /// Returns the response to the opening handshake, if it is known.
    pub(crate) fn response(&self) -> Option<&Response> {
        self.diagnosis.response()
    }
}
