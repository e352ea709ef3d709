//! Where code of the user's is run that may panic: that ends its own socket, and nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::platform::native::failure::Failure;

/// Runs code of the user's; a panic has been told to the panic hook, and is a failure here.
pub(super) fn guarded<R>(run: impl FnOnce() -> R) -> Result<R, Failure> {
    // What has panicked is let go of and never used again.
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| {
        let message = payload.downcast_ref::<&str>().map(|message| (*message).to_owned());
        Failure::Panicked { message: message.or_else(|| payload.downcast_ref::<String>().cloned()) }
    })
}
