//! The summary of one subject: the tile above the table.

use samesocket_conformance::report::Finding;
use web_sys::Element;

use crate::dom;
use crate::outcome::Outcome;

/// The number of scripts of each outcome, for one subject.
pub(crate) struct Tally {
    total: Element,
    bar: Element,
    legend: Element,
    counts: [usize; Outcome::ALL.len()],
    /// The number of scripts in a full run.
    script_count: usize,
}

impl Tally {
    /// Finds the elements of a subject's tile.
    pub(crate) fn new(subject: &str) -> Self {
        Self {
            total: dom::by_id(&format!("conformance-{subject}")),
            bar: dom::by_id(&format!("{subject}-bar")),
            legend: dom::by_id(&format!("{subject}-legend")),
            counts: [0; Outcome::ALL.len()],
            script_count: 0,
        }
    }

    /// Resets the counts for a run of `script_count` scripts.
    pub(crate) fn reset(&mut self, script_count: usize) {
        self.counts = [0; Outcome::ALL.len()];
        self.script_count = script_count;
        for name in ["data-scripts", "data-different"] {
            // The attributes are absent before the first run.
            let _ = self.total.remove_attribute(name);
        }
        self.show();
    }

    /// Counts a finding and returns its outcome.
    pub(crate) fn count(&mut self, finding: &Finding) -> Outcome {
        let outcome = Outcome::of(finding);
        self.counts[outcome as usize] += 1;
        self.show();
        outcome
    }

    /// Publishes the final counts as data attributes, which `cargo xtask demo --check` reads.
    pub(crate) fn publish(&self) {
        dom::set_attribute(&self.total, "data-scripts", &self.done().to_string());
        dom::set_attribute(&self.total, "data-different", &self.counts[Outcome::Different as usize].to_string());
    }

    fn done(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Shows the counts so far: the total, a bar with one part for each outcome, and a legend.
    fn show(&self) {
        let done = self.done();
        self.total.set_text_content(Some(&format!("{} of {done}", self.counts[Outcome::Standard as usize])));
        self.bar.set_text_content(None);
        self.legend.set_text_content(None);
        for (outcome, count) in Outcome::ALL.into_iter().zip(self.counts).filter(|(_, count)| *count > 0) {
            let part = dom::append(&self.bar, "span", outcome.class(), "");
            dom::set_attribute(&part, "style", &format!("flex-grow: {count}"));
            let item = dom::append(&self.legend, "li", outcome.class(), &format!("{count} {}", outcome.text()));
            dom::set_attribute(&item, "title", outcome.explanation());
        }
        let remaining = dom::append(&self.bar, "span", "remaining", "");
        dom::set_attribute(&remaining, "style", &format!("flex-grow: {}", self.script_count - done));
    }
}
