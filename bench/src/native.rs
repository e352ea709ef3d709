//! The native half: every client does every job, round by round, a process each.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::{env, fs};

use anyhow::{Context as _, Result, ensure};

use crate::clients::CLIENTS;
use crate::jobs::{JOBS, Job};
use samesocket_bench_report::{Machine, Run, Sample, Series};

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
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start() -> Result<Self> {
        let mut child = this_program()?.arg("serve").stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let output = child.stdout.take().context("the server has no output")?;
        BufReader::new(output).read_line(&mut line)?;
        let port = line.trim().parse().context("the server tells no port")?;
        Ok(Self { child, port })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs it all.
pub(crate) fn run(arguments: &Arguments) -> Result<Run> {
    let wanted = |names: &[String], name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    let jobs: Vec<Job> = JOBS.into_iter().filter(|job| wanted(&arguments.jobs, job.name)).collect();
    let clients: Vec<_> = CLIENTS.iter().filter(|client| wanted(&arguments.clients, client.name)).collect();
    ensure!(!jobs.is_empty() && !clients.is_empty(), "there is no such job or client");
    let rounds = arguments.rounds.unwrap_or(if arguments.quick { 3 } else { 9 });

    let mut run = Run {
        date: output("date", &["-u", "+%Y-%m-%d %H:%M UTC"])?,
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
        let count = job.count * if arguments.quick { 1 } else { 2 };
        let mut samples = vec![Vec::new(); clients.len()];
        for round in 0..rounds {
            // Whoever goes first finds the caches as the last job left them: each does in turn.
            for place in 0..clients.len() {
                let index = (place + round) % clients.len();
                samples[index].push(turn(clients[index].name, job, server.port, count)?);
            }
        }
        for (client, samples) in clients.iter().zip(samples) {
            let series = Series { job: job.name.to_owned(), client: client.name.to_owned(), samples };
            run.series.push(series);
        }
        eprintln!("  done    {}", job.name);
    }
    Ok(run)
}

fn turn(client: &str, job: &Job, port: u16, count: usize) -> Result<Sample> {
    let mut command = this_program()?;
    command.args(["client", client, job.name, &port.to_string(), &count.to_string()]);
    let output = command.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{client} failed at {}", job.name);
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn this_program() -> Result<Command> {
    Ok(Command::new(env::current_exe()?))
}

fn machine() -> Result<Machine> {
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

fn output(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output().with_context(|| format!("cannot run {program}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The version of a package that the lock file has settled on.
fn version(package: &str) -> Result<String> {
    let lock = include_str!("../../Cargo.lock");
    let entry = lock.split("[[package]]").find(|entry| entry.contains(&format!("name = \"{package}\"\n")));
    let version = entry.and_then(|entry| entry.lines().find_map(|line| line.strip_prefix("version = ")));
    Ok(version.with_context(|| format!("the lock file has no {package}"))?.trim_matches('"').to_owned())
}
