//! Sharing among the threads of the driver and of the user.

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
pub trait MaybeSend: Send {}

impl<T: Send + ?Sized> MaybeSend for T {}

/// A bound that means `Sync` on native targets, where sockets live on threads, and nothing in a browser.
///
/// ```
/// use samesocket::MaybeSync;
///
/// /// A value that a socket's task may read, on every target.
/// struct Shared<T: MaybeSync>(T);
/// assert_eq!(Shared(1).0, 1);
/// ```
pub trait MaybeSync: Sync {}

impl<T: Sync + ?Sized> MaybeSync for T {}

/// A value with exclusive access through a shared reference: a mutex.
#[derive(Debug, Default)]
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Locks the value until the guard is dropped. No code of the user may run while the guard exists.
    pub(crate) fn lock(&self) -> LockGuard<'_, T> {
        self.0.lock()
    }

    /// Returns the value by exclusive access. Nothing is locked.
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}

/// A lock that any thread can use, on every target.
pub(crate) use Lock as SendLock;

/// Creates an I/O error with a cause.
pub(crate) fn io_error(kind: io::ErrorKind, cause: impl Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(kind, cause)
}

/// Returns whether both are absent, or the same shared value.
#[cfg(any(feature = "__tls", feature = "http2"))]
pub(crate) fn same_arc<T: ?Sized>(own: Option<&Shared<T>>, other: Option<&Shared<T>>) -> bool {
    match (own, other) {
        (None, None) => true,
        (Some(own), Some(other)) => Shared::ptr_eq(own, other),
        _ => false,
    }
}
