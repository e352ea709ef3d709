//! The diagnosis of a connection. It is empty, because a page sees none.

use crate::types::failure::Failure;
use samesocket_spec::Response;

/// The failure and the response of a connection. A browser reports neither, and tests in a page see no more than a
/// page.
// Code size: without content, so that a page links neither of the two types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Diagnosis;

#[expect(clippy::unused_self, reason = "native targets know more")]
impl Diagnosis {
    pub(crate) const UNKNOWN: Self = Self;

    pub(crate) fn new(_: Option<Failure>, _: Option<Response>) -> Self {
        Self
    }

    pub(crate) const fn failure(&self) -> Option<&Failure> {
        None
    }

    pub(crate) const fn response(&self) -> Option<&Response> {
        None
    }
}
