//! An echo under load: meanwhile a hundred sockets of the same client echo on two threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use anyhow::{Result, anyhow, bail};
use futures::StreamExt as _;
use futures::future::{Either, try_join_all};
use futures::stream::FuturesUnordered;
use samesocket_bench_report::{Loaded, RoundTrips};
use tokio::sync::Notify;

use super::round_trip::{Echo, SHORT};
use crate::clients::{self, Connection, Measurement, Setting};
use crate::measure::{Stopwatch, on_runtime};
use crate::server::Address;

/// The size of the load's messages.
const SIZE: usize = 1 << 10;

/// The sockets of the load on each of the two threads.
const SOCKETS: usize = 50;

/// The load, which both threads share.
#[derive(Default)]
struct Load {
    /// The echoes on both threads so far.
    echoes: AtomicUsize,
    /// Notified when the sockets of the other thread are open, or it has failed.
    is_open: Notify,
    is_over: AtomicBool,
}

/// Measures a client on this thread, while another one has half of the load.
pub(super) async fn measure(name: &str, setting: Setting, address: &Address, echoes: usize) -> Result<Loaded> {
    let load = Arc::<Load>::default();
    let other = thread::spawn({
        let (load, name, address) = (Arc::clone(&load), name.to_owned(), address.clone());
        move || {
            let _guard = NotifyOnDrop(Arc::clone(&load));
            on_runtime(async || clients::measure(&name, setting, &address, &OtherHalf(&load)).await)
        }
    });
    let result = clients::measure(name, setting, address, &Probe { load: &load, echoes }).await;
    load.is_over.store(true, Ordering::Relaxed);
    other.join().map_err(|_| anyhow!("the other thread has panicked"))??;
    result
}

/// Half of the load alone.
struct OtherHalf<'a>(&'a Load);

impl Measurement for OtherHalf<'_> {
    type Sample = ();

    async fn measure<'a, C: Connection>(&'a self, connect: impl AsyncFn(&'a str) -> Result<C>) -> Result<()> {
        let mut sockets = open(connect).await?;
        self.0.is_open.notify_one();
        try_join_all(sockets.iter_mut().map(|socket| self.0.echo(socket))).await.map(drop)
    }
}

/// Half of the load, and beside it a socket with short messages, one at a time.
struct Probe<'a> {
    load: &'a Load,
    /// The number of short messages.
    echoes: usize,
}

impl Measurement for Probe<'_> {
    type Sample = Loaded;

    async fn measure<'a, C: Connection>(&'a self, connect: impl AsyncFn(&'a str) -> Result<C>) -> Result<Loaded> {
        let Self { load, echoes } = *self;
        let short = Echo::<C>::new(SHORT)?;
        let mut socket = connect("/small").await?;
        let mut sockets = open(connect).await?;
        load.is_open.notified().await;
        let probe = async move {
            let mut exchange = async |count: usize| {
                let mut times = Vec::new();
                for _ in 0..count {
                    times.push(short.round_trip(&mut socket).await?);
                }
                anyhow::Ok(times)
            };
            exchange(echoes / 10).await?;
            let (stopwatch, before) = (Stopwatch::start(None), load.echoes.load(Ordering::Relaxed));
            let times = exchange(echoes).await?;
            let sample = stopwatch.stop(load.echoes.load(Ordering::Relaxed) - before + echoes)?;
            Ok(Some(Loaded { cpu: sample.cpu, echoes: 1e6 / sample.wall, round_trips: RoundTrips::new(times) }))
        };
        // Among the sockets of the load, so that it is polled when its turn comes.
        let mut all: FuturesUnordered<_> = sockets.iter_mut().map(|socket| Either::Left(load.echo(socket))).collect();
        all.push(Either::Right(probe));
        while let Some(outcome) = all.next().await {
            if let Some(loaded) = outcome? {
                return Ok(loaded);
            }
        }
        bail!("the load has ended")
    }
}

/// Opens the load's sockets of one thread.
async fn open<'a, C: Connection>(connect: impl AsyncFn(&'a str) -> Result<C>) -> Result<Vec<C>> {
    let mut sockets = Vec::new();
    for _ in 0..SOCKETS {
        sockets.push(connect("/small").await?);
    }
    Ok(sockets)
}

impl Load {
    /// Echoes on a socket until the measurement is over.
    async fn echo<C: Connection>(&self, socket: &mut C) -> Result<Option<Loaded>> {
        let echo = Echo::<C>::new(SIZE)?;
        while !self.is_over.load(Ordering::Relaxed) {
            echo.round_trip(socket).await?;
            self.echoes.fetch_add(1, Ordering::Relaxed);
        }
        Ok(None)
    }
}

/// Notifies the thread that waits for the sockets of the other one, even if that has failed.
struct NotifyOnDrop(Arc<Load>);

impl Drop for NotifyOnDrop {
    fn drop(&mut self) {
        self.0.is_open.notify_one();
    }
}
