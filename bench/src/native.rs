//! Runs every native client at every job, round by round, each sample in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::{env, fs};

use anyhow::{Context as _, Result, ensure};

use crate::clients::CLIENTS;
use crate::instructions::instructions;
use crate::jobs::{JOBS, Job};
use crate::measure::status_of;
use samesocket_bench_report::{
    FUTURES, FUTURES_AGAIN, FUTURES_ON_TOKIO, INTERFACE, INTERFACE_ON_TOKIO, Machine, PROTOCOL, Run, Sample, Series,
};

/// The program with the counting allocator.
const COUNTED: &str = "samesocket-bench-counted";

/// The jobs for which instructions are counted, and the number of messages.
const COUNTED_JOBS: [&str; 6] = ["lat64", "pipe64", "recv64", "send64", "echo1k", "recv16k"];
const MESSAGES: u32 = 2_000;

/// The budgets of our clients, in thousands of instructions for each message. Each is the count plus an eighth. Where
/// the count depends on the size of reads or on wake-ups of the background thread, it is the count plus a third.
const INSTRUCTION_BUDGETS: [(&str, &str, f64); 30] = [
    (PROTOCOL, "lat64", 4.3),
    (PROTOCOL, "pipe64", 0.51),
    (PROTOCOL, "recv64", 0.17),
    (PROTOCOL, "send64", 0.36),
    (PROTOCOL, "echo1k", 0.87),
    (PROTOCOL, "recv16k", 0.65),
    (INTERFACE, "lat64", 12.4),
    (INTERFACE, "pipe64", 1.7),
    (INTERFACE, "recv64", 0.69),
    (INTERFACE, "send64", 1.2),
    (INTERFACE, "echo1k", 3.0),
    (INTERFACE, "recv16k", 2.1),
    (FUTURES, "lat64", 13.1),
    (FUTURES, "pipe64", 1.7),
    (FUTURES, "recv64", 0.59),
    (FUTURES, "send64", 1.2),
    (FUTURES, "echo1k", 3.0),
    (FUTURES, "recv16k", 2.1),
    (INTERFACE_ON_TOKIO, "lat64", 10.6),
    (INTERFACE_ON_TOKIO, "pipe64", 1.7),
    (INTERFACE_ON_TOKIO, "recv64", 0.74),
    (INTERFACE_ON_TOKIO, "send64", 0.95),
    (INTERFACE_ON_TOKIO, "echo1k", 2.3),
    (INTERFACE_ON_TOKIO, "recv16k", 2.1),
    (FUTURES_ON_TOKIO, "lat64", 10.2),
    (FUTURES_ON_TOKIO, "pipe64", 1.7),
    (FUTURES_ON_TOKIO, "recv64", 0.61),
    (FUTURES_ON_TOKIO, "send64", 0.95),
    (FUTURES_ON_TOKIO, "echo1k", 2.3),
    (FUTURES_ON_TOKIO, "recv16k", 2.1),
];

/// The number of connections from which a quick run leaves a job out.
const MANY: usize = 10_000;

/// The ratio of two counts of instructions from which they say nothing. Arbitrary.
const MOST_DIFFERENCE: f64 = 1.05;

/// The options of the native part.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Use few rounds of short samples
    #[arg(long)]
    quick: bool,

    /// The number of times that each client does each job
    #[arg(long)]
    rounds: Option<usize>,

    /// Run only these jobs
    #[arg(long, value_delimiter = ',')]
    jobs: Vec<String>,

    /// Run only these clients
    #[arg(long, value_delimiter = ',')]
    clients: Vec<String>,
}

impl Arguments {
    /// Returns whether no job or client is left out and the samples are long, so that the results are saved.
    pub(crate) const fn is_whole(&self) -> bool {
        self.jobs.is_empty() && self.clients.is_empty() && !self.quick
    }
}

/// The server's process. Dropping it ends the process.
pub(crate) struct Server {
    child: Child,
    /// The server's addresses, as JSON.
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

    /// Returns the number of the server's threads: one for each connection, and those that listen.
    pub(crate) fn threads(&self) -> Result<u32> {
        status_of(&self.child.id().to_string(), "Threads:")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns whether a name is among those that were asked for; if none were, all are wanted.
pub(crate) fn is_wanted(names: &[String], name: &str) -> bool {
    names.is_empty() || names.iter().any(|wanted| wanted == name)
}

/// Runs all selected clients and jobs.
pub(crate) fn run(arguments: &Arguments) -> Result<Run> {
    let is_long = |job: &Job| arguments.quick && arguments.jobs.is_empty() && job.connections >= MANY;
    let jobs = JOBS.into_iter().filter(|job| is_wanted(&arguments.jobs, job.name) && !is_long(job));
    let jobs: Vec<Job> = jobs.collect();
    let clients: Vec<_> = CLIENTS.iter().filter(|client| is_wanted(&arguments.clients, client.name)).collect();
    ensure!(!jobs.is_empty() && !clients.is_empty(), "no job or no client has this name");
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
            // The first client of a round finds the caches as the round before left them, so each is first in turn.
            for place in 0..clients.len() {
                let index = (place + round) % clients.len();
                samples[index].push(run_client(
                    this_program()?,
                    clients[index].name,
                    job.name,
                    &server.address,
                    count,
                )?);
            }
        }
        for (client, samples) in clients.iter().zip(samples) {
            let (allocations, instructions) = count_exactly(client.name, job, &server.address, arguments.quick)?;
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

/// Returns a line for each of our clients that exceeds its budget, and one if nothing was counted although the run is not quick.
pub(crate) fn over_budget(run: &Run) -> Vec<String> {
    let is_counted = run.series.iter().any(|series| series.instructions.is_some());
    if !is_counted && !run.quick && run.series.iter().any(|series| COUNTED_JOBS.contains(&&*series.job)) {
        return vec!["no instructions were counted; is Valgrind installed?".to_owned()];
    }
    let over = INSTRUCTION_BUDGETS.iter().filter_map(|(client, job, budget)| {
        let series = run.series.iter().find(|series| series.client == *client && series.job == *job)?;
        match series.instructions.map(|instructions| instructions / 1000.0) {
            Some(counted) if counted > *budget => Some(format!(
                "{client} takes {counted:.2} thousand instructions per message at {job}, over its budget of {budget}"
            )),
            _ => None,
        }
    });
    over.collect()
}

/// Counts allocations and instructions, which do not depend on the clock. Only jobs with one connection are counted, and each
/// client once.
fn count_exactly(client: &str, job: &Job, address: &str, quick: bool) -> Result<(Option<f64>, Option<f64>)> {
    if job.connections > 1 || client == FUTURES_AGAIN {
        return Ok((None, None));
    }
    let counted = Command::new(env::current_exe()?.with_file_name(COUNTED).with_extension(env::consts::EXE_EXTENSION));
    let allocations = run_client(counted, client, job.name, address, (job.count / 10).max(4))?.allocations;
    let instructions =
        if COUNTED_JOBS.contains(&job.name) && !quick { counted_instructions(client, job, address)? } else { None };
    Ok((allocations, instructions))
}

/// Counts the instructions for each message twice, if Valgrind is installed. Returns nothing if the counts differ: then something
/// else has varied more, such as how often the client had to wait.
fn counted_instructions(client: &str, job: &Job, address: &str) -> Result<Option<f64>> {
    if output("valgrind", &["--version"]).is_err() {
        return Ok(None);
    }
    let count = || instructions(&env::current_exe()?, client, job.name, address, MESSAGES);
    let (one, other) = (count()?, count()?);
    Ok((one.min(other) > 0.0 && one.max(other) < MOST_DIFFERENCE * one.min(other)).then_some(one.min(other)))
}

/// Runs a client at a job in a process of its own.
pub(crate) fn run_client(mut program: Command, client: &str, job: &str, address: &str, count: usize) -> Result<Sample> {
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

/// Returns the current time in the format of the results.
pub(crate) fn now() -> Result<String> {
    output("date", &["-u", "+%Y-%m-%d %H:%M UTC"])
}

fn output(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output().with_context(|| format!("cannot run {program}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Returns the version of one of this package's dependencies, from the lock file.
pub(crate) fn version(package: &str) -> Result<String> {
    let lock = include_str!("../../Cargo.lock");
    let named = |name: &str| {
        let name = format!("name = \"{name}\"\n");
        lock.split("[[package]]").filter(move |entry| entry.contains(&name))
    };
    let version = |entry: &str| entry.lines().find_map(|line| line.strip_prefix("version = ")).map(str::to_owned);
    // If the lock file has several versions, this package's entry names the version.
    let ours = named(env!("CARGO_PKG_NAME")).next().unwrap_or_default();
    let chosen = ours.lines().find_map(|line| line.trim().strip_prefix(&format!("\"{package} "))?.split('"').next());
    let found = chosen.map(str::to_owned).or_else(|| named(package).find_map(version));
    Ok(found.with_context(|| format!("Cargo.lock has no {package}"))?.trim_matches('"').to_owned())
}
