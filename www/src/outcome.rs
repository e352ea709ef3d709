//! The outcome of one script with one subject, as the table shows it.

use samesocket_conformance::report::{Finding, Verdict};

/// The outcome of one script with one subject.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The observation matches the Standard.
    Standard,
    /// The observation matches another rule, which takes precedence there.
    OtherRule,
    /// The engine decides the behaviour, and no page can change it.
    Engine,
    /// The observation is different.
    Different,
    /// The script does not apply to the subject.
    NotApplicable,
}

impl Outcome {
    pub(crate) const ALL: [Self; 5] =
        [Self::Standard, Self::OtherRule, Self::Engine, Self::Different, Self::NotApplicable];

    /// Converts a finding.
    pub(crate) fn of(finding: &Finding) -> Self {
        match finding.verdict {
            Verdict::AsExpected if finding.rule.is_some() => Self::OtherRule,
            Verdict::AsExpected => Self::Standard,
            Verdict::NotLevelable => Self::Engine,
            Verdict::NotApplicable => Self::NotApplicable,
            // This version of the engine conforms where the versions in the table do not.
            Verdict::TableIsStale if finding.seen == finding.expected => Self::Standard,
            Verdict::Different | Verdict::TableIsStale => Self::Different,
        }
    }

    /// Returns the class of the outcome in conformance.css.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::OtherRule => "rule",
            Self::Engine => "engine",
            Self::Different => "different",
            Self::NotApplicable => "none",
        }
    }

    /// Returns the text of the outcome for visitors.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Standard => "conforms",
            Self::OtherRule => "another rule applies",
            Self::Engine => "engine’s limit",
            Self::Different => "differs",
            Self::NotApplicable => "does not apply",
        }
    }

    /// Returns an explanation of the outcome, for a tooltip.
    pub(crate) fn explanation(self) -> &'static str {
        match self {
            Self::Standard => "The events, values and exceptions are exactly those of the Standard.",
            Self::OtherRule => "Another specification takes precedence here. Open the row to read which one.",
            Self::Engine => "The browser engine decides this, and no page can change it. Open the row for the reason.",
            Self::Different => "The result is not the one that the Standard requires. Open the row to compare.",
            Self::NotApplicable => "This subject has no means to run the script.",
        }
    }
}
