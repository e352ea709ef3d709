//! The parts of the examples that differ between native targets and pages.

use std::error::Error;
use std::future::Future;

/// The result of a program.
pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// Runs a program on this thread. The sockets run on a thread of their own.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn run(program: impl Future<Output = Outcome> + 'static) {
    if let Err(error) = futures::executor::block_on(program) {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

/// Runs a program in a page or a worker.
#[cfg(target_family = "wasm")]
pub(crate) fn run(program: impl Future<Output = Outcome> + 'static) {
    wasm_bindgen_futures::spawn_local(async {
        if let Err(error) = program.await {
            say(&error);
        }
    });
}

/// Returns the URL from the command line.
///
/// # Errors
///
/// Returns an error if the argument is missing.
#[cfg(not(target_family = "wasm"))]
#[allow(dead_code, reason = "one example does not use it")]
pub(crate) fn url() -> Result<String, Box<dyn Error>> {
    std::env::args().nth(1).ok_or_else(|| "usage: <program> ws://host/path".into())
}

/// Returns a URL relative to the page.
///
/// # Errors
///
/// Never.
#[cfg(target_family = "wasm")]
#[allow(dead_code, reason = "one example does not use it")]
#[allow(clippy::unnecessary_wraps, reason = "it can fail on native targets")]
pub(crate) fn url() -> Result<String, Box<dyn Error>> {
    Ok("ws".to_owned())
}

/// Prints a line.
#[cfg(not(target_family = "wasm"))]
#[allow(dead_code, reason = "one example does not use it")]
pub(crate) fn say(line: &impl std::fmt::Display) {
    println!("{line}");
}

/// Prints a line to the console.
#[cfg(target_family = "wasm")]
#[allow(dead_code, reason = "one example does not use it")]
pub(crate) fn say(line: &impl std::fmt::Display) {
    use wasm_bindgen::prelude::*;

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_namespace = console)]
        fn log(text: &str);
    }
    log(&line.to_string());
}
