//! Many sockets to one host, over HTTP/1.1 and HTTP/2. `idle`, `paced`, `fairness` and `loaded` are the measurements.

mod fairness;
mod idle;
mod kernel;
mod loaded;
mod paced;
mod round_trip;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;
use samesocket_bench_report::{FUTURES, FUTURES_ON_TOKIO, FUTURES_OVER_HTTP2, Many, ManyClient};
use serde::de::DeserializeOwned;

use self::fairness::Flooded;
use self::idle::{IdleSockets, OPENINGS};
use self::paced::PacedSockets;
use crate::clients::{self, CLIENTS, SOCKUDO_OVER_HTTP2, Setting, YAWC_OVER_HTTP2};
use crate::native::{Server, is_wanted, machine, now, this_program, version};
use crate::server::Address;

/// The options of this part.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Use one round, short samples and fewer sockets
    #[arg(long)]
    quick: bool,

    /// The number of times that each client does each measurement
    #[arg(long)]
    rounds: Option<usize>,

    /// Measure only these clients
    #[arg(long, value_delimiter = ',')]
    clients: Vec<String>,
}

/// A measurement.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum What {
    /// Many idle sockets
    Idle,
    /// Sockets with one echo a second each
    Paced,
    /// An echo beside a flood
    Fairness,
    /// An echo under the load of a hundred sockets
    Loaded,
}

impl What {
    /// Returns whether the client has two threads, which run where there is room.
    pub(crate) const fn uses_all_cores(self) -> bool {
        matches!(self, Self::Loaded)
    }

    /// Returns whether a client takes part. An echo under load is for those over HTTP/1.1, with a TCP connection for each
    /// socket, and the other measurements compare HTTP/2 with it.
    fn has(self, client: &str) -> bool {
        match self {
            Self::Loaded => LOADED.contains(&client),
            Self::Idle | Self::Paced | Self::Fairness => OVER_BOTH.contains(&client),
        }
    }
}

/// The clients that compare HTTP/2 with HTTP/1.1. yawc has a connection of HTTP/2 for each socket, because it cannot share one.
const OVER_BOTH: [&str; 5] =
    ["tokio-tungstenite", FUTURES_ON_TOKIO, YAWC_OVER_HTTP2, SOCKUDO_OVER_HTTP2, FUTURES_OVER_HTTP2];

/// The clients under load.
const LOADED: [&str; 7] =
    ["tokio-tungstenite", "tokio-websockets", "fastwebsockets", "yawc", "sockudo-ws", FUTURES, FUTURES_ON_TOKIO];

/// The amounts of a run.
struct Amounts {
    idle: usize,
    paced: usize,
    /// The echoes of each paced socket.
    paced_echoes: usize,
    /// The echoes beside a flood, and under load.
    echoes: usize,
}

const AMOUNTS: Amounts = Amounts { idle: 10_000, paced: 1_000, paced_echoes: 10, echoes: 5_000 };
const QUICK: Amounts = Amounts { idle: 1_000, paced: 200, paced_echoes: 2, echoes: 500 };

/// Measures all selected clients, prints the tables, and saves the results unless clients are left out or the samples are few.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let many = measure(arguments)?;
    println!("{}", samesocket_bench_report::many_tables(&many));
    if arguments.clients.is_empty() && !arguments.quick {
        let folder = Path::new(samesocket_bench_report::FOLDER);
        fs::create_dir_all(folder.join("results"))?;
        fs::write(folder.join("results/many.json"), serde_json::to_string_pretty(&many)? + "\n")?;
        samesocket_bench_report::write(folder)?;
    }
    Ok(())
}

fn measure(arguments: &Arguments) -> Result<Many> {
    let Amounts { idle, paced, paced_echoes, echoes } = if arguments.quick { QUICK } else { AMOUNTS };
    let rounds = arguments.rounds.unwrap_or(if arguments.quick { 1 } else { 5 });
    let (date, machine) = (now()?, machine()?);
    let takes_part = |name: &str| What::value_variants().iter().any(|what| what.has(name));
    let measured =
        CLIENTS.iter().filter(|client| takes_part(client.name) && is_wanted(&arguments.clients, client.name));
    let mut clients = measured
        .map(|client| {
            Ok(ManyClient { name: client.name.to_owned(), version: version(client.package)?, ..ManyClient::default() })
        })
        .collect::<Result<Vec<_>>>()?;
    ensure!(!clients.is_empty(), "no client has this name");
    let server = Server::start()?;
    let idle_threads = server.threads()?;
    for round in 0..rounds {
        for place in 0..clients.len() {
            // Each client is first in turn.
            let index = (place + round) % clients.len();
            let ManyClient { name, idle: idles, paced: paceds, fairness, loaded, .. } = &mut clients[index];
            let pair = Pair { server: &server, idle_threads, client: name };
            pair.sample(idles, What::Idle, &[idle])?;
            pair.sample(paceds, What::Paced, &[paced, paced_echoes])?;
            pair.sample(fairness, What::Fairness, &[echoes])?;
            pair.sample(loaded, What::Loaded, &[echoes])?;
        }
        eprintln!("  done    round {} of many sockets", round + 1);
    }
    Ok(Many { date, machine, quick: arguments.quick, rounds, idle_sockets: idle, paced_sockets: paced, clients })
}

/// The time in which the server ends its threads. Arbitrary.
const END: Duration = Duration::from_secs(30);

/// A client and its server.
struct Pair<'a> {
    server: &'a Server,
    /// The number of the server's threads without connections.
    idle_threads: u32,
    client: &'a str,
}

impl Pair<'_> {
    /// Adds a sample of a measurement, if the client takes part. It runs in a process of its own, after the server has ended
    /// the connections of the one before.
    fn sample<T: DeserializeOwned>(&self, samples: &mut Vec<T>, what: What, amounts: &[usize]) -> Result<()> {
        let Self { server, idle_threads, client } = *self;
        if !what.has(client) {
            return Ok(());
        }
        let start = Instant::now();
        while server.threads()? > idle_threads && start.elapsed() < END {
            std::thread::sleep(Duration::from_millis(50));
        }
        let name = what.to_possible_value().context("it has a name")?;
        let mut program = this_program()?;
        program.args(["many-client", client, name.get_name(), &server.address]);
        program.args(amounts.iter().map(usize::to_string));
        let output = program.stderr(Stdio::inherit()).output()?;
        ensure!(output.status.success(), "{client} failed at {what:?}");
        samples.push(serde_json::from_slice(&output.stdout)?);
        Ok(())
    }
}

/// Measures a client, and returns the sample as JSON.
pub(crate) async fn client(name: &str, what: What, address: &Address, amounts: &[usize]) -> Result<String> {
    let amount = |index: usize| amounts.get(index).copied().context("an amount is missing");
    let setting = |tls| Setting { tls, compressed: false, waits: true, connections: OPENINGS, openings: OPENINGS };
    Ok(match what {
        What::Idle => {
            let measurement = IdleSockets { count: amount(0)? };
            serde_json::to_string(&clients::measure(name, setting(true), address, &measurement).await?)?
        }
        What::Paced => {
            let measurement = PacedSockets { sockets: amount(0)?.try_into()?, echoes: amount(1)?.try_into()? };
            serde_json::to_string(&clients::measure(name, setting(false), address, &measurement).await?)?
        }
        What::Loaded => serde_json::to_string(&loaded::measure(name, setting(false), address, amount(0)?).await?)?,
        What::Fairness => {
            let measurement = Flooded::new(amount(0)?);
            serde_json::to_string(&clients::measure(name, setting(false), address, &measurement).await?)?
        }
    })
}
