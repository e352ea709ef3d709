//! What is a user's and may panic: that ends itself, and nothing else. The panic hook has been told of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

/// Wakes them all, while nothing is locked, since a waker may do anything; one that panics keeps nobody else asleep.
pub(crate) fn wake(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        catch_panic(|| waker.wake());
    }
}

/// Lets go of something of a user's, while nothing is locked.
pub(crate) fn drop_caught<T>(of_users: T) {
    catch_panic(|| drop(of_users));
}

/// Runs code of the user's, of which nothing is used any more that a panic could have left half done.
pub(crate) fn catch_panic(of_users: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(of_users));
}
