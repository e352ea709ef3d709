//! Many sockets to one host, over HTTP/1.1 and HTTP/2. `idle`, `paced` and `fairness` are the measurements.

mod fairness;
mod idle;
mod kernel;
mod paced;
mod round_trip;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;
use samesocket_bench_report::{FUTURES_ON_TOKIO, FUTURES_OVER_HTTP2, Many, ManyClient};
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
}

/// The clients in the order of the tables. yawc has a connection of HTTP/2 for each socket, because it cannot share one.
const MEASURED: [&str; 5] =
    ["tokio-tungstenite", FUTURES_ON_TOKIO, YAWC_OVER_HTTP2, SOCKUDO_OVER_HTTP2, FUTURES_OVER_HTTP2];

/// The amounts of a run.
struct Amounts {
    idle: usize,
    paced: usize,
    /// The echoes of each paced socket.
    paced_echoes: usize,
    /// The echoes beside a flood.
    fairness: usize,
}

const AMOUNTS: Amounts = Amounts { idle: 10_000, paced: 1_000, paced_echoes: 10, fairness: 5_000 };
const QUICK: Amounts = Amounts { idle: 1_000, paced: 200, paced_echoes: 2, fairness: 500 };

/// Measures all selected clients, prints the tables, and saves the results unless clients are left out.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let many = measure(arguments)?;
    println!("{}", samesocket_bench_report::many_tables(&many));
    if arguments.clients.is_empty() {
        let folder = Path::new(samesocket_bench_report::FOLDER);
        fs::create_dir_all(folder.join("results"))?;
        fs::write(folder.join("results/many.json"), serde_json::to_string_pretty(&many)? + "\n")?;
        samesocket_bench_report::write(folder)?;
    }
    Ok(())
}

fn measure(arguments: &Arguments) -> Result<Many> {
    let Amounts { idle, paced, paced_echoes, fairness } = if arguments.quick { QUICK } else { AMOUNTS };
    let rounds = arguments.rounds.unwrap_or(if arguments.quick { 1 } else { 5 });
    let (date, machine) = (now()?, machine()?);
    let measured = |name: &&str| is_wanted(&arguments.clients, name);
    let clients = MEASURED.into_iter().filter(measured).map(|name| {
        let client = CLIENTS.iter().find(|client| client.name == name).context("there is no such client")?;
        let version = version(client.package)?;
        Ok(ManyClient { name: name.to_owned(), version, idle: Vec::new(), paced: Vec::new(), fairness: Vec::new() })
    });
    let mut clients = clients.collect::<Result<Vec<_>>>()?;
    ensure!(!clients.is_empty(), "no client has this name");
    let server = Server::start()?;
    let idle_threads = server.threads()?;
    for round in 0..rounds {
        for place in 0..clients.len() {
            // Each client is first in turn.
            let index = (place + round) % clients.len();
            let ManyClient { name, idle: idles, paced: paceds, fairness: fairnesses, .. } = &mut clients[index];
            idles.push(sample(&server, idle_threads, name, What::Idle, &[idle])?);
            paceds.push(sample(&server, idle_threads, name, What::Paced, &[paced, paced_echoes])?);
            fairnesses.push(sample(&server, idle_threads, name, What::Fairness, &[fairness])?);
        }
        eprintln!("  done    round {} of many sockets", round + 1);
    }
    Ok(Many { date, machine, quick: arguments.quick, rounds, idle_sockets: idle, paced_sockets: paced, clients })
}

/// The time in which the server ends its threads. Arbitrary.
const END: Duration = Duration::from_secs(30);

/// Measures a client in a process of its own, after the server has ended the connections of the one before.
fn sample<T: DeserializeOwned>(
    server: &Server,
    threads: u32,
    client: &str,
    what: What,
    amounts: &[usize],
) -> Result<T> {
    let start = Instant::now();
    while server.threads()? > threads && start.elapsed() < END {
        std::thread::sleep(Duration::from_millis(50));
    }
    let name = what.to_possible_value().context("it has a name")?;
    let mut program = this_program()?;
    program.args(["many-client", client, name.get_name(), &server.address]);
    program.args(amounts.iter().map(usize::to_string));
    let output = program.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{client} failed at {what:?}");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Measures a client, and returns the sample as JSON.
pub(crate) async fn client(name: &str, what: What, address: &Address, amounts: &[usize]) -> Result<String> {
    let amount = |index: usize| amounts.get(index).copied().context("an amount is missing");
    let setting = |tls| Setting { tls, compressed: false, waits: true, openings: OPENINGS };
    Ok(match what {
        What::Idle => {
            let measurement = IdleSockets { count: amount(0)? };
            serde_json::to_string(&clients::measure(name, setting(true), address, &measurement).await?)?
        }
        What::Paced => {
            let measurement = PacedSockets { sockets: amount(0)?.try_into()?, echoes: amount(1)?.try_into()? };
            serde_json::to_string(&clients::measure(name, setting(false), address, &measurement).await?)?
        }
        What::Fairness => {
            let measurement = Flooded::new(amount(0)?);
            serde_json::to_string(&clients::measure(name, setting(false), address, &measurement).await?)?
        }
    })
}
