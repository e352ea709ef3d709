//! What a socket's parts share, among the threads of the socket and of its users.

use std::error::Error;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) use std::sync::{Arc as Shared, Weak};

/// What a callback has to be: `Send` where sockets live on threads; in a browser, anything.
pub trait MaybeSend: Send {}

impl<T: Send + ?Sized> MaybeSend for T {}

/// What several threads may use at once, where sockets live on threads; in a browser, anything.
pub(crate) trait MaybeSync: Sync {}

impl<T: Sync + ?Sized> MaybeSync for T {}

/// A value that is changed through a shared reference, by one at a time.
#[derive(Debug, Default)]
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Gives access; nobody else may have it, and nothing of a user's may run until it is dropped.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        // Nothing panics with the guard in hand but a fault of ours, after which the value is as good as it was.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes an error of input and output.
pub(crate) fn io_error(kind: io::ErrorKind, cause: impl Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(kind, cause)
}
