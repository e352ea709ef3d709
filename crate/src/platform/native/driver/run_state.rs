//! The run state of a driver: running, parked, or parked while the receiver reads in its place.

/// Whether the driver runs, and what the interface has to do so that the driver sees a change.
///
/// It is changed under the connection's lock only.
pub(super) enum RunState {
    /// The driver runs, or was woken and will run.
    Running {
        /// Whether something has changed since the driver's last round began. It does not park then.
        round_requested: bool,
    },
    /// The driver sleeps until its waker is called, by the stream, by a deadline, or by the interface.
    Parked(Parked),
    /// The driver sleeps, and the receiver reads in its place.
    Receiving {
        parked: Parked,
        /// Whether something has changed for which the driver has to do a round when the receiver is done.
        round_requested: bool,
    },
}

/// The preparations of a driver that sleeps.
#[derive(Clone, Copy)]
pub(super) struct Parked {
    /// Whether the check for an idle connection is armed, which gives memory back.
    pub(super) idle_check_armed: bool,
    /// Whether it waits for the receiver's capacity.
    pub(super) is_paused: bool,
}

impl RunState {
    /// Requests a round of the driver; returns whether its waker has to be called.
    pub(super) const fn request_round(&mut self) -> bool {
        let was_parked = matches!(self, Self::Parked(_));
        match self {
            Self::Receiving { round_requested, .. } => *round_requested = true,
            Self::Running { .. } | Self::Parked(_) => *self = Self::Running { round_requested: true },
        }
        was_parked
    }

    /// Records that the driver is being polled, so that the receiver does not begin to read; returns whether it may run. If the
    /// receiver is reading, the driver is woken afterwards.
    pub(super) const fn begin_poll(&mut self) -> bool {
        match self {
            Self::Running { .. } => true,
            Self::Parked(_) => {
                *self = Self::Running { round_requested: false };
                true
            }
            Self::Receiving { round_requested, .. } => {
                *round_requested = true;
                false
            }
        }
    }

    /// Records that the driver sees the connection as it is now; returns whether something had changed.
    pub(super) const fn begin_round(&mut self) -> bool {
        let requested = self.is_round_requested();
        *self = Self::Running { round_requested: false };
        requested
    }

    /// Returns whether something has changed since the driver's last round began.
    pub(super) const fn is_round_requested(&self) -> bool {
        matches!(self, Self::Running { round_requested: true })
    }

    /// Parks the driver, unless something has changed since its last round began; returns whether it is parked.
    pub(super) const fn park(&mut self, parked: Parked) -> bool {
        if self.is_round_requested() {
            return false;
        }
        *self = Self::Parked(parked);
        true
    }

    /// Lets the receiver read in place of the driver; returns whether the driver is parked, so that it may.
    pub(super) const fn begin_receiving(&mut self) -> bool {
        let Self::Parked(parked) = *self else { return false };
        *self = Self::Receiving { parked, round_requested: false };
        true
    }

    /// Returns the place to the driver, which stays parked unless a round was requested; returns whether its waker has to
    /// be called.
    pub(super) const fn end_receiving(&mut self) -> bool {
        let Self::Receiving { parked, round_requested } = *self else { return false };
        *self = if round_requested { Self::Running { round_requested: true } } else { Self::Parked(parked) };
        round_requested
    }
}
