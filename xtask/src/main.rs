//! The project's commands: `cargo xtask <command>`, one module for each.
//!
//! Every command installs the tools that it needs (see [`setup`]) and keeps its build results in a cache outside the
//! source (see [`cache`]). `project` reads the workspace; `build`, `process`, `serve`, `browser` and `webdriver` are
//! shared by the commands.

mod autobahn;
mod bench;
mod browser;
mod browser_tests;
mod build;
mod cache;
mod cargo;
mod coverage;
mod demo;
mod doctor;
mod examples;
mod fuzz;
mod msrv;
mod native_reports;
mod npm;
mod package;
mod process;
mod project;
mod semver;
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
enum Subcommand {
    /// Serve the demo page with its own echo server and open it in a browser
    Demo(demo::Arguments),
    /// Run all checks and tests: lints, docs, native tests, JavaScript runtimes and the browser engines
    Test(test::Arguments),
    /// Compare what the engines and the native client make of malformed heads of responses
    Heads(test::heads::Arguments),
    /// Check the library's Cargo features: that sets of them build, that small builds work, and what each brings
    Features(test::features::Arguments),
    /// Run the conformance scripts in JavaScript runtimes outside browsers: Node, Deno, Bun, workerd
    Runtimes(test::runtimes::Arguments),
    /// List the tools that the commands need, which are missing, and how to install them
    Doctor,
    /// Check and test the example programs with their servers, and the chats in frameworks in a browser
    Examples(examples::Arguments),
    /// Run the Autobahn test suite against the native client
    Autobahn(autobahn::Arguments),
    /// Measure which lines of the specification and the protocol the tests reach
    Coverage,
    /// Measure WebSocket clients side by side: native, in browsers, and how cost grows
    Bench(bench::Arguments),
    /// Search for inputs that violate a property, with libFuzzer
    Fuzz(fuzz::Arguments),
    /// Build and test the published packages with the oldest compiler that they support
    Msrv,
    /// Build the published packages as a registry would receive them, without uploading
    Package(package::Arguments),
    /// Compare the public API of the published packages with the baseline
    Semver(semver::Arguments),
    /// Measure the size of each client's smallest program for a page
    Size,
    /// Run what takes minutes or many resources: long conformance scripts, 10,000 connections, 1 GiB, chaos
    Soak(soak::Arguments),
    /// Run the web-platform-tests for WebSocket from your own checkout
    Wpt(wpt::Arguments),
}

fn main() -> ExitCode {
    let verb = Subcommand::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    runtime.spawn(process::end_on_interrupt());
    // The commands run on plain threads, which mostly wait for other programs. They reach asynchronous code (the
    // server, WebDriver) through this handle.
    let runtime = runtime.handle();
    let outcome = match verb {
        Subcommand::Demo(arguments) => demo::run(&arguments, runtime),
        Subcommand::Test(arguments) => test::run(&arguments, runtime),
        Subcommand::Heads(arguments) => test::heads::run(&arguments, runtime),
        Subcommand::Features(arguments) => test::features::run(&arguments),
        Subcommand::Runtimes(arguments) => test::runtimes::run(&arguments, runtime),
        Subcommand::Doctor => doctor::run(),
        Subcommand::Examples(arguments) => examples::run(&arguments, runtime),
        Subcommand::Autobahn(arguments) => autobahn::run(&arguments),
        Subcommand::Coverage => coverage::run(),
        Subcommand::Bench(arguments) => bench::run(&arguments, runtime),
        Subcommand::Fuzz(arguments) => fuzz::run(&arguments),
        Subcommand::Msrv => msrv::run(),
        Subcommand::Package(arguments) => package::run(&arguments),
        Subcommand::Semver(arguments) => semver::run(&arguments),
        Subcommand::Size => size::run(),
        Subcommand::Soak(arguments) => soak::run(&arguments, runtime),
        Subcommand::Wpt(arguments) => wpt::run(&arguments, runtime),
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
