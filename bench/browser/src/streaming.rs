//! The work of a client that is a stream and a sink.

use crate::job::{Job, Payload, Work};
use crate::{Outcome, Stopwatch};

/// What went wrong, for the page to say.
pub(crate) type Result<T> = std::result::Result<T, String>;

/// A connection of such a client.
pub(crate) trait Streaming: Sized {
    /// A message as the client is given it.
    type Message;

    async fn connect(url: &str) -> Result<Self>;

    /// Makes a message, as a program has to for each.
    fn message(payload: &Payload) -> Self::Message;

    /// Waits for a message, and gives its length.
    async fn receive(&mut self) -> Result<usize>;

    /// Gives the client a message, when there is room.
    async fn feed(&mut self, message: Self::Message) -> Result<()>;

    /// Waits as the client would have a program wait after what it was given.
    async fn flush(&mut self) -> Result<()>;

    /// Closes, and waits for the end where the client lets one.
    async fn close(self) -> Result<()>;
}

/// Has the client do the job.
pub(crate) async fn run<C: Streaming>(job: &Job) -> Result<Outcome> {
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

async fn echo<C: Streaming>(client: &mut C, job: &Job, count: usize) -> Result<()> {
    for _ in 0..count {
        client.feed(C::message(&job.payload)).await?;
        client.flush().await?;
        expect(client.receive().await?, job.size)?;
    }
    Ok(())
}

async fn receive<C: Streaming>(client: &mut C, job: &Job, count: usize) -> Result<()> {
    for _ in 0..count {
        expect(client.receive().await?, job.size)?;
    }
    Ok(())
}

async fn send<C: Streaming>(client: &mut C, job: &Job, count: usize) -> Result<()> {
    for _ in 0..count {
        client.feed(C::message(&job.payload)).await?;
    }
    client.flush().await?;
    // The answer to the last message tells that it has come.
    expect(client.receive().await?, 0)
}

async fn connections<C: Streaming>(job: &Job) -> Result<Outcome> {
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
