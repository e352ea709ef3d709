//! Compares two programs with the same clients in one run: another checkout's, or one built with other settings.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use samesocket_bench_report::{Comparison, FOLDER, FUTURES_AGAIN, Pair};

use crate::clients::{CLIENTS, Client};
use crate::jobs::{JOBS, Job};
use crate::native::{Server, is_wanted, machine, now, run_client};

/// The package of our clients.
const OURS: &str = "samesocket";

/// The programs to compare.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The first program
    before: PathBuf,

    /// The program that is compared with the first one
    after: PathBuf,

    /// The first program's name in the tables
    #[arg(long)]
    before_name: String,

    /// The second program's name in the tables
    #[arg(long)]
    after_name: String,

    /// Use few rounds of short samples
    #[arg(long)]
    quick: bool,

    /// The number of samples of each program, client and job
    #[arg(long)]
    rounds: Option<usize>,

    /// Compare only these jobs
    #[arg(long, value_delimiter = ',')]
    jobs: Vec<String>,

    /// Compare only these clients; by default those of samesocket
    #[arg(long, value_delimiter = ',')]
    clients: Vec<String>,

    /// Fail if a job is slower by more than 3 % even at the lower bound of its ratio
    #[arg(long)]
    fail_if_slower: bool,

    /// Save the result under this name in `results`
    #[arg(long)]
    save: Option<String>,
}

/// A client, with the name by which each program knows it.
struct Compared<'a> {
    client: &'a Client,
    before: &'a str,
    after: &'a str,
}

/// Runs the comparison, and prints its tables.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let server = Server::start()?;
    let comparison = measure(arguments, &server)?;
    println!("{}", samesocket_bench_report::comparison_tables(&comparison));
    let slower = comparison.slower();
    if slower.is_empty() {
        println!("No median is slower by more than 3 %.");
    } else {
        println!("Slower by more than 3 % in the median:\n{}", slower.join("\n"));
    }
    if let Some(name) = &arguments.save {
        let folder = Path::new(FOLDER);
        fs::create_dir_all(folder.join("results"))?;
        let file = folder.join("results").join(name).with_extension("json");
        fs::write(file, serde_json::to_string_pretty(&comparison)? + "\n")?;
        samesocket_bench_report::write(folder)?;
    }
    ensure!(!arguments.fail_if_slower || !comparison.is_slower(), "{} is slower", arguments.after_name);
    Ok(())
}

fn measure(arguments: &Arguments, server: &Server) -> Result<Comparison> {
    let ours = |client: &&Client| {
        if arguments.clients.is_empty() {
            client.package == OURS && client.name != FUTURES_AGAIN
        } else {
            is_wanted(&arguments.clients, client.name)
        }
    };
    let jobs: Vec<Job> = JOBS.into_iter().filter(|job| is_wanted(&arguments.jobs, job.name)).collect();
    let mut compared = Vec::new();
    for client in CLIENTS.iter().filter(ours) {
        let name = |program| known_name(program, client, &server.address);
        match (name(&arguments.before), name(&arguments.after)?) {
            (Ok(before), after) => compared.push(Compared { client, before, after }),
            // An older checkout lacks newer clients. It has to have those that were asked for.
            (Err(error), _) if arguments.clients.is_empty() => eprintln!("  left out: {error}"),
            (Err(error), _) => return Err(error),
        }
    }
    let clients = compared;
    ensure!(!jobs.is_empty() && !clients.is_empty(), "no job or no client has this name");
    // Fifteen rounds have bounds at the fourth and the twelfth; two only show that the programs run.
    let rounds = arguments.rounds.unwrap_or(if arguments.quick { 2 } else { 15 });
    let (date, machine) = (now()?, machine()?);
    let mut pairs = Vec::new();
    for job in &jobs {
        let count = if arguments.quick { (job.count / 2).max(4) } else { job.count };
        let clients: Vec<_> = clients.iter().filter(|compared| compared.client.can(job)).collect();
        let mut samples = vec![(Vec::new(), Vec::new()); clients.len()];
        for round in 0..rounds {
            // The first client of a round finds the caches as the round before left them, so each is first in turn.
            for place in 0..clients.len() {
                let index = (place + round) % clients.len();
                let (client, (before, after)) = (clients[index], &mut samples[index]);
                let sample =
                    |program: &Path, name| run_client(Command::new(program), name, job.name, &server.address, count);
                // The order of the two alternates, so that neither always runs on a processor that the other warmed up.
                if round % 2 == 0 {
                    before.push(sample(&arguments.before, client.before)?);
                    after.push(sample(&arguments.after, client.after)?);
                } else {
                    after.push(sample(&arguments.after, client.after)?);
                    before.push(sample(&arguments.before, client.before)?);
                }
            }
        }
        for (compared, (before, after)) in clients.iter().zip(samples) {
            pairs.push(Pair { job: job.name.to_owned(), client: compared.client.name.to_owned(), before, after });
        }
        eprintln!("  done    {}", job.name);
    }
    let (before, after) = (arguments.before_name.clone(), arguments.after_name.clone());
    Ok(Comparison { date, machine, rounds, before, after, pairs })
}

/// Returns the name by which a program knows a client: an older checkout may have called it differently.
fn known_name<'a>(program: &Path, client: &'a Client, address: &str) -> Result<&'a str> {
    let mut names = std::iter::once(client.name).chain(client.former_name);
    let knows = |name: &&str| {
        let mut command = Command::new(program);
        command.args(["client", name, "lat64", address, "4"]).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    names.find(knows).with_context(|| format!("{} cannot run the client {}", program.display(), client.name))
}
