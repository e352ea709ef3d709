//! What the examples share: a program's beginning, on either target.

use std::error::Error;
use std::future::Future;

/// What a program ends with.
pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// Runs a program natively, on this thread; the sockets have their own.
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

/// Gives the URL to connect to: natively the program's argument.
///
/// # Errors
///
/// If there is none.
#[cfg(not(target_family = "wasm"))]
#[allow(dead_code, reason = "one example needs none")]
pub(crate) fn url() -> Result<String, Box<dyn Error>> {
    std::env::args().nth(1).ok_or_else(|| "usage: <program> ws://host/path".into())
}

/// Gives the URL to connect to: in a page, beside it.
///
/// # Errors
///
/// Never.
#[cfg(target_family = "wasm")]
#[allow(dead_code, reason = "one example needs none")]
#[allow(clippy::unnecessary_wraps, reason = "natively there may be none")]
pub(crate) fn url() -> Result<String, Box<dyn Error>> {
    Ok("ws".to_owned())
}

/// Tells the user something.
#[cfg(not(target_family = "wasm"))]
#[allow(dead_code, reason = "one example is silent")]
pub(crate) fn say(what: &impl std::fmt::Display) {
    println!("{what}");
}

/// Tells the user something, in the console.
#[cfg(target_family = "wasm")]
#[allow(dead_code, reason = "one example is silent")]
pub(crate) fn say(what: &impl std::fmt::Display) {
    use wasm_bindgen::prelude::*;

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_namespace = console)]
        fn log(text: &str);
    }
    log(&what.to_string());
}
