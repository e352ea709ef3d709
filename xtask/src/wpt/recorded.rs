//! The failures of a runtime, as a run has recorded them: a file for each runtime, which names its version.
//!
//! A line is `class | test | "subtest"`, and for our class `| reason`. The subtest is a JSON string; an empty one stands for the
//! page as a whole, and `"*"` for everything on the page. A reason that begins with `varies` permits both results.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

use anyhow::{Context as _, Result};
use serde_json::json;

use super::{
    expectations::{is_ok, verdicts},
    outcome::{Class, Outcomes},
    runtimes::Runtime,
    server::{FOLDER, LOCAL_HOST},
};
use crate::project::Project;

/// A failure: the class, the test and the subtest.
type Key = (Class, String, String);

/// The subtest of a line that stands for everything on a page.
const EVERYTHING: &str = "*";

/// The recorded failures of one runtime, each with its reason.
pub(super) struct Recorded {
    path: PathBuf,
    /// The name and the version of the runtime.
    runtime: String,
    /// The first line of the file.
    heading: String,
    failures: BTreeMap<Key, String>,
}

impl Recorded {
    /// Reads the file of a runtime. A missing one has no failures.
    pub(super) fn read(project: &Project, runtime: Runtime) -> Result<Self> {
        let path = project.root().join(FOLDER).join(format!("{}_failures.txt", runtime.name())).into_std_path_buf();
        let text = fs::read_to_string(&path).unwrap_or_default();
        let read = parse(&text).with_context(|| path.display().to_string())?;
        Ok(Self {
            path,
            runtime: runtime.describe(project)?,
            heading: text.lines().next().unwrap_or_default().to_owned(),
            failures: read,
        })
    }

    /// Compares the file with the results. Returns a line for each difference.
    pub(super) fn compare(&self, outcomes: &Outcomes, name: &str, filter: &str) -> Vec<String> {
        let mut complaints = Vec::new();
        if self.heading != heading(&self.runtime) {
            complaints.push(format!("{name}: the file of failures is not of {}; `--bless` writes it", self.runtime));
        }
        let mut seen = BTreeMap::new();
        for ((_, class, test), outcome) in outcomes.iter().filter(|((other, ..), _)| *other == name) {
            for (subtest, (status, message)) in verdicts(outcome) {
                seen.insert((*class, test.clone(), without_port(subtest)), (status, message));
            }
        }
        for (key, (status, message)) in &seen {
            let (class, test, subtest) = key;
            let place = format!("{name}: {}: {test} {subtest:?}", class.name());
            match self.reason(key) {
                None if !is_ok(status) => complaints.push(format!("{place}: {status} {message}")),
                Some(reason) if reason.is_empty() && *class == Class::Samesocket => {
                    complaints.push(format!("{place} is listed without a reason"));
                }
                Some(reason) if is_ok(status) && !varies(reason) => {
                    complaints.push(format!("{place} passes, but is listed as failing"));
                }
                _ => {}
            }
        }
        let listed = self.failures.keys().filter(|key| key.1.contains(filter) && key.2 != EVERYTHING);
        for key in listed.filter(|key| !seen.contains_key(key)) {
            complaints.push(format!("{name}: {}: {} {:?} is listed, but did not run", key.0.name(), key.1, key.2));
        }
        complaints
    }

    /// Returns the reason of a failure that is listed, alone or with the rest of its page.
    fn reason(&self, key: &Key) -> Option<&String> {
        let page = (key.0, key.1.clone(), EVERYTHING.to_owned());
        self.failures.get(&page).or_else(|| self.failures.get(key))
    }

    /// Writes the file anew. Reasons are kept, and so are lines whose result varies.
    pub(super) fn write(&mut self, outcomes: &Outcomes, name: &str) -> Result<()> {
        let mut failures = self.failures.clone();
        failures.retain(|key, _| key.2 == EVERYTHING);
        for ((_, class, test), outcome) in outcomes.iter().filter(|((other, ..), _)| *other == name) {
            for (subtest, (status, _)) in verdicts(outcome) {
                let key = (*class, test.clone(), without_port(subtest));
                if failures.contains_key(&(*class, test.clone(), EVERYTHING.to_owned())) {
                    continue;
                }
                let reason = self.failures.get(&key).cloned().unwrap_or_default();
                if !is_ok(status) || varies(&reason) {
                    failures.insert(key, reason);
                }
            }
        }
        self.failures = failures;
        self.heading = heading(&self.runtime);
        fs::write(&self.path, self.text()).with_context(|| format!("cannot write {}", self.path.display()))
    }

    fn text(&self) -> String {
        let mut text = format!("{}\n", self.heading);
        for ((class, test, subtest), reason) in &self.failures {
            let separator = if reason.is_empty() { "" } else { " | " };
            // Writing to a String does not fail.
            let _ = writeln!(text, "{} | {test} | {}{separator}{reason}", class.name(), json!(subtest));
        }
        text
    }
}

fn heading(runtime: &str) -> String {
    format!("# The failures in {runtime}, written by `cargo xtask wpt --bless`: class | test | \"subtest\" | reason")
}

/// Replaces the server's port in the name of a test, because it differs from run to run.
fn without_port(name: &str) -> String {
    let host = format!("{LOCAL_HOST}:");
    let mut parts = name.split(&host);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|character: char| character.is_ascii_digit());
        text = format!("{text}{host}{}{rest}", if rest == part { "" } else { "port" });
    }
    text
}

fn varies(reason: &str) -> bool {
    reason.starts_with("varies")
}

fn parse(text: &str) -> Result<BTreeMap<Key, String>> {
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    lines.map(|line| parse_line(line).with_context(|| format!("cannot parse the line: {line}"))).collect()
}

fn parse_line(line: &str) -> Result<(Key, String)> {
    let mut parts = line.splitn(3, " | ");
    let class = parts.next().context("the class is missing")?;
    let class = Class::BOTH.into_iter().find(|known| known.name() == class).context("unknown class")?;
    let test = parts.next().context("the test is missing")?;
    let rest = parts.next().context("the subtest is missing")?;
    let mut strings = serde_json::Deserializer::from_str(rest).into_iter::<String>();
    let subtest = strings.next().context("the subtest is missing")?.context("the subtest is not a JSON string")?;
    let reason = rest[strings.byte_offset()..].strip_prefix(" | ").unwrap_or_default().trim();
    Ok(((class, test.to_owned(), subtest), reason.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{
        super::outcome::{Outcome, Subtest},
        *,
    };

    const RUNTIME: &str = "Deno 2.9.6";

    fn recorded(lines: &str) -> Recorded {
        let failures = parse(lines).unwrap();
        Recorded { path: PathBuf::new(), runtime: RUNTIME.to_owned(), heading: heading(RUNTIME), failures }
    }

    fn complaints(lines: &str, status: &str) -> Vec<String> {
        let subtest = Subtest { name: "one | two".into(), status: status.into(), message: "why".into() };
        let outcome =
            Outcome { class: Class::Samesocket, harness: "OK".into(), message: String::new(), tests: vec![subtest] };
        let outcomes = [(("deno", Class::Samesocket, "/a.html".to_owned()), outcome)].into();
        recorded(lines).compare(&outcomes, "deno", "")
    }

    #[test]
    fn recorded_failure_is_expected_and_another_is_reported() {
        let line = "samesocket | /a.html | \"one | two\" | because";
        assert_eq!(complaints(line, "FAIL"), [""; 0]);
        assert_eq!(
            complaints(line, "PASS"),
            ["deno: samesocket: /a.html \"one | two\" passes, but is listed as failing"]
        );
        assert_eq!(complaints("", "FAIL"), ["deno: samesocket: /a.html \"one | two\": FAIL why"]);
        assert_eq!(complaints("", "PASS"), [""; 0]);
    }

    #[test]
    fn failure_of_our_class_needs_a_reason_and_may_vary() {
        let without = complaints("samesocket | /a.html | \"one | two\"", "FAIL");
        assert_eq!(without, ["deno: samesocket: /a.html \"one | two\" is listed without a reason"]);
        for status in ["PASS", "FAIL"] {
            assert_eq!(complaints("samesocket | /a.html | \"one | two\" | varies: timing", status), [""; 0]);
            assert_eq!(complaints("samesocket | /a.html | \"*\" | varies: timing", status), [""; 0]);
        }
    }

    #[test]
    fn file_of_another_version_or_another_test_is_reported() {
        let other = Recorded { heading: heading("Deno 2.0.0"), ..recorded("platform | /b.html | \"\"") };
        assert_eq!(
            other.compare(&Outcomes::new(), "deno", ""),
            [
                "deno: the file of failures is not of Deno 2.9.6; `--bless` writes it",
                "deno: platform: /b.html \"\" is listed, but did not run",
            ]
        );
    }

    #[test]
    fn port_in_name_of_test_is_replaced() {
        assert_eq!(without_port("a ws://localhost:123/ and localhost:x"), "a ws://localhost:port/ and localhost:x");
        assert_eq!(without_port("none"), "none");
    }

    #[test]
    fn written_file_is_read_back() {
        let lines = "platform | /a.html | \"\"\nsamesocket | /a.html | \"one | \\\"two\\\"\" | because\n";
        assert_eq!(recorded(lines).text(), format!("{}\n{lines}", heading(RUNTIME)));
    }
}
