//! The mutex of the model test, in which `shuttle` decides which thread runs next.

use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;

use shuttle::sync::{Mutex as Inner, MutexGuard as InnerGuard};

/// A mutex with the interface of `parking_lot`'s, as far as this crate uses it.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(Inner<T>);

/// Access to the value of a [`Mutex`].
pub(crate) struct MutexGuard<'a, T> {
    mutex: &'a Inner<T>,
    /// Empty only within [`unlocked`](Self::unlocked).
    guard: Option<InnerGuard<'a, T>>,
}

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Inner::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard { mutex: &self.0, guard: Some(lock(&self.0)) }
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> MutexGuard<'_, T> {
    pub(crate) fn bump(guard: &mut Self) {
        Self::unlocked(guard, || {});
    }

    pub(crate) fn unlocked<R>(guard: &mut Self, act: impl FnOnce() -> R) -> R {
        guard.guard = None;
        let result = act();
        guard.guard = Some(lock(guard.mutex));
        result
    }
}

fn lock<T>(mutex: &Inner<T>) -> InnerGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.guard.as_ref().expect("the mutex is locked")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.guard.as_mut().expect("the mutex is locked")
    }
}
