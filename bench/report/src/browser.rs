//! A run of the clients in a page.

use std::fmt::Write as _;

use serde::Deserialize;

use crate::figures::{figure, quartiles};
use crate::{Machine, page};

/// The clients that the others are measured against.
const LIMIT: &str = "JavaScript";
const CALLBACKS: &str = "web-sys";

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

    /// How many messages a client gets through while another gets one through, round by round.
    fn speed(&self, job: &str, client: &str, other: &str) -> [f64; 3] {
        let pairs = self.turns(job, client).iter().zip(self.turns(job, other));
        quartiles(pairs.map(|(one, other)| other.micros / one.micros).collect())
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

pub(crate) fn tables(run: &Browsers) -> String {
    let Machine { processor, cores, kernel, load, .. } = &run.machine;
    let quick = if run.quick { ", a quick run" } else { "" };
    let mut text = format!("{}{quick}, on {processor} ({cores} cores, {kernel}; load {load} at the end).\n", run.date);
    for InEngine { engine, agent, sets } in &run.engines {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n### {engine}: {agent}");
        for set in sets {
            let place = if set.set == "page" { "in the page" } else { "on the platform's socket" };
            let mut part = |title: &str, table: String| {
                if table.lines().count() > 2 {
                    let _ = write!(text, "\n#### {engine}, {place}: {title}\n\n{table}");
                }
            };
            for other in [LIMIT, CALLBACKS] {
                let title = format!("messages a second, ratio to {other}, median and quartiles of the rounds");
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
            if set.set == "page" {
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
