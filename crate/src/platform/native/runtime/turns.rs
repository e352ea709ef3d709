//! The turns that a task of the program leaves to the other tasks of its thread, such as the driver of its socket.

use std::cell::Cell;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::task::coop::poll_proceed;

/// The received messages that count as one operation in the budget of a tokio task, which has 128. Arbitrary: a message is less work
/// than an operation of tokio.
const RECEIVED: usize = 4;

/// The sent messages after which the time is looked at. Arbitrary: reading the clock takes a third of the time of a short message.
const SENT: u8 = 16;

/// The time after which a task that sends leaves a turn to others. Arbitrary: a task that sends without a pause sends thousands of short
/// messages meanwhile, which are better written together.
const SENDING: Duration = Duration::from_millis(1);

thread_local! {
    /// The messages that were sent since the time was looked at.
    static COUNT: Cell<u8> = const { Cell::new(0) };
    /// The time of the last turn of others that was noticed.
    static LAST_TURN: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Counts the messages that a task has received together. Returns `Pending` if the task has received many in this poll, and wakes it.
///
/// It never waits outside a tokio runtime.
pub(crate) fn poll_receiver_turn(messages: usize, context: &Context<'_>) -> Poll<()> {
    let mut context = Context::from_waker(context.waker());
    for _ in 0..messages.div_ceil(RECEIVED) {
        ready!(poll_proceed(&mut context)).made_progress();
    }
    Poll::Ready(())
}

/// Counts a message that a task is about to send. Returns `Pending` once in a while if the task sends for long, and wakes it.
///
/// Without this, a program that sends in a loop and works on each message would keep a driver on its thread from writing and reading for as
/// long as the socket has capacity.
#[inline]
pub(crate) fn poll_sender_turn(context: &Context<'_>) -> Poll<()> {
    let is_due = COUNT.try_with(|count| {
        count.set((count.get() + 1) % SENT);
        count.get() == 0
    });
    // A thread that ends has no other tasks.
    if is_due.unwrap_or(false) { look_at_time(context) } else { Poll::Ready(()) }
}

#[cold]
fn look_at_time(context: &Context<'_>) -> Poll<()> {
    let now = Instant::now();
    let is_long = |last: Option<Instant>| last.is_none_or(|last| now.duration_since(last) >= SENDING);
    if !LAST_TURN.try_with(|last| is_long(last.get()) && last.replace(Some(now)).is_some()).unwrap_or(false) {
        return Poll::Ready(());
    }
    context.waker().wake_by_ref();
    Poll::Pending
}
