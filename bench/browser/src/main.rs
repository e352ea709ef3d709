//! The clients written in Rust, called by the bench's page.

mod callbacks;
mod clients;
mod job;
mod streams;

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

/// The result of one client at one job.
#[wasm_bindgen]
pub struct Outcome {
    /// The milliseconds that the counted messages or connections took.
    pub milliseconds: f64,
    /// The number of allocations meanwhile.
    pub allocations: f64,
}

/// Does a job once with a client.
///
/// # Errors
///
/// If the client or the kind of work is unknown, or the connection does something unexpected.
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
        _ => return Err(JsError::new(&format!("unknown work {work}"))),
    };
    let job = Job { work, url: url.to_owned(), payload: Payload::new(text, size), size, warmup, count };
    clients::run(client, job).await.map_err(|error| JsError::new(&error))
}

/// A stopwatch for time and allocations.
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
        // A page allocates far less than 2^53 times.
        #[expect(clippy::cast_precision_loss)]
        let allocations = (change.allocations + change.reallocations) as f64;
        Outcome { milliseconds, allocations }
    }
}

impl Outcome {
    /// Adds the time and allocations since a moment.
    fn add(&mut self, since: &Stopwatch) {
        let outcome = since.stop();
        self.milliseconds += outcome.milliseconds;
        self.allocations += outcome.allocations;
    }
}
