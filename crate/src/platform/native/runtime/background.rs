//! The thread on which sockets live, unless their users put them elsewhere.

use std::cell::RefCell;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::task::Waker;
use std::thread;

use tokio::runtime::{Builder, Handle};

/// The handle of the background thread, once it is started.
static BACKGROUND: Mutex<Option<Handle>> = Mutex::new(None);

/// Gives the runtime of the background thread, which is started when it is first needed and never ends.
pub(in crate::platform::native) fn background() -> io::Result<Handle> {
    let mut background = BACKGROUND.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*background {
        return Ok(handle.clone());
    }
    let mut builder = Builder::new_current_thread();
    let builder = builder.enable_io().enable_time().thread_name("samesocket-blocking").on_thread_park(let_others_run);
    let runtime = builder.build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("samesocket".to_owned())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    *background = Some(handle.clone());
    Ok(handle)
}

thread_local! {
    static LINGERING: RefCell<Lingering> = const { RefCell::new(Lingering { tasks: Vec::new(), turns: 0 }) };
}

/// Tasks of this thread's that have nothing to do at present, but will soon.
struct Lingering {
    tasks: Vec<Waker>,
    /// The turns that others have had since the first of them began to linger.
    turns: usize,
}

/// After so many turns of others' who lingers is polled again, though the thread never rests.
const TURNS: usize = 8;

/// Has a task of the background thread polled again when all others of it sleep, and others that share the processor with
/// the thread have run: who was about to give the task something to do need not wake it then.
pub(in crate::platform::native) fn linger(task: &Waker) {
    LINGERING.with_borrow_mut(|lingering| lingering.tasks.push(task.clone()));
}

/// Notes that a task of the background thread has its turn.
pub(in crate::platform::native) fn take_turn() {
    LINGERING.with_borrow_mut(|lingering| {
        if !lingering.tasks.is_empty() {
            lingering.turns += 1;
            if lingering.turns >= TURNS {
                lingering.end();
            }
        }
    });
}

/// The thread is about to rest.
fn let_others_run() {
    LINGERING.with_borrow_mut(|lingering| {
        if !lingering.tasks.is_empty() {
            thread::yield_now();
            lingering.end();
        }
    });
}

impl Lingering {
    /// Has them polled; only tokio's wakers are among theirs.
    fn end(&mut self) {
        self.tasks.drain(..).for_each(Waker::wake);
        self.turns = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn who_lingers_is_polled_again_when_the_thread_rests_or_others_have_had_some_turns() {
        let counter = Arc::new(Counter::default());
        let task = Waker::from(Arc::clone(&counter));
        let polled = || counter.0.swap(0, Ordering::Relaxed);
        for _ in 0..2 {
            linger(&task);
            (1..TURNS).for_each(|_| take_turn());
            assert_eq!(polled(), 0);
            take_turn();
            assert_eq!(polled(), 1);
            (0..TURNS).for_each(|_| take_turn());
            assert_eq!(polled(), 0, "it does not linger any more");
        }
        linger(&task);
        (1..TURNS).for_each(|_| take_turn());
        let_others_run();
        assert_eq!(polled(), 1);
        linger(&task);
        (1..TURNS).for_each(|_| take_turn());
        assert_eq!(polled(), 0, "the turns are counted anew");
    }
}
