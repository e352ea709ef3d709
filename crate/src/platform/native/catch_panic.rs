//! Panics of user code, which fail the socket that called it and nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::types::failure::Failure;

/// Runs user code. Turns a panic into [`Failure::Panicked`], after the panic hook has run.
pub(super) fn catch_as_failure<R>(user_code: impl FnOnce() -> R) -> Result<R, Failure> {
    // Unwind safe: whatever has panicked is dropped and never used again.
    catch_unwind(AssertUnwindSafe(user_code)).map_err(|payload| {
        let message = payload.downcast_ref::<&str>().map(|message| (*message).to_owned());
        Failure::Panicked { message: message.or_else(|| payload.downcast_ref::<String>().cloned()) }
    })
}
