//! The work of a client that calls back: its messages are counted, and answered, where they arrive.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures::channel::oneshot;

use crate::job::{Job, Payload, Work};
use crate::streaming::{Result, expect};
use crate::{Outcome, Stopwatch};

/// A connection of such a client.
pub(crate) trait Calling: Sized {
    /// Starts to connect, and has the tally hear of everything.
    fn connect(url: &str, tally: &Rc<Tally>) -> Result<Self>;

    fn send(&self, payload: &Payload) -> Result<()>;

    fn close(&self) -> Result<()>;
}

/// What is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Moment {
    Open,
    /// As many messages have come as are wanted.
    Enough,
    Closed,
}

/// Counts what a connection tells.
pub(crate) struct Tally {
    /// What answers a message, in the callback itself, while answers are due.
    reply: Payload,
    /// The messages to come, and how many of them are still to be answered.
    missing: Cell<usize>,
    replies: Cell<usize>,
    /// The length of the message that came last.
    length: Cell<usize>,
    seen: RefCell<Vec<Moment>>,
    waiter: RefCell<Option<(Moment, oneshot::Sender<()>)>>,
}

impl Tally {
    fn new(reply: Payload) -> Rc<Self> {
        let (missing, replies, length) = Default::default();
        Rc::new(Self { reply, missing, replies, length, seen: RefCell::default(), waiter: RefCell::default() })
    }

    /// The connection is open.
    pub(crate) fn opened(&self) {
        self.come(Moment::Open);
    }

    /// A message of this length has come; gives what it is to be answered with.
    pub(crate) fn message(&self, length: usize) -> Option<&Payload> {
        self.length.set(length);
        // More may come than was asked for by then: a flood does not wait.
        let missing = self.missing.get().wrapping_sub(1);
        self.missing.set(missing);
        if missing == 0 {
            self.come(Moment::Enough);
        }
        let replies = self.replies.get();
        self.replies.set(replies.saturating_sub(1));
        (replies > 0).then_some(&self.reply)
    }

    /// The connection is closed.
    pub(crate) fn closed(&self) {
        self.come(Moment::Closed);
    }

    /// Wants so many messages more; some of them may have come already.
    fn want(&self, messages: usize, replies: usize) {
        self.replies.set(replies);
        let missing = self.missing.get().wrapping_add(messages);
        self.missing.set(missing);
        self.seen.borrow_mut().retain(|seen| *seen != Moment::Enough);
        if missing == 0 || missing > usize::MAX / 2 {
            self.seen.borrow_mut().push(Moment::Enough);
        }
    }

    fn come(&self, moment: Moment) {
        self.seen.borrow_mut().push(moment);
        let waiter = self.waiter.take();
        if let Some((awaited, sender)) = waiter {
            if awaited == moment || moment == Moment::Closed {
                // Who has stopped to wait need not be told.
                let _ = sender.send(());
            } else {
                self.waiter.replace(Some((awaited, sender)));
            }
        }
    }

    async fn wait(&self, moment: Moment) -> Result<()> {
        let has = |moment| self.seen.borrow().contains(&moment);
        if !has(moment) && !has(Moment::Closed) {
            let (sender, receiver) = oneshot::channel();
            self.waiter.replace(Some((moment, sender)));
            receiver.await.map_err(|_| "nobody tells any more".to_owned())?;
        }
        if has(moment) { Ok(()) } else { Err("the connection ended".to_owned()) }
    }
}

/// Has the client do the job.
pub(crate) async fn run<C: Calling>(job: &Job) -> Result<Outcome> {
    if matches!(job.work, Work::Connect | Work::First) {
        return connections::<C>(job).await;
    }
    let tally = Tally::new(job.payload.clone());
    let client = C::connect(&job.url, &tally)?;
    if job.work == Work::Receive {
        tally.want(job.warmup, 0);
    }
    tally.wait(Moment::Open).await?;
    exchange(&client, job, &tally, job.warmup).await?;
    let stopwatch = Stopwatch::start();
    if job.work == Work::Receive {
        tally.want(job.count, 0);
    }
    exchange(&client, job, &tally, job.count).await?;
    let outcome = stopwatch.stop();
    expect(tally.length.get(), if job.work == Work::Send { 0 } else { job.size })?;
    client.close()?;
    tally.wait(Moment::Closed).await?;
    Ok(outcome)
}

async fn exchange<C: Calling>(client: &C, job: &Job, tally: &Tally, count: usize) -> Result<()> {
    match job.work {
        Work::Echo => {
            tally.want(count, count - 1);
            client.send(&job.payload)?;
        }
        Work::Send => {
            // The answer to the last message tells that it has come.
            tally.want(1, 0);
            for _ in 0..count {
                client.send(&job.payload)?;
            }
        }
        _ => {}
    }
    tally.wait(Moment::Enough).await
}

async fn connections<C: Calling>(job: &Job) -> Result<Outcome> {
    let mut sum = Outcome { milliseconds: 0.0, allocations: 0.0 };
    for _ in 0..job.count {
        let stopwatch = Stopwatch::start();
        let tally = Tally::new(job.payload.clone());
        let client = C::connect(&job.url, &tally)?;
        if job.work == Work::First {
            tally.want(1, 0);
            tally.wait(Moment::Enough).await?;
            sum.add(&stopwatch);
            expect(tally.length.get(), job.size)?;
            client.close()?;
            tally.wait(Moment::Closed).await?;
        } else {
            tally.wait(Moment::Open).await?;
            client.close()?;
            tally.wait(Moment::Closed).await?;
            sum.add(&stopwatch);
        }
    }
    Ok(sum)
}
