//! A run of the clients in a page.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;

use crate::claims::{Claim, Wanted};
use crate::figures::{bounded_median, figure, quartiles};
use crate::plot::{self, Labels, Line};
use crate::{FUTURES, Machine, Plots, page};

/// The clients that the others are measured against.
const LIMIT: &str = "JavaScript";
const CALLBACKS: &str = "web-sys";

/// The same as a stream, which an executor polls.
const AWAITED: &str = "web-sys (awaited)";

/// The futures API, polled in the event.
const PROMPTLY: &str = "samesocket (promptly)";

/// The class for JavaScript.
const CLASS: &str = "samesocket (js)";

/// The set in which something stands in for the platform's socket.
const IN_PAGE: &str = "page";

/// One run, in every engine that was picked.
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
    series: Vec<Turns>,
}

/// What a client did at a job, a turn a round.
#[derive(Debug, Deserialize)]
struct Turns {
    job: String,
    client: String,
    samples: Vec<Turn>,
}

#[derive(Debug, Deserialize)]
struct Turn {
    /// Microseconds a message, or a connection.
    micros: f64,
    /// How often the client asked for memory of the WebAssembly's, a message.
    allocations: Option<f64>,
    /// The bytes on the engine's heap, a message.
    heap: Option<f64>,
}

impl Set {
    fn place(&self) -> &'static str {
        if self.set == IN_PAGE { "in the page" } else { "on the platform's socket" }
    }

    fn turns(&self, job: &str, client: &str) -> &[Turn] {
        let turns = self.series.iter().find(|turns| turns.job == job && turns.client == client);
        turns.map_or(&[], |turns| &turns.samples)
    }

    fn names(&self, of: fn(&Turns) -> &String) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in self.series.iter().map(of) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    fn micros(&self, job: &str, client: &str) -> f64 {
        quartiles(self.turns(job, client).iter().map(|turn| turn.micros).collect())[1]
    }

    /// How many messages a client gets through while another gets one through, round by round: the median and its bounds.
    fn speed(&self, job: &str, client: &str, other: &str) -> [f64; 3] {
        let pairs = self.turns(job, client).iter().zip(self.turns(job, other));
        bounded_median(pairs.map(|(one, other)| other.micros / one.micros).collect())
    }

    /// The microseconds a message that are a client's own, round by round: beyond what raw JavaScript takes, which copies
    /// nothing in the page.
    fn own(&self, job: &str, client: &str) -> Vec<f64> {
        let pairs = self.turns(job, client).iter().zip(self.turns(job, LIMIT));
        pairs.map(|(turn, limit)| turn.micros - limit.micros).collect()
    }

    /// How many times what is another's own is a client's own, round by round: the median and its bounds.
    fn own_ratio(&self, job: &str, client: &str, other: &str) -> [f64; 3] {
        let pairs = self.own(job, client).into_iter().zip(self.own(job, other));
        bounded_median(pairs.map(|(one, other)| one / other).collect())
    }

    /// Who of the peers takes the least time for a job, in the middle of the rounds.
    fn best_peer(&self, job: &str) -> Option<&str> {
        let peers = self.series.iter().filter(|turns| turns.job == job).map(|turns| &*turns.client);
        let peers =
            peers.filter(|client| ![LIMIT, CALLBACKS, AWAITED].contains(client) && !client.starts_with("samesocket"));
        peers.min_by(|one, other| self.micros(job, one).total_cmp(&self.micros(job, other)))
    }

    /// A table of all jobs and clients, without those that have nothing to tell.
    fn table(&self, versions: &[(String, String)], cell: impl Fn(&str, &str) -> Option<String>) -> String {
        let jobs = self.names(|turns| &turns.job);
        let mut clients = self.names(|turns| &turns.client);
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

/// What is wanted of the futures API in the engines that are compared.
pub(crate) fn claims(run: &Browsers) -> Vec<Claim> {
    let mut claims = Vec::new();
    for InEngine { engine, sets, .. } in run.engines.iter().filter(|it| ["chromium", "firefox"].contains(&&*it.engine))
    {
        for set in sets {
            let mut jobs = set.names(|turns| &turns.job);
            jobs.retain(|job| !["connect", "first"].contains(&&**job));
            let place = format!("{engine}, {}", set.place());
            let speeds = format!("{place}: messages a second, ratio to");
            if set.set != IN_PAGE {
                claims.extend([FUTURES, PROMPTLY].map(|client| {
                    let speed = |job: &str| Some(set.speed(job, client, CALLBACKS));
                    Claim::new(client, &format!("{speeds} {CALLBACKS}"), Wanted::AtLeast(0.95), &jobs, speed)
                }));
                continue;
            }
            claims.extend([FUTURES, PROMPTLY].map(|client| {
                let speed = |job: &str| Some(set.speed(job, client, set.best_peer(job)?));
                Claim::new(client, &format!("{speeds} the best peer's"), Wanted::AtLeast(1.0), &jobs, speed)
            }));
            jobs.retain(|job| job.ends_with("64"));
            claims.extend([FUTURES, PROMPTLY].map(|client| {
                let own = |job: &str| Some(set.own_ratio(job, client, CALLBACKS));
                let what = format!("{place}: its own time a message, ratio to {CALLBACKS}");
                Claim::new(client, &what, Wanted::AtMost(1.5), &jobs, own)
            }));
        }
    }
    claims
}

pub(crate) fn plots(run: &Browsers, folder: &Path) -> Result<Plots> {
    let mut plots = Plots::new();
    for InEngine { engine, sets, .. } in &run.engines {
        for set in sets {
            let jobs = set.names(|turns| &turns.job);
            let line = |client: String| {
                let speed = |job: &String| set.speed(job, &client, CALLBACKS)[1];
                let places = (0_u32..).map(f64::from);
                let points = places.zip(jobs.iter().map(speed)).filter(|point| point.1.is_finite() && point.1 > 0.0);
                Line { points: points.collect(), name: client }
            };
            let mut clients = set.names(|turns| &turns.client);
            // In the page, what copies nothing is beside the point, and off the scale.
            clients.retain(|client| set.set != IN_PAGE || ![LIMIT, CLASS].contains(&&**client));
            let lines: Vec<Line> = clients.into_iter().map(line).collect();
            let title = format!("{engine}, {}: messages a second, ratio to {CALLBACKS}, median", set.place());
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
            // In the page, raw JavaScript copies nothing: it is what the loop costs, and no limit.
            let others: &[&str] = if set.set == IN_PAGE { &[CALLBACKS] } else { &[LIMIT, CALLBACKS] };
            for other in others {
                let title = format!("messages a second, ratio to {other}, median and its bounds");
                part(
                    &title,
                    set.table(&run.versions, |job, client| {
                        let [low, middle, high] = set.speed(job, client, other);
                        middle.is_finite().then(|| format!("{middle:.2} ({low:.2}–{high:.2})"))
                    }),
                );
            }
            part(
                "microseconds a message",
                set.table(&run.versions, |job, client| Some(figure(set.micros(job, client)))),
            );
            if set.set == IN_PAGE {
                part(
                    "nanoseconds a message that are the client's own, beyond JavaScript's of the same round: median",
                    set.table(&run.versions, |job, client| {
                        let nanoseconds = 1000.0 * quartiles(set.own(job, client))[1];
                        (client != LIMIT && nanoseconds.is_finite()).then(|| format!("{nanoseconds:.0}"))
                    }),
                );
                part(
                    &format!("what is the client's own, ratio to {CALLBACKS}, median and its bounds"),
                    set.table(&run.versions, |job, client| {
                        let [low, middle, high] = set.own_ratio(job, client, CALLBACKS);
                        (client != LIMIT && middle.is_finite()).then(|| format!("{middle:.2} ({low:.2}–{high:.2})"))
                    }),
                );
                let mean = |job: &str, client: &str, of: fn(&Turn) -> Option<f64>| {
                    let values: Vec<f64> = set.turns(job, client).iter().filter_map(of).collect();
                    (!values.is_empty()).then(|| figure(quartiles(values)[1]))
                };
                part(
                    "allocations of WebAssembly memory a message",
                    set.table(&run.versions, |job, client| mean(job, client, |turn| turn.allocations)),
                );
                part(
                    "bytes of the engine's heap a message",
                    set.table(&run.versions, |job, client| mean(job, client, |turn| turn.heap)),
                );
            }
        }
    }
    text
}
