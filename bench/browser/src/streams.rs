//! Runs a job with a client that is a stream and a sink.

use crate::job::{Job, Payload, Work};
use crate::{Outcome, Stopwatch};

/// A result whose error is a text for the page.
pub(crate) type Result<T> = std::result::Result<T, String>;

/// A connection of a client that is a stream and a sink.
pub(crate) trait StreamClient: Sized {
    /// A message in the client's type.
    type Message;

    async fn connect(url: &str) -> Result<Self>;

    /// Creates a message, as a program has to do each time.
    fn message(payload: &Payload) -> Self::Message;

    /// Waits for a message and returns its length.
    async fn receive(&mut self) -> Result<usize>;

    /// Sends a message when the client accepts one.
    async fn feed(&mut self, message: Self::Message) -> Result<()>;

    /// Flushes as the client's documentation recommends.
    async fn flush(&mut self) -> Result<()>;

    /// Closes the connection, and waits for its end if the client allows that.
    async fn close(self) -> Result<()>;
}

/// Does the job.
pub(crate) async fn run<C: StreamClient>(job: &Job) -> Result<Outcome> {
    if matches!(job.work, Work::Connect | Work::First) {
        return connections::<C>(job).await;
    }
    let mut client = C::connect(&job.url).await?;
    let exchange = async |client: &mut C, count| match job.work {
        Work::Echo => echo(client, job, count).await,
        Work::Send => send(client, job, count).await,
        _ => receive(client, job, count).await,
    };
    exchange(&mut client, job.warmup).await?;
    let stopwatch = Stopwatch::start();
    exchange(&mut client, job.count).await?;
    let outcome = stopwatch.stop();
    client.close().await?;
    Ok(outcome)
}

async fn echo<C: StreamClient>(client: &mut C, job: &Job, count: usize) -> Result<()> {
    for _ in 0..count {
        client.feed(C::message(&job.payload)).await?;
        client.flush().await?;
        expect(client.receive().await?, job.size)?;
    }
    Ok(())
}

async fn receive<C: StreamClient>(client: &mut C, job: &Job, count: usize) -> Result<()> {
    for _ in 0..count {
        expect(client.receive().await?, job.size)?;
    }
    Ok(())
}

async fn send<C: StreamClient>(client: &mut C, job: &Job, count: usize) -> Result<()> {
    for _ in 0..count {
        client.feed(C::message(&job.payload)).await?;
    }
    client.flush().await?;
    // The answer to the last message confirms that it has arrived.
    expect(client.receive().await?, 0)
}

async fn connections<C: StreamClient>(job: &Job) -> Result<Outcome> {
    let mut sum = Outcome { milliseconds: 0.0, allocations: 0.0 };
    for _ in 0..job.count {
        let stopwatch = Stopwatch::start();
        let mut client = C::connect(&job.url).await?;
        if job.work == Work::First {
            expect(client.receive().await?, job.size)?;
            sum.add(&stopwatch);
            client.close().await?;
        } else {
            client.close().await?;
            sum.add(&stopwatch);
        }
    }
    Ok(sum)
}

pub(crate) fn expect(length: usize, wanted: usize) -> Result<()> {
    if length == wanted { Ok(()) } else { Err(format!("a message has {length} bytes, not {wanted}")) }
}
