//! An echo beside a flood: over HTTP/2 on one connection, if the client can share it.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use futures::future::{Either, select};
use samesocket_bench_report::{Fairness, RoundTrips};
use tokio::time::{Instant, sleep};

use super::round_trip::{Echo, SHORT};
use crate::clients::{Connection, Measurement};

/// The size of the flood's messages.
const SIZE: usize = 16 << 10;

/// The number of the flood's messages, which does not end before the echoes.
const MESSAGES: usize = usize::MAX >> 20;

/// The flood's messages after which the reader yields, as a program would that does something with them. Arbitrary.
const BATCH: usize = 16;

/// The time for which the flood runs before the echoes count.
const START: Duration = Duration::from_millis(200);

/// An echo beside a flood.
pub(super) struct Flooded {
    echoes: usize,
    path: String,
}

impl Flooded {
    /// Creates a measurement with this number of echoes, without and with the flood.
    pub(super) fn new(echoes: usize) -> Self {
        Self { echoes, path: format!("/flood/binary/{SIZE}/{MESSAGES}") }
    }
}

impl Measurement for Flooded {
    type Sample = Fairness;

    async fn measure<'a, C: Connection>(&'a self, connect: impl AsyncFn(&'a str) -> Result<C>) -> Result<Fairness> {
        let message = Echo::new(SHORT)?;
        let mut connection = connect("/echo").await?;
        let mut echo = async |count: usize| {
            let mut times = Vec::new();
            for _ in 0..count {
                times.push(message.round_trip(&mut connection).await?);
            }
            anyhow::Ok(times)
        };
        echo(self.echoes / 10).await?;
        let alone = RoundTrips::new(echo(self.echoes).await?);

        let mut flood = connect(&self.path).await?;
        let received = Cell::new(0);
        let beside = async {
            sleep(START).await;
            let (start, before) = (Instant::now(), received.get());
            let times = echo(self.echoes).await?;
            let messages = u32::try_from(received.get() - before)?;
            let bytes = f64::from(messages) * f64::from(u32::try_from(SIZE)?);
            anyhow::Ok((RoundTrips::new(times), bytes / f64::from(1 << 20) / start.elapsed().as_secs_f64()))
        };
        match select(pin!(beside), pin!(read(&mut flood, &received))).await {
            Either::Left((result, _)) => {
                let (beside, flood) = result?;
                Ok(Fairness { alone, beside, flood })
            }
            Either::Right((result, _)) => {
                result?;
                bail!("the flood has ended")
            }
        }
    }
}

/// Reads the flood and counts its messages.
async fn read<C: Connection>(flood: &mut C, received: &Cell<usize>) -> Result<()> {
    poll_fn(|context| {
        for _ in 0..BATCH {
            match flood.poll_receive(context) {
                Poll::Ready(Ok(length)) if length == SIZE => received.set(received.get() + 1),
                Poll::Ready(Ok(_)) => return Poll::Ready(Err(anyhow!("a message has the wrong length"))),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}
