//! What came of the scripts: a row for each, a sum for each subject.

use samesocket_conformance::report::{Finding, Verdict};
use samesocket_conformance::known_deviations;
use web_sys::Element;

use crate::page;

/// What the table says of one subject and one script.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// What was seen is what the Standard says.
    Standard,
    /// What was seen is what another rule says, where that is another.
    Rule,
    /// What was seen is the engine's, which no page can level.
    Engine,
    /// What was seen is something else.
    Different,
    /// The subject has no means for the script.
    NotApplicable,
}

impl Outcome {
    const ALL: [Self; 5] = [Self::Standard, Self::Rule, Self::Engine, Self::Different, Self::NotApplicable];

    fn of(finding: &Finding) -> Self {
        match finding.verdict {
            Verdict::AsExpected if finding.rule.is_some() => Self::Rule,
            Verdict::AsExpected => Self::Standard,
            Verdict::NotLevelable => Self::Engine,
            Verdict::NotApplicable => Self::NotApplicable,
            // This engine's version does better than those that the table was written about.
            Verdict::TableIsStale if finding.seen == finding.expected => Self::Standard,
            Verdict::Different | Verdict::TableIsStale => Self::Different,
        }
    }

    /// Its name in style.css.
    fn class(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Rule => "rule",
            Self::Engine => "engine",
            Self::Different => "different",
            Self::NotApplicable => "none",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Standard => "as the Standard says",
            Self::Rule => "by another rule",
            Self::Engine => "the engine’s",
            Self::Different => "different",
            Self::NotApplicable => "does not apply",
        }
    }
}

/// The sum of one subject.
pub(crate) struct Tally {
    total: Element,
    bar: Element,
    legend: Element,
    counts: [usize; Outcome::ALL.len()],
    /// How many scripts there are.
    scripts: usize,
}

impl Tally {
    /// Finds a subject's tile.
    pub(crate) fn new(subject: &str) -> Self {
        Self {
            total: page::by_id(&format!("conformance-{subject}")),
            bar: page::by_id(&format!("{subject}-bar")),
            legend: page::by_id(&format!("{subject}-legend")),
            counts: [0; Outcome::ALL.len()],
            scripts: 0,
        }
    }

    /// Begins anew, with so many scripts to come.
    pub(crate) fn begin(&mut self, scripts: usize) {
        self.counts = [0; Outcome::ALL.len()];
        self.scripts = scripts;
        for name in ["data-scripts", "data-different"] {
            // Before the first run there is none.
            let _ = self.total.remove_attribute(name);
        }
        self.show();
    }

    /// Counts a finding, and says what it comes to.
    pub(crate) fn count(&mut self, finding: &Finding) -> Outcome {
        let outcome = Outcome::of(finding);
        self.counts[outcome as usize] += 1;
        self.show();
        outcome
    }

    /// Says that the sum is whole.
    pub(crate) fn close(&self) {
        page::set(&self.total, "data-scripts", &self.done().to_string());
        page::set(&self.total, "data-different", &self.counts[Outcome::Different as usize].to_string());
    }

    fn done(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Shows the sum so far, and each count as a part of the bar and as a word below it.
    fn show(&self) {
        let done = self.done();
        self.total.set_text_content(Some(&format!("{} of {done}", self.counts[Outcome::Standard as usize])));
        self.bar.set_text_content(None);
        self.legend.set_text_content(None);
        for (outcome, count) in Outcome::ALL.into_iter().zip(self.counts).filter(|(_, count)| *count > 0) {
            let part = page::append(&self.bar, "span", outcome.class(), "");
            page::set(&part, "style", &format!("flex-grow: {count}"));
            page::append(&self.legend, "li", outcome.class(), &format!("{count} {}", outcome.text()));
        }
        let to_come = page::append(&self.bar, "span", "to-come", "");
        page::set(&to_come, "style", &format!("flex-grow: {}", self.scripts - done));
    }
}

/// The row of one script.
pub(crate) struct Row {
    line: Element,
    claim: Element,
    samesocket: Element,
    natively: Element,
    platform: Element,
}

impl Row {
    /// Makes a row at the end of the table; its findings are yet to come.
    pub(crate) fn new(rows: &Element, script: &str, checklist: &[u16]) -> Self {
        let line = page::append(rows, "tr", "same", "");
        page::set(&line, "role", "row");
        let claim = cell(&line, "th", "rowheader", "claim", script);
        page::set(&claim, "scope", "row");
        let numbers: Vec<_> = checklist.iter().map(u16::to_string).collect();
        cell(&line, "td", "cell", "numbers", &numbers.join(", "));
        let [samesocket, natively, platform] = ["samesocket", "natively", "platform"].map(|subject| {
            let cell = cell(&line, "td", "cell", "outcome", "…");
            page::set(&cell, "data-subject", subject);
            cell
        });
        Self { line, claim, samesocket, natively, platform }
    }

    /// Says what samesocket came to.
    pub(crate) fn fill_samesocket(&self, outcome: Outcome) {
        self.fill(&self.samesocket, outcome);
    }

    /// Says what samesocket came to natively.
    pub(crate) fn fill_natively(&self, outcome: Outcome) {
        self.fill(&self.natively, outcome);
    }

    /// Says what the platform came to.
    pub(crate) fn fill_platform(&self, outcome: Outcome) {
        self.fill(&self.platform, outcome);
    }

    fn fill(&self, cell: &Element, outcome: Outcome) {
        cell.set_text_content(None);
        page::append(cell, "span", outcome.class(), outcome.text());
        if matches!(outcome, Outcome::Rule | Outcome::Engine | Outcome::Different) {
            page::mark(&self.line, "same", false);
        }
    }

    /// Lays what was expected and seen behind the claim.
    pub(crate) fn explain(&self, samesocket: &Finding, natively: Option<&Finding>, platform: &Finding, engine: &str) {
        self.claim.set_text_content(None);
        let details = page::append(&self.claim, "details", "", "");
        page::append(&details, "summary", "", &samesocket.script);
        let list = page::append(&details, "dl", "", "");
        lines(&list, "expected", &samesocket.expected);
        let findings = [("samesocket", Some(samesocket)), ("natively", natively), ("the platform", Some(platform))];
        for (name, finding) in findings.into_iter().filter_map(|(name, finding)| Some((name, finding?))) {
            match Outcome::of(finding) {
                Outcome::Standard => drop(entry(&list, name, "the same")),
                Outcome::NotApplicable => drop(entry(&list, name, "has no means for this script")),
                Outcome::Rule | Outcome::Engine | Outcome::Different => lines(&list, name, &finding.seen),
            }
            if let Some(rule) = &finding.rule {
                entry(&list, "why", rule);
            }
        }
        if Outcome::of(samesocket) == Outcome::Engine
            && let Some(line) = known_deviations::find(known_deviations::TABLE, &samesocket.script, engine)
        {
            entry(&list, "why", line.reason);
        }
    }
}

/// Makes a cell. On a narrow screen the table is laid out as a list, which would take its meaning away without the role.
fn cell(line: &Element, name: &str, role: &str, class: &str, text: &str) -> Element {
    let cell = page::append(line, name, class, text);
    page::set(&cell, "role", role);
    cell
}

fn entry(list: &Element, name: &str, text: &str) -> Element {
    page::append(list, "dt", "", name);
    page::append(list, "dd", "", text)
}

fn lines(list: &Element, name: &str, lines: &[String]) {
    page::append(&entry(list, name, ""), "code", "", &lines.join("\n"));
}
