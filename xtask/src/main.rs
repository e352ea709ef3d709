//! The project's commands: `cargo xtask <verb>`, a module a verb.
//!
//! Every verb sets up what it needs (see [`setup`]) and keeps what it built outside the source (see [`cache`]).

mod autobahn;
mod bench;
mod browser;
mod browser_tests;
mod build;
mod cache;
mod cargo;
mod demo;
mod doctor;
mod native;
mod npm;
mod process;
mod project;
mod serve;
mod setup;
mod size;
mod soak;
mod test;
mod webdriver;
mod wpt;

use std::process::ExitCode;

use clap::Parser;

/// The project's commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Verb {
    /// Shows the page in a browser, talking to its own echo server
    Demo(demo::Arguments),
    /// Runs everything that has to pass
    Test(test::Arguments),
    /// Tells what is there, what is missing, and what would get it
    Doctor,
    /// Has the Autobahn suite examine the native socket
    Autobahn(autobahn::Arguments),
    /// Measures the clients that a user would choose between, side by side
    Bench(bench::Arguments),
    /// Weighs the smallest program of each client in a page
    Size,
    /// Runs the scripts that wait for minutes
    Soak(soak::Arguments),
    /// Runs the Web's own tests, of a checkout that you have
    Wpt(wpt::Arguments),
}

fn main() -> ExitCode {
    let verb = Verb::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    runtime.spawn(process::end_on_interrupt());
    // The verbs themselves are plain threads that mostly wait for other programs; what is asynchronous (the server, WebDriver)
    // they reach through this handle.
    let runtime = runtime.handle();
    let outcome = match verb {
        Verb::Demo(arguments) => demo::run(&arguments, runtime),
        Verb::Test(arguments) => test::run(&arguments, runtime),
        Verb::Doctor => doctor::run(),
        Verb::Autobahn(arguments) => autobahn::run(&arguments),
        Verb::Bench(arguments) => bench::run(&arguments, runtime),
        Verb::Size => size::run(),
        Verb::Soak(arguments) => soak::run(&arguments, runtime),
        Verb::Wpt(arguments) => wpt::run(&arguments, runtime),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
