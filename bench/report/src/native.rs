//! The results of the native clients.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::figures::{bounded_median, figure, least, quartiles};
use crate::goals::{Goal, Target};
use crate::page;
use crate::plot::{self, Labels, Line, Plots};

/// The client that the others are compared with.
pub const REFERENCE: &str = "tokio-tungstenite";

/// Our protocol core in a plain loop, without a driver.
pub const PROTOCOL: &str = "samesocket (protocol)";

/// The `WebSocket` interface with its socket on the background thread.
pub const INTERFACE: &str = "samesocket (interface)";

/// The futures API with the same driver. In a page, an executor polls it.
pub const FUTURES: &str = "samesocket (futures)";

/// The `WebSocket` interface with its socket on the caller's runtime, like the peers.
pub const INTERFACE_ON_TOKIO: &str = "samesocket (interface on tokio)";

/// The futures API with its socket on the caller's runtime.
pub const FUTURES_ON_TOKIO: &str = "samesocket (futures on tokio)";

/// The futures API on the caller's runtime once more, which shows how much the results of one client differ.
pub const FUTURES_AGAIN: &str = "samesocket (futures on tokio again)";

/// The futures API on the caller's runtime, with WebSockets that are streams of HTTP/2.
pub const FUTURES_OVER_HTTP2: &str = "samesocket (futures on tokio) over HTTP/2";

/// The result of one client at one job in one round.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Sample {
    /// Microseconds of CPU time for each message, including the kernel's share.
    pub cpu: f64,
    /// Microseconds for each message.
    pub wall: f64,
    /// The peak memory of the client's process, in KiB.
    pub peak: u32,
    /// The memory of an idle connection, in KiB, in jobs with many connections.
    #[serde(default)]
    pub idle: Option<f64>,
    /// The allocations for each message, if they were counted.
    #[serde(default)]
    pub allocations: Option<f64>,
}

/// The results of one client at one job.
#[derive(Debug, Serialize, Deserialize)]
pub struct Series {
    /// The job's name.
    pub job: String,
    /// The client's name.
    pub client: String,
    /// The samples, one for each round.
    pub samples: Vec<Sample>,
    /// The allocations for each message, from a separate run.
    #[serde(default)]
    pub allocations: Option<f64>,
    /// The instructions for each message, from a separate run.
    #[serde(default)]
    pub instructions: Option<f64>,
}

/// A run.
#[derive(Debug, Serialize, Deserialize)]
pub struct Run {
    /// The time at which the run began.
    pub date: String,
    /// The machine.
    pub machine: Machine,
    /// The clients with their packages' versions, in the order of the tables.
    pub clients: Vec<(String, String)>,
    /// Whether the samples are short.
    pub quick: bool,
    /// The number of samples of each client and job.
    pub rounds: usize,
    /// The results by job and client.
    pub series: Vec<Series>,
}

/// A machine.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// The number of cores.
    pub cores: usize,
    /// The kernel and its version.
    pub kernel: String,
    /// The compiler's version.
    pub rustc: String,
    /// The load average over five minutes, at the start of the run.
    pub load: String,
}

impl Run {
    /// Returns the samples of a client at a job.
    pub fn samples(&self, job: &str, client: &str) -> &[Sample] {
        self.series(job, client).map_or(&[], |series| &series.samples)
    }

    /// Returns all results of a client at a job.
    fn series(&self, job: &str, client: &str) -> Option<&Series> {
        self.series.iter().find(|series| series.job == job && series.client == client)
    }

    /// Returns the median of a client's figures at a job.
    pub(crate) fn median(&self, job: &str, client: &str, figure: Figure) -> f64 {
        quartiles(self.samples(job, client).iter().map(figure).collect())[1]
    }

    /// Returns the speed of a client relative to another one, round by round.
    fn speeds(&self, job: &str, client: &str, other: &str) -> Vec<f64> {
        let pairs = self.samples(job, client).iter().zip(self.samples(job, other));
        pairs.map(|(one, other)| other.wall / one.wall).collect()
    }

    /// Returns the ratios of a client's CPU time to another's, round by round.
    pub fn ratios(&self, job: &str, client: &str, other: &str) -> Vec<f64> {
        self.ratios_of(cpu_time, job, client, other)
    }

    /// Returns the ratios of a client's figures to another's, round by round.
    pub(crate) fn ratios_of(&self, figure: Figure, job: &str, client: &str, other: &str) -> Vec<f64> {
        let pairs = self.samples(job, client).iter().zip(self.samples(job, other));
        pairs.map(|(one, other)| figure(one) / figure(other)).collect()
    }
}

/// The jobs over TLS.
const TLS: [&str; 6] = ["tls64", "tlsecho1k", "tls16k", "tlsrecv16k", "tlssend16k", "tls1m"];

/// The jobs of one plain connection.
const PLAIN: [&str; 15] = [
    "lat64",
    "pipe64",
    "recv64",
    "send64",
    "echo1k",
    "echo16k",
    "text16k",
    "ascii16k",
    "recv16k",
    "recvtext16k",
    "send16k",
    "echo1m",
    "recv1m",
    "send1m",
    "echo16m",
];

/// Returns the goals of the protocol core and of the sockets.
pub(crate) fn goals(run: &Run) -> Vec<Goal> {
    let to_best = |figure: Figure, client: &'static str| {
        move |job: &str| Some(bounded_median(run.ratios_of(figure, job, client, best_peer(run, job, figure)?)))
    };
    let cpu = |client| to_best(cpu_time, client);
    let to_own =
        |client: &'static str, own: &'static str| move |job: &str| Some(bounded_median(run.ratios(job, client, own)));
    let best = "client CPU time, ratio to the best peer";
    vec![
        Goal::new(FUTURES_ON_TOKIO, best, Target::AtMost(1.0), &PLAIN, cpu(FUTURES_ON_TOKIO)),
        Goal::new(
            FUTURES_ON_TOKIO,
            "elapsed time per message, ratio to the best peer",
            Target::AtMost(1.0),
            &PLAIN,
            to_best(wall_time, FUTURES_ON_TOKIO),
        ),
        Goal::new(INTERFACE_ON_TOKIO, best, Target::AtMost(1.05), &PLAIN, cpu(INTERFACE_ON_TOKIO)),
        Goal::new(PROTOCOL, best, Target::AtMost(1.05), &PLAIN, cpu(PROTOCOL)),
        Goal::new(
            FUTURES,
            "client CPU time, ratio to the same API on the caller's runtime",
            Target::AtMost(1.2),
            &PLAIN,
            to_own(FUTURES, FUTURES_ON_TOKIO),
        ),
        Goal::new(
            INTERFACE,
            "client CPU time, ratio to the same API on the caller's runtime",
            Target::AtMost(1.2),
            &PLAIN,
            to_own(INTERFACE, INTERFACE_ON_TOKIO),
        ),
        Goal::new(FUTURES_ON_TOKIO, best, Target::AtMost(0.9), &["deflate1k", "deflate16k"], cpu(FUTURES_ON_TOKIO)),
        Goal::new(
            FUTURES_ON_TOKIO,
            "client CPU time of random bytes with compression, ratio to without",
            Target::AtMost(1.2),
            &["random16k", "random1m"],
            |job| {
                let plain = job.replace("random", "echo");
                let pairs = run.samples(job, FUTURES_ON_TOKIO).iter().zip(run.samples(&plain, FUTURES_ON_TOKIO));
                Some(bounded_median(pairs.map(|(random, plain)| random.cpu / plain.cpu).collect()))
            },
        ),
        Goal::new(FUTURES_ON_TOKIO, best, Target::AtMost(1.05), &TLS, cpu(FUTURES_ON_TOKIO)),
        Goal::new(
            FUTURES_ON_TOKIO,
            "memory of an idle connection, ratio to the best peer",
            Target::AtMost(1.0),
            &["conn100", "conn10k"],
            to_best(idle_memory, FUTURES_ON_TOKIO),
        ),
        Goal::new(FUTURES_OVER_HTTP2, "messages per second, ratio to HTTP/1.1", Target::AtLeast(0.8), &PLAIN, |job| {
            Some(bounded_median(run.speeds(job, FUTURES_OVER_HTTP2, FUTURES_ON_TOKIO)))
        }),
        Goal::new(
            FUTURES_ON_TOKIO,
            "allocations per received message",
            Target::AtMost(1.0),
            &["recv64", "recv16k", "recvtext16k"],
            |job| run.series(job, FUTURES_ON_TOKIO)?.allocations.map(|count| [count; 3]),
        ),
    ]
}

/// Returns the other libraries, over HTTP/1.1.
pub(crate) fn peers(run: &Run) -> impl Iterator<Item = &str> {
    let names = run.clients.iter().map(|(name, _)| &**name);
    names.filter(|name| !name.starts_with("samesocket") && !name.ends_with("HTTP/2"))
}

/// A figure of a sample, of which less is better; NaN if the sample has none.
pub(crate) type Figure = fn(&Sample) -> f64;

pub(crate) const fn cpu_time(sample: &Sample) -> f64 {
    sample.cpu
}

const fn wall_time(sample: &Sample) -> f64 {
    sample.wall
}

pub(crate) fn idle_memory(sample: &Sample) -> f64 {
    sample.idle.unwrap_or(f64::NAN)
}

/// Returns the peer whose median is least at a job.
fn best_peer<'a>(run: &'a Run, job: &str, figure: Figure) -> Option<&'a str> {
    least(peers(run), |peer| run.median(job, peer, figure))
}

/// Formats the tables as Markdown.
pub(crate) fn tables(run: &Run) -> String {
    let machine = &run.machine;
    let mut text = format!(
        "{}, {} {}rounds on {} ({} cores, {}, {}; load {} at the start).\n",
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
        &format!("Client CPU time per message, ratio to {REFERENCE}: median and quartiles of the rounds"),
        &|job, client| {
            let [low, middle, high] = quartiles(run.ratios(job, client, REFERENCE));
            middle.is_finite().then(|| format!("{middle:.2} ({low:.2}–{high:.2})"))
        },
    );
    part(&format!("Messages per second, ratio to {PROTOCOL}: median and quartiles of the rounds"), &|job, client| {
        let [low, middle, high] = quartiles(run.speeds(job, client, PROTOCOL));
        middle.is_finite().then(|| format!("{middle:.2} ({low:.2}–{high:.2})"))
    });
    let median = |job: &str, client: &str, what: fn(&Sample) -> Option<f64>| {
        let values: Vec<f64> = run.samples(job, client).iter().filter_map(what).collect();
        (!values.is_empty()).then(|| quartiles(values)[1])
    };
    part("Client CPU time per message, microseconds: median", &|job, client| {
        median(job, client, |sample| Some(sample.cpu)).map(figure)
    });
    part("Time per message, microseconds: median", &|job, client| {
        median(job, client, |sample| Some(sample.wall)).map(figure)
    });
    part("Allocations per message", &|job, client| run.series(job, client)?.allocations.map(figure));
    part("Instructions per message, in thousands", &|job, client| {
        run.series(job, client)?.instructions.map(|count| figure(count / 1000.0))
    });
    part("Peak memory of the client's process, MiB: median", &|job, client| {
        median(job, client, |sample| Some(f64::from(sample.peak) / 1024.0)).map(|mebibytes| format!("{mebibytes:.1}"))
    });
    part("Memory of an idle connection, KiB: median", &|job, client| {
        median(job, client, |sample| sample.idle).map(figure)
    });
    let rows: Vec<Vec<String>> = jobs(run).into_iter().filter_map(|job| noise(run, job)).collect();
    if !rows.is_empty() {
        let head = ["job", "CPU time", "time"].map(str::to_owned);
        let title =
            "Noise: samesocket (futures on tokio) measured again, ratio to its other result, median and its bounds";
        // Writing to a string cannot fail.
        let _ = write!(text, "\n### {title}\n\n{}", page::table(&head, rows));
    }
    text
}

/// Returns a row with the ratios of a client to itself, if it was measured twice.
fn noise(run: &Run, job: &str) -> Option<Vec<String>> {
    let cell = |ratios: Vec<f64>| {
        let [low, middle, high] = bounded_median(ratios);
        middle.is_finite().then(|| format!("{middle:.2} ({low:.2}–{high:.2})"))
    };
    let cpu = cell(run.ratios(job, FUTURES_AGAIN, FUTURES_ON_TOKIO))?;
    let time = cell(run.ratios_of(wall_time, job, FUTURES_AGAIN, FUTURES_ON_TOKIO))?;
    Some(vec![job.to_owned(), cpu, time])
}

pub(crate) fn plots(run: &Run, folder: &Path) -> Result<Plots> {
    let jobs = jobs(run);
    let line = |(client, _): &(String, String)| {
        let ratio = |job: &&str| quartiles(run.ratios(job, client, REFERENCE))[1];
        let places = (0_u32..).map(f64::from);
        let points = places.zip(jobs.iter().map(ratio)).filter(|point| point.1.is_finite()).collect();
        Line { name: client.clone(), points }
    };
    let lines: Vec<Line> = shown_clients(run).map(line).collect();
    let title = format!("client CPU time per message, ratio to {REFERENCE}, median");
    let names: Vec<String> = jobs.iter().map(|job| (*job).to_owned()).collect();
    let labels = Labels { title: &title, x: "", y: "ratio" };
    let drawn = plot::columns(&folder.join("native-cpu.svg"), &labels, &names, &lines)?;
    Ok(drawn.then(|| ("native-cpu.svg".to_owned(), title.clone())).into_iter().collect())
}

/// Returns the clients of the tables, each with its version: without the one that is measured a second time.
fn shown_clients(run: &Run) -> impl Iterator<Item = &(String, String)> {
    run.clients.iter().filter(|(name, _)| name != FUTURES_AGAIN)
}

/// Returns the jobs in the order of the run.
fn jobs(run: &Run) -> Vec<&str> {
    let mut jobs: Vec<&str> = run.series.iter().map(|series| &*series.job).collect();
    jobs.dedup();
    jobs
}

fn section(text: &mut String, run: &Run, title: &str, cell: &dyn Fn(&str, &str) -> Option<String>) {
    let clients: Vec<&(String, String)> = shown_clients(run).collect();
    let head: Vec<String> =
        [vec!["job".to_owned()], clients.iter().map(|(name, version)| format!("{name} {version}")).collect()].concat();
    let rows = jobs(run).into_iter().filter_map(|job| {
        let cells: Vec<Option<String>> = clients.iter().map(|(client, _)| cell(job, client)).collect();
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Creates a run. Each value is the CPU time and the idle memory of a round, and a message takes twice that time.
    pub(crate) fn run(results: &[(&str, &str, &[f64])]) -> Run {
        let sample = |&cpu: &f64| Sample { cpu, wall: 2.0 * cpu, peak: 0, idle: Some(cpu), allocations: None };
        let series = results.iter().map(|(job, client, times)| Series {
            job: (*job).to_owned(),
            client: (*client).to_owned(),
            samples: times.iter().map(sample).collect(),
            allocations: None,
            instructions: None,
        });
        let mut clients: Vec<(String, String)> = Vec::new();
        for (_, client, _) in results {
            if !clients.iter().any(|(name, _)| name == client) {
                clients.push(((*client).to_owned(), String::new()));
            }
        }
        let (date, machine) = (String::new(), Machine::default());
        Run { date, machine, clients, quick: false, rounds: 1, series: series.collect() }
    }

    #[test]
    fn goals_compare_with_the_best_peer_round_by_round() {
        let times: [(&str, &[f64]); 4] = [
            (FUTURES_ON_TOKIO, &[3.0, 6.0, 8.0]),
            ("slow", &[2.0, 9.0, 9.0]),
            ("fast", &[2.0, 4.0, 8.0]),
            ("fast over HTTP/2", &[1.0, 1.0, 1.0]),
        ];
        let goals = |job| goals(&run(&times.map(|(client, times)| (job, client, times))));
        let found = |goals: Vec<Goal>, what: &str| {
            let found = goals.into_iter().find(|goal| goal.client == FUTURES_ON_TOKIO && goal.what.starts_with(what));
            format!("{:?}", found.unwrap().results)
        };
        let expected = |job| format!("[({job:?}, [1.0, 1.5, 1.5])]");
        assert_eq!(found(goals("lat64"), "client CPU time"), expected("lat64"));
        assert_eq!(found(goals("lat64"), "elapsed time"), expected("lat64"));
        assert_eq!(found(goals("conn10k"), "memory"), expected("conn10k"));
    }
}
