//! The diagnosis of a connection: its failure, and the response to its opening handshake.

use crate::types::failure::Failure;
use samesocket_spec::Response;

/// The failure and the response of a connection, as far as they are known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Diagnosis {
    failure: Option<Failure>,
    response: Option<Response>,
}

impl Diagnosis {
    pub(crate) const UNKNOWN: Self = Self { failure: None, response: None };

    pub(crate) const fn new(failure: Option<Failure>, response: Option<Response>) -> Self {
        Self { failure, response }
    }

    pub(crate) const fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    pub(crate) fn response(&self) -> Option<&Response> {
        self.response.as_ref().or_else(|| self.failure()?.response())
    }
}

/// Compares only the failures. The responses are ignored, because servers answer alike connections at different times.
impl PartialEq for Diagnosis {
    fn eq(&self, other: &Self) -> bool {
        self.failure == other.failure
    }
}

impl Eq for Diagnosis {}
