//! The list of tests that are expected to fail with our class, each with a reason.
//!
//! A line is `engine | test | "subtest" | reason`. The engine may be `*`. The subtest is a JSON string; an empty one
//! stands for the page as a whole.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum as _;

use super::outcome::{Class, Outcome, Outcomes};
use crate::browser::Engine;

/// The parsed list.
pub(super) struct Expectations(Vec<Line>);

struct Line {
    engine: Option<Engine>,
    test: String,
    subtest: String,
}

impl Expectations {
    /// Parses the list.
    pub(super) fn read(text: &str) -> Result<Self> {
        let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        let lines = lines.map(|line| Line::read(line).with_context(|| format!("cannot parse the line: {line}")));
        Ok(Self(lines.collect::<Result<_>>()?))
    }

    /// Compares the list with the results of our class. Returns a line for each difference.
    pub(super) fn compare(&self, outcomes: &Outcomes, engines: &[Engine], filter: &str) -> Vec<String> {
        let mut complaints = Vec::new();
        for ((engine, class, test), outcome) in outcomes {
            if *class != Class::Samesocket {
                continue;
            }
            for (subtest, (status, message)) in verdicts(outcome) {
                let is_expected = self.0.iter().any(|line| line.is(engine, test) && line.subtest == subtest);
                if !is_ok(status) && !is_expected {
                    complaints.push(format!("{engine}: {test} {subtest:?}: {status} {message}"));
                }
                if is_ok(status) && is_expected {
                    complaints.push(format!("{engine}: {test} {subtest:?} passes, but is listed as failing"));
                }
            }
        }
        for line in self.0.iter().filter(|line| line.test.contains(filter)) {
            for engine in engines.iter().filter(|engine| line.engine.is_none_or(|own| own == **engine)) {
                let outcome = outcomes.get(&(engine.name(), Class::Samesocket, line.test.clone()));
                let ran = outcome.is_some_and(|outcome| verdicts(outcome).contains_key(&*line.subtest));
                if !ran {
                    complaints.push(format!(
                        "{}: {} {:?} is listed, but did not run",
                        engine.name(),
                        line.test,
                        line.subtest
                    ));
                }
            }
        }
        complaints
    }
}

impl Line {
    fn read(line: &str) -> Result<Self> {
        let mut parts = line.splitn(3, " | ");
        let (engine, test) =
            (parts.next().context("the engine is missing")?, parts.next().context("the test is missing")?);
        let rest = parts.next().context("the subtest is missing")?;
        let mut strings = serde_json::Deserializer::from_str(rest).into_iter::<String>();
        let subtest = strings.next().context("the subtest is missing")?.context("the subtest is not a JSON string")?;
        let reason = rest[strings.byte_offset()..].strip_prefix(" | ").unwrap_or_default();
        ensure!(!reason.trim().is_empty(), "the reason is missing");
        let engine = match engine {
            "*" => None,
            name => Some(Engine::from_str(name, false).ok().context("unknown engine")?),
        };
        Ok(Self { engine, test: test.to_owned(), subtest })
    }

    fn is(&self, engine: &str, test: &str) -> bool {
        self.engine.is_none_or(|own| own.name() == engine) && self.test == test
    }
}

/// Returns the result of a page and of each of its tests. Of several tests with the same name, the worst counts.
pub(super) fn verdicts(outcome: &Outcome) -> BTreeMap<&str, (&str, &str)> {
    let mut verdicts = BTreeMap::from([("", (&*outcome.harness, &*outcome.message))]);
    for test in &outcome.tests {
        let verdict = (&*test.status, &*test.message);
        verdicts
            .entry(&test.name)
            .and_modify(|former| {
                if is_ok(former.0) {
                    *former = verdict;
                }
            })
            .or_insert(verdict);
    }
    verdicts
}

/// Returns whether a status counts as passed. A test whose precondition is not met does too.
pub(super) fn is_ok(status: &str) -> bool {
    matches!(status, "OK" | "PASS" | "PRECONDITION_FAILED")
}

#[cfg(test)]
mod tests {
    use super::{super::outcome::Subtest, *};

    fn outcomes(statuses: &[(&str, &str)]) -> Outcomes {
        let subtest = |(name, status): &(&str, &str)| Subtest {
            name: (*name).to_owned(),
            status: (*status).to_owned(),
            message: String::new(),
        };
        let outcome = Outcome {
            class: Class::Samesocket,
            harness: "OK".into(),
            message: String::new(),
            tests: statuses.iter().map(subtest).collect(),
        };
        [(Class::Samesocket, outcome.clone()), (Class::Platform, outcome)]
            .map(|(class, outcome)| (("firefox", class, "/a.html".to_owned()), outcome))
            .into()
    }

    fn complaints(lines: &str, statuses: &[(&str, &str)], filter: &str) -> Vec<String> {
        Expectations::read(lines).unwrap().compare(&outcomes(statuses), &[Engine::Firefox], filter)
    }

    #[test]
    fn listed_tests_fail_and_others_pass() {
        let lines = "# why\n\n* | /a.html | \"one | \\\"two\\\"\" | because\n";
        assert_eq!(complaints(lines, &[("one | \"two\"", "FAIL"), ("three", "PASS")], ""), [""; 0]);
        let failing = complaints(lines, &[("one | \"two\"", "TIMEOUT"), ("three", "FAIL")], "");
        assert_eq!(failing, ["firefox: /a.html \"three\": FAIL "]);
    }

    #[test]
    fn listed_test_that_passes_or_is_missing_is_reported() {
        let lines = "firefox | /a.html | \"one\" | because";
        let passes = complaints(lines, &[("one", "PASS")], "");
        assert_eq!(passes, ["firefox: /a.html \"one\" passes, but is listed as failing"]);
        let missing = complaints(lines, &[("two", "PASS")], "");
        assert_eq!(missing, ["firefox: /a.html \"one\" is listed, but did not run"]);
        assert_eq!(complaints(lines, &[("two", "PASS")], "b.html"), [""; 0]);
        assert_eq!(complaints("chromium | /a.html | \"one\" | because", &[("one", "PASS")], ""), [""; 0]);
    }

    #[test]
    fn duplicate_test_names_take_the_worst_result() {
        let failing = complaints("", &[("one", "PASS"), ("one", "FAIL"), ("one", "PASS")], "");
        assert_eq!(failing, ["firefox: /a.html \"one\": FAIL "]);
    }

    #[test]
    fn line_without_reason_is_refused() {
        for line in [
            "* | /a.html | \"one\"",
            "* | /a.html | \"one\" | ",
            "opera | /a.html | \"one\" | why",
            "* | /a.html | one | why",
        ] {
            assert!(Expectations::read(line).is_err(), "{line}");
        }
    }
}
