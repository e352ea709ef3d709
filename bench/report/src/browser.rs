//! The results of the clients in a page.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;

use crate::figures::{bounded_median, figure, least, quartiles};
use crate::goals::{Goal, Target};
use crate::native::{FUTURES, Machine};
use crate::page;
use crate::plot::{self, Labels, Line, Plots};

/// The clients that others are compared with.
const LIMIT: &str = "JavaScript";
const CALLBACKS: &str = "web-sys";

/// The same as a stream that an executor polls.
const AWAITED: &str = "web-sys (awaited)";

/// The futures API, polled within the event.
const POLL_IN_EVENT: &str = "samesocket (poll_in_event)";

/// The npm package's class.
const CLASS: &str = "samesocket (js)";

/// The set of jobs with a stand-in for the platform's class.
const IN_PAGE: &str = "page";

/// A run in all selected engines.
#[derive(Debug, Deserialize)]
pub struct Browsers {
    date: String,
    machine: Machine,
    versions: Vec<(String, String)>,
    quick: bool,
    engines: Vec<InEngine>,
}

#[derive(Debug, Deserialize)]
struct InEngine {
    engine: String,
    agent: String,
    sets: Vec<Set>,
}

#[derive(Debug, Deserialize)]
struct Set {
    set: String,
    series: Vec<PageSeries>,
}

/// The samples of a client at a job, one for each round.
#[derive(Debug, Deserialize)]
struct PageSeries {
    job: String,
    client: String,
    samples: Vec<PageSample>,
}

#[derive(Debug, Deserialize)]
struct PageSample {
    /// Microseconds for each message or connection.
    micros: f64,
    /// The allocations of WebAssembly memory for each message.
    allocations: Option<f64>,
    /// The bytes on the engine's heap for each message.
    heap: Option<f64>,
}

impl Set {
    fn place(&self) -> &'static str {
        if self.set == IN_PAGE { "stand-in" } else { "platform's socket" }
    }

    fn samples(&self, job: &str, client: &str) -> &[PageSample] {
        let series = self.series.iter().find(|series| series.job == job && series.client == client);
        series.map_or(&[], |series| &series.samples)
    }

    fn names(&self, of: fn(&PageSeries) -> &String) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in self.series.iter().map(of) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    fn micros(&self, job: &str, client: &str) -> f64 {
        quartiles(self.samples(job, client).iter().map(|sample| sample.micros).collect())[1]
    }

    /// Returns the speed of a client relative to another one, round by round: the median and its bounds.
    fn speed(&self, job: &str, client: &str, other: &str) -> [f64; 3] {
        let pairs = self.samples(job, client).iter().zip(self.samples(job, other));
        bounded_median(pairs.map(|(one, other)| other.micros / one.micros).collect())
    }

    /// Returns the client's own microseconds for each message, round by round: the time beyond that of raw JavaScript,
    /// which copies nothing in the page.
    fn own(&self, job: &str, client: &str) -> Vec<f64> {
        let pairs = self.samples(job, client).iter().zip(self.samples(job, LIMIT));
        pairs.map(|(sample, limit)| sample.micros - limit.micros).collect()
    }

    /// Returns the ratio of a client's own time to another's, round by round: the median and its bounds.
    fn own_ratio(&self, job: &str, client: &str, other: &str) -> [f64; 3] {
        let pairs = self.own(job, client).into_iter().zip(self.own(job, other));
        bounded_median(pairs.map(|(one, other)| one / other).collect())
    }

    /// Returns the client with the lowest median time at a job among these.
    fn best(&self, job: &str, clients: &[&'static str]) -> Option<&'static str> {
        least(clients.iter().copied(), |client| self.micros(job, client))
    }

    /// Formats a table of all jobs and clients. Rows and columns without a cell are left out.
    fn table(&self, versions: &[(String, String)], cell: impl Fn(&str, &str) -> Option<String>) -> String {
        let jobs = self.names(|series| &series.job);
        let mut clients = self.names(|series| &series.client);
        clients.retain(|client| jobs.iter().any(|job| cell(job, client).is_some()));
        let title = |client: &String| match versions.iter().find(|(name, _)| name == client) {
            Some((_, version)) => format!("{client} {version}"),
            None => client.clone(),
        };
        let head: Vec<String> = std::iter::once("job".to_owned()).chain(clients.iter().map(title)).collect();
        let rows = jobs.iter().filter_map(|job| {
            let cells: Vec<Option<String>> = clients.iter().map(|client| cell(job, client)).collect();
            cells.iter().any(Option::is_some).then(|| {
                let cells = cells.into_iter().map(Option::unwrap_or_default);
                std::iter::once(job.clone()).chain(cells).collect()
            })
        });
        page::table(&head, rows)
    }
}

/// The peers that an executor polls, and the one that calls back within the event.
const AWAITED_PEERS: [&str; 4] = ["gloo-net", "ws_stream_wasm", "tokio-tungstenite-wasm", "websocket-web"];
const CALLBACK_PEERS: [&str; 1] = ["ewebsock"];

/// The jobs of the summary, and their work.
const SUMMARY_JOBS: [(&str, &str); 6] = [
    ("lat64", "64 bytes there and back, one message at a time"),
    ("recv64", "receive 64 bytes"),
    ("recvtext64", "receive a text of 64 bytes"),
    ("recv16k", "receive 16 KiB"),
    ("send64", "send 64 bytes"),
    ("sendtext64", "send a text of 64 bytes"),
];

/// Formats the clients' own time for a message, in nanoseconds.
pub(crate) fn summary(run: &Browsers) -> String {
    // First those that an executor polls, then those that work within the event.
    let clients = [&[AWAITED, FUTURES], &AWAITED_PEERS[..], &[CALLBACKS, POLL_IN_EVENT], &CALLBACK_PEERS].concat();
    let head: Vec<String> = std::iter::once("work, engine").chain(clients.iter().copied()).map(str::to_owned).collect();
    let clients = &clients;
    let rows = run.engines.iter().flat_map(|InEngine { engine, sets, .. }| {
        sets.iter().filter(|set| set.set == IN_PAGE).flat_map(move |set| {
            let was_run = |(job, _): &(&str, &str)| set.series.iter().any(|series| series.job == *job);
            SUMMARY_JOBS.into_iter().filter(was_run).map(move |(job, work)| {
                let cell = |client: &str| match 1000.0 * quartiles(set.own(job, client))[1] {
                    nanoseconds if nanoseconds.is_finite() => format!("{nanoseconds:.0}"),
                    _ => String::new(),
                };
                std::iter::once(format!("{work} (`{job}`), {engine}"))
                    .chain(clients.iter().map(|client| cell(client)))
                    .collect()
            })
        })
    });
    page::table(&head, rows)
}

/// Returns the engines that have goals.
fn compared(run: &Browsers) -> impl Iterator<Item = &InEngine> {
    run.engines.iter().filter(|it| ["chromium", "firefox"].contains(&&*it.engine))
}

/// Returns the goals of the futures API, with and without `poll_in_event`, in the engines that have goals.
pub(crate) fn goals(run: &Browsers) -> Vec<Goal> {
    let mut goals = Vec::new();
    for InEngine { engine, sets, .. } in compared(run) {
        for set in sets {
            let mut jobs = set.names(|series| &series.job);
            jobs.retain(|job| !["connect", "first"].contains(&&**job));
            let place = format!("{engine}, {}", set.place());
            if set.set != IN_PAGE {
                let what = format!("{place}: messages per second, ratio to {CALLBACKS}");
                goals.extend([FUTURES, POLL_IN_EVENT].map(|client| {
                    Goal::new(client, &what, Target::AtLeast(0.95), &jobs, |job| {
                        Some(set.speed(job, client, CALLBACKS))
                    })
                }));
                continue;
            }
            let own = |other: &str| format!("{place}: own time per message, ratio to {other}");
            goals.push(Goal::new(FUTURES, &own(AWAITED), Target::AtMost(1.2), &jobs, |job| {
                Some(set.own_ratio(job, FUTURES, AWAITED))
            }));
            goals.push(Goal::new(FUTURES, &own("the best peer that is awaited"), Target::AtMost(1.0), &jobs, |job| {
                Some(set.own_ratio(job, FUTURES, set.best(job, &AWAITED_PEERS)?))
            }));
            goals.push(Goal::new(
                POLL_IN_EVENT,
                &own("the best peer with callbacks"),
                Target::AtMost(1.0),
                &jobs,
                |job| Some(set.own_ratio(job, POLL_IN_EVENT, set.best(job, &CALLBACK_PEERS)?)),
            ));
            jobs.retain(|job| job.ends_with("64"));
            goals.push(Goal::new(POLL_IN_EVENT, &own(CALLBACKS), Target::AtMost(1.5), &jobs, |job| {
                Some(set.own_ratio(job, POLL_IN_EVENT, CALLBACKS))
            }));
        }
    }
    goals
}

pub(crate) fn plots(run: &Browsers, folder: &Path) -> Result<Plots> {
    let mut plots = Plots::new();
    for InEngine { engine, sets, .. } in &run.engines {
        for set in sets {
            let jobs = set.names(|series| &series.job);
            let line = |client: String| {
                let speed = |job: &String| set.speed(job, &client, CALLBACKS)[1];
                let places = (0_u32..).map(f64::from);
                let points = places.zip(jobs.iter().map(speed)).filter(|point| point.1.is_finite() && point.1 > 0.0);
                Line { points: points.collect(), name: client }
            };
            let mut clients = set.names(|series| &series.client);
            // In the page, clients that copy nothing are off the scale.
            clients.retain(|client| set.set != IN_PAGE || ![LIMIT, CLASS].contains(&&**client));
            let lines: Vec<Line> = clients.into_iter().map(line).collect();
            let title = format!("{engine}, {}: messages per second, ratio to {CALLBACKS}, median", set.place());
            let file = format!("browser-{engine}-{}.svg", set.set);
            let labels = Labels { title: &title, x: "", y: "ratio" };
            if plot::columns(&folder.join(&file), &labels, &jobs, &lines)? {
                plots.push((file, title));
            }
        }
    }
    Ok(plots)
}

pub(crate) fn tables(run: &Browsers) -> String {
    let Machine { processor, cores, kernel, load, .. } = &run.machine;
    let quick = if run.quick { ", a quick run" } else { "" };
    let mut text = format!("{}{quick}, on {processor} ({cores} cores, {kernel}; load {load} at the end).\n", run.date);
    for InEngine { engine, agent, sets } in &run.engines {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n### {engine}: {agent}");
        for set in sets {
            let place = set.place();
            let mut part = |title: &str, table: String| {
                if table.lines().count() > 2 {
                    let _ = write!(text, "\n#### {engine}, {place}: {title}\n\n{table}");
                }
            };
            // In the page, raw JavaScript copies nothing, so it only shows the cost of the loop and is no limit.
            let others: &[&str] = if set.set == IN_PAGE { &[CALLBACKS] } else { &[LIMIT, CALLBACKS] };
            for other in others {
                let title = format!("messages per second, ratio to {other}, median and its bounds");
                part(
                    &title,
                    set.table(&run.versions, |job, client| {
                        let [low, middle, high] = set.speed(job, client, other);
                        middle.is_finite().then(|| format!("{middle:.2} ({low:.2}–{high:.2})"))
                    }),
                );
            }
            part(
                "microseconds per message",
                set.table(&run.versions, |job, client| Some(figure(set.micros(job, client)))),
            );
            if set.set == IN_PAGE {
                part(
                    "own nanoseconds per message, beyond JavaScript's of the same round: median",
                    set.table(&run.versions, |job, client| {
                        let nanoseconds = 1000.0 * quartiles(set.own(job, client))[1];
                        (client != LIMIT && nanoseconds.is_finite()).then(|| format!("{nanoseconds:.0}"))
                    }),
                );
                part(
                    &format!("own time, ratio to {CALLBACKS}, median and its bounds"),
                    set.table(&run.versions, |job, client| {
                        let [low, middle, high] = set.own_ratio(job, client, CALLBACKS);
                        (client != LIMIT && middle.is_finite()).then(|| format!("{middle:.2} ({low:.2}–{high:.2})"))
                    }),
                );
                let mean = |job: &str, client: &str, of: fn(&PageSample) -> Option<f64>| {
                    let values: Vec<f64> = set.samples(job, client).iter().filter_map(of).collect();
                    (!values.is_empty()).then(|| figure(quartiles(values)[1]))
                };
                part(
                    "allocations of WebAssembly memory per message",
                    set.table(&run.versions, |job, client| mean(job, client, |sample| sample.allocations)),
                );
                part(
                    "bytes of the engine's heap per message",
                    set.table(&run.versions, |job, client| mean(job, client, |sample| sample.heap)),
                );
            }
        }
    }
    text
}
