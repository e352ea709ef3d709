//! Running the list, comparing, and telling.

use std::borrow::Cow;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use crate::script::{Protocols, Step};
use crate::server::Server;
use crate::stage::Performance;
use crate::unlevelled::{self, Unlevelled};
use crate::{Script, Subject, natively, perform, place};

/// What came of one script.
#[derive(Debug, Serialize, Deserialize)]
pub struct Finding {
    /// The claim.
    pub script: Cow<'static, str>,
    /// The items of the checklist that it covers.
    pub checklist: Cow<'static, [u16]>,
    /// What one is to observe.
    pub expected: Vec<String>,
    /// The rule that makes it something else than the script says, or nothing that the subject could be asked.
    pub rule: Option<Cow<'static, str>>,
    /// What was observed.
    pub seen: Vec<String>,
    /// How the two compare.
    pub verdict: Verdict,
}

/// How what was seen compares with what the Standard says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is the same.
    AsExpected,
    /// It is something else.
    Different,
    /// It is what the table of what no wrapper can level says of this engine.
    NotLevelable,
    /// That table says otherwise of this engine: a line of it has to go, or to change.
    TableIsStale,
    /// The subject has no means for the script.
    NotApplicable,
}

/// How long an event may take, in milliseconds, where the Standard is demanded.
const PATIENCE: u32 = 10_000;

/// How long it may take where what does not come is a finding.
const PATIENCE_WITH_THE_PLATFORM: u32 = 2_000;

/// What came of all scripts.
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Gives the numbers as JSON: `{"passed": 12, "failed": ["…"]}`.
    ///
    /// # Panics
    ///
    /// Never: findings are plain data.
    #[must_use]
    pub fn summary(&self) -> String {
        let failed: Vec<_> = self.wrong().map(Finding::describe).collect();
        let passed = self.0.len() - failed.len();
        serde_json::json!({ "passed": passed, "failed": failed }).to_string()
    }

    /// Demands that all is as the Standard, or the table of what cannot be levelled, says.
    ///
    /// # Panics
    ///
    /// If it is not, with everything that was seen.
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
        format!(
            "{} {:?}: {:?}\n  expected {:#?}\n  seen {:#?}",
            self.script, self.checklist, self.verdict, self.expected, self.seen
        )
    }
}

/// One subject, examined with one script at a time.
pub struct Examination<S> {
    server: Server,
    run: String,
    scripts: usize,
    table: &'static [Unlevelled],
    patience: u32,
    subject: PhantomData<S>,
}

impl<S: Subject> Examination<S> {
    /// Examines a subject that is to pass, but for what cannot be levelled.
    #[must_use]
    pub fn demanding(server: Server, context: &str) -> Self {
        Self::within(server, context, PATIENCE)
    }

    /// Examines a subject whose differences are the finding.
    #[must_use]
    pub fn recording(server: Server, context: &str) -> Self {
        Self::new(server, context, &[], PATIENCE_WITH_THE_PLATFORM)
    }

    fn within(server: Server, context: &str, patience: u32) -> Self {
        let table = unlevelled::table(&server.engine);
        Self::new(server, context, table, patience)
    }

    fn new(server: Server, context: &str, table: &'static [Unlevelled], patience: u32) -> Self {
        // A record belongs to one run, though the server outlives it.
        let run = format!("{}-{context}-{}-{}", server.engine, S::NAME, place::mark());
        Self { server, run, scripts: 0, table, patience, subject: PhantomData }
    }

    /// Performs a script, and compares.
    pub async fn examine(&mut self, script: &'static Script) -> Finding {
        let Self { server, run, table, patience, .. } = &*self;
        let id = format!("{run}-{}", self.scripts);
        let natively = natively::find(script.name, &server.engine);
        let expected = natively.map_or(script.seen, |line| line.seen);
        let mut expected: Vec<String> = expected.iter().map(|line| server.name_page(line)).collect();
        let reworded = S::reword(&mut expected);
        let mut rule = natively.map(|line| line.rule).or(reworded);
        let (seen, verdict) = if let Some(missing) = missing_means::<S>(server, script.steps) {
            rule = Some(missing);
            (Vec::new(), Verdict::NotApplicable)
        } else {
            let Performance { seen, lacking } = perform::<S>(script, server, &id, *patience).await;
            let exception = unlevelled::find(table, script.name, &server.engine);
            let verdict = match lacking {
                // What came before has to be right all the same.
                Some(_) if !begins_with(&expected, exception, &seen) => Verdict::Different,
                Some(lacking) => {
                    rule = Some(lacking);
                    Verdict::NotApplicable
                }
                None => compare::<S>(&expected, &seen, exception),
            };
            (seen, verdict)
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

/// Runs scripts with a subject that is to pass all of them, and sends the report.
pub async fn run<S: Subject>(context: &str, scripts: impl Iterator<Item = &'static Script>) -> Findings {
    run_within::<S>(PATIENCE, context, scripts).await
}

/// Runs scripts as [`run`] does, at a server that was found.
pub async fn run_at<S: Subject>(
    server: Server,
    context: &str,
    scripts: impl Iterator<Item = &'static Script>,
) -> Findings {
    run_all(Examination::<S>::demanding(server, context), context, scripts).await
}

/// Runs scripts as [`run`] does, with another patience, in milliseconds.
pub async fn run_within<S: Subject>(
    patience: u32,
    context: &str,
    scripts: impl Iterator<Item = &'static Script>,
) -> Findings {
    let server = Server::find().await;
    run_all(Examination::<S>::within(server, context, patience), context, scripts).await
}

/// Runs scripts with a subject whose differences are the finding, and sends the report.
pub async fn record<S: Subject>(context: &str, scripts: impl Iterator<Item = &'static Script>) {
    run_all(Examination::<S>::recording(Server::find().await, context), context, scripts).await;
}

/// Gives the name of a report.
#[must_use]
pub fn name(engine: &str, context: &str, subject: &str) -> String {
    format!("conformance-{engine}-{context}-{subject}")
}

/// Sends the table of what cannot be levelled.
///
/// # Panics
///
/// If a line of it is about no script, or about one twice in an engine.
pub async fn tell_unlevelled() {
    unlevelled::check(unlevelled::TABLE);
    let body = serde_json::to_string(unlevelled::TABLE).expect("the table is plain data");
    Server::find().await.put_report("unlevelled", &body).await;
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

/// Whether any of these steps, or of those within an event, is such a one.
fn contains(steps: &[Step], is_one: &impl Fn(&Step) -> bool) -> bool {
    steps.iter().any(|step| is_one(step) || matches!(step, Step::Within(_, steps) if contains(steps, is_one)))
}

/// Whether a step passes a value that only Web IDL can convert.
fn needs_web_idl(step: &Step) -> bool {
    match step {
        Step::Close(Some(code), _) => (0..=u16::MAX).all(|whole| f64::from(whole).to_bits() != code.to_bits()),
        Step::ConnectTo(_, Protocols::Object) => true,
        Step::SetBinaryType(value) => !["blob", "arraybuffer"].contains(value),
        _ => false,
    }
}

fn needs_ipv6(step: &Step) -> bool {
    matches!(step, Step::ConnectTo(url, _) if url.contains("{server6}"))
}

/// Says what a subject lacks for steps, or for those within an event.
fn missing_means<S: Subject>(server: &Server, steps: &[Step]) -> Option<&'static str> {
    if !S::DROP_CLOSES && contains(steps, &|step| matches!(step, Step::Drop)) {
        Some("some garbage collection to come closes what nobody holds any more")
    } else if !S::WEB_IDL && contains(steps, &needs_web_idl) {
        Some("types keep out what only Web IDL can convert")
    } else if server.plain6.is_none() && contains(steps, &needs_ipv6) {
        Some("the machine has no IPv6")
    } else {
        None
    }
}

/// Whether a script that went no further saw until then what it was to see.
fn begins_with(expected: &[String], exception: Option<&Unlevelled>, seen: &[String]) -> bool {
    let exceptions = exception.into_iter().flat_map(|line| line.seen);
    expected.starts_with(seen)
        || exceptions.into_iter().any(|lines| lines.iter().zip(seen).all(|(line, seen)| line == seen))
}

fn compare<S: Subject>(expected: &[String], seen: &[String], exception: Option<&Unlevelled>) -> Verdict {
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
