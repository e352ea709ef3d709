//! The outcome of a test with one of the classes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The class that the tests use.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Class {
    Platform,
    Samesocket,
}

impl Class {
    pub(super) const BOTH: [Self; 2] = [Self::Platform, Self::Samesocket];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Samesocket => "samesocket",
        }
    }
}

/// The result of one page.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Outcome {
    /// The class that the page reported.
    pub(super) class: Class,
    /// `OK`, or the reason why the page's tests did not finish.
    pub(super) harness: String,
    pub(super) message: String,
    pub(super) tests: Vec<Subtest>,
}

/// The result of one test on a page.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Subtest {
    pub(super) name: String,
    pub(super) status: String,
    pub(super) message: String,
}

/// The results of all pages, by engine or runtime, class and test.
pub(super) type Outcomes = BTreeMap<(&'static str, Class, String), Outcome>;
