//! Runs one client at one job.

use std::future::poll_fn;
use std::task::Poll;

use anyhow::{Context as _, Result, anyhow};
use bytes::Bytes;
use futures::future::try_join_all;
use samesocket_bench_report::Sample;

use super::connection::{Connection, Measurement};
use crate::jobs::{Direction, Job};
use crate::measure::{Counter, Stopwatch, memory};

pub(crate) struct JobRun {
    job: Job,
    count: usize,
    counter: Option<Counter>,
    path: String,
}

impl JobRun {
    /// Creates a run of a job with this number of messages.
    pub(crate) fn new(job: Job, count: usize, counter: Option<Counter>) -> Self {
        Self { job, count, counter, path: job.path(count) }
    }
}

impl Measurement for JobRun {
    type Sample = Sample;

    /// Opens the connections, warms them up, and measures the job.
    async fn measure<'a, C: Connection>(&'a self, connect: impl AsyncFn(&'a str) -> Result<C>) -> Result<Sample> {
        let Self { job, count, counter, path } = self;
        let (count, counter) = (*count, *counter);
        let messages = job.payloads().into_iter().map(|payload| C::message(job.is_text(), payload));
        let messages: Vec<C::Message> = messages.collect::<Result<_>>()?;
        // The first connection also starts what all of them share, such as a thread, so it is not counted.
        let _spare = if job.connections > 1 { Some(connect(path).await?) } else { None };
        let before = memory()?;
        let mut connections = Vec::new();
        for _ in 0..job.connections {
            connections.push(connect(path).await?);
        }
        if job.direction == Direction::Queue {
            return queue(&mut connections, job, count, counter);
        }
        let each = Job::warmup(count).div_ceil(job.connections);
        try_join_all(connections.iter_mut().map(|it| exchange(it, job, &messages, each))).await?;
        let idle = memory()?.saturating_sub(before);
        let each = count / job.connections;
        let stopwatch = Stopwatch::start(counter);
        if let [connection] = &mut connections[..] {
            exchange(connection, job, &messages, each).await?;
        } else {
            try_join_all(connections.iter_mut().map(|it| exchange(it, job, &messages, each))).await?;
        }
        let mut sample = stopwatch.stop(each * job.connections)?;
        sample.idle = (job.connections > 1)
            .then(|| f64::from(idle) / f64::from(u32::try_from(job.connections).unwrap_or(u32::MAX)));
        Ok(sample)
    }
}

/// Sends messages that the server does not read, each in memory of its own.
fn queue<C: Connection>(connections: &mut [C], job: &Job, count: usize, counter: Option<Counter>) -> Result<Sample> {
    let connection = connections.first_mut().context("the job has no connection")?;
    let payloads = job.payloads();
    let message = |payload: &Bytes| C::message(job.is_text(), Bytes::copy_from_slice(payload));
    let messages = payloads.iter().cycle().take(count).map(message).collect::<Result<Vec<_>>>()?;
    let stopwatch = Stopwatch::start(counter);
    for message in messages {
        connection.send(message)?;
    }
    stopwatch.stop(count.max(1))
}

/// Sends and receives until `count` messages are through. The messages repeat in their order.
async fn exchange<C: Connection>(connection: &mut C, job: &Job, messages: &[C::Message], count: usize) -> Result<()> {
    let (to_send, to_receive, window, expected) = match job.direction {
        Direction::Echo { window } => (count, count, window, job.size),
        Direction::Receive | Direction::Queue => (0, count, usize::MAX, job.size),
        // The answer to the last message confirms that it has arrived.
        Direction::Send => (count, 1, usize::MAX, 0),
    };
    let (mut sent, mut unflushed, mut received) = (0, 0, 0);
    poll_fn(|context| {
        loop {
            // A batch starts only if all of it fits into the window.
            let room = unflushed > 0 || sent - received.min(sent) <= window - job.flush;
            let may_send = sent < to_send && room;
            let flush = unflushed == job.flush || unflushed > 0 && sent == to_send;
            let mut moved = false;
            if flush {
                if let Poll::Ready(result) = connection.poll_flush(context) {
                    result?;
                    (unflushed, moved) = (0, true);
                }
            } else if may_send && let Poll::Ready(result) = connection.poll_ready(context) {
                result?;
                connection.send(messages[sent % messages.len()].clone())?;
                (sent, unflushed, moved) = (sent + 1, unflushed + 1, true);
            }
            if received < to_receive
                // Finish a batch before receiving.
                && !(moved && unflushed > 0)
                && let Poll::Ready(size) = connection.poll_receive(context)
            {
                if size? != expected {
                    return Poll::Ready(Err(anyhow!("a message has the wrong length")));
                }
                (received, moved) = (received + 1, true);
            }
            if sent == to_send && received == to_receive && unflushed == 0 {
                return Poll::Ready(Ok(()));
            }
            if !moved {
                return Poll::Pending;
            }
        }
    })
    .await
}
