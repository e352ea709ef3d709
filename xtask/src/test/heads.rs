//! `cargo xtask heads`, and steps of the tests: malformed heads of responses, in each engine and in the native crate.
//!
//! The results are a table in the source. A run fails if a cell changes. The crate has to accept what all engines accept, and to
//! refuse what all engines refuse. Where they differ, it may accept a head only for a reason that the table states.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, Result, ensure};
use samesocket_fault_server::{Head, heads};
use tokio::runtime::Handle;

use super::{
    reporting_page::{self, Page},
    steps::Steps,
};
use crate::{
    browser::{Engine, Pick},
    browser_tests::Counts,
    build::{self, CONFORMANCE, native_cargo},
    native_reports::Reports,
    process::{print_line, run_to_end},
    project::Project,
    serve::Site,
    setup,
};

/// The path of the table.
const TABLE: &str = "tests/heads.md";
/// The folder of the page.
const SOURCE: &str = "tests/heads";
/// The name of the native report.
const NATIVE: &str = "heads-native";
/// The result of an accepted head.
const OPENS: &str = "opens";
/// The head with a result that varies in Firefox, perhaps with the moment at which it notices that the stream has ended.
const VARYING_HEAD: &str = "head without its last line";
/// Its results, each in about half of the runs.
const VARYING_RESULTS: [&str; 2] = ["refuses", "opens, then fails"];
/// The cell of the table for them.
const VARIES: &str = "refuses, or opens and then fails";
/// The number of columns with results: the engines, then the crate.
const RESULTS: usize = Engine::ALL.len() + 1;

/// The options of `cargo xtask heads`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pick: Pick,

    /// Update the table in the source
    #[arg(long)]
    bless: bool,
}

/// Runs only these steps.
pub(crate) fn run(arguments: &Arguments, runtime: &Handle) -> Result<bool> {
    let project = Project::open()?;
    let picked = arguments.pick.engines();
    setup::ensure(&project, &picked.iter().map(|engine| setup::engine(*engine)).collect::<Vec<_>>())?;
    let _lock = project.cache.lock("test")?;
    let steps = Steps::default();
    let reports = Reports::new(&project)?;
    steps.run_step("native: HTTP heads", || {
        let mut command = native_cargo(&project);
        command.args(["test", "-p", CONFORMANCE, "--test", "heads"]);
        reports.write_into(&mut command, arguments.bless);
        let finished = run_to_end("HTTP heads, native", &mut command)?.checked(&command)?;
        Ok((Counts::read(&finished.log).unwrap_or_default(), ()))
    });
    let folder = project.cache.empty_folder("heads-site")?;
    build(&project, &folder)?;
    let site = Site::start(&folder, None, runtime)?;
    for engine in &picked {
        run_engine(&project, *engine, &site, &steps);
    }
    steps.run_step("HTTP heads", || check(&project, &picked, &site, &reports, arguments.bless));
    Ok(steps.print_summary())
}

/// Copies the page into the folder of a site.
pub(super) fn build(project: &Project, folder: &Path) -> Result<()> {
    let source = project.root().join(SOURCE);
    build::copy(source.as_std_path(), &folder.join(reporting_page::HEADS.folder))
        .with_context(|| format!("cannot copy {source}"))
}

/// Opens the page in an engine, which posts the results to the site.
pub(super) fn run_engine(project: &Project, engine: Engine, site: &Site, steps: &Steps) {
    steps.run_step(&format!("{}: HTTP heads", engine.name()), || {
        let page: &Page = &reporting_page::HEADS;
        reporting_page::report(&setup::browser(engine, project)?, site, page)?;
        // `check` compares the results, and counts them.
        Ok((Counts::default(), ()))
    });
}

/// The results of one engine, or of the crate, by the names of the heads.
type Results = BTreeMap<String, String>;

fn parse(report: &str) -> Result<Results> {
    serde_json::from_str(report).with_context(|| format!("this is not a report: {report}"))
}

/// Compares the results with the table. Columns of engines that did not run are taken from the table.
pub(super) fn check(
    project: &Project,
    picked: &[Engine],
    site: &Site,
    reports: &Reports,
    bless: bool,
) -> Result<(Counts, ())> {
    let path = project.root().join(TABLE);
    let former = fs::read_to_string(&path).unwrap_or_default();
    let mut columns = read_columns(&former);
    for (column, engine) in columns.iter_mut().zip(Engine::ALL).filter(|(_, engine)| picked.contains(engine)) {
        let name = format!("{}-{}", reporting_page::HEADS.folder, engine.name());
        *column = parse(&site.report(&name).with_context(|| format!("the report {name} is missing"))?)?;
        replace_varying(engine, column);
    }
    columns[RESULTS - 1] = parse(&reports.read(NATIVE)?)?;
    let rows: Vec<Row> = heads().iter().map(|head| Row::new(head, &columns)).collect();
    let table = table(&rows);
    if bless {
        fs::write(&path, &table).with_context(|| format!("cannot write {path}"))?;
    } else {
        let changes = changes(&former, &table);
        ensure!(changes.is_empty(), "{TABLE} is stale; `cargo xtask heads --bless` updates it\n{}", changes.join("\n"));
    }
    let wrong: Vec<String> = rows.iter().filter_map(Row::violation).collect();
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    let same = rows.iter().filter(|row| row.engines().all(|result| result == row.results[0])).count();
    print_line(&format!("          {} heads; the engines agree on {same}", rows.len()));
    Ok((Counts { passed: u64::try_from(rows.len())?, failed: 0 }, ()))
}

/// Replaces the result that varies from run to run by the cell for it.
fn replace_varying(engine: Engine, results: &mut Results) {
    let result = results.get_mut(VARYING_HEAD).filter(|result| VARYING_RESULTS.contains(&result.as_str()));
    if let Some(result) = result.filter(|_| engine == Engine::Firefox) {
        VARIES.clone_into(result);
    }
}

/// A row of the table.
struct Row {
    name: &'static str,
    reason: Option<&'static str>,
    results: [String; RESULTS],
}

impl Row {
    fn new(head: &Head, columns: &[Results; RESULTS]) -> Self {
        let results = columns.each_ref().map(|column| column.get(head.name).cloned().unwrap_or_else(|| "?".to_owned()));
        Self { name: head.name, reason: head.reason, results }
    }

    fn engines(&self) -> impl Iterator<Item = &str> {
        self.results[..RESULTS - 1].iter().map(String::as_str)
    }

    fn is_accepted_by_crate(&self) -> bool {
        self.results[RESULTS - 1] == OPENS
    }

    /// Returns the reason why the crate accepts the head although an engine does not.
    fn shown_reason(&self) -> Option<&'static str> {
        let is_lenient = self.is_accepted_by_crate() && self.engines().any(|result| result != OPENS);
        self.reason.filter(|_| is_lenient)
    }

    /// Returns what is wrong with the crate's result.
    fn violation(&self) -> Option<String> {
        let accepting = self.engines().filter(|result| *result == OPENS).count();
        let wrong = match (accepting, self.is_accepted_by_crate()) {
            (count, false) if count == Engine::ALL.len() => "all engines accept it, but the crate refuses it",
            (0, true) => "all engines refuse it, but the crate accepts it",
            (count, true) if count < Engine::ALL.len() && self.reason.is_none() => {
                "an engine refuses it, but the crate accepts it without a reason"
            }
            _ => return None,
        };
        Some(format!("{}: {wrong}", self.name))
    }
}

fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "# Malformed heads of responses\n\n\
         Written by `cargo xtask heads --bless` with Chromium 156, Firefox ESR 153 and WebKitGTK 2.50. The bytes are in \
         `tests/server/src/heads/list.rs`. After the head, the server sends the message `hi`.\n\n\
         samesocket accepts what all engines accept, and refuses what all engines refuse. Where the engines differ, it refuses, \
         except for a reason that the last column states.\n\n\
         | head | Chromium | Firefox | WebKitGTK | samesocket | why it is accepted |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
    for row in rows {
        let cells = row.results.join(" | ");
        // Writing to a String does not fail.
        let _ = writeln!(text, "| {} | {cells} | {} |", row.name, row.shown_reason().unwrap_or_default());
    }
    text
}

/// Reads the columns with results of a table.
fn read_columns(table: &str) -> [Results; RESULTS] {
    let mut columns = [const { Results::new() }; RESULTS];
    for line in table.lines().filter_map(|line| line.strip_prefix("| ")) {
        let mut cells = line.split(" | ");
        let Some(name) = cells.next() else { continue };
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.insert(name.to_owned(), cell.to_owned());
        }
    }
    columns
}

/// Returns the lines that only one of two tables has.
fn changes(former: &str, table: &str) -> Vec<String> {
    let only = |one: &str, other: &str, sign: char| -> Vec<String> {
        one.lines()
            .filter(|line| !other.lines().any(|found| found == *line))
            .map(|line| format!("{sign} {line}"))
            .collect()
    };
    [only(former, table, '-'), only(table, former, '+')].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(reason: Option<&'static str>, results: [&str; RESULTS]) -> Row {
        Row { name: "a", reason, results: results.map(str::to_owned) }
    }

    #[test]
    fn crate_follows_engines_that_agree_or_states_a_reason() {
        for (reason, results, is_wrong) in [
            (None, ["opens", "opens", "opens", "opens"], false),
            (None, ["opens", "opens", "opens", "refuses: x"], true),
            (None, ["refuses", "waits", "refuses", "refuses: x"], false),
            (Some("y"), ["refuses", "waits", "refuses", "opens"], true),
            (None, ["opens", "refuses", "opens", "opens"], true),
            (Some("y"), ["opens", "refuses", "opens", "opens"], false),
            (None, ["opens", "refuses", "opens", "refuses: x"], false),
        ] {
            assert_eq!(row(reason, results).violation().is_some(), is_wrong, "{results:?}");
        }
    }

    #[test]
    fn only_known_results_may_vary() {
        let after = |engine, name: &str, result: &str| {
            let mut results = Results::from([(name.to_owned(), result.to_owned())]);
            replace_varying(engine, &mut results);
            results[name].clone()
        };
        for result in VARYING_RESULTS {
            assert_eq!(after(Engine::Firefox, VARYING_HEAD, result), VARIES);
            assert_eq!(after(Engine::Chromium, VARYING_HEAD, result), result);
            assert_eq!(after(Engine::Firefox, "valid", result), result);
        }
        assert_eq!(after(Engine::Firefox, VARYING_HEAD, OPENS), OPENS);
    }

    #[test]
    fn written_table_is_read_back() {
        let table = table(&[row(Some("y"), ["opens", "refuses", "opens", "opens"])]);
        let columns = read_columns(&table).map(|column| column["a"].clone());
        assert_eq!(columns, ["opens", "refuses", "opens", "opens"]);
        assert!(table.ends_with("| opens | y |\n"), "{table}");
        let changed = table.replace("| refuses |", "| opens |");
        assert_eq!(changes(&table, &changed).len(), 2);
        assert_eq!(changes(&table, &table), [""; 0]);
    }
}
