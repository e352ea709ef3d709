//! A run of the native clients.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::figures::{figure, quartiles};
use crate::page;

/// The client that the others are measured against.
pub const REFERENCE: &str = "tokio-tungstenite";

/// Our own frames in a plain loop, without a driver.
pub const WIRE: &str = "samesocket (wire)";

/// One client's turn at one job.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Sample {
    /// Microseconds of CPU time a message, the kernel's share included.
    pub cpu: f64,
    /// Microseconds a message.
    pub wall: f64,
    /// The most memory that the client's process had, in KiB.
    pub peak: u32,
    /// The memory that a connection takes while nothing is under way, in KiB, where there are many.
    #[serde(default)]
    pub idle: Option<f64>,
    /// How often memory was asked for, a message, where that was counted.
    #[serde(default)]
    pub allocations: Option<f64>,
}

/// All that a client did at one job, a sample a round.
#[derive(Debug, Serialize, Deserialize)]
pub struct Series {
    /// The job's name.
    pub job: String,
    /// The client's name.
    pub client: String,
    /// A sample a round.
    pub samples: Vec<Sample>,
    /// How often memory was asked for, a message, in a turn of its own.
    #[serde(default)]
    pub allocations: Option<f64>,
    /// The instructions of a message, in a turn of its own.
    #[serde(default)]
    pub instructions: Option<f64>,
}

/// One run.
#[derive(Debug, Serialize, Deserialize)]
pub struct Run {
    /// When it began.
    pub date: String,
    /// Where it ran.
    pub machine: Machine,
    /// The clients with the versions of their packages, in the order of the tables.
    pub clients: Vec<(String, String)>,
    /// Whether its samples are short.
    pub quick: bool,
    /// How often each client did each job.
    pub rounds: usize,
    /// What came of it, by job and client.
    pub series: Vec<Series>,
}

/// Where it ran.
#[derive(Debug, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// How many cores there are.
    pub cores: usize,
    /// The kernel and its version.
    pub kernel: String,
    /// The compiler's version.
    pub rustc: String,
    /// The load of the machine over the last five minutes, when the run began.
    pub load: String,
}

impl Run {
    /// The samples of a client at a job.
    pub fn samples(&self, job: &str, client: &str) -> &[Sample] {
        let series = self.series.iter().find(|series| series.job == job && series.client == client);
        series.map_or(&[], |series| &series.samples)
    }

    /// The ratios of a client's CPU time to another's, round by round.
    pub fn ratios(&self, job: &str, client: &str, other: &str) -> Vec<f64> {
        let pairs = self.samples(job, client).iter().zip(self.samples(job, other));
        pairs.map(|(one, other)| one.cpu / other.cpu).collect()
    }
}

/// The tables as Markdown.
pub(crate) fn tables(run: &Run) -> String {
    let machine = &run.machine;
    let mut text = format!(
        "{}, {} {}rounds on {} ({} cores, {}, {}; load {} at the beginning).\n",
        run.date,
        run.rounds,
        if run.quick { "quick " } else { "" },
        machine.processor,
        machine.cores,
        machine.kernel,
        machine.rustc,
        machine.load
    );
    let reference = REFERENCE;
    section(
        &mut text,
        run,
        &format!("Client CPU time a message, ratio to {reference}: median and quartiles of the rounds"),
        |job, client| {
            let [low, middle, high] = quartiles(run.ratios(job, client, reference));
            format!("{middle:.2} ({low:.2}–{high:.2})")
        },
    );
    section(&mut text, run, &format!("Client CPU time a message, ratio of {WIRE} to each: median"), |job, client| {
        format!("{:.2}", quartiles(run.ratios(job, WIRE, client))[1])
    });
    let median = |job: &str, client: &str, what: fn(&Sample) -> f64| {
        quartiles(run.samples(job, client).iter().map(what).collect())[1]
    };
    section(&mut text, run, "Client CPU time a message, microseconds: median", |job, client| {
        figure(median(job, client, |sample| sample.cpu))
    });
    section(&mut text, run, "Time a message, microseconds: median", |job, client| {
        figure(median(job, client, |sample| sample.wall))
    });
    section(&mut text, run, "The most memory of the client's process, MiB: median", |job, client| {
        format!("{:.1}", median(job, client, |sample| f64::from(sample.peak)) / 1024.0)
    });
    text
}

fn section(text: &mut String, run: &Run, title: &str, cell: impl Fn(&str, &str) -> String) {
    let mut jobs: Vec<&str> = run.series.iter().map(|series| &*series.job).collect();
    jobs.dedup();
    let head: Vec<String> =
        [vec!["job".to_owned()], run.clients.iter().map(|(name, version)| format!("{name} {version}")).collect()]
            .concat();
    let rows = jobs.iter().map(|job| {
        [vec![(*job).to_owned()], run.clients.iter().map(|(client, _)| cell(job, client)).collect()].concat()
    });
    // Writing to a string cannot fail.
    let _ = write!(text, "\n### {title}\n\n{}", page::table(&head, rows));
}
