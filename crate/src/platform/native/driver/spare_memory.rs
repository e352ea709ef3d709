//! The memory that a thread lends to the connection that it works for: to read into, to write from, and for received messages.
//!
//! A connection that receives and sends little needs none in between. With memory of their own, 10,000 of them would hold 40 MiB.

use std::cell::Cell;
use std::thread::LocalKey;

use super::small_messages::MessageBatch;
use samesocket_protocol::WriteMemory;

thread_local! {
    static READ_MEMORY: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static WRITE_MEMORY: Cell<Option<WriteMemory>> = const { Cell::new(None) };
    static BATCH: Cell<Option<Box<MessageBatch>>> = const { Cell::new(None) };
}

/// The most messages for which a batch that is kept has room. Arbitrary: 40 KiB.
const MAX_KEPT: usize = 1024;

/// Takes the thread's memory to read into, if it has some.
pub(super) fn take_read_memory() -> Vec<u8> {
    take(&READ_MEMORY)
}

/// Keeps memory for the next connection that reads, in place of what there was.
pub(super) fn keep_read_memory(memory: Vec<u8>) {
    keep(&READ_MEMORY, memory);
}

/// Takes the thread's memory to write from, if it has some.
pub(super) fn take_write_memory() -> WriteMemory {
    take(&WRITE_MEMORY).unwrap_or_default()
}

/// Keeps memory for the next connection that writes, in place of what there was.
pub(super) fn keep_write_memory(memory: WriteMemory) {
    keep(&WRITE_MEMORY, Some(memory));
}

/// Calls `act` with the thread's batch, or a new one, which `act` leaves empty.
pub(super) fn with_batch<R>(act: impl FnOnce(&mut MessageBatch) -> R) -> R {
    let mut batch = take(&BATCH).unwrap_or_default();
    let result = act(&mut batch);
    if batch.capacity() <= MAX_KEPT {
        keep(&BATCH, Some(batch));
    }
    result
}

fn take<T: Default>(spare: &'static LocalKey<Cell<T>>) -> T {
    // A thread that ends has none.
    spare.try_with(Cell::take).unwrap_or_default()
}

fn keep<T>(spare: &'static LocalKey<Cell<T>>, value: T) {
    let _ = spare.try_with(|spare| spare.set(value));
}
