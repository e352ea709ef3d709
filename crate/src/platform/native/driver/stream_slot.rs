//! The place of a connection's stream, from which the driver and senders borrow it.

use super::io::StreamIo;

/// Where the stream of a connection is.
///
/// It is changed under the connection's lock only. A borrower may release that lock while it uses the stream.
pub(super) enum StreamSlot {
    /// Not connected yet, or already dropped.
    Absent,
    Present(StreamIo),
    /// Used by the driver, or by a sender.
    Borrowed {
        /// Whether the driver waits for the stream.
        driver_waits: bool,
    },
}

impl StreamSlot {
    /// Returns the stream, unless it is absent or borrowed.
    pub(super) const fn get(&self) -> Option<&StreamIo> {
        match self {
            Self::Present(stream) => Some(stream),
            Self::Absent | Self::Borrowed { .. } => None,
        }
    }

    /// Puts the stream in place that was connected.
    pub(super) fn set(&mut self, stream: StreamIo) {
        *self = Self::Present(stream);
    }

    /// Takes the stream out, to use it and [put it back](Self::put_back), or to [forget](Self::forget) it.
    pub(super) fn borrow(&mut self) -> Option<StreamIo> {
        match std::mem::replace(self, Self::Borrowed { driver_waits: false }) {
            Self::Present(stream) => Some(stream),
            other => {
                *self = other;
                None
            }
        }
    }

    /// Puts a borrowed stream back; returns whether the driver waits for it.
    pub(super) fn put_back(&mut self, stream: StreamIo) -> bool {
        let slot = std::mem::replace(self, Self::Present(stream));
        matches!(slot, Self::Borrowed { driver_waits: true })
    }

    /// Forgets a borrowed stream, which the borrower drops.
    pub(super) fn forget(&mut self) {
        *self = Self::Absent;
    }

    /// Takes the stream out for good. If a sender is using it, the driver is woken when it is back.
    pub(super) fn take(&mut self) -> Option<StreamIo> {
        match std::mem::replace(self, Self::Absent) {
            Self::Present(stream) => Some(stream),
            Self::Absent => None,
            borrowed @ Self::Borrowed { .. } => {
                *self = borrowed;
                self.wait();
                None
            }
        }
    }

    /// Asks for a wake-up of the driver when a sender puts the stream back; returns whether a sender has it.
    pub(super) const fn wait(&mut self) -> bool {
        match self {
            Self::Borrowed { driver_waits } => {
                *driver_waits = true;
                true
            }
            Self::Absent | Self::Present(_) => false,
        }
    }
}
