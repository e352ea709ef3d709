//! The conformance tests' own reports: counted, and written down as the table of the engines' deviations.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    browser::Engine,
    browser_tests::Counts,
    build::{CONFORMANCE, NODE},
    native::Reports,
    process::say,
    project::Project,
    serve::Site,
};

/// The subject whose differences are the finding.
const PLATFORM: &str = "platform";
/// The verdict that makes a row of the table.
const DIFFERENT: &str = "different";
/// Where the table of the engines' deviations is kept in the source.
const DEVIATIONS: &str = "tests/deviations.md";
/// Where the table of what cannot be levelled is kept in the source, for the documentation to show.
const DIFFERENCES: &str = "crate/differences.md";

/// What one script came to.
#[derive(Deserialize)]
struct Line {
    script: String,
    checklist: Value,
    expected: Value,
    seen: Value,
    verdict: Value,
}

/// What no wrapper can level.
#[derive(Deserialize)]
struct Unlevelled {
    script: String,
    engine: String,
    seen: Vec<Value>,
    varies: bool,
    reason: String,
}

/// A row of the table, but for the contexts in which it was seen.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Deviation {
    script: String,
    checklist: String,
    engine: &'static str,
    expected: String,
    seen: String,
}

/// The deviations, with the contexts in which each was seen.
type Deviations = BTreeMap<Deviation, Vec<String>>;

/// Reads every report that has to be there, prints the counts and writes the table.
pub(super) fn collect(
    project: &Project,
    engines: &[Engine],
    site: &Site,
    in_node: Option<&Site>,
    bless: bool,
) -> Result<(Counts, ())> {
    let facts = project.facts(CONFORMANCE)?;
    ensure!(!facts.reports.is_empty(), "[package.metadata.samesocket] of {CONFORMANCE} names no reports");
    let mut deviations = Deviations::new();
    let mut missing = Vec::new();
    for engine in engines {
        missing.extend(read(site, engine.name(), &facts.reports, &mut deviations, say)?);
    }
    if let Some(site) = in_node {
        missing.extend(read(site, NODE, &facts.node_reports, &mut deviations, |_| {})?);
    }
    let unlevelled = site.report("unlevelled").context("the report of what cannot be levelled is missing")?;
    let unlevelled: Vec<Unlevelled> = serde_json::from_str(&unlevelled).context("the report unlevelled")?;
    keep_deviations(project, &table(&deviations), bless)?;
    keep_differences(project, &differences(&unlevelled), bless)?;
    demand(&missing)
}

/// Reads every report that a run in Node has to leave, and prints the counts.
pub(super) fn tell_node(project: &Project, site: &Site) -> Result<()> {
    let runs = project.facts(CONFORMANCE)?.node_reports;
    demand(&read(site, NODE, &runs, &mut Deviations::new(), say)?)?;
    Ok(())
}

/// Reads the reports of one engine, says what they come to, and gives the names of those that are missing.
fn read(
    site: &Site,
    engine: &'static str,
    wanted: &[String],
    deviations: &mut Deviations,
    say: impl Fn(&str),
) -> Result<Vec<String>> {
    let mut missing = Vec::new();
    for run in wanted {
        let name = format!("conformance-{engine}-{run}");
        let (context, subject) = parts(run)?;
        let Some(text) = site.report(&name) else {
            missing.push(name);
            continue;
        };
        let lines: Vec<Line> = serde_json::from_str(&text).with_context(|| format!("the report {name}"))?;
        say(&format!("          {engine:<10}{context:<12}{subject:<12}{}", verdicts(&lines)));
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

fn demand(missing: &[String]) -> Result<(Counts, ())> {
    ensure!(missing.is_empty(), "these reports are missing: {}", missing.join(", "));
    Ok((Counts::default(), ()))
}

/// Reads every report that a native run has to leave, and prints the counts.
pub(super) fn collect_native(project: &Project, reports: &Reports) -> Result<(Counts, ())> {
    for run in project.facts(CONFORMANCE)?.native_reports {
        let name = format!("conformance-native-{run}");
        let lines: Vec<Line> =
            serde_json::from_str(&reports.read(&name)?).with_context(|| format!("the report {name}"))?;
        let (context, subject) = parts(&run)?;
        say(&format!("          {:<10}{context:<12}{subject:<12}{}", "native", verdicts(&lines)));
    }
    Ok((Counts::default(), ()))
}

fn parts(run: &str) -> Result<(&str, &str)> {
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

fn table(deviations: &Deviations) -> String {
    let mut text = String::from(
        "# Where the engines' own `WebSocket`, and undici's in Node, differs from the Standard\n\n\
         Written by `cargo xtask test --bless` from what the conformance scripts saw.\n\n\
         | script | checklist | engine | where | expected | seen |\n| --- | --- | --- | --- | --- | --- |\n",
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

fn differences(lines: &[Unlevelled]) -> String {
    let mut text = String::from(
        "The deviations of browser engines that this crate cannot correct.\n\n\
         In each case the engine's own protocol code decides. The versions are Chromium 156, Firefox ESR 153 and WebKitGTK \
         2.50. A star marks a result that varies from run to run. The results are in the notation of the conformance scripts. \
         A run of the scripts fails if this table is wrong; `cargo xtask test --bless` writes it.\n\n\
         | rule of the Standard | engine | result | reason |\n| --- | --- | --- | --- |\n",
    );
    for Unlevelled { script, engine, seen, varies, reason } in lines {
        let star = if *varies { " *" } else { "" };
        let seen: Vec<String> = seen.iter().map(list).collect();
        let _ = writeln!(text, "| {}{star} | {engine} | {} | {reason} |", cell(script), cell(&seen.join(", or\n")));
    }
    text
}

/// What engines do differs from version to version, so a stale table is told and no failure.
fn keep_deviations(project: &Project, table: &str, bless: bool) -> Result<()> {
    let folder = project.cache.folder().join("reports");
    fs::create_dir_all(&folder)?;
    let path = folder.join("deviations.md");
    fs::write(&path, table)?;
    say(&format!("          the engines' deviations: {}", path.display()));
    if !keep(project, DEVIATIONS, table, bless)? {
        say(&format!(
            "          {DEVIATIONS} says otherwise; with all engines, `cargo xtask test --bless` brings it up to date"
        ));
    }
    Ok(())
}

/// What cannot be levelled is demanded of every run, so the documentation has to say it.
fn keep_differences(project: &Project, table: &str, bless: bool) -> Result<()> {
    ensure!(keep(project, DIFFERENCES, table, bless)?, "{DIFFERENCES} is stale: `cargo xtask test --bless` renews it");
    Ok(())
}

/// Whether the file in the source holds this text, at the end of a run that blesses in any case.
fn keep(project: &Project, file: &str, text: &str, bless: bool) -> Result<bool> {
    let path = project.root().join(file);
    if bless {
        fs::write(&path, text).with_context(|| format!("cannot write {path}"))?;
    }
    Ok(fs::read_to_string(&path).unwrap_or_default() == text)
}

/// A value as a person would write it.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// What is observed, one thing a line.
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
    fn a_deviation_is_one_row_for_all_its_contexts() {
        let row = Deviation {
            script: "a|b".into(),
            checklist: "14".into(),
            engine: "webkit",
            expected: list(&serde_json::json!(["SyntaxError"])),
            seen: list(&serde_json::json!(["open", "close"])),
        };
        let text = table(&BTreeMap::from([(row, vec!["window".to_owned(), "worker".to_owned()])]));
        assert!(
            text.ends_with("| a\\|b | 14 | webkit | window, worker | `SyntaxError` | `open`<br>`close` |\n"),
            "{text}"
        );
    }
}
