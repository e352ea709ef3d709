//! `cargo xtask autobahn`: runs the Autobahn test suite against the native client, in parallel shards.

use std::{
    collections::BTreeMap,
    fs, io,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde_json::json;

use crate::{
    build,
    process::{Group, print_line, run_with_limit},
    project::Project,
    setup,
};

/// The options of `cargo xtask autobahn`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Skip groups 12 and 13 (compression), which take most of the time
    #[arg(long)]
    quick: bool,

    /// Run only these cases, for example `6.*`
    #[arg(long, value_delimiter = ',')]
    cases: Vec<String>,
}

const CLIENT: &str = "samesocket-autobahn";
/// The client's name in the reports.
const AGENT: &str = "samesocket";

/// The cases of each server. A server uses one core and is slower than any client, so several run in parallel.
const SHARDS: [&[&str]; 3] = [&["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*"], &["12.*"], &["13.*"]];

/// The number of cases of the whole suite, and of those that are not about compression.
const CASES: usize = 517;
const QUICK_CASES: usize = 301;

/// The cases that the suite only reports as informational: a Close behind a large message, and undefined close codes.
const INFORMATIONAL: [[u32; 3]; 3] = [[7, 1, 6], [7, 13, 1], [7, 13, 2]];

/// The time limits for a server's start and for a whole shard.
const START: Duration = Duration::from_mins(1);
const LIMIT: Duration = Duration::from_hours(1);

/// The suite's verdict on one case.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    behavior: String,
    behavior_close: String,
}

/// Runs the shards in parallel and prints a summary.
pub(crate) fn run(arguments: &Arguments) -> Result<bool> {
    let project = Project::open()?;
    setup::ensure(&project, &setup::autobahn())?;
    let _lock = project.cache.lock("autobahn")?;
    let client = build::native_program(&project, CLIENT, "release")?;
    let shards: Vec<Vec<&str>> = match &arguments.cases[..] {
        [] => SHARDS.iter().take(if arguments.quick { 1 } else { SHARDS.len() }).map(|shard| shard.to_vec()).collect(),
        cases => vec![cases.iter().map(String::as_str).collect()],
    };
    let folder = project.cache.empty_folder("autobahn")?;
    let outcomes: Vec<Result<Findings>> = thread::scope(|scope| {
        let runs: Vec<_> = shards
            .iter()
            .enumerate()
            .map(|(index, cases)| {
                let (project, client, folder) = (&project, &client, folder.join(index.to_string()));
                scope.spawn(move || examine(project, client, cases, &folder))
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap_or_else(|_| bail!("a thread panicked"))).collect()
    });
    let mut all = Findings::new();
    for outcome in outcomes {
        all.extend(outcome?);
    }
    print_line(&format!("\nReports: {}", folder.display()));
    let expected = if arguments.quick { QUICK_CASES } else { CASES };
    let complete = !arguments.cases.is_empty() || all.len() == expected;
    if !complete {
        print_line(&format!("  FAILED    {} cases ran, expected {expected}", all.len()));
    }
    Ok(sum_up(&all) && complete)
}

/// The findings by case number, in the suite's order.
type Findings = BTreeMap<Vec<u32>, Finding>;

/// Runs the client against one server and reads the server's report.
fn examine(project: &Project, client: &Path, cases: &[&str], folder: &Path) -> Result<Findings> {
    fs::create_dir_all(folder)?;
    let (port, _server) = serve(project, cases, folder)?;
    let mut command = Command::new(client);
    command.args([&format!("ws://127.0.0.1:{port}"), AGENT]);
    let finished = run_with_limit(&cases.join(" "), &mut command, LIMIT)?.checked(&command)?;
    let count = finished.stdout.lines().find_map(|line| line.strip_suffix(" cases")?.parse::<usize>().ok());
    let findings = read(&folder.join("index.json"))?;
    ensure!(count == Some(findings.len()), "the client ran {count:?} cases, the report has {}", findings.len());
    Ok(findings)
}

/// Starts a server and waits until it listens.
fn serve(project: &Project, cases: &[&str], folder: &Path) -> Result<(u16, Group)> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let specification = folder.join("fuzzingserver.json");
    let content = json!({
        "url": format!("ws://127.0.0.1:{port}"),
        "outdir": folder,
        "cases": cases,
        "exclude-cases": [],
        "exclude-agent-cases": {},
    });
    fs::write(&specification, content.to_string())?;
    let log = fs::File::create(folder.join("wstest.log"))?;
    let mut command = Command::new(setup::wstest(project));
    command.args(["-m", "fuzzingserver", "--webport", "0", "-s"]).arg(&specification);
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let mut server = Group::spawn(&mut command).context("cannot start wstest")?;
    let patience = Instant::now() + START;
    // The server prints nothing when it starts to listen, so connect until it accepts.
    while let Err(error) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
        let waits = error.kind() == io::ErrorKind::ConnectionRefused && Instant::now() < patience;
        ensure!(waits && server.ended()?.is_none(), "wstest does not listen; see its log in {}", folder.display());
        thread::sleep(Duration::from_millis(20));
    }
    Ok((port, server))
}

fn read(index: &PathBuf) -> Result<Findings> {
    let text = fs::read_to_string(index).with_context(|| format!("cannot read {}", index.display()))?;
    let mut agents: BTreeMap<String, BTreeMap<String, Finding>> = serde_json::from_str(&text)?;
    let findings = agents.remove(AGENT).context("the report has no results of our client")?;
    let numbered = findings.into_iter().map(|(case, finding)| {
        let numbers: Result<_, _> = case.split('.').map(str::parse).collect();
        Ok((numbers.with_context(|| case)?, finding))
    });
    numbered.collect()
}

/// Prints a line for each group and each case that is not OK. Returns whether no case failed.
fn sum_up(findings: &Findings) -> bool {
    let mut groups: BTreeMap<u32, BTreeMap<&str, usize>> = BTreeMap::new();
    let (mut informational, mut wrong) = (Vec::new(), Vec::new());
    for (case, finding) in findings {
        let group = case.first().copied().unwrap_or_default();
        *groups.entry(group).or_default().entry(&finding.behavior).or_default() += 1;
        let name = case.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
        let is =
            |allowed: &[&str]| allowed.contains(&&*finding.behavior) && allowed.contains(&&*finding.behavior_close);
        if is(&["OK"]) {
            continue;
        }
        let may_be = INFORMATIONAL.iter().any(|known| known[..] == case[..]);
        let list = if may_be && is(&["OK", "INFORMATIONAL"]) { &mut informational } else { &mut wrong };
        list.push(format!("{name}: {}, close {}", finding.behavior, finding.behavior_close));
    }
    for (group, counts) in groups {
        let counts: Vec<_> = counts.iter().map(|(behavior, count)| format!("{count} {behavior}")).collect();
        print_line(&format!("  group {group:<4}{}", counts.join(", ")));
    }
    for line in &informational {
        print_line(&format!("  note      {line}"));
    }
    for line in &wrong {
        print_line(&format!("  FAILED    {line}"));
    }
    let ok = findings.len() - informational.len() - wrong.len();
    print_line(&format!("{ok} OK, {} informational, {} wrong", informational.len(), wrong.len()));
    wrong.is_empty() && ok > 0
}
