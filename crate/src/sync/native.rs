//! Sharing among the threads of the driver and of the user.

use std::error::Error;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) use std::sync::{Arc as Shared, Weak};

/// A bound that means `Send` on native targets, where sockets live on threads, and nothing in a browser.
pub trait MaybeSend: Send {}

impl<T: Send + ?Sized> MaybeSend for T {}

/// A bound that means `Sync` on native targets, where sockets live on threads, and nothing in a browser.
pub(crate) trait MaybeSync: Sync {}

impl<T: Sync + ?Sized> MaybeSync for T {}

/// A value with exclusive access through a shared reference: a mutex.
#[derive(Debug, Default)]
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Locks the value until the guard is dropped. No code of the user may run while the guard exists.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        // Only a bug in this crate can panic while a guard exists. The value is still consistent then.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Creates an I/O error with a cause.
pub(crate) fn io_error(kind: io::ErrorKind, cause: impl Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(kind, cause)
}
