//! Opens many sockets and leaves them idle.

use std::time::{Duration, Instant};

use anyhow::Result;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use samesocket_bench_report::Idle;
use tokio::time::sleep;

use super::kernel;
use crate::clients::{Connection, Measurement};
use crate::measure::{cpu_time, memory};

/// The number of sockets that open at a time.
pub(super) const OPENINGS: usize = 64;

/// The time after which the sockets count as idle. Arbitrary: both ends have read everything by then.
const SETTLE: Duration = Duration::from_secs(1);

/// Many idle sockets.
pub(super) struct IdleSockets {
    pub(super) count: usize,
}

impl Measurement for IdleSockets {
    type Sample = Idle;

    async fn measure<'a, C: Connection>(&'a self, connect: impl AsyncFn(&'a str) -> Result<C>) -> Result<Idle> {
        let (process, kernel, sockets) = (memory()?, kernel::memory()?, kernel::sockets()?);
        let (start, cpu) = (Instant::now(), cpu_time());
        let opening = stream::iter(0..self.count).map(|_| connect("/small")).buffer_unordered(OPENINGS);
        let connections: Vec<C> = opening.try_collect().await?;
        let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_time().saturating_sub(cpu).as_secs_f64());
        sleep(SETTLE).await;
        let kernel_sockets = u32::try_from(kernel::sockets()?.saturating_sub(sockets))?;
        let count = f64::from(u32::try_from(connections.len())?);
        Ok(Idle {
            seconds,
            cpu,
            process: f64::from(memory()?.saturating_sub(process)) / count,
            kernel: kernel::memory()?.zip(kernel).map(|(after, before)| (after - before).max(0.0) / count),
            kernel_sockets,
        })
    }
}
