//! Measures how cost grows with the size and number of messages, the number of connections, and the bytes that are
//! queued.

use std::fs;
use std::path::Path;

use anyhow::Result;
use samesocket_bench_report::{Curve, FUTURES, Growth, INTERFACE, PROTOCOL, Point, Sample};

use crate::native::{Server, machine, now, run_client, this_program};

/// The options of the growth part.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Use fewer and smaller amounts
    #[arg(long)]
    quick: bool,
}

const CLIENTS: [&str; 4] = ["tokio-tungstenite", PROTOCOL, INTERFACE, FUTURES];

/// The size of each queued message.
const QUEUED: usize = 64 << 10;

/// The quantities that grow, with their amounts, and the fewer amounts of a quick run.
const QUANTITIES: [(&str, &[usize], &[usize]); 4] = [
    (
        "size",
        &[0, 64, 1 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20],
        &[0, 64, 16 << 10, 256 << 10, 4 << 20, 16 << 20],
    ),
    ("messages", &[1_000, 10_000, 100_000], &[1_000, 10_000]),
    ("connections", &[1, 10, 100, 300, 1_000, 3_000, 10_000], &[1, 100, 300, 1_000]),
    ("queued", &[0, 1 << 20, 4 << 20, 16 << 20, 64 << 20, 256 << 20, 1 << 30], &[0, 1 << 20, 16 << 20, 64 << 20]),
];

/// The number of runs for each point, of which the fastest counts. Arbitrary: one slow run cannot spoil a point.
const RUNS: usize = 3;

/// Measures all points, and saves them unless the run is quick.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut growth = Growth { date: now()?, machine: machine()?, quick: arguments.quick, curves: Vec::new() };
    let server = Server::start()?;
    for (what, all, few) in QUANTITIES {
        let mut points = CLIENTS.map(|_| Vec::new());
        for &amount in if arguments.quick { few } else { all } {
            for (points, point) in points.iter_mut().zip(points_of(&server, what, amount)?) {
                points.push(point);
            }
        }
        for (client, points) in CLIENTS.iter().zip(points) {
            growth.curves.push(Curve { what: what.to_owned(), client: (*client).to_owned(), points });
        }
        eprintln!("  done    {what}");
    }
    println!("{}", samesocket_bench_report::growth_tables(&growth));
    if !arguments.quick {
        let folder = Path::new(samesocket_bench_report::FOLDER).join("results");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("growth.json"), serde_json::to_string_pretty(&growth)? + "\n")?;
    }
    Ok(())
}

/// Runs all clients at one amount, one after the other.
fn points_of(server: &Server, what: &str, amount: usize) -> Result<Vec<Point>> {
    let (job, count) = match what {
        "size" => (format!("size={amount}"), ((64 << 20) / amount.max(1)).clamp(4, 2_000)),
        "messages" => ("size=64".to_owned(), amount),
        "connections" => (format!("connections={amount}"), (2 * amount).max(2_000)),
        _ => (format!("queued={QUEUED}"), amount / QUEUED),
    };
    let mut samples = CLIENTS.map(|_| Vec::new());
    for _ in 0..RUNS {
        for (client, samples) in CLIENTS.iter().zip(&mut samples) {
            samples.push(run_client(this_program()?, client, &job, &server.address, count)?);
        }
    }
    let amount = amount.try_into()?;
    let point = |samples: Vec<Sample>| {
        let least = |of: fn(&Sample) -> f64| samples.iter().map(of).fold(f64::INFINITY, f64::min);
        let (cpu, wall) = (least(|sample| sample.cpu), least(|sample| sample.wall));
        Point { amount, cpu, wall, peak: least(|sample| f64::from(sample.peak)) }
    };
    Ok(samples.map(point).into())
}
