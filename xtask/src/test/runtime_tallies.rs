//! How many scripts pass in each JavaScript runtime: a table in the npm package's README and on the page.

use std::{fmt::Write as _, fs};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{report, runtimes::Runtime};
use crate::{process::print_line, project::Project, serve::Site};

/// The subjects: the runtime's own class, the npm package's, and the crate's interface.
const SUBJECTS: [&str; 3] = ["platform", "class", "samesocket"];
/// The lines around the table. A file says with them where the table belongs.
const MARKS: [&str; 2] = ["<!-- runtimes: written by `cargo xtask runtimes --bless` -->", "<!-- end of runtimes -->"];

/// One row: a runtime, and the results of each subject.
struct Row {
    runtime: String,
    results: [String; SUBJECTS.len()],
}

/// Updates or checks the table in each file. A stale one is only reported, because runtimes may vary from run to run; the
/// scripts themselves fail if the package or the crate does.
pub(super) fn check(project: &Project, site: &Site, bless: bool) -> Result<()> {
    let rows = Runtime::ALL.iter().map(|runtime| row(project, site, *runtime)).collect::<Result<Vec<_>>>()?;
    for (file, table) in [("js/README.md", markdown(&rows)), ("www/static/index.html", html(&rows))] {
        let path = project.root().join(file);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let replaced = replace(&text, &table).with_context(|| format!("{file} has no place for the table"))?;
        if replaced == text {
            continue;
        }
        if bless {
            fs::write(&path, replaced).with_context(|| format!("cannot write {path}"))?;
        } else {
            print_line(&format!("          the table of runtimes in {file} is stale; `--bless` updates it"));
        }
    }
    Ok(())
}

/// A script whose result varies from run to run is counted as one that does not pass.
fn row(project: &Project, site: &Site, runtime: Runtime) -> Result<Row> {
    let varying: Vec<Value> = report::unlevelled(site, runtime.name())?
        .into_iter()
        .filter(|line| line.varies)
        .map(|line| line.script.into())
        .collect();
    let result = |subject| -> Result<String> {
        let name = format!("conformance-{}-process-{subject}", runtime.name());
        let report = site.report(&name).with_context(|| format!("the report {name} is missing"))?;
        let findings: Vec<Value> = serde_json::from_str(&report)?;
        ensure!(!findings.is_empty(), "the report {name} is empty");
        let is = |finding: &Value, verdict: &str| finding["verdict"] == verdict;
        let applicable = findings.iter().filter(|finding| !is(finding, "not-applicable"));
        let passed = applicable.clone().filter(|finding| is(finding, "as-expected"));
        let passed = passed.filter(|finding| subject == SUBJECTS[0] || !varying.contains(&finding["script"]));
        Ok(format!("{} of {}", passed.count(), applicable.count()))
    };
    let [platform, class, samesocket] = SUBJECTS.map(result);
    Ok(Row { runtime: runtime.describe(project)?, results: [platform?, class?, samesocket?] })
}

fn markdown(rows: &[Row]) -> String {
    let mut text =
        String::from("| runtime | its own class | this package | the Rust crate |\n| --- | --- | --- | --- |\n");
    for Row { runtime, results } in rows {
        // Writing to a String does not fail.
        let _ = writeln!(text, "| {runtime} | {} |", results.join(" | "));
    }
    text
}

fn html(rows: &[Row]) -> String {
    let mut text = String::new();
    for Row { runtime, results } in rows {
        let _ = writeln!(
            text,
            "            <tr><th scope=\"row\">{runtime}</th><td>{}</td></tr>",
            results.join("</td><td>")
        );
    }
    text
}

/// Replaces the table between the marks. Returns `None` if the text has no marks.
fn replace(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(MARKS[0])?;
    let (old, after) = rest.split_once(MARKS[1])?;
    let indent = old.rsplit_once('\n')?.1;
    Some(format!("{before}{}\n{table}{indent}{}{after}", MARKS[0], MARKS[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_between_marks_is_replaced() {
        let text = |table| format!("a\n  {}\n{table}  {}\nb", MARKS[0], MARKS[1]);
        assert_eq!(replace(&text("old\n"), "new\n"), Some(text("new\n")));
        assert_eq!(replace("a\nb", "new\n"), None);
    }
}
