//! Sockets with one echo a second each.

use std::time::Duration;

use anyhow::Result;
use futures::future::try_join_all;
use samesocket_bench_report::{Paced, RoundTrips};
use tokio::time::{Instant, sleep_until};

use super::round_trip::{Echo, SHORT};
use crate::clients::{Connection, Measurement};
use crate::measure::Stopwatch;

/// The time between two echoes of a socket.
const INTERVAL: Duration = Duration::from_secs(1);

/// Sockets with one echo a second each.
pub(super) struct PacedSockets {
    pub(super) sockets: u32,
    /// The number of echoes of each socket. One more comes before them and does not count.
    pub(super) echoes: u32,
}

impl Measurement for PacedSockets {
    type Sample = Paced;

    async fn measure<'a, C: Connection>(&'a self, connect: impl AsyncFn(&'a str) -> Result<C>) -> Result<Paced> {
        let message = Echo::new(SHORT)?;
        let mut connections = Vec::new();
        for _ in 0..self.sockets {
            connections.push(connect("/small").await?);
        }
        self.echo(&mut connections, &message, 1).await?;
        let stopwatch = Stopwatch::start(None);
        let times = self.echo(&mut connections, &message, self.echoes).await?;
        let cpu = stopwatch.stop(times.len())?.cpu;
        Ok(Paced { cpu, round_trips: RoundTrips::new(times) })
    }
}

impl PacedSockets {
    /// Echoes on all sockets, evenly spread over time, and returns the round trips in microseconds.
    async fn echo<C: Connection>(&self, connections: &mut [C], message: &Echo<C>, echoes: u32) -> Result<Vec<f64>> {
        let start = Instant::now();
        let sockets = connections.iter_mut().zip(0..).map(|(connection, place)| async move {
            let mut times = Vec::new();
            for echo in 0..echoes {
                sleep_until(start + INTERVAL * place / self.sockets + INTERVAL * echo).await;
                times.push(message.round_trip(connection).await?);
            }
            anyhow::Ok(times)
        });
        Ok(try_join_all(sockets).await?.concat())
    }
}
