//! What a socket's parts share, on the one thread that a browser's objects live on.

use std::cell::{RefCell, RefMut};
use std::error::Error;
use std::io;

pub(crate) use std::rc::{Rc as Shared, Weak};

/// What a callback has to be: `Send` where sockets live on threads; in a browser, anything.
pub trait MaybeSend {}

impl<T: ?Sized> MaybeSend for T {}

/// What several threads may use at once, where sockets live on threads; in a browser, anything.
pub(crate) trait MaybeSync {}

impl<T: ?Sized> MaybeSync for T {}

/// A value that is changed through a shared reference, by one at a time.
#[derive(Debug, Default)]
pub(crate) struct Lock<T>(RefCell<T>);

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(RefCell::new(value))
    }

    /// Gives access; nobody else may have it, and nothing of a user's may run until it is dropped.
    pub(crate) fn lock(&self) -> RefMut<'_, T> {
        self.0.borrow_mut()
    }
}

/// Makes an error of input and output. In a browser its cause, which may hold what belongs to one thread, is told in
/// words.
pub(crate) fn io_error(kind: io::ErrorKind, cause: impl Error) -> io::Error {
    io::Error::new(kind, cause.to_string())
}
