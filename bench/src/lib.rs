//! What a user would choose between, side by side: `native` runs it all, `growth` how cost grows, the others are their parts.

mod clients;
mod comparison;
mod growth;
mod instructions;
mod jobs;
mod measure;
mod native;
mod server;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;

pub use self::instructions::instructions;
use self::jobs::Job;
use self::server::Address;

/// What a user would choose between, side by side.
#[derive(Parser)]
enum Verb {
    /// Runs every native client at every job; a whole run is kept
    Native(native::Arguments),
    /// Compares the clients of two programs
    Compare(comparison::Arguments),
    /// Measures how cost grows
    Growth(growth::Arguments),
    /// Serves the jobs
    Serve,
    /// Tells of the machine, as JSON
    Machine,
    /// Does one job
    Client { client: String, job: String, address: String, count: usize },
}

/// How often memory was asked for since the program began.
pub type Counter = fn() -> usize;

/// Does what the command line says; a program that counts allocations tells how many there were.
///
/// # Errors
///
/// If a server or a client does not do what is expected of it.
pub fn run(counter: Option<Counter>) -> Result<()> {
    match Verb::parse() {
        Verb::Native(arguments) => {
            let run = native::run(&arguments)?;
            let folder = Path::new(samesocket_bench_report::FOLDER);
            println!("{}", samesocket_bench_report::native_tables(&run));
            if arguments.is_whole() {
                fs::create_dir_all(folder.join("results"))?;
                fs::write(folder.join("results/native.json"), serde_json::to_string_pretty(&run)? + "\n")?;
                samesocket_bench_report::write(folder)?;
            }
            let over = native::over_budget(&run);
            ensure!(over.is_empty(), "{}", over.join("\n"));
            Ok(())
        }
        Verb::Compare(arguments) => comparison::run(&arguments),
        Verb::Growth(arguments) => growth::run(&arguments),
        Verb::Machine => {
            println!("{}", serde_json::to_string(&native::machine()?)?);
            Ok(())
        }
        Verb::Serve => {
            measure::stay_on(0)?;
            server::serve()
        }
        Verb::Client { client, job, address, count } => {
            measure::stay_on(1)?;
            let job = Job::named(&job).with_context(|| format!("there is no job {job}"))?;
            let address: Address = serde_json::from_str(&address)?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let sample = runtime.block_on(clients::run(&client, &job, &address, count, counter))?;
            println!("{}", serde_json::to_string(&sample)?);
            Ok(())
        }
    }
}
