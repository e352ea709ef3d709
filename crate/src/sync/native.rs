//! What a socket's parts share, among the threads of the socket and of its users.

use std::error::Error;
use std::io;

#[cfg(not(all(test, shuttle)))]
use parking_lot::Mutex;

#[cfg(all(test, shuttle))]
use super::shuttle_mutex::Mutex;

pub(crate) use std::sync::{Arc as Shared, Weak};

#[cfg(all(test, shuttle))]
pub(crate) use super::shuttle_mutex::MutexGuard as LockGuard;
/// Access to the value of a [`Lock`].
#[cfg(not(all(test, shuttle)))]
pub(crate) use parking_lot::MutexGuard as LockGuard;

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
    pub(crate) fn lock(&self) -> LockGuard<'_, T> {
        self.0.lock()
    }
}

/// Makes an error of input and output.
pub(crate) fn io_error(kind: io::ErrorKind, cause: impl Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(kind, cause)
}
