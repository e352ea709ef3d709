//! Sharing on the one thread that a browser's objects belong to.

use std::cell::{RefCell, RefMut};
use std::error::Error;
use std::io;
use std::sync::{Mutex, MutexGuard, TryLockError};

pub(crate) use std::rc::{Rc as Shared, Weak};

/// A bound that means `Send` on native targets, where sockets live on threads, and nothing in a browser.
///
/// ```
/// use samesocket::{Event, MaybeSend, Subscription, WebSocket};
///
/// /// Subscribes a callback, on every target.
/// fn subscribe(socket: &WebSocket, on_event: impl Fn(&Event) + MaybeSend + 'static) -> Subscription {
///     socket.subscribe(move |_, event| on_event(event))
/// }
/// ```
pub trait MaybeSend {}

impl<T: ?Sized> MaybeSend for T {}

/// A bound that means `Sync` on native targets, where sockets live on threads, and nothing in a browser.
///
/// ```
/// use samesocket::MaybeSync;
///
/// /// A value that a socket's task may read, on every target.
/// struct Shared<T: MaybeSync>(T);
/// assert_eq!(Shared(1).0, 1);
/// ```
pub trait MaybeSync {}

impl<T: ?Sized> MaybeSync for T {}

/// A value with exclusive access through a shared reference: a `RefCell`.
#[derive(Debug, Default)]
pub(crate) struct Lock<T>(RefCell<T>);

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(RefCell::new(value))
    }

    /// Borrows the value until the guard is dropped. No code of the user may run while the guard exists.
    pub(crate) fn lock(&self) -> RefMut<'_, T> {
        self.0.borrow_mut()
    }

    /// Returns the value by exclusive access. Nothing is borrowed.
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}

/// A lock that any thread can use, on every target: a mutex.
///
/// The thread of a page must not block, so that a thread spins while another one has the lock. No code of the user runs under
/// it, so that this is short.
#[derive(Debug, Default)]
pub(crate) struct SendLock<T>(Mutex<T>);

impl<T> SendLock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Locks the value until the guard is dropped. No code of the user may run while the guard exists.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        loop {
            match self.0.try_lock() {
                Ok(guard) => return guard,
                Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => std::hint::spin_loop(),
            }
        }
    }
}

/// Creates an I/O error with a cause, which is converted to text because it may not be `Send`.
pub(crate) fn io_error(kind: io::ErrorKind, cause: impl Error) -> io::Error {
    io::Error::new(kind, cause.to_string())
}
