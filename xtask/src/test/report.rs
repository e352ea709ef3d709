//! The reports of the conformance scripts: counted, and summarised in the table of the engines' deviations.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::{runtime_tallies, runtimes::Runtime};
use crate::{
    browser::Engine, browser_tests::Counts, build::CONFORMANCE, native_reports::Reports, process::print_line,
    project::Project, serve::Site, setup,
};

/// The subject whose deviations the table lists.
const PLATFORM: &str = "platform";
/// The verdict that becomes a row of the table.
const DIFFERENT: &str = "different";
/// The path of the table of the engines' deviations.
const DEVIATIONS: &str = "tests/deviations.md";
/// The engines, and the scripts with results of their own sockets that vary. The wrappers correct these.
const VARYING: [(&str, &str); 1] = [("webkit", "messages are sent before the Close frame")];
/// The path of the table of differences that no wrapper can level, which the documentation includes.
const DIFFERENCES: &str = "crate/differences.md";

/// The path of the table of the runtimes' deviations.
const RUNTIME_DEVIATIONS: &str = "tests/runtime_deviations.md";
/// The path of the table of differences in runtimes, which the documentation includes.
const RUNTIME_DIFFERENCES: &str = "crate/runtime_differences.md";

/// The result of one script.
#[derive(Deserialize)]
struct Line {
    script: String,
    checklist: Value,
    expected: Value,
    seen: Value,
    verdict: Value,
}

/// A difference that no wrapper can level.
#[derive(Deserialize)]
pub(super) struct Unlevelled {
    pub(super) script: String,
    engine: String,
    seen: Vec<Value>,
    pub(super) varies: bool,
    reason: String,
}

/// A row of the table, without the contexts.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Deviation {
    script: String,
    checklist: String,
    engine: &'static str,
    expected: String,
    seen: String,
}

/// The deviations, each with the contexts in which it was seen.
type Deviations = BTreeMap<Deviation, Vec<String>>;

/// Reads all required reports, prints the counts, and checks the tables.
pub(super) fn collect(project: &Project, engines: &[Engine], site: &Site, bless: bool) -> Result<(Counts, ())> {
    let package_metadata = project.package_metadata(CONFORMANCE)?;
    ensure!(!package_metadata.reports.is_empty(), "[package.metadata.samesocket] of {CONFORMANCE} names no reports");
    let mut deviations = Deviations::new();
    let mut missing = Vec::new();
    for engine in engines {
        missing.extend(read(site, engine.name(), &package_metadata.reports, &mut deviations, print_line)?);
    }
    fail_if_missing(&missing)?;
    // Each engine posts the same table.
    let unlevelled = unlevelled(site, engines.first().context("no engine was picked")?.name())?;
    let versions: Vec<_> = engines.iter().map(|engine| Version::of_engine(*engine, project)).collect();
    let title = format!("{ENGINES_TITLE}{}.\n\n", list_versions(&versions));
    check_deviations(project, DEVIATIONS, &table(&title, &deviations), &versions, &unlevelled, bless)?;
    check_differences(project, DIFFERENCES, &differences(ENGINES_INTRODUCTION, &unlevelled), bless)?;
    Ok((Counts::default(), ()))
}

/// The version of an engine or a runtime that has posted reports.
struct Version {
    name: &'static str,
    /// The name in prose, with the version.
    description: String,
    /// Whether a lock file in the source decides which version runs.
    is_pinned: bool,
}

impl Version {
    fn of_engine(engine: Engine, project: &Project) -> Self {
        let described = setup::engine(engine).describe(project);
        // Debian's Chromium adds where it was built.
        let description = described.split(" built on ").next().unwrap_or_default().to_owned();
        Self { name: engine.name(), description, is_pinned: false }
    }

    /// Returns the words for it in the title of a table.
    fn in_title(&self) -> String {
        format!("`{}` is {}", self.name, self.description)
    }
}

fn list_versions(versions: &[Version]) -> String {
    versions.iter().map(Version::in_title).collect::<Vec<_>>().join(", ")
}

/// Reads all reports that the runs in these runtimes must post, and prints the counts. If all runtimes are picked, checks
/// the tables.
pub(super) fn collect_runtimes(
    project: &Project,
    picked: &[Runtime],
    site: &Site,
    bless: bool,
) -> Result<(Counts, ())> {
    let runs = project.package_metadata(CONFORMANCE)?.runtime_reports;
    let mut deviations = Deviations::new();
    let mut missing = Vec::new();
    for runtime in picked {
        missing.extend(read(site, runtime.name(), &runs, &mut deviations, print_line)?);
    }
    fail_if_missing(&missing)?;
    if Runtime::ALL.iter().all(|runtime| picked.contains(runtime)) {
        check_runtime_tables(project, &deviations, site, bless)?;
    }
    Ok((Counts::default(), ()))
}

fn check_runtime_tables(project: &Project, deviations: &Deviations, site: &Site, bless: bool) -> Result<()> {
    let mut versions = Vec::new();
    let mut lines = Vec::new();
    for runtime in Runtime::ALL {
        versions.push(Version { name: runtime.name(), description: runtime.describe(project)?, is_pinned: true });
        lines.extend(unlevelled(site, runtime.name())?);
    }
    let names = list_versions(&versions);
    let title = format!(
        "# Deviations of the runtimes' own `WebSocket` from the Standard\n\n\
         Written by `cargo xtask runtimes --bless` from the results of the conformance scripts: {names}.\n\n"
    );
    check_deviations(project, RUNTIME_DEVIATIONS, &table(&title, deviations), &versions, &lines, bless)?;
    let introduction = format!(
        "The deviations of JavaScript runtimes outside browsers that neither this crate, with its feature `js-runtimes`, nor the \
         npm package can correct.\n\n\
         In each case the runtime's own protocol code decides. The runtimes: {names}. A star marks a result that varies from \
         run to run. A run of the scripts fails if this table is wrong; `cargo xtask runtimes --bless` writes it.\n\n"
    );
    check_differences(project, RUNTIME_DIFFERENCES, &differences(&introduction, &lines), bless)?;
    runtime_tallies::check(project, site, bless)
}

/// Reads the table of known deviations that a run has posted.
pub(super) fn unlevelled(site: &Site, engine: &str) -> Result<Vec<Unlevelled>> {
    let name = format!("unlevelled-{engine}");
    let report = site.report(&name).with_context(|| format!("the report {name} is missing"))?;
    serde_json::from_str(&report).with_context(|| format!("the report {name}"))
}

/// Reads the reports of one engine and prints their counts. Returns the names of missing reports.
fn read(
    site: &Site,
    engine: &'static str,
    wanted: &[String],
    deviations: &mut Deviations,
    print_line: impl Fn(&str),
) -> Result<Vec<String>> {
    let mut missing = Vec::new();
    for run in wanted {
        let name = format!("conformance-{engine}-{run}");
        let (context, subject) = split_run(run)?;
        let Some(text) = site.report(&name) else {
            missing.push(name);
            continue;
        };
        let lines: Vec<Line> = serde_json::from_str(&text).with_context(|| format!("cannot read the report {name}"))?;
        print_line(&format!("          {engine:<12}{context:<12}{subject:<12}{}", verdicts(&lines)));
        for line in lines.into_iter().filter(|line| subject == PLATFORM && plain(&line.verdict) == DIFFERENT) {
            let Line { script, checklist, expected, seen, .. } = line;
            let row = Deviation {
                script,
                checklist: plain(&checklist),
                engine,
                expected: list(&expected),
                seen: list(&seen),
            };
            deviations.entry(row).or_default().push(context.to_owned());
        }
    }
    Ok(missing)
}

fn fail_if_missing(missing: &[String]) -> Result<()> {
    ensure!(missing.is_empty(), "these reports are missing: {}", missing.join(", "));
    Ok(())
}

/// Reads all reports that a native run must write, and prints the counts.
pub(super) fn collect_native(project: &Project, reports: &Reports) -> Result<(Counts, ())> {
    for run in project.package_metadata(CONFORMANCE)?.native_reports {
        let name = format!("conformance-native-{run}");
        let lines: Vec<Line> =
            serde_json::from_str(&reports.read(&name)?).with_context(|| format!("cannot read the report {name}"))?;
        let (context, subject) = split_run(&run)?;
        print_line(&format!("          {:<10}{context:<12}{subject:<12}{}", "native", verdicts(&lines)));
    }
    Ok((Counts::default(), ()))
}

fn split_run(run: &str) -> Result<(&str, &str)> {
    run.rsplit_once('-').with_context(|| format!("`{run}` is not <context>-<subject>"))
}

fn verdicts(lines: &[Line]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for line in lines {
        *counts.entry(plain(&line.verdict)).or_default() += 1;
    }
    let each: Vec<String> = counts.into_iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
    format!("{} scripts: {}", lines.len(), each.join(", "))
}

/// The beginning of the table of the engines' deviations, to which their versions are added.
const ENGINES_TITLE: &str = "# Deviations of the engines' own `WebSocket` from the Standard\n\n\
    Written by `cargo xtask test --bless` from the results of the conformance scripts: ";

fn table(title: &str, deviations: &Deviations) -> String {
    let mut text = format!(
        "{title}| script | checklist | engine | where | expected | seen |\n| --- | --- | --- | --- | --- | --- |\n"
    );
    for (row, contexts) in deviations {
        let Deviation { script, checklist, engine, expected, seen } = row;
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "| {} | {} | {engine} | {} | {} | {} |",
            cell(script),
            cell(checklist),
            contexts.join(", "),
            cell(expected),
            cell(seen)
        );
    }
    text
}

/// The beginning of the table of differences that remain in engines.
const ENGINES_INTRODUCTION: &str = "The deviations of browser engines that this crate cannot correct.\n\n\
    In each case the engine's own protocol code decides. The versions are Chromium 156, Firefox ESR 153 and WebKitGTK \
    2.50. A star marks a result that varies from run to run. The results are in the notation of the conformance scripts. \
    A run of the scripts fails if this table is wrong; `cargo xtask test --bless` writes it.\n\n";

fn differences(introduction: &str, lines: &[Unlevelled]) -> String {
    let mut text =
        format!("{introduction}| rule of the Standard | engine | result | reason |\n| --- | --- | --- | --- |\n");
    for Unlevelled { script, engine, seen, varies, reason } in lines {
        let star = if *varies { " *" } else { "" };
        let seen: Vec<String> = seen.iter().map(list).collect();
        let _ = writeln!(text, "| {}{star} | {engine} | {} | {reason} |", cell(script), cell(&seen.join(", or\n")));
    }
    text
}

/// Compares the rows of these engines or runtimes in the table of deviations with the source.
///
/// Engines change from version to version. If the source has another version of an engine, a difference is only reported.
fn check_deviations(
    project: &Project,
    file: &str,
    table: &str,
    versions: &[Version],
    unlevelled: &[Unlevelled],
    bless: bool,
) -> Result<()> {
    let folder = project.cache.folder().join("reports");
    fs::create_dir_all(&folder)?;
    let path = folder.join(file.rsplit('/').next().unwrap_or(file));
    fs::write(&path, table)?;
    print_line(&format!("          the deviations of the platforms: {}", path.display()));
    if is_current(project, file, table, bless)? {
        return Ok(());
    }
    let former = fs::read_to_string(project.root().join(file)).unwrap_or_default();
    let mut wrong = Vec::new();
    for version in versions {
        let changes = changes(&former, table, version.name, unlevelled);
        if version.is_pinned || former.contains(&version.in_title()) {
            wrong.extend(changes);
        } else if !changes.is_empty() {
            print_line(&format!("          {file} is stale, and of another version than {}", version.description));
        }
    }
    ensure!(wrong.is_empty(), "{file} is stale; `--bless` updates it\n{}", wrong.join("\n"));
    Ok(())
}

/// Returns the rows of an engine or a runtime that only one of two tables has, without those of scripts whose results vary.
///
/// A new row in which an event did not come does not count. A slow machine takes longer than the scripts wait for deviations.
fn changes(former: &str, table: &str, engine: &str, unlevelled: &[Unlevelled]) -> Vec<String> {
    let varying = unlevelled.iter().filter(|line| line.varies && line.engine == engine).map(|line| &*line.script);
    let varying = varying.chain(VARYING.iter().filter(|(of, _)| *of == engine).map(|(_, script)| *script));
    let mut left_out: BTreeSet<String> = varying.map(cell).collect();
    let rows = |text: &'_ str| -> BTreeSet<Row> {
        text.lines().filter_map(Row::read).filter(|row| row.engine == engine).collect()
    };
    let (former, present) = (rows(former), rows(table));
    let late = present.difference(&former).filter(|row| row.text.contains("`nothing: "));
    left_out.extend(late.map(|row| row.script.clone()));
    let gone = former.difference(&present).map(|row| ('-', row));
    let changed = gone.chain(present.difference(&former).map(|row| ('+', row)));
    let changed = changed.filter(|(_, row)| !left_out.contains(&row.script));
    changed.map(|(sign, row)| format!("{sign} {}", row.text)).collect()
}

/// A row of the table of deviations.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    script: String,
    engine: String,
    text: String,
}

impl Row {
    fn read(line: &str) -> Option<Self> {
        let mut cells = line.strip_prefix("| ")?.split(" | ").map(str::to_owned);
        Some(Self { script: cells.next()?, engine: cells.nth(1)?, text: line.to_owned() })
    }
}

/// Compares the table of unlevelled differences with the source. Every run asserts these differences, so a stale table
/// is an error.
fn check_differences(project: &Project, file: &str, table: &str, bless: bool) -> Result<()> {
    ensure!(is_current(project, file, table, bless)?, "{file} is stale; `--bless` updates it");
    Ok(())
}

/// Returns whether the file in the source has this text. With `bless`, writes it first.
fn is_current(project: &Project, file: &str, text: &str, bless: bool) -> Result<bool> {
    let path = project.root().join(file);
    if bless {
        fs::write(&path, text).with_context(|| format!("cannot write {path}"))?;
    }
    Ok(fs::read_to_string(&path).unwrap_or_default() == text)
}

/// Formats a value for reading.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// Formats a list of observations, one on each line.
fn list(value: &Value) -> String {
    match value.as_array() {
        Some(things) => things.iter().map(|thing| format!("`{}`", plain(thing))).collect::<Vec<_>>().join("\n"),
        None => plain(value),
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', "<br>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviation_is_one_row_for_all_contexts() {
        let row = Deviation {
            script: "a|b".into(),
            checklist: "14".into(),
            engine: "webkit",
            expected: list(&serde_json::json!(["SyntaxError"])),
            seen: list(&serde_json::json!(["open", "close"])),
        };
        let text = table("# Title\n\n", &BTreeMap::from([(row, vec!["window".to_owned(), "worker".to_owned()])]));
        assert!(
            text.ends_with("| a\\|b | 14 | webkit | window, worker | `SyntaxError` | `open`<br>`close` |\n"),
            "{text}"
        );
    }

    #[test]
    fn rows_of_an_engine_are_compared_unless_they_vary() {
        let table = |rows: &[&str]| {
            let rows: Vec<_> = rows.iter().map(|row| format!("| {row} | window | `a` | `b` |\n")).collect();
            format!("# Title\n\n| script | checklist | engine | where | expected | seen |\n{}", rows.concat())
        };
        let varying = Unlevelled {
            script: "v|w".to_owned(),
            engine: "webkit".to_owned(),
            seen: Vec::new(),
            varies: true,
            reason: String::new(),
        };
        let former = table(&["a | 14 | webkit", "b | 15, 16 | webkit", "b | 15, 16 | firefox"]);
        let present = table(&["a | 14 | webkit", "c | 16 | webkit", "d | 17 | firefox", "v\\|w | 18 | webkit"]);
        let found = changes(&former, &present, "webkit", &[varying]);
        assert_eq!(
            found,
            ["- | b | 15, 16 | webkit | window | `a` | `b` |", "+ | c | 16 | webkit | window | `a` | `b` |"]
        );
        assert_eq!(changes(&former, &present, "webkit", &[]).len(), 3);
        assert_eq!(changes(&former, &present, "chromium", &[]), [""; 0]);
    }

    #[test]
    fn event_that_came_too_late_is_no_change() {
        let table = |script: &str, seen: &str| format!("| {script} | 1 | deno | process | `open` | {seen} |\n");
        let former = table("a", "`close`");
        let late = table("a", "`open`<br>`nothing: no Close event came`");
        assert_eq!(changes(&former, &late, "deno", &[]), [""; 0]);
        assert_eq!(changes(&late, &former, "deno", &[]).len(), 2);
    }
}
