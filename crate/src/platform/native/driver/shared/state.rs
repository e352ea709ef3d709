//! The state of a connection, and its lock.

use bytes::Bytes;

use crate::platform::native::catch_panic::catch_as_failure;
use crate::platform::native::driver::file_queue::FileQueue;
use crate::platform::native::driver::io::StateLock;
use crate::platform::native::driver::look_requests::LookRequests;
use crate::platform::native::driver::receive_backpressure::Delivery;
use crate::platform::native::driver::run_state::RunState;
use crate::platform::native::driver::stream_slot::StreamSlot;
use crate::platform::native::driver::write_policy::WritePolicy;
use crate::platform::pings::PendingPings;
use crate::sync::{Lock, LockGuard};
use crate::types::failure::Failure;
use samesocket_protocol::{Connection, Response};
use samesocket_spec::RedirectFailure;
use samesocket_spec::state::Feedback;

/// The lock of a connection's state.
pub(crate) struct ConnectionLock(Lock<ConnState>);

/// Access to a connection's state.
pub(crate) type Guard<'a> = LockGuard<'a, ConnState>;

/// One connection, and the flags that the interface and the driver share.
#[expect(clippy::struct_excessive_bools, reason = "they change independently")]
pub(crate) struct ConnState {
    pub(super) connection: Connection,
    pub(super) stream: StreamSlot,

    // The driver.
    pub(super) run: RunState,
    /// The futures that ask for a last look at the stream. `None` once the driver has ended.
    pub(super) look_requests: Option<LookRequests>,
    /// The pings that wait for their pongs. `None` once the driver has ended.
    pub(super) pings: Option<PendingPings>,
    /// Whether a sender waits for bufferedAmount to fall, and is to be notified of it.
    pub(super) drain_watched: bool,
    /// Whether the stream may hold bytes that it has accepted and not passed on.
    pub(super) is_held: bool,
    /// Whether `drained` waits until the stream has passed them on.
    pub(super) flush_watched: bool,

    // Sending.
    /// Whether the interface's socket is OPEN, for a sender that does not lock the connection.
    pub(super) is_open: bool,
    pub(super) policy: WritePolicy,
    pub(super) files: FileQueue,
    /// The limit of the bytes that wait to be sent; see `Limits::queue`.
    pub(super) queue_limit: u64,
    /// The bytes of messages that were rejected. The interface counts them itself.
    pub(super) rejected: u64,

    // Receiving.
    pub(super) delivery: Delivery,
    /// The feedback behind the messages that the receiver has read in place of the driver.
    pub(super) feedback: Option<Feedback<()>>,
    /// Whether the receiver has read since the deadlines were checked, or messages were gathered.
    pub(super) has_received: bool,

    /// The response to the opening handshake, once it has succeeded or failed.
    pub(super) response: Option<Response>,
    /// The URL of the request, after redirects.
    pub(super) redirected_url: Option<Box<str>>,

    // The end.
    /// The first cause of a failure that the protocol does not know: it only sees that the stream ended.
    pub(super) cause: Option<Failure>,
    /// Whether the connection has failed or closed uncleanly. Otherwise the cause is of no interest.
    pub(super) has_failed: bool,
    /// The reason why a redirect was not followed, and the number of those that were.
    pub(super) redirect_failure: Option<(RedirectFailure, u32)>,
}

impl ConnectionLock {
    pub(super) fn new(state: ConnState) -> Self {
        Self(Lock::new(state))
    }
}

impl ConnState {
    pub(super) fn new(connection: Connection, policy: WritePolicy, queue_limit: u64) -> Self {
        Self {
            connection,
            stream: StreamSlot::Absent,
            run: RunState::Running { round_requested: false },
            look_requests: Some(LookRequests::default()),
            pings: Some(PendingPings::default()),
            drain_watched: false,
            is_held: false,
            flush_watched: false,
            is_open: false,
            policy,
            files: FileQueue::default(),
            queue_limit,
            rejected: 0,
            delivery: Delivery::Bounded,
            feedback: None,
            has_received: false,
            response: None,
            redirected_url: None,
            cause: None,
            has_failed: false,
            redirect_failure: None,
        }
    }
}

impl StateLock for ConnectionLock {
    type State = ConnState;
    type Guard<'a> = Guard<'a>;

    fn lock(&self) -> Guard<'_> {
        self.0.lock()
    }

    fn yield_to_waiters(guard: &mut Guard<'_>) {
        LockGuard::bump(guard);
    }

    /// The owner of a payload is the user's. One that panics ends the connection.
    fn drop_released_payloads(guard: &mut Guard<'_>) -> bool {
        let mut any = false;
        loop {
            // A destructor may use the socket, and so release more payloads.
            let released = guard.connection.take_released_payloads();
            if released.is_empty() {
                return any;
            }
            any = true;
            let dropped = LockGuard::unlocked(guard, || drop_each(released));
            if let Err(failure) = dropped {
                guard.connection.write_failed();
                // Such a failure owns nothing of the user's.
                drop(guard.on_stream_lost(failure));
                // A driver that is about to park has to handle the failure. A sender wakes it, because it checks for that.
                guard.run.request_round();
            }
        }
    }
}

/// Drops payloads one by one; returns the failure of the last one that panicked.
pub(super) fn drop_each(payloads: impl IntoIterator<Item = Bytes>) -> Result<(), Failure> {
    payloads
        .into_iter()
        .map(|payload| catch_as_failure(|| drop(payload)))
        .filter(Result::is_err)
        .last()
        .unwrap_or(Ok(()))
}
