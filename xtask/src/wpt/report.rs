//! Prints the results of both classes side by side.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use anyhow::Result;
use serde_json::json;

use super::{
    expectations::{is_ok, verdicts},
    outcome::{Outcome, Outcomes},
};
use crate::{process::print_line, project::Project};

/// Saves all results with their messages.
pub(super) fn keep(project: &Project, outcomes: &Outcomes) -> Result<()> {
    let folder = project.cache.folder().join("reports");
    fs::create_dir_all(&folder)?;
    let path = folder.join("wpt.json");
    let all: Vec<_> = outcomes
        .iter()
        .map(|((engine, class, test), outcome)| {
            json!({ "engine": engine, "class": class, "test": test, "outcome": outcome })
        })
        .collect();
    fs::write(&path, serde_json::to_vec_pretty(&all)?)?;
    print_line(&format!("All results: {}", path.display()));
    Ok(())
}

/// Prints the totals, and a line for each page that does not pass with both classes.
pub(super) fn print(outcomes: &Outcomes) {
    let engines: BTreeSet<&str> = outcomes.keys().map(|(engine, ..)| *engine).collect();
    for engine in engines {
        print_line(&table(engine, outcomes));
    }
}

/// Formats one engine's table.
fn table(engine: &str, outcomes: &Outcomes) -> String {
    let mut pages: BTreeMap<&str, [Counts; 2]> = BTreeMap::new();
    for ((_, class, test), outcome) in outcomes.iter().filter(|((other, ..), _)| *other == engine) {
        pages.entry(test).or_default()[*class as usize] = Counts::of(outcome);
    }
    let width = pages.keys().map(|test| test.len()).max().unwrap_or_default();
    let line = |name: &str, [platform, ours]: [String; 2]| format!("  {name:<width$}  {platform:>14}  {ours:>14}\n");
    let mut text = line(engine, ["platform".to_owned(), "samesocket".to_owned()]);
    let mut sums = [Counts::default(); 2];
    for (test, both) in &pages {
        for (sum, counts) in sums.iter_mut().zip(both) {
            *sum = Counts { good: sum.good + counts.good, all: sum.all + counts.all };
        }
        if both.iter().any(|counts| counts.good < counts.all) {
            text += &line(test, both.map(Counts::show));
        }
    }
    text += &line(&format!("{} pages", pages.len()), sums.map(Counts::show));
    text
}

/// The numbers of passed tests and of all tests. The page itself counts as one.
#[derive(Clone, Copy, Default)]
struct Counts {
    good: usize,
    all: usize,
}

impl Counts {
    fn of(outcome: &Outcome) -> Self {
        let verdicts = verdicts(outcome);
        Self { good: verdicts.values().filter(|(status, _)| is_ok(status)).count(), all: verdicts.len() }
    }

    fn show(self) -> String {
        format!("{} of {}", self.good, self.all)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::outcome::{Class, Subtest},
        *,
    };

    #[test]
    fn table_lists_pages_that_fail_with_either_class() {
        let outcome = |statuses: &[&str]| Outcome {
            class: Class::Samesocket,
            harness: "OK".to_owned(),
            message: String::new(),
            tests: statuses
                .iter()
                .enumerate()
                .map(|(index, status)| Subtest {
                    name: index.to_string(),
                    status: (*status).to_owned(),
                    message: String::new(),
                })
                .collect(),
        };
        let key = |class, test: &str| ("chromium", class, test.to_owned());
        let outcomes = Outcomes::from([
            (key(Class::Platform, "/a"), outcome(&["PASS", "FAIL"])),
            (key(Class::Samesocket, "/a"), outcome(&["PASS", "PASS"])),
            (key(Class::Platform, "/b"), outcome(&["PASS"])),
            (key(Class::Samesocket, "/b"), outcome(&["PASS"])),
        ]);
        let table = table("chromium", &outcomes);
        let lines: Vec<Vec<&str>> = table
            .lines()
            .map(|line| line.split("  ").filter(|part| !part.is_empty()).map(str::trim).collect())
            .collect();
        let wanted =
            [["chromium", "platform", "samesocket"], ["/a", "2 of 3", "3 of 3"], ["2 pages", "4 of 5", "5 of 5"]];
        assert_eq!(lines, wanted);
    }
}
