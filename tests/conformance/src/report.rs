//! Runs scripts, compares the observations, and reports the findings.

use std::borrow::Cow;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use crate::known_deviations::{self, KnownDeviation};
use crate::runner::{Limits, ScriptOutcome};
use crate::server::Server;
use crate::{Script, Subject, native_expectations, not_applicable, run_script, target};

/// The result of one script.
#[derive(Debug, Serialize, Deserialize)]
pub struct Finding {
    /// The name of the script.
    pub script: Cow<'static, str>,
    /// The numbers of the rules in `checklist.md` that it checks; see [`checklist::link`](crate::checklist::link).
    pub checklist: Cow<'static, [u16]>,
    /// The expected lines.
    pub expected: Vec<String>,
    /// The reason why the expected lines differ from the script, or why the script is not applicable to the subject.
    pub rule: Option<Cow<'static, str>>,
    /// The observed lines.
    pub seen: Vec<String>,
    /// The result of the comparison.
    pub verdict: Verdict,
}

/// The result of comparing the observed lines with the expected ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// They are the same.
    AsExpected,
    /// They differ.
    Different,
    /// They differ as the table of known deviations says for this engine.
    NotLevelable,
    /// They contradict that table, or that of [`not_applicable`], so a line of the table has to be removed or changed.
    TableIsStale,
    /// The subject lacks a feature that the script needs.
    NotApplicable,
}

/// The timeout for an event in milliseconds, for subjects that must pass; arbitrary.
const TIMEOUT: u32 = 10_000;

/// The shorter timeout for subjects whose deviations are recorded; arbitrary. A script with an event that comes later runs again.
const RECORDING_TIMEOUT: u32 = 1_000;

/// The results of several scripts.
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Returns the counts as JSON: `{"passed": 12, "failed": ["…"]}`.
    ///
    /// # Panics
    ///
    /// Never, because findings can always be serialized.
    #[must_use]
    pub fn summary(&self) -> String {
        let failed: Vec<_> = self.wrong().map(Finding::describe).collect();
        let passed = self.0.len() - failed.len();
        serde_json::json!({ "passed": passed, "failed": failed }).to_string()
    }

    /// Asserts that all results are as the Standard, or the table of known deviations, requires.
    ///
    /// # Panics
    ///
    /// If one is not, with the observed lines.
    pub fn demand(&self) {
        let wrong: Vec<_> = self.wrong().map(Finding::describe).collect();
        assert!(wrong.is_empty(), "{} of {} scripts:\n{}", wrong.len(), self.0.len(), wrong.join("\n"));
    }

    fn wrong(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter().filter(|finding| matches!(finding.verdict, Verdict::Different | Verdict::TableIsStale))
    }
}

impl Finding {
    fn describe(&self) -> String {
        let rule = self.rule.as_ref().map(|rule| format!("\n  {rule}")).unwrap_or_default();
        format!(
            "{} {:?}: {:?}{rule}\n  expected {:#?}\n  seen {:#?}",
            self.script, self.checklist, self.verdict, self.expected, self.seen
        )
    }
}

/// A sequence of scripts that run with one subject.
pub struct Examination<S> {
    server: Server,
    run: String,
    scripts: usize,
    table: &'static [KnownDeviation],
    timeout: u32,
    subject: PhantomData<S>,
}

impl<S: Subject> Examination<S> {
    /// Creates the sequence for a subject that must pass, except for known deviations.
    #[must_use]
    pub fn demanding(server: Server, context: &str) -> Self {
        Self::within(server, context, TIMEOUT)
    }

    /// Creates the sequence for a subject whose deviations are recorded.
    #[must_use]
    pub fn recording(server: Server, context: &str) -> Self {
        Self::new(server, context, &[], RECORDING_TIMEOUT)
    }

    fn within(server: Server, context: &str, timeout: u32) -> Self {
        let table = known_deviations::table(&server.engine);
        Self::new(server, context, table, timeout)
    }

    fn new(server: Server, context: &str, table: &'static [KnownDeviation], timeout: u32) -> Self {
        // The id is unique, because the server keeps records of earlier runs.
        let run = format!("{}-{context}-{}-{}", server.engine, S::NAME, target::unique_id());
        Self { server, run, scripts: 0, table, timeout, subject: PhantomData }
    }

    /// Runs a script and compares the observed lines with the expected ones.
    pub async fn examine(&mut self, script: &'static Script) -> Finding {
        let Self { server, run, table, timeout, .. } = &*self;
        let id = format!("{run}-{}", self.scripts);
        let native_expectations = native_expectations::find(script.name, server);
        let expected = native_expectations.map_or(script.seen, |line| line.seen);
        let mut expected: Vec<String> = expected.iter().map(|line| server.name_page(line)).collect();
        let reworded = S::reword(&mut expected);
        let mut rule = native_expectations.map(|line| line.rule).or(reworded);
        let (seen, verdict) = if let Some(missing) = not_applicable::missing_means::<S>(script.steps) {
            rule = Some(missing);
            (Vec::new(), Verdict::NotApplicable)
        } else {
            let is_recording = *timeout < TIMEOUT;
            let awaits_closes = is_recording && expected.iter().all(|line| line.starts_with("throws "));
            let mut outcome = run_script::<S>(script, server, &id, Limits { timeout: *timeout, awaits_closes }).await;
            if is_recording && has_late_event(&outcome.seen) {
                // The machine was slow. Another run waits long enough.
                let limits = Limits { timeout: TIMEOUT, awaits_closes };
                outcome = run_script::<S>(script, server, &format!("{id}-again"), limits).await;
            }
            let ScriptOutcome { seen, lacking } = outcome;
            let exception = known_deviations::find(table, script.name, &server.engine);
            let verdict = match lacking {
                // The lines before the missing member must still be right.
                Some(_) if !begins_with(&expected, exception, &seen) => Verdict::Different,
                Some(lacking) => {
                    rule = Some(lacking);
                    Verdict::NotApplicable
                }
                None => compare::<S>(&expected, &seen, exception),
            };
            (seen, verdict)
        };
        let verdict = match (verdict, not_applicable::is_listed(S::NAME, script.name)) {
            (Verdict::NotApplicable, false) => Verdict::Different,
            // Where a URL cannot be parsed, no subject needs a socket.
            (Verdict::AsExpected, true) if native_expectations.is_none() => Verdict::TableIsStale,
            (verdict, _) => verdict,
        };
        self.scripts += 1;
        Finding {
            script: script.name.into(),
            checklist: script.checklist.into(),
            expected,
            rule: rule.map(Cow::Borrowed),
            seen,
            verdict,
        }
    }
}

/// Runs scripts with a subject that must pass all of them, and sends the report.
pub async fn run<S: Subject>(context: &str, scripts: impl Iterator<Item = &'static Script>) -> Findings {
    run_within::<S>(TIMEOUT, context, scripts).await
}

/// Runs scripts like [`run`], with a given server.
pub async fn run_at<S: Subject>(
    server: Server,
    context: &str,
    scripts: impl Iterator<Item = &'static Script>,
) -> Findings {
    run_all(Examination::<S>::demanding(server, context), context, scripts).await
}

/// Runs scripts like [`run`], with another timeout in milliseconds.
pub async fn run_within<S: Subject>(
    timeout: u32,
    context: &str,
    scripts: impl Iterator<Item = &'static Script>,
) -> Findings {
    let server = Server::find().await;
    run_all(Examination::<S>::within(server, context, timeout), context, scripts).await
}

/// Runs scripts with a subject whose deviations are recorded, and sends the report.
pub async fn record<S: Subject>(context: &str, scripts: impl Iterator<Item = &'static Script>) {
    run_all(Examination::<S>::recording(Server::find().await, context), context, scripts).await;
}

/// Returns the name of a report.
#[must_use]
pub fn name(engine: &str, context: &str, subject: &str) -> String {
    format!("conformance-{engine}-{context}-{subject}")
}

/// Sends the table of known deviations that holds for this engine.
///
/// # Panics
///
/// If a line names no script, or if two lines name the same script and engine.
pub async fn report_known_deviations() {
    let server = Server::find().await;
    let table = known_deviations::table(&server.engine);
    known_deviations::check(table);
    let body = serde_json::to_string(table).expect("the table is plain data");
    server.put_report(&format!("unlevelled-{}", server.engine), &body).await;
}

async fn run_all<S: Subject>(
    mut examination: Examination<S>,
    context: &str,
    scripts: impl Iterator<Item = &'static Script>,
) -> Findings {
    let mut findings = Vec::new();
    for script in scripts {
        findings.push(examination.examine(script).await);
    }
    let server = examination.server;
    let body = serde_json::to_string(&findings).expect("findings are plain data");
    server.put_report(&name(&server.engine, context, S::NAME), &body).await;
    Findings(findings)
}

/// Returns whether an event came after its time limit.
fn has_late_event(seen: &[String]) -> bool {
    seen.iter().rev().skip(1).any(|line| line.starts_with("nothing: "))
}

/// Returns whether the lines of a script that ended early are the beginning of the expected ones.
fn begins_with(expected: &[String], exception: Option<&KnownDeviation>, seen: &[String]) -> bool {
    let exceptions = exception.into_iter().flat_map(|line| line.seen);
    expected.starts_with(seen)
        || exceptions
            .into_iter()
            .any(|lines| seen.len() <= lines.len() && lines.iter().zip(seen).all(|(line, seen)| line == seen))
}

fn compare<S: Subject>(expected: &[String], seen: &[String], exception: Option<&KnownDeviation>) -> Verdict {
    let is_seen = |lines: &&[&str]| {
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        S::reword(&mut lines);
        lines == seen
    };
    match exception {
        None if expected == seen => Verdict::AsExpected,
        None => Verdict::Different,
        Some(line) if line.seen.iter().any(is_seen) => Verdict::NotLevelable,
        Some(line) if line.varies && expected == seen => Verdict::AsExpected,
        Some(_) => Verdict::TableIsStale,
    }
}
