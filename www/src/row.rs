//! The row of one script: its claim, its checklist links, and one cell for each subject.

use samesocket_conformance::report::Finding;
use samesocket_conformance::{checklist, known_deviations};
use web_sys::Element;

use crate::dom;
use crate::outcome::Outcome;

/// The subjects, by the value of their cells' `data-subject` and the label for visitors.
const SUBJECTS: [(&str, &str); 3] = [("samesocket", "samesocket"), ("native", "native"), ("platform", "browser")];

/// The row of one script.
pub(crate) struct Row {
    element: Element,
    claim: Element,
    samesocket: Element,
    native: Element,
    platform: Element,
}

impl Row {
    /// Appends a row to the table. Its findings are still missing.
    pub(crate) fn new(rows: &Element, script: &str, numbers: &[u16]) -> Self {
        let element = dom::append(rows, "tr", "same", "");
        dom::set_attribute(&element, "role", "row");
        let claim = append_cell(&element, "th", "rowheader", "claim", script);
        dom::set_attribute(&claim, "scope", "row");
        append_checklist(&append_cell(&element, "td", "cell", "numbers", ""), numbers);
        let [samesocket, native, platform] = SUBJECTS.map(|(subject, label)| {
            let cell = append_cell(&element, "td", "cell", "outcome", "…");
            dom::set_attribute(&cell, "data-subject", subject);
            dom::set_attribute(&cell, "data-label", label);
            cell
        });
        Self { element, claim, samesocket, native, platform }
    }

    /// Shows the outcome of samesocket in this browser.
    pub(crate) fn fill_samesocket(&self, outcome: Outcome) {
        self.fill(&self.samesocket, outcome);
    }

    /// Shows the outcome of samesocket on the native target.
    pub(crate) fn fill_native(&self, outcome: Outcome) {
        self.fill(&self.native, outcome);
    }

    /// Shows the outcome of the browser's own class.
    pub(crate) fn fill_platform(&self, outcome: Outcome) {
        self.fill(&self.platform, outcome);
    }

    fn fill(&self, cell: &Element, outcome: Outcome) {
        cell.set_text_content(None);
        let text = dom::append(cell, "span", outcome.class(), outcome.text());
        dom::set_attribute(&text, "title", outcome.explanation());
        if matches!(outcome, Outcome::OtherRule | Outcome::Engine | Outcome::Different) {
            dom::toggle_class(&self.element, "same", false);
        }
    }

    /// Adds the expected and the observed lines to the claim, as details that a click opens.
    pub(crate) fn explain(&self, samesocket: &Finding, native: Option<&Finding>, platform: &Finding, engine: &str) {
        self.claim.set_text_content(None);
        let details = dom::append(&self.claim, "details", "", "");
        dom::append(&details, "summary", "", &samesocket.script);
        let list = dom::append(&details, "dl", "", "");
        append_lines(&list, "expected", &samesocket.expected);
        let findings = [("samesocket", Some(samesocket)), ("native", native), ("browser", Some(platform))];
        for (name, finding) in findings.into_iter().filter_map(|(name, finding)| Some((name, finding?))) {
            match Outcome::of(finding) {
                Outcome::Standard => drop(append_entry(&list, name, "as expected")),
                Outcome::NotApplicable => drop(append_entry(&list, name, "the script does not apply")),
                Outcome::OtherRule | Outcome::Engine | Outcome::Different => append_lines(&list, name, &finding.seen),
            }
            if let Some(rule) = &finding.rule {
                append_entry(&list, "reason", rule);
            }
        }
        if Outcome::of(samesocket) == Outcome::Engine {
            let limit = known_deviations::find(known_deviations::TABLE, &samesocket.script, engine);
            if let Some(limit) = limit {
                append_entry(&list, "reason", limit.reason);
            }
        }
    }
}

/// Appends a link for each checklist number: to the section of the rule, with the rule as its tooltip.
fn append_checklist(cell: &Element, numbers: &[u16]) {
    let list = dom::append(cell, "ul", "", "");
    dom::set_attribute(&list, "aria-label", "Rules");
    for number in numbers {
        let item = dom::append(&list, "li", "", "");
        let Some(rule) = checklist::rule(*number) else {
            item.set_text_content(Some(&number.to_string()));
            continue;
        };
        let link = dom::append(&item, "a", "", &number.to_string());
        // The table marks code with backticks, which a tooltip cannot show.
        let text = rule.text.replace('`', "");
        dom::set_attribute(&link, "href", rule.url);
        dom::set_attribute(&link, "target", "_blank");
        dom::set_attribute(&link, "rel", "noopener");
        dom::set_attribute(&link, "title", &format!("{text} ({})", rule.source));
        dom::set_attribute(&link, "aria-label", &format!("Rule {number}: {text}"));
    }
}

/// Appends a cell. It has an explicit role, because on a narrow screen the table is laid out as a grid.
fn append_cell(row: &Element, name: &str, role: &str, class: &str, text: &str) -> Element {
    let cell = dom::append(row, name, class, text);
    dom::set_attribute(&cell, "role", role);
    cell
}

fn append_entry(list: &Element, name: &str, text: &str) -> Element {
    dom::append(list, "dt", "", name);
    dom::append(list, "dd", "", text)
}

fn append_lines(list: &Element, name: &str, lines: &[String]) {
    dom::append(&append_entry(list, name, ""), "code", "", &lines.join("\n"));
}
