//! Sharing between the parts of a socket: reference counts, locks, and calls into the user's code.
//!
//! On native targets sockets live on threads: [`Shared`] is an `Arc` and [`Lock`] a mutex. In a browser all objects
//! belong to one thread: there they are an `Rc` and a `RefCell`. Read `native.rs` or `web.rs`, then [`catch_panic`].

pub(crate) mod cancellable_queue;
pub(crate) mod catch_panic;
#[cfg_attr(not(all(target_family = "wasm", target_os = "unknown")), path = "native.rs")]
#[cfg_attr(all(target_family = "wasm", target_os = "unknown"), path = "web.rs")]
mod imp;
pub(crate) mod keyed_waiters;
#[cfg(all(test, shuttle))]
mod shuttle_mutex;

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub(crate) use self::imp::LockGuard;
#[cfg(all(not(all(target_family = "wasm", target_os = "unknown")), any(feature = "__tls", feature = "http2")))]
pub(crate) use self::imp::same_arc;
pub(crate) use self::imp::{Lock, SendLock, Shared, Weak, io_error};
pub use self::imp::{MaybeSend, MaybeSync};

impl<T> Lock<T> {
    /// Replaces the value and returns the old one.
    pub(crate) fn replace(&self, value: T) -> T {
        std::mem::replace(&mut *self.lock(), value)
    }

    /// Takes the value and leaves the default.
    pub(crate) fn take(&self) -> T
    where
        T: Default,
    {
        self.replace(T::default())
    }
}
