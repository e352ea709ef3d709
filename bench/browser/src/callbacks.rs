//! Runs a job with a client that has callbacks. It counts and answers messages in the callback.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures::channel::oneshot;

use crate::job::{Job, Payload, Work};
use crate::streams::{Result, expect};
use crate::{Outcome, Stopwatch};

/// A connection of a client that has callbacks.
pub(crate) trait CallbackClient: Sized {
    /// Starts to connect, and reports every event to the counter.
    fn connect(url: &str, counter: &Rc<Counter>) -> Result<Self>;

    fn send(&self, payload: &Payload) -> Result<()>;

    fn close(&self) -> Result<()>;
}

/// A moment that the job waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Milestone {
    Open,
    /// The wanted number of messages has arrived.
    AllReceived,
    Closed,
}

/// Counts a connection's events.
pub(crate) struct Counter {
    /// The answer to each message, sent in the callback while `replies` is positive.
    reply: Payload,
    /// The number of messages still to come, and of those still to be answered.
    missing: Cell<usize>,
    replies: Cell<usize>,
    /// The length of the last message.
    length: Cell<usize>,
    seen: RefCell<Vec<Milestone>>,
    waiter: RefCell<Option<(Milestone, oneshot::Sender<()>)>>,
}

impl Counter {
    fn new(reply: Payload) -> Rc<Self> {
        let (missing, replies, length) = Default::default();
        Rc::new(Self { reply, missing, replies, length, seen: RefCell::default(), waiter: RefCell::default() })
    }

    /// Records that the connection is open.
    pub(crate) fn opened(&self) {
        self.record(Milestone::Open);
    }

    /// Records a message of this length. Returns the answer, if one is due.
    pub(crate) fn message(&self, length: usize) -> Option<&Payload> {
        self.length.set(length);
        // A fast server may have sent more than was asked for so far.
        let missing = self.missing.get().wrapping_sub(1);
        self.missing.set(missing);
        if missing == 0 {
            self.record(Milestone::AllReceived);
        }
        let replies = self.replies.get();
        self.replies.set(replies.saturating_sub(1));
        (replies > 0).then_some(&self.reply)
    }

    /// Records that the connection is closed.
    pub(crate) fn closed(&self) {
        self.record(Milestone::Closed);
    }

    /// Asks for more messages, some of which may have arrived already.
    fn want(&self, messages: usize, replies: usize) {
        self.replies.set(replies);
        let missing = self.missing.get().wrapping_add(messages);
        self.missing.set(missing);
        self.seen.borrow_mut().retain(|seen| *seen != Milestone::AllReceived);
        if missing == 0 || missing > usize::MAX / 2 {
            self.seen.borrow_mut().push(Milestone::AllReceived);
        }
    }

    fn record(&self, moment: Milestone) {
        self.seen.borrow_mut().push(moment);
        let waiter = self.waiter.take();
        if let Some((awaited, sender)) = waiter {
            if awaited == moment || moment == Milestone::Closed {
                // The receiver may have stopped waiting.
                let _ = sender.send(());
            } else {
                self.waiter.replace(Some((awaited, sender)));
            }
        }
    }

    async fn wait(&self, moment: Milestone) -> Result<()> {
        let has = |moment| self.seen.borrow().contains(&moment);
        if !has(moment) && !has(Milestone::Closed) {
            let (sender, receiver) = oneshot::channel();
            self.waiter.replace(Some((moment, sender)));
            receiver.await.map_err(|_| "the connection was dropped".to_owned())?;
        }
        if has(moment) { Ok(()) } else { Err("the connection ended".to_owned()) }
    }
}

/// Does the job.
pub(crate) async fn run<C: CallbackClient>(job: &Job) -> Result<Outcome> {
    if matches!(job.work, Work::Connect | Work::First) {
        return connections::<C>(job).await;
    }
    let counter = Counter::new(job.payload.clone());
    let client = C::connect(&job.url, &counter)?;
    if job.work == Work::Receive {
        counter.want(job.warmup, 0);
    }
    counter.wait(Milestone::Open).await?;
    exchange(&client, job, &counter, job.warmup).await?;
    let stopwatch = Stopwatch::start();
    if job.work == Work::Receive {
        counter.want(job.count, 0);
    }
    exchange(&client, job, &counter, job.count).await?;
    let outcome = stopwatch.stop();
    expect(counter.length.get(), if job.work == Work::Send { 0 } else { job.size })?;
    client.close()?;
    counter.wait(Milestone::Closed).await?;
    Ok(outcome)
}

async fn exchange<C: CallbackClient>(client: &C, job: &Job, counter: &Counter, count: usize) -> Result<()> {
    match job.work {
        Work::Echo => {
            counter.want(count, count - 1);
            client.send(&job.payload)?;
        }
        Work::Send => {
            // The answer to the last message confirms that it has arrived.
            counter.want(1, 0);
            for _ in 0..count {
                client.send(&job.payload)?;
            }
        }
        _ => {}
    }
    counter.wait(Milestone::AllReceived).await
}

async fn connections<C: CallbackClient>(job: &Job) -> Result<Outcome> {
    let mut sum = Outcome { milliseconds: 0.0, allocations: 0.0 };
    for _ in 0..job.count {
        let stopwatch = Stopwatch::start();
        let counter = Counter::new(job.payload.clone());
        let client = C::connect(&job.url, &counter)?;
        if job.work == Work::First {
            counter.want(1, 0);
            counter.wait(Milestone::AllReceived).await?;
            sum.add(&stopwatch);
            expect(counter.length.get(), job.size)?;
            client.close()?;
            counter.wait(Milestone::Closed).await?;
        } else {
            counter.wait(Milestone::Open).await?;
            client.close()?;
            counter.wait(Milestone::Closed).await?;
            sum.add(&stopwatch);
        }
    }
    Ok(sum)
}
