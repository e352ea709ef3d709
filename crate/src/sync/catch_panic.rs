//! Calls into the user's code, which may panic. A panic ends only the call; the panic hook has already reported it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

/// Wakes all wakers. A waker that panics does not keep the others from being woken.
///
/// No lock may be held, because a waker may run any code.
pub(crate) fn wake(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        catch_panic(|| waker.wake());
    }
}

/// Drops a value of the user. No lock may be held, because a destructor may run any code.
pub(crate) fn drop_caught<T>(value: T) {
    catch_panic(|| drop(value));
}

/// Runs a closure that calls the user's code, and catches a panic.
///
/// The caller must not use any value afterwards that a panic could have left in an inconsistent state.
pub(crate) fn catch_panic(user_code: impl FnOnce()) {
    let _ = returned(user_code);
}

/// Runs a closure that calls the user's code, as [`catch_panic`] does. Returns `None` after a panic.
pub(crate) fn returned<T>(user_code: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(user_code)).ok()
}
