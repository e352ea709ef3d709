//! The run state of a driver: running or parked.

/// Whether the driver runs, and what the interface has to do so that the driver sees a change.
///
/// It is changed under the connection's lock only.
pub(super) enum RunState {
    /// The driver runs, or was woken and will run.
    Running {
        /// Whether something has changed since the driver looked last. It does not park then.
        look_again: bool,
    },
    /// The driver sleeps until its waker is called, by the stream, by a deadline, or by the interface.
    Parked {
        /// Whether the check for an idle connection is armed, which gives memory back.
        idle_check_armed: bool,
    },
}

impl RunState {
    /// Makes the driver look at the connection once more; returns whether its waker has to be called.
    pub(super) const fn request_look(&mut self) -> bool {
        let was_parked = matches!(self, Self::Parked { .. });
        *self = Self::Running { look_again: true };
        was_parked
    }

    /// Records that the driver runs and sees the connection as it is now; returns whether something had changed.
    pub(super) const fn begin_look(&mut self) -> bool {
        let requested = self.is_look_requested();
        *self = Self::Running { look_again: false };
        requested
    }

    /// Returns whether something has changed since the driver looked last.
    pub(super) const fn is_look_requested(&self) -> bool {
        matches!(self, Self::Running { look_again: true })
    }

    /// Parks the driver, unless something has changed since it looked last; returns whether it is parked.
    pub(super) const fn park(&mut self, idle_check_armed: bool) -> bool {
        if self.is_look_requested() {
            return false;
        }
        *self = Self::Parked { idle_check_armed };
        true
    }
}
