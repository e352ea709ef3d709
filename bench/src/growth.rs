//! How cost grows: with the size of messages and their number, the number of connections, the bytes that are queued.

use std::fs;
use std::path::Path;

use anyhow::Result;
use samesocket_bench_report::{Curve, FUTURES, Growth, INTERFACE, Point, Sample, WIRE};

use crate::native::{Server, machine, now, this_program, turn};

/// What to run.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Fewer and smaller amounts
    #[arg(long)]
    quick: bool,
}

const CLIENTS: [&str; 4] = ["tokio-tungstenite", WIRE, INTERFACE, FUTURES];

/// The messages that bytes are queued in.
const QUEUED: usize = 64 << 10;

/// What grows, and the amounts; a quick run has those of the second list.
const GROWING: [(&str, &[usize], &[usize]); 4] = [
    (
        "size",
        &[0, 64, 1 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20],
        &[0, 64, 16 << 10, 256 << 10, 4 << 20, 16 << 20],
    ),
    ("messages", &[1_000, 10_000, 100_000], &[1_000, 10_000]),
    ("connections", &[1, 10, 100, 300, 1_000, 3_000, 10_000], &[1, 100, 300, 1_000]),
    ("queued", &[0, 1 << 20, 4 << 20, 16 << 20, 64 << 20, 256 << 20, 1 << 30], &[0, 1 << 20, 16 << 20, 64 << 20]),
];

/// Measures every point once more than a single slow turn could spoil, and keeps the quickest.
const TURNS: usize = 3;

/// Runs it all; a run that is not quick is kept.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut growth = Growth { date: now()?, machine: machine()?, quick: arguments.quick, curves: Vec::new() };
    let server = Server::start()?;
    for (what, all, few) in GROWING {
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

/// Has each client take its turns at an amount, one after the other.
fn points_of(server: &Server, what: &str, amount: usize) -> Result<Vec<Point>> {
    let (job, count) = match what {
        "size" => (format!("size={amount}"), ((64 << 20) / amount.max(1)).clamp(4, 2_000)),
        "messages" => ("size=64".to_owned(), amount),
        "connections" => (format!("connections={amount}"), (2 * amount).max(2_000)),
        _ => (format!("queued={QUEUED}"), amount / QUEUED),
    };
    let mut samples = CLIENTS.map(|_| Vec::new());
    for _ in 0..TURNS {
        for (client, samples) in CLIENTS.iter().zip(&mut samples) {
            samples.push(turn(this_program()?, client, &job, &server.address, count)?);
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
