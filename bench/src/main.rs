//! What a user would choose between, side by side: `native` runs it all, the others are its parts.

mod clients;
mod jobs;
mod measure;
mod native;
mod server;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use clap::Parser;

use self::jobs::Job;

/// What a user would choose between, side by side.
#[derive(Parser)]
enum Verb {
    /// Runs every native client at every job; a whole run is kept
    Native(native::Arguments),
    /// Serves the jobs
    Serve,
    /// Does one job
    Client { client: String, job: String, port: u16, count: usize },
}

fn main() -> Result<()> {
    match Verb::parse() {
        Verb::Native(arguments) => {
            let run = native::run(&arguments)?;
            let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
            println!("{}", samesocket_bench_report::native_tables(&run));
            if arguments.is_whole() {
                fs::create_dir_all(folder.join("results"))?;
                fs::write(folder.join("results/native.json"), serde_json::to_string_pretty(&run)? + "\n")?;
                samesocket_bench_report::write(folder)?;
            }
            Ok(())
        }
        Verb::Serve => {
            measure::stay_on(0)?;
            Ok(server::serve()?)
        }
        Verb::Client { client, job, port, count } => {
            measure::stay_on(1)?;
            let job = Job::named(&job).with_context(|| format!("there is no job {job}"))?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let sample = runtime.block_on(clients::run(&client, &job, port, count))?;
            println!("{}", serde_json::to_string(&sample)?);
            Ok(())
        }
    }
}
