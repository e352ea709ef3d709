//! The rules behind the numbers of the scripts, read from `checklist.md`.

/// The table, which is written for readers.
const TABLE: &str = include_str!("../checklist.md");

/// A rule of the checklist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The number by which scripts refer to it.
    pub number: u16,
    /// The rule in one sentence of plain text, with Markdown code marks.
    pub text: &'static str,
    /// The name of the section that the rule comes from.
    pub source: &'static str,
    /// The URL of that section.
    pub url: &'static str,
}

/// Returns all rules, in the order of their numbers.
pub fn rules() -> impl Iterator<Item = Rule> {
    TABLE.lines().filter_map(parse)
}

/// Finds the rule with a number.
#[must_use]
pub fn rule(number: u16) -> Option<Rule> {
    rules().find(|rule| rule.number == number)
}

/// Returns the text of a rule, and the URL of the section that it comes from.
#[must_use]
pub fn link(number: u16) -> Option<(&'static str, &'static str)> {
    rule(number).map(|rule| (rule.text, rule.url))
}

/// Parses a line of the table; returns `None` for a line that holds no rule.
fn parse(line: &'static str) -> Option<Rule> {
    let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
    let number = cells.next()?.parse().ok()?;
    let text = cells.next()?;
    let (source, url) = cells.next()?.strip_prefix('[')?.strip_suffix(')')?.split_once("](")?;
    Some(Rule { number, text, source, url })
}

/// Checks that the table and the scripts agree: each number of a script has a rule, and each rule has a script.
///
/// # Panics
///
/// If a number has no rule, if a rule has no script, or if the numbers do not ascend.
pub fn check() {
    let numbers: Vec<u16> = rules().map(|rule| rule.number).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "the numbers of the checklist do not ascend: {numbers:?}");
    let scripts = || crate::scripts::all().chain(crate::scripts::secure()).chain(crate::scripts::long());
    for script in scripts() {
        for number in script.checklist {
            assert!(numbers.contains(number), "rule {number} of the script {:?} is not in checklist.md", script.name);
        }
    }
    for number in numbers {
        assert!(
            scripts().any(|script| script.checklist.contains(&number)),
            "no script checks rule {number} of checklist.md"
        );
    }
}
