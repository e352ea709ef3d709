//! The bench of native clients: samesocket and other WebSocket clients do the same jobs against one server.
//!
//! Start with `jobs` (the work), then `clients` (one file for each client) and `server`. `native` runs everything,
//! `comparison` runs two programs, `growth` varies one quantity, and `many` has many sockets to one host. Each client runs in
//! a process of its own, which `measure` measures.

mod clients;
mod comparison;
mod growth;
mod instructions;
mod jobs;
mod many;
mod measure;
mod native;
mod server;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;

use self::clients::{JobRun, Setting};
pub use self::instructions::instructions;
use self::jobs::Job;
pub use self::measure::Counter;
use self::server::Address;

/// The core of the server.
const SERVER_CORE: usize = 0;

/// The core of the clients.
const CLIENT_CORE: usize = 1;

/// Measures WebSocket clients side by side
#[derive(Parser)]
enum Subcommand {
    /// Run every native client at every job; save the results if nothing is left out
    Native(native::Arguments),
    /// Compare the clients of two programs
    Compare(comparison::Arguments),
    /// Measure how cost grows
    Growth(growth::Arguments),
    /// Measure many sockets to one host
    Many(many::Arguments),
    /// Run the server of the jobs
    Serve,
    /// Print a description of the machine as JSON
    Machine,
    /// Do one job with one client
    Client { client: String, job: String, address: String, count: usize },
    /// Measure many sockets with one client
    ManyClient { client: String, what: many::What, address: String, amounts: Vec<usize> },
}

/// Runs the command line. With a counter, results include the number of allocations.
///
/// # Errors
///
/// If a server or client fails or sends something unexpected.
pub fn run(counter: Option<Counter>) -> Result<()> {
    match Subcommand::parse() {
        Subcommand::Native(arguments) => {
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
        Subcommand::Compare(arguments) => comparison::run(&arguments),
        Subcommand::Growth(arguments) => growth::run(&arguments),
        Subcommand::Many(arguments) => many::run(&arguments),
        Subcommand::Machine => {
            println!("{}", serde_json::to_string(&native::machine()?)?);
            Ok(())
        }
        Subcommand::Serve => {
            measure::pin_to_core(SERVER_CORE)?;
            measure::raise_file_limit()?;
            server::serve()
        }
        Subcommand::Client { client, job, address, count } => {
            let job = Job::named(&job).with_context(|| format!("unknown job {job}"))?;
            let run = JobRun::new(job, count, counter);
            measure::pin_to_core(CLIENT_CORE)?;
            let measurement =
                async |address: &Address| clients::measure(&client, Setting::of(&job), address, &run).await;
            let sample = measured(&address, measurement)?;
            println!("{}", serde_json::to_string(&sample)?);
            Ok(())
        }
        Subcommand::ManyClient { client, what, address, amounts } => {
            if !what.uses_all_cores() {
                measure::pin_to_core(CLIENT_CORE)?;
            }
            let sample = measured(&address, async |address| many::client(&client, what, address, &amounts).await)?;
            println!("{sample}");
            Ok(())
        }
    }
}

/// Runs a measurement of a client.
fn measured<T>(address: &str, measurement: impl AsyncFnOnce(&Address) -> Result<T>) -> Result<T> {
    measure::raise_file_limit()?;
    let address: Address = serde_json::from_str(address)?;
    measure::on_runtime(async || measurement(&address).await)
}
