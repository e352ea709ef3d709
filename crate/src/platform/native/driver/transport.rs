//! The interface's end of a socket on a native target.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::{StdRng, SysRng};
use rand::{Rng as _, SeedableRng as _};

use super::Driver;
use super::shared::SocketShared;
use super::write_policy::WritePolicy;
use crate::platform::buffered_amount_hint::BufferedAmountHint;
use crate::platform::native::catch_panic::catch_as_failure;
use crate::platform::native::dial;
use crate::platform::native::failure::Failure;
use crate::platform::native::options::Options;
use crate::platform::native::runtime::clock::RuntimeClock;
use crate::platform::native::url::Url;
use crate::platform::{
    Backend, Clock, EventSink, LastLook, Protocols, ReceiveMode, SendOutcome, Tasks, Transport, WatchBufferedAmount,
};
use crate::sync::{Lock, Shared};
use crate::types::payload::Payload;
use samesocket_protocol::Connection;
use samesocket_spec::close::CloseFrame;

/// A connection that a task drives. Dropping it starts the closing handshake, which the task completes.
struct Socket {
    shared: Arc<SocketShared>,
    /// The driver, until it is started.
    driver: Lock<Option<Driver>>,
}

/// The state of a connection after its transport was dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FinalState {
    /// The payload bytes that were not sent.
    pub(crate) buffered_amount: u64,
    /// The reason for which the connection failed, if it did.
    pub(crate) failure: Option<Failure>,
}

impl FinalState {
    /// Creates the final state of a connection of which nothing else is known.
    pub(crate) const fn of(buffered_amount: u64) -> Self {
        Self { buffered_amount, failure: None }
    }

    /// Returns the reason for which the connection failed, as an error.
    pub(crate) fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.failure.as_ref().map(|failure| failure as _)
    }
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
        protocols: Vec<String>,
        options: &Options,
        tasks: &Tasks,
        receiver: EventSink,
    ) -> Result<Self, Failure> {
        if let Some(Err(error)) = tasks.runtime() {
            return Err(Failure::System { source: Arc::clone(error) });
        }
        // A generator of its own, because some systems take longer for a key than all the rest of a short message does.
        let mut generator = StdRng::try_from_rng(&mut SysRng).map_err(Failure::system)?;
        let entropy = Box::new(move |bytes: &mut [u8]| generator.fill_bytes(bytes));
        let mut options = options.clone();
        let (request, failure) = match catch_as_failure(|| dial::request::request(url, protocols.clone(), &options)) {
            Ok(request) => (request, None),
            Err(failure) => {
                options.cookies = None;
                (dial::request::request(url, protocols, &options), Some(failure))
            }
        };
        let connection =
            Connection::new(&request, options.limits.clone(), entropy, Duration::ZERO).map_err(Failure::system)?;
        let policy = WritePolicy::new(options.shares_thread());
        let shared = Arc::new(SocketShared::new(connection, policy, options.limits.queue, tasks.clone()));
        let mut driver = Driver::new(Arc::clone(&shared), url.clone(), options, receiver);
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

impl Backend for Options {
    fn dial(
        &self,
        url: &Url,
        protocols: Protocols<'_>,
        _: ReceiveMode,
        tasks: &Tasks,
        receiver: EventSink,
    ) -> Result<Shared<dyn Transport>, FinalState> {
        match Socket::connect(url, protocols.names.to_vec(), self, tasks, receiver) {
            Ok(socket) => Ok(Shared::new(socket)),
            Err(failure) => Err(FinalState { failure: Some(failure), ..FinalState::default() }),
        }
    }

    fn tasks(&self) -> Tasks {
        Tasks::new(self.runtime_of_socket())
    }

    fn clock(&self) -> Shared<dyn Clock> {
        Shared::new(RuntimeClock { runtime: self.custom_runtime() })
    }

    fn has_backpressure(&self) -> bool {
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
        FinalState { buffered_amount: state.buffered_amount(), failure: state.failure() }
    }

    /// The interface converts messages itself.
    fn set_binary_type(&self, _: ReceiveMode) {}

    fn send(&self, payload: Payload<'_>, queued: &BufferedAmountHint) -> SendOutcome {
        let (accepted, needs_flush) = self.shared.send(payload, |amount| queued.set(amount));
        if accepted && needs_flush { SendOutcome::NeedsFlush } else { SendOutcome::accepted_if(accepted) }
    }

    fn flush(&self) {
        self.shared.flush();
    }

    fn close(&self, frame: CloseFrame<'_>) {
        self.shared.close(frame);
    }

    fn abort(&self) {
        self.shared.abort();
    }

    /// The driver completes a closing handshake whether or not the transport still exists.
    fn has_pending_close(&self) -> bool {
        false
    }

    fn watch_buffered_amount(&self, _: WatchBufferedAmount) {
        self.shared.lock().watch_drain();
    }

    fn ping(&self) -> bool {
        self.shared.ping();
        true
    }

    fn take_pong(&self) -> bool {
        self.shared.lock().take_pong()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.close(None);
    }
}
