//! The memory to read into that a thread lends to the connection that it drives.
//!
//! A connection that receives little needs none between two reads. With memory of their own, 10,000 of them would hold 40 MiB.

use std::cell::Cell;

thread_local! {
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Takes the thread's spare memory, if it has some.
pub(super) fn take() -> Vec<u8> {
    // A thread that ends has none.
    SPARE.try_with(Cell::take).unwrap_or_default()
}

/// Keeps memory for the next connection, in place of what there was.
pub(super) fn keep(memory: Vec<u8>) {
    let _ = SPARE.try_with(|spare| spare.set(memory));
}
