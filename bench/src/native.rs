//! The native half: every client does every job, round by round, a process each.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::{env, fs};

use anyhow::{Context as _, Result, ensure};

use crate::clients::CLIENTS;
use crate::instructions::instructions;
use crate::jobs::{JOBS, Job};
use samesocket_bench_report::{FUTURES, FUTURES_HERE, INTERFACE, INTERFACE_HERE, Machine, Run, Sample, Series, WIRE};

/// The program with the allocator that counts.
const COUNTED: &str = "samesocket-bench-counted";

/// The jobs whose instructions are counted, and for how many messages.
const INSTRUCTED: [&str; 6] = ["lat64", "pipe64", "recv64", "send64", "echo1k", "recv16k"];
const MESSAGES: u32 = 2_000;

/// How many thousand instructions a message of ours may take: what was counted and an eighth more, or, where it depends on what
/// each read brings or on how often a thread of the socket's own is woken, a third.
const INSTRUCTION_BUDGETS: [(&str, &str, f64); 30] = [
    (WIRE, "lat64", 3.8),
    (WIRE, "pipe64", 0.47),
    (WIRE, "recv64", 0.13),
    (WIRE, "send64", 0.41),
    (WIRE, "echo1k", 0.82),
    (WIRE, "recv16k", 5.0),
    (INTERFACE, "lat64", 11.0),
    (INTERFACE, "pipe64", 1.7),
    (INTERFACE, "recv64", 0.69),
    (INTERFACE, "send64", 1.2),
    (INTERFACE, "echo1k", 3.0),
    (INTERFACE, "recv16k", 23.5),
    (FUTURES, "lat64", 10.5),
    (FUTURES, "pipe64", 1.7),
    (FUTURES, "recv64", 0.59),
    (FUTURES, "send64", 1.2),
    (FUTURES, "echo1k", 3.0),
    (FUTURES, "recv16k", 23.5),
    (INTERFACE_HERE, "lat64", 9.2),
    (INTERFACE_HERE, "pipe64", 1.7),
    (INTERFACE_HERE, "recv64", 0.74),
    (INTERFACE_HERE, "send64", 0.95),
    (INTERFACE_HERE, "echo1k", 2.3),
    (INTERFACE_HERE, "recv16k", 23.5),
    (FUTURES_HERE, "lat64", 8.7),
    (FUTURES_HERE, "pipe64", 1.7),
    (FUTURES_HERE, "recv64", 0.61),
    (FUTURES_HERE, "send64", 0.95),
    (FUTURES_HERE, "echo1k", 2.3),
    (FUTURES_HERE, "recv16k", 23.5),
];

/// How many connections a quick run has no time for.
const MANY: usize = 10_000;

/// What to run.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Few rounds of short samples
    #[arg(long)]
    quick: bool,

    /// How often each client does each job
    #[arg(long)]
    rounds: Option<usize>,

    /// Only these jobs
    #[arg(long, value_delimiter = ',')]
    jobs: Vec<String>,

    /// Only these clients
    #[arg(long, value_delimiter = ',')]
    clients: Vec<String>,
}

impl Arguments {
    /// Whether the run leaves nothing out, so that it is kept.
    pub(crate) const fn is_whole(&self) -> bool {
        self.jobs.is_empty() && self.clients.is_empty()
    }
}

/// The server's process, which ends with this.
pub(crate) struct Server {
    child: Child,
    /// What it told of where it listens.
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn start() -> Result<Self> {
        let mut child = this_program()?.arg("serve").stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let output = child.stdout.take().context("the server has no output")?;
        BufReader::new(output).read_line(&mut line)?;
        Ok(Self { child, address: line.trim().to_owned() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns whether a name is among those that were asked for; if none were, all are wanted.
pub(crate) fn is_wanted(names: &[String], name: &str) -> bool {
    names.is_empty() || names.iter().any(|wanted| wanted == name)
}

/// Runs it all.
pub(crate) fn run(arguments: &Arguments) -> Result<Run> {
    let is_long = |job: &Job| arguments.quick && arguments.jobs.is_empty() && job.connections >= MANY;
    let jobs = JOBS.into_iter().filter(|job| is_wanted(&arguments.jobs, job.name) && !is_long(job));
    let jobs: Vec<Job> = jobs.collect();
    let clients: Vec<_> = CLIENTS.iter().filter(|client| is_wanted(&arguments.clients, client.name)).collect();
    ensure!(!jobs.is_empty() && !clients.is_empty(), "there is no such job or client");
    let rounds = arguments.rounds.unwrap_or(if arguments.quick { 2 } else { 9 });

    let mut run = Run {
        date: now()?,
        machine: machine()?,
        clients: clients
            .iter()
            .map(|client| Ok((client.name.to_owned(), version(client.package)?)))
            .collect::<Result<_>>()?,
        quick: arguments.quick,
        rounds,
        series: Vec::new(),
    };
    let server = Server::start()?;
    for job in &jobs {
        let count = if arguments.quick { (job.count / 2).max(4) } else { job.count * 2 };
        let clients: Vec<_> = clients.iter().filter(|client| client.can(job)).collect();
        let mut samples = vec![Vec::new(); clients.len()];
        for round in 0..rounds {
            // Whoever goes first finds the caches as the last job left them: each does in turn.
            for place in 0..clients.len() {
                let index = (place + round) % clients.len();
                samples[index].push(turn(this_program()?, clients[index].name, job.name, &server.address, count)?);
            }
        }
        for (client, samples) in clients.iter().zip(samples) {
            let (allocations, instructions) = exactly(client.name, job, &server.address, arguments.quick)?;
            run.series.push(Series {
                job: job.name.to_owned(),
                client: client.name.to_owned(),
                samples,
                allocations,
                instructions,
            });
        }
        eprintln!("  done    {}", job.name);
    }
    Ok(run)
}

/// Which of ours took more instructions than they may, or, in a run that is not quick, were not counted.
pub(crate) fn over_budget(run: &Run) -> Vec<String> {
    let over = INSTRUCTION_BUDGETS.iter().filter_map(|(client, job, budget)| {
        let series = run.series.iter().find(|series| series.client == *client && series.job == *job)?;
        match series.instructions.map(|instructions| instructions / 1000.0) {
            Some(counted) if counted > *budget => Some(format!(
                "{client} takes {counted:.2} thousand instructions a message at {job}, more than {budget}"
            )),
            None if !run.quick => Some(format!("the instructions of {client} at {job} were not counted")),
            _ => None,
        }
    });
    over.collect()
}

/// What of a message's cost can be counted, where the job is short and has one connection.
fn exactly(client: &str, job: &Job, address: &str, quick: bool) -> Result<(Option<f64>, Option<f64>)> {
    if job.connections > 1 {
        return Ok((None, None));
    }
    let counted = Command::new(env::current_exe()?.with_file_name(COUNTED).with_extension(env::consts::EXE_EXTENSION));
    let allocations = turn(counted, client, job.name, address, (job.count / 10).max(4))?.allocations;
    let instructions =
        if INSTRUCTED.contains(&job.name) && !quick { counted_instructions(client, job, address)? } else { None };
    Ok((allocations, instructions))
}

/// The instructions of a message, where there is a Valgrind.
fn counted_instructions(client: &str, job: &Job, address: &str) -> Result<Option<f64>> {
    if output("valgrind", &["--version"]).is_err() {
        return Ok(None);
    }
    instructions(&env::current_exe()?, client, job.name, address, MESSAGES).map(Some)
}

/// One turn of a client, in a process of its own.
pub(crate) fn turn(mut program: Command, client: &str, job: &str, address: &str, count: usize) -> Result<Sample> {
    program.args(["client", client, job, address, &count.to_string()]);
    let output = program.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{client} failed at {job}");
    Ok(serde_json::from_slice(&output.stdout)?)
}

pub(crate) fn this_program() -> Result<Command> {
    Ok(Command::new(env::current_exe()?))
}

pub(crate) fn machine() -> Result<Machine> {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    Ok(Machine {
        processor: processor.map_or_else(|| env::consts::ARCH.to_owned(), |(_, name)| name.to_owned()),
        cores: std::thread::available_parallelism()?.get(),
        kernel: output("uname", &["-sr"])?,
        rustc: output("rustc", &["--version"])?,
        load: load.split(' ').nth(1).unwrap_or("unknown").to_owned(),
    })
}

/// The time, as it stands in results.
pub(crate) fn now() -> Result<String> {
    output("date", &["-u", "+%Y-%m-%d %H:%M UTC"])
}

fn output(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output().with_context(|| format!("cannot run {program}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The version of a package that the lock file has settled on for this one.
fn version(package: &str) -> Result<String> {
    let lock = include_str!("../../Cargo.lock");
    let named = |name: &str| {
        let name = format!("name = \"{name}\"\n");
        lock.split("[[package]]").filter(move |entry| entry.contains(&name))
    };
    let version = |entry: &str| entry.lines().find_map(|line| line.strip_prefix("version = ")).map(str::to_owned);
    // Where there are several, the dependent says which one it has.
    let ours = named(env!("CARGO_PKG_NAME")).next().unwrap_or_default();
    let chosen = ours.lines().find_map(|line| line.trim().strip_prefix(&format!("\"{package} "))?.split('"').next());
    let found = chosen.map(str::to_owned).or_else(|| named(package).find_map(version));
    Ok(found.with_context(|| format!("the lock file has no {package}"))?.trim_matches('"').to_owned())
}
