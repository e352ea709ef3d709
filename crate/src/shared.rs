//! What the handles of a socket share, fit for the threads of the platform.

pub(crate) use crate::platform::{Lock, MaybeSend, MaybeSync, Shared, Weak};

impl<T> Lock<T> {
    /// Puts a value in the place of another, which is given back.
    pub(crate) fn replace(&self, value: T) -> T {
        std::mem::replace(&mut *self.lock(), value)
    }

    /// Takes the value out.
    pub(crate) fn take(&self) -> T
    where
        T: Default,
    {
        self.replace(T::default())
    }
}
