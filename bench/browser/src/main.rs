//! The clients that are written in Rust, each at every job: what the page of the bench calls.

mod calling;
mod clients;
mod job;
mod streaming;

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use wasm_bindgen::prelude::*;

use self::job::{Job, Payload, Work};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[wasm_bindgen]
extern "C" {
    /// The page's clock, in milliseconds.
    #[wasm_bindgen(js_namespace = performance)]
    fn now() -> f64;
}

fn main() {}

/// What one turn of a client came to.
#[wasm_bindgen]
pub struct Outcome {
    /// The milliseconds that the counted messages or connections took.
    pub milliseconds: f64,
    /// How often the client asked for memory meanwhile.
    pub allocations: f64,
}

/// Has a client do a job once.
///
/// # Errors
///
/// If there is no such client or work, or the connection does not do what was expected of it.
#[wasm_bindgen]
pub async fn perform(
    client: &str,
    work: &str,
    url: &str,
    text: bool,
    size: usize,
    warmup: usize,
    count: usize,
) -> Result<Outcome, JsError> {
    let work = match work {
        "echo" => Work::Echo,
        "receive" => Work::Receive,
        "send" => Work::Send,
        "connect" => Work::Connect,
        "first" => Work::First,
        _ => return Err(JsError::new(&format!("there is no work {work}"))),
    };
    let job = Job { work, url: url.to_owned(), payload: Payload::new(text, size), size, warmup, count };
    clients::run(client, job).await.map_err(|error| JsError::new(&error))
}

/// Time and allocations since a moment.
struct Stopwatch {
    start: f64,
    region: Region<'static, System>,
}

impl Stopwatch {
    fn start() -> Self {
        Self { region: Region::new(ALLOCATOR), start: now() }
    }

    fn stop(&self) -> Outcome {
        let milliseconds = now() - self.start;
        let change = self.region.change();
        // A run of a page asks for memory far less than 2^53 times.
        #[expect(clippy::cast_precision_loss)]
        let allocations = (change.allocations + change.reallocations) as f64;
        Outcome { milliseconds, allocations }
    }
}

impl Outcome {
    /// Adds what has come since a moment.
    fn add(&mut self, since: &Stopwatch) {
        let outcome = since.stop();
        self.milliseconds += outcome.milliseconds;
        self.allocations += outcome.allocations;
    }
}
