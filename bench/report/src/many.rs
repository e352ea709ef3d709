//! The results of many sockets to one host, over HTTP/1.1 and HTTP/2.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::figures::{bounded_median, figure, least, quartiles};
use crate::goals::{Figure, Goal, Target};
use crate::native::{FUTURES_ON_TOKIO, FUTURES_OVER_HTTP2, Machine};
use crate::page;

/// A run.
#[derive(Debug, Serialize, Deserialize)]
pub struct Many {
    /// The time at which the run began.
    pub date: String,
    /// The machine.
    pub machine: Machine,
    /// Whether the samples are short.
    pub quick: bool,
    /// The number of samples of each client.
    pub rounds: usize,
    /// The number of idle sockets.
    pub idle_sockets: usize,
    /// The number of sockets with one echo a second each.
    pub paced_sockets: usize,
    /// The results by client, in the order of the tables.
    pub clients: Vec<ManyClient>,
}

/// The results of one client. Not every client takes part in every measurement.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ManyClient {
    /// The client's name.
    pub name: String,
    /// The version of its package.
    pub version: String,
    /// The samples of idle sockets.
    pub idle: Vec<Idle>,
    /// The samples of sockets with one echo a second each.
    pub paced: Vec<Paced>,
    /// The samples of an echo beside a flood.
    pub fairness: Vec<Fairness>,
    /// The samples of an echo under load.
    #[serde(default)]
    pub loaded: Vec<Loaded>,
}

/// A sample of many idle sockets.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Idle {
    /// The seconds in which all sockets opened.
    pub seconds: f64,
    /// The seconds of the client's CPU time for that.
    pub cpu: f64,
    /// The memory of the client's process for each socket, in KiB.
    pub process: f64,
    /// The memory of the kernel for each socket, in KiB, at both ends of the connection, if it is known.
    pub kernel: Option<f64>,
    /// The number of the client's kernel sockets.
    pub kernel_sockets: u32,
}

/// A sample of sockets with one echo a second each.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Paced {
    /// Microseconds of the client's CPU time for each echo.
    pub cpu: f64,
    /// The round trips.
    pub round_trips: RoundTrips,
}

/// A sample of an echo beside a flood.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Fairness {
    /// The round trips without the flood.
    pub alone: RoundTrips,
    /// The round trips beside the flood.
    pub beside: RoundTrips,
    /// The speed of the flood, in MiB per second.
    pub flood: f64,
}

/// A sample of an echo under the load of a hundred sockets.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Loaded {
    /// Microseconds of the client's CPU time for each echo of all sockets.
    pub cpu: f64,
    /// The echoes of all sockets in a second.
    pub echoes: f64,
    /// The round trips of the socket that is not part of the load.
    pub round_trips: RoundTrips,
}

/// Round-trip times, in microseconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct RoundTrips {
    /// The median.
    pub p50: f64,
    /// The time that 99 % of the round trips do not exceed.
    pub p99: f64,
    /// The time that 99.9 % of the round trips do not exceed.
    pub p999: f64,
}

impl RoundTrips {
    /// Returns the percentiles of some times.
    pub fn new(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        // The nearest rank: the first time that is not less than this share of all.
        let at = |thousandths: usize| {
            let rank = (times.len() * thousandths).div_ceil(1000);
            times.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
        };
        Self { p50: at(500), p99: at(990), p999: at(999) }
    }
}

/// Returns the goals of samesocket.
pub(crate) fn goals(many: &Many) -> Vec<Goal> {
    let mut goals = http2_goals(many);
    goals.push(Goal::new(
        FUTURES_ON_TOKIO,
        "an echo under the load of 100 sockets, ratio to the best peer",
        Target::AtMost(1.0),
        &LOADED.map(|(figure, _)| figure),
        |figure| loaded_ratio(many, figure),
    ));
    goals
}

/// The figures under load, of which less is better. The first two are of all sockets, the others of the one beside them.
const LOADED: [Column<Loaded>; 5] = [
    ("CPU time per echo of all", |sample| sample.cpu),
    ("time per echo of all", |sample| 1.0 / sample.echoes),
    ("round trip p50", |sample| sample.round_trips.p50),
    ("p99", |sample| sample.round_trips.p99),
    ("p99.9", |sample| sample.round_trips.p999),
];

/// Returns a figure under load as a ratio to the peer with the least median, round by round.
fn loaded_ratio(many: &Many, figure: &str) -> Option<Figure> {
    let (_, of) = LOADED.into_iter().find(|(name, _)| *name == figure)?;
    let values = |client: &ManyClient| client.loaded.iter().map(of).collect::<Vec<_>>();
    let median = |client: &ManyClient| quartiles(values(client))[1];
    let peers = many.clients.iter().filter(|client| !client.name.starts_with("samesocket"));
    let best = least(peers, |peer| median(peer))?;
    let own = many.clients.iter().find(|client| client.name == FUTURES_ON_TOKIO)?;
    Some(bounded_median(values(own).into_iter().zip(values(best)).map(|(own, best)| own / best).collect()))
}

/// Returns the goals of samesocket over HTTP/2.
fn http2_goals(many: &Many) -> Vec<Goal> {
    let client = |name: &str| many.clients.iter().find(|client| client.name == name);
    let (Some(one), Some(two)) = (client(FUTURES_ON_TOKIO), client(FUTURES_OVER_HTTP2)) else { return Vec::new() };
    let ratios = |of: fn(&Idle) -> f64| {
        let pairs = two.idle.iter().zip(&one.idle);
        bounded_median(pairs.map(|(two, one)| of(two) / of(one)).collect())
    };
    let beside = |of: fn(&RoundTrips) -> f64| {
        bounded_median(two.fairness.iter().map(|sample| of(&sample.beside) / of(&sample.alone)).collect())
    };
    let sockets = many.idle_sockets;
    vec![
        Goal::new(
            FUTURES_OVER_HTTP2,
            &format!("time to open {sockets} sockets over TLS, ratio to HTTP/1.1"),
            Target::AtMost(0.1),
            &["seconds"],
            |_| Some(ratios(|sample| sample.seconds)),
        ),
        Goal::new(
            FUTURES_OVER_HTTP2,
            &format!("memory of {sockets} idle sockets over TLS, ratio to HTTP/1.1"),
            Target::AtMost(0.5),
            &["process and kernel"],
            |_| Some(ratios(|sample| sample.process + sample.kernel.unwrap_or_default())),
        ),
        Goal::new(
            FUTURES_OVER_HTTP2,
            "round trip beside a flood on the same connection, ratio to alone",
            Target::AtMost(3.0),
            &["p50", "p99"],
            |what| Some(if what == "p50" { beside(|trips| trips.p50) } else { beside(|trips| trips.p99) }),
        ),
    ]
}

/// Formats the tables as Markdown.
pub(crate) fn tables(many: &Many) -> String {
    let Machine { processor, cores, kernel, rustc, load } = &many.machine;
    let quick = if many.quick { "quick " } else { "" };
    let mut text = format!(
        "{}, {} {quick}rounds on {processor} ({cores} cores, {kernel}, {rustc}; load {load} at the start). Medians of the rounds.\n",
        many.date, many.rounds
    );
    section::<Idle>(
        &mut text,
        many,
        &format!("{} idle sockets to one host, over TLS", many.idle_sockets),
        |client| &client.idle,
        &[
            ("seconds to open all", |sample| sample.seconds),
            ("client CPU time for that, seconds", |sample| sample.cpu),
            ("process memory for each, KiB", |sample| sample.process),
            ("kernel memory for each, KiB", |sample| sample.kernel.unwrap_or(f64::NAN)),
            ("kernel sockets of the client", |sample| f64::from(sample.kernel_sockets)),
        ],
    );
    section::<Paced>(
        &mut text,
        many,
        &format!("{} sockets with one echo a second each", many.paced_sockets),
        |client| &client.paced,
        &[
            ("client CPU time per echo, microseconds", |sample| sample.cpu),
            ("round trip, median, microseconds", |sample| sample.round_trips.p50),
            ("99 %", |sample| sample.round_trips.p99),
            ("99.9 %", |sample| sample.round_trips.p999),
        ],
    );
    section::<Fairness>(
        &mut text,
        many,
        "An echo beside a flood",
        |client| &client.fairness,
        &[
            ("round trip alone, median, microseconds", |sample| sample.alone.p50),
            ("99 %", |sample| sample.alone.p99),
            ("beside a flood, median", |sample| sample.beside.p50),
            ("99 %", |sample| sample.beside.p99),
            ("ratio of the medians", |sample| sample.beside.p50 / sample.alone.p50),
            ("flood, MiB per second", |sample| sample.flood),
        ],
    );
    section::<Loaded>(
        &mut text,
        many,
        "An echo under the load of 100 sockets, on two threads",
        |client| &client.loaded,
        &[
            ("client CPU time per echo, microseconds", |sample| sample.cpu),
            ("echoes of all sockets in a second", |sample| sample.echoes),
            ("round trip, median, microseconds", |sample| sample.round_trips.p50),
            ("99 %", |sample| sample.round_trips.p99),
            ("99.9 %", |sample| sample.round_trips.p999),
        ],
    );
    text
}

/// The title of a column, and its figure of a sample.
type Column<T> = (&'static str, fn(&T) -> f64);

/// Adds a table with a row for each client that has samples, and a column for each figure.
fn section<T>(text: &mut String, many: &Many, title: &str, samples: fn(&ManyClient) -> &Vec<T>, columns: &[Column<T>]) {
    let head: Vec<String> =
        std::iter::once("client").chain(columns.iter().map(|(name, _)| *name)).map(str::to_owned).collect();
    let rows: Vec<Vec<String>> = many
        .clients
        .iter()
        .filter(|client| !samples(client).is_empty())
        .map(|client| {
            let cell = |(_, of): &Column<T>| {
                let [_, median, _] = quartiles(samples(client).iter().map(of).collect());
                if median.is_finite() { figure(median) } else { String::new() }
            };
            let name = format!("{} {}", client.name, client.version);
            std::iter::once(name).chain(columns.iter().map(cell)).collect()
        })
        .collect();
    if !rows.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n### {title}\n\n{}", page::table(&head, rows));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_are_compared_with_the_best_peer_of_each_figure() {
        let loaded = |cpu, echoes| {
            let round_trips = RoundTrips { p50: cpu, p99: cpu, p999: cpu };
            Loaded { cpu, echoes, round_trips }
        };
        let client = |name: &str, loaded| ManyClient { name: name.to_owned(), loaded, ..ManyClient::default() };
        let many = Many {
            date: String::new(),
            machine: Machine::default(),
            quick: false,
            rounds: 2,
            idle_sockets: 0,
            paced_sockets: 0,
            clients: vec![
                client("a", vec![loaded(2.0, 10.0), loaded(4.0, 10.0)]),
                client("b", vec![loaded(5.0, 40.0), loaded(5.0, 40.0)]),
                client(FUTURES_ON_TOKIO, vec![loaded(1.0, 20.0), loaded(4.0, 20.0)]),
            ],
        };
        assert_eq!(loaded_ratio(&many, "CPU time per echo of all"), Some([0.5, 0.75, 1.0]));
        assert_eq!(loaded_ratio(&many, "time per echo of all"), Some([2.0; 3]));
        assert_eq!(loaded_ratio(&many, "p99"), Some([0.5, 0.75, 1.0]));
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        let percentiles = |times: Vec<f64>| {
            let RoundTrips { p50, p99, p999 } = RoundTrips::new(times);
            format!("{p50} {p99} {p999}")
        };
        assert_eq!(percentiles((1..=1000).rev().map(f64::from).collect()), "500 990 999");
        assert_eq!(percentiles(vec![2.0, 1.0]), "1 2 2");
    }
}
