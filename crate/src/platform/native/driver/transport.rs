//! The interface's end of a socket on a native target.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Driver;
use super::redirects::new_connection;
use super::shared::SocketShared;
use super::write_policy::WritePolicy;
use crate::platform::buffered_amount_hint::BufferedAmountHint;
use crate::platform::native::catch_panic::catch_as_failure;
use crate::platform::native::dial;
use crate::platform::native::dial::handshake_queue::HandshakeSlot;
use crate::platform::native::dial::redirects::Redirects;
use crate::platform::native::runtime::clock::RuntimeClock;
use crate::platform::native::settings::PlatformSettings;
use crate::platform::native::url::Url;
use crate::platform::pings::{PingReply, Pings};
use crate::platform::timeouts::Timeouts;
use crate::platform::{
    Backend, Clock, DialParameters, EventSink, FinalState, LastLook, ReceiveMode, SendOutcome, Tasks, Transport,
    WatchBufferedAmount,
};
use crate::sync::{Lock, Shared};
use crate::types::failure::Failure;
use crate::types::payload::Data;
use crate::types::ping::{PingError, ReceivedPings};
use samesocket_spec::close::CloseFrame;

/// The time that the server has to close TCP after both Close frames, unless the closing timeout is shorter. Arbitrary: the
/// value of Chromium.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection that a task drives. Dropping it starts the closing handshake, which the task completes.
struct Socket {
    shared: Arc<SocketShared>,
    /// The driver, until it is started.
    driver: Lock<Option<Driver>>,
}

impl Socket {
    /// Creates a connection that reports to `receiver`, always within its driver's task, once it is started.
    ///
    /// The arguments have been checked.
    ///
    /// # Errors
    ///
    /// Returns [`Failure::System`] if the system has no thread, file descriptor or random numbers for it.
    fn connect(
        url: &Url,
        parameters: DialParameters<'_>,
        options: &PlatformSettings,
        tasks: &Tasks,
        receiver: EventSink,
    ) -> Result<Self, Failure> {
        if let Some(Err(error)) = tasks.runtime() {
            return Err(Failure::System { source: Arc::clone(error) });
        }
        let mut options = options.clone();
        let Timeouts { opening, applies_opening, closing } = parameters.timeouts;
        options.limits.opening = if applies_opening { opening } else { Duration::MAX };
        // The clock of the timer that ends the handshake: that of the protocol, or that of the caller.
        let start = if applies_opening { std::time::Instant::now().into() } else { Instant::now() };
        options.opening_end = start.checked_add(opening);
        (options.limits.closing, options.limits.drain) = (closing, closing.min(DRAIN_TIMEOUT));
        let protocols = parameters.protocols.to_vec();
        let redirects = Redirects::new(url, &protocols, &options);
        let (request, failure) = match catch_as_failure(|| dial::request::request(url, protocols.clone(), &options)) {
            Ok(request) => (request, None),
            Err(failure) => {
                options.cookies = None;
                (dial::request::request(url, protocols, &options), Some(failure))
            }
        };
        let connection = new_connection(&request, &options)?;
        let dialing_request = options.request_for_dialing(&request);
        let policy = WritePolicy::new(tasks.shares_thread());
        let slot = HandshakeSlot::new(options.max_concurrent_handshakes);
        let shared = Arc::new(SocketShared::new(connection, policy, options.limits.queue, tasks.clone(), slot));
        let mut driver = Driver::new(Arc::clone(&shared), url.clone(), options, dialing_request, redirects, receiver);
        if let Some(failure) = failure {
            driver.fail(failure);
        }
        Ok(Self { shared, driver: Lock::new(Some(driver)) })
    }
}

/// Returns a back end with backpressure beside the default one. There is none, because the default one has
/// backpressure.
pub(crate) fn backpressure_backend() -> Option<Shared<dyn Backend>> {
    None
}

impl Backend for PlatformSettings {
    fn dial(
        &self,
        url: &Url,
        parameters: DialParameters<'_>,
        _: ReceiveMode,
        tasks: &Tasks,
        receiver: EventSink,
    ) -> Result<Shared<dyn Transport>, FinalState> {
        match Socket::connect(url, parameters, self, tasks, receiver) {
            Ok(socket) => Ok(Shared::new(socket)),
            Err(failure) => Err(FinalState::default().with_diagnosis(Some(failure), None)),
        }
    }

    fn tasks(&self) -> Tasks {
        Tasks::new(self.runtime())
    }

    fn clock(&self) -> Shared<dyn Clock> {
        Shared::new(RuntimeClock { runtime: self.runtime() })
    }

    fn has_backpressure(&self) -> bool {
        true
    }

    /// The driver measures it, so that it applies to a socket that was dropped, too.
    fn measures_closing(&self) -> bool {
        true
    }
}

impl Transport for Socket {
    /// Spawns the driver. If the runtime has ended, that drops the driver, which reports the end at once.
    fn start(&self) {
        if let Some(driver) = self.driver.take() {
            self.shared.tasks().spawn_driver(driver);
        }
    }

    fn last_look(&self) -> Option<LastLook> {
        self.shared.request_last_look()
    }

    /// The driver reports a closing handshake like any other event.
    fn is_closing(&self) -> bool {
        false
    }

    fn buffered_amount(&self) -> u64 {
        self.shared.lock().buffered_amount()
    }

    fn final_state(&self) -> FinalState {
        let state = self.shared.lock();
        FinalState::of(state.buffered_amount()).with_diagnosis(state.failure(), state.response().cloned())
    }

    /// The interface converts messages itself.
    fn set_binary_type(&self, _: ReceiveMode) {}

    fn send(&self, data: Data<'_>, queued: &BufferedAmountHint) -> SendOutcome {
        self.shared.send(&data, queued)
    }

    fn shared(&self) -> Option<Arc<SocketShared>> {
        Some(Arc::clone(&self.shared))
    }

    fn flush(&self) {
        self.shared.flush();
    }

    fn close(&self, frame: CloseFrame<'_>) {
        self.shared.close(frame);
    }

    fn abort(&self) -> bool {
        self.shared.abort();
        true
    }

    /// The driver completes a closing handshake whether or not the transport still exists.
    fn has_pending_close(&self) -> bool {
        false
    }

    fn is_flushed(&self) -> bool {
        self.shared.is_flushed()
    }

    fn watch_buffered_amount(&self, _: WatchBufferedAmount) {
        self.shared.lock().watch_drain();
    }

    fn pings(&self) -> Option<&dyn Pings> {
        Some(self)
    }
}

impl Pings for Socket {
    fn ping(&self, reply: PingReply) -> Result<(), PingError> {
        self.shared.ping(reply)
    }

    fn received_pings(&self) -> ReceivedPings {
        self.shared.received_pings()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.close(None);
    }
}
