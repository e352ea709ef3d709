//! A run of the native clients.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::claims::{Claim, Wanted};
use crate::figures::{bounded_median, figure, quartiles};
use crate::plot::{self, Labels, Line};
use crate::{Plots, page};

/// The client that the others are measured against.
pub const REFERENCE: &str = "tokio-tungstenite";

/// Our own frames in a plain loop, without a driver.
pub const WIRE: &str = "samesocket (wire)";

/// The interface, its socket on the background thread, as it is unless a runtime is given.
pub const INTERFACE: &str = "samesocket (interface)";

/// The futures API, with the same driver; in a page, in a task of the executor's.
pub const FUTURES: &str = "samesocket (futures)";

/// The interface, its socket on the caller's runtime, where the peers are.
pub const INTERFACE_HERE: &str = "samesocket (interface on tokio)";

/// The futures API, likewise.
pub const FUTURES_HERE: &str = "samesocket (futures on tokio)";

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
        self.series(job, client).map_or(&[], |series| &series.samples)
    }

    /// All of a client at a job.
    fn series(&self, job: &str, client: &str) -> Option<&Series> {
        self.series.iter().find(|series| series.job == job && series.client == client)
    }

    /// How many messages a client gets through while another gets one through, round by round.
    fn speeds(&self, job: &str, client: &str, other: &str) -> Vec<f64> {
        let pairs = self.samples(job, client).iter().zip(self.samples(job, other));
        pairs.map(|(one, other)| other.wall / one.wall).collect()
    }

    /// The ratios of a client's CPU time to another's, round by round.
    pub fn ratios(&self, job: &str, client: &str, other: &str) -> Vec<f64> {
        let pairs = self.samples(job, client).iter().zip(self.samples(job, other));
        pairs.map(|(one, other)| one.cpu / other.cpu).collect()
    }
}

/// The public sockets.
const SOCKETS: [&str; 4] = [FUTURES_HERE, INTERFACE_HERE, FUTURES, INTERFACE];

/// The jobs of short messages, and those of 16 KiB and more.
const SHORT: [&str; 5] = ["lat64", "pipe64", "recv64", "send64", "echo1k"];
const LONG: [&str; 10] =
    ["echo16k", "text16k", "ascii16k", "recv16k", "recvtext16k", "send16k", "echo1m", "recv1m", "send1m", "echo16m"];

/// What is wanted of the bare frames and of the sockets.
pub(crate) fn claims(run: &Run) -> Vec<Claim> {
    let time = format!("client CPU time, ratio to {REFERENCE}");
    let ratio = |client: &'static str| move |job: &str| Some(bounded_median(run.ratios(job, client, REFERENCE)));
    let mut claims = vec![
        Claim::new(WIRE, &time, Wanted::AtMost(0.6), &["recv64", "send64", "pipe64", "recvtext16k"], ratio(WIRE)),
        Claim::new(
            WIRE,
            "client CPU time, ratio to the best peer's",
            Wanted::AtMost(1.05),
            &[&SHORT[..], &LONG, &["deflate16k"]].concat(),
            |job| Some(bounded_median(run.ratios(job, WIRE, best_peer(run, job)?))),
        ),
    ];
    claims.extend(SOCKETS.map(|client| Claim::new(client, &time, Wanted::AtMost(0.8), &SHORT, ratio(client))));
    claims.extend(SOCKETS.map(|client| {
        let what = format!("messages a second, ratio to {WIRE}");
        let speed = |job: &str| Some(bounded_median(run.speeds(job, client, WIRE)));
        Claim::new(client, &what, Wanted::AtLeast(0.9), &LONG, speed)
    }));
    claims.extend(SOCKETS.map(|client| {
        let asked = |job: &str| run.series(job, client)?.allocations.map(|asked| [asked; 3]);
        let jobs = ["recv64", "recv16k", "recvtext16k"];
        Claim::new(client, "allocations a message received", Wanted::AtMost(1.0), &jobs, asked)
    }));
    claims.extend(SOCKETS.map(|client| {
        let idle = |job: &str| {
            Some(bounded_median(run.samples(job, client).iter().map(|sample| sample.idle).collect::<Option<_>>()?))
        };
        let what = "KiB of an idle connection";
        Claim::new(client, what, Wanted::AtMost(16.0), &["conn100", "conn10k"], idle)
    }));
    claims
}

/// Who of the peers takes the least time for a job, in the middle of the rounds.
fn best_peer<'a>(run: &'a Run, job: &str) -> Option<&'a str> {
    let time = |client: &str| quartiles(run.samples(job, client).iter().map(|sample| sample.cpu).collect())[1];
    let peers = run.clients.iter().map(|(name, _)| &**name).filter(|name| !name.starts_with("samesocket"));
    peers.filter(|peer| time(peer).is_finite()).min_by(|one, other| time(one).total_cmp(&time(other)))
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
    let mut part = |title: &str, cell: &dyn Fn(&str, &str) -> Option<String>| section(&mut text, run, title, cell);
    part(
        &format!("Client CPU time a message, ratio to {REFERENCE}: median and quartiles of the rounds"),
        &|job, client| {
            let [low, middle, high] = quartiles(run.ratios(job, client, REFERENCE));
            middle.is_finite().then(|| format!("{middle:.2} ({low:.2}–{high:.2})"))
        },
    );
    part(&format!("Messages a second, ratio to {WIRE}: median and quartiles of the rounds"), &|job, client| {
        let [low, middle, high] = quartiles(run.speeds(job, client, WIRE));
        middle.is_finite().then(|| format!("{middle:.2} ({low:.2}–{high:.2})"))
    });
    let median = |job: &str, client: &str, what: fn(&Sample) -> Option<f64>| {
        let values: Vec<f64> = run.samples(job, client).iter().filter_map(what).collect();
        (!values.is_empty()).then(|| quartiles(values)[1])
    };
    part("Client CPU time a message, microseconds: median", &|job, client| {
        median(job, client, |sample| Some(sample.cpu)).map(figure)
    });
    part("Time a message, microseconds: median", &|job, client| {
        median(job, client, |sample| Some(sample.wall)).map(figure)
    });
    part("Allocations a message", &|job, client| run.series(job, client)?.allocations.map(figure));
    part("Instructions a message, in thousands", &|job, client| {
        run.series(job, client)?.instructions.map(|count| figure(count / 1000.0))
    });
    part("The most memory of the client's process, MiB: median", &|job, client| {
        median(job, client, |sample| Some(f64::from(sample.peak) / 1024.0)).map(|mebibytes| format!("{mebibytes:.1}"))
    });
    part("Memory of an idle connection, KiB: median", &|job, client| {
        median(job, client, |sample| sample.idle).map(figure)
    });
    text
}

pub(crate) fn plots(run: &Run, folder: &Path) -> Result<Plots> {
    let jobs = jobs(run);
    let line = |(client, _): &(String, String)| {
        let ratio = |job: &&str| quartiles(run.ratios(job, client, REFERENCE))[1];
        let places = (0_u32..).map(f64::from);
        let points = places.zip(jobs.iter().map(ratio)).filter(|point| point.1.is_finite()).collect();
        Line { name: client.clone(), points }
    };
    let lines: Vec<Line> = run.clients.iter().map(line).collect();
    let title = format!("client CPU time a message, ratio to {REFERENCE}, median");
    let names: Vec<String> = jobs.iter().map(|job| (*job).to_owned()).collect();
    let labels = Labels { title: &title, x: "", y: "ratio" };
    let drawn = plot::columns(&folder.join("native-cpu.svg"), &labels, &names, &lines)?;
    Ok(drawn.then(|| ("native-cpu.svg".to_owned(), title.clone())).into_iter().collect())
}

/// The jobs, in their order.
fn jobs(run: &Run) -> Vec<&str> {
    let mut jobs: Vec<&str> = run.series.iter().map(|series| &*series.job).collect();
    jobs.dedup();
    jobs
}

fn section(text: &mut String, run: &Run, title: &str, cell: &dyn Fn(&str, &str) -> Option<String>) {
    let head: Vec<String> =
        [vec!["job".to_owned()], run.clients.iter().map(|(name, version)| format!("{name} {version}")).collect()]
            .concat();
    let rows = jobs(run).into_iter().filter_map(|job| {
        let cells: Vec<Option<String>> = run.clients.iter().map(|(client, _)| cell(job, client)).collect();
        cells.iter().any(Option::is_some).then(|| {
            let cells = cells.into_iter().map(Option::unwrap_or_default);
            std::iter::once(job.to_owned()).chain(cells).collect::<Vec<_>>()
        })
    });
    let rows: Vec<Vec<String>> = rows.collect();
    if !rows.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n### {title}\n\n{}", page::table(&head, rows));
    }
}
