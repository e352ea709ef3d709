//! The interface's end of a socket.

use std::error::Error;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use rand::rngs::{StdRng, SysRng};
use rand::{Rng as _, SeedableRng as _};

use crate::platform::buffered_amount_hint::BufferedAmountHint;
use crate::platform::native::catch_panic::guarded;
use crate::platform::native::driver::Driver;
use crate::platform::native::driver::file_queue::Outbox;
use crate::platform::native::driver::io::Line;
use crate::platform::native::driver::write_policy::Pace;
use crate::platform::native::failure::Failure;
use crate::platform::native::{Options, Time, Url, dial};
use crate::platform::{
    Backend, Clock, EventSink, Protocols, ReceiveMode, SendOutcome, Tasks, Transport, WatchBufferedAmount,
};
use crate::sync::Lock;
use crate::sync::Shared;
use crate::types::blob::Blob;
use crate::types::owned_message::OwnedMessage;
use crate::types::payload::Payload;
use samesocket_protocol::connection::Connection;
use samesocket_protocol::limits::MESSAGE_OVERHEAD;
use samesocket_protocol::message::{Kind, Payload as Sent};
use samesocket_spec::close::CloseFrame;

/// A connection that a task drives; dropping it closes it, in the background.
pub(crate) struct Socket {
    link: Arc<Link>,
    /// Until it is started.
    driver: Lock<Option<Driver>>,
}

/// What the interface and the driver share.
pub(in crate::platform::native) struct Link {
    pub(in crate::platform::native) channel: Lock<Channel>,
    pub(in crate::platform::native) tasks: Tasks,
    start: Instant,
}

/// The connection, and what it is told from outside the driver.
#[expect(clippy::struct_excessive_bools, reason = "each is told by one side and asked by the other")]
pub(in crate::platform::native) struct Channel {
    pub(in crate::platform::native) wire: Connection,
    pub(in crate::platform::native) outbox: Outbox,
    /// The stream, once there is one, and while there is.
    pub(in crate::platform::native) line: Option<Line>,
    pub(in crate::platform::native) pace: Pace,
    /// What went wrong first, where the protocol knows no more than that the connection ended.
    pub(in crate::platform::native) failure: Option<Failure>,
    /// Whether the connection has failed, or closed uncleanly: else nothing of what went wrong matters.
    pub(in crate::platform::native) failed: bool,
    /// Whether the user has closed the connection, so that nobody cares for messages any more.
    pub(in crate::platform::native) closing: bool,
    /// Whether messages are discarded and nothing more is waited for, since writing has failed and who was to take what had
    /// come has not done so in time.
    pub(in crate::platform::native) discards: bool,
    /// Whether something was done to the connection that the driver has not seen.
    pub(in crate::platform::native) touched: bool,
    /// Whether somebody waits for bufferedAmount to fall.
    pub(in crate::platform::native) watched: bool,
    /// Whether the driver is at work or was woken, and will look before it rests.
    pub(in crate::platform::native) awake: bool,
    /// Whether the driver looks before long whether it has been quiet.
    pub(in crate::platform::native) busy: bool,
    /// Who wakes the driver, once it has been at work.
    pub(in crate::platform::native) waker: Waker,
    limit: u64,
    /// The bytes of messages that had no room; the interface counts them.
    refused: u64,
}

/// What is left of a socket.
#[derive(Clone, Debug, Default)]
pub(crate) struct FinalState {
    /// The payload bytes that were not sent.
    pub(crate) buffered_amount: u64,
    /// Why the connection failed, if it did.
    pub(crate) failure: Option<Failure>,
}

impl FinalState {
    /// What is left of a socket that nothing else is known of.
    pub(crate) const fn of(buffered_amount: u64) -> Self {
        Self { buffered_amount, failure: None }
    }

    /// Why the connection failed, as an error.
    pub(crate) fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.failure.as_ref().map(|failure| failure as _)
    }
}

impl Socket {
    /// Makes a connection, whose feedback will be given to `receiver` in one task once it is started.
    ///
    /// The arguments have been checked, so `None` says that the system has no thread or no randomness for it.
    pub(crate) fn connect(
        url: &Url,
        protocols: Vec<String>,
        options: &Options,
        tasks: &Tasks,
        receiver: EventSink,
    ) -> Option<Self> {
        tasks.runtime()?;
        // A generator of its own, since some systems take longer for a key than all the rest of a short message does.
        let mut generator = StdRng::try_from_rng(&mut SysRng).ok()?;
        let entropy = Box::new(move |bytes: &mut [u8]| generator.fill_bytes(bytes));
        let mut options = options.clone();
        let (request, failure) = match guarded(|| dial::request(url, protocols.clone(), &options)) {
            Ok(request) => (request, None),
            Err(failure) => {
                options.cookies = None;
                (dial::request(url, protocols, &options), Some(failure))
            }
        };
        let wire = Connection::new(&request, options.limits.clone(), entropy, Duration::ZERO).ok()?;
        let channel = Channel {
            wire,
            outbox: Outbox::default(),
            line: None,
            pace: Pace::new(options.shares_thread()),
            failure: None,
            failed: false,
            closing: false,
            discards: false,
            touched: false,
            watched: false,
            awake: true,
            busy: false,
            waker: Waker::noop().clone(),
            limit: options.limits.queue,
            refused: 0,
        };
        let link = Arc::new(Link { channel: Lock::new(channel), tasks: tasks.clone(), start: Instant::now() });
        let mut driver = Driver::new(Arc::clone(&link), url.clone(), options, receiver);
        if let Some(failure) = failure {
            driver.fail(failure);
        }
        Some(Self { link, driver: Lock::new(Some(driver)) })
    }
}

impl Backend for Options {
    fn dial(
        &self,
        url: &Url,
        protocols: Protocols<'_>,
        _: ReceiveMode,
        tasks: &Tasks,
        receiver: EventSink,
    ) -> Option<Shared<dyn Transport>> {
        Socket::connect(url, protocols.names.to_vec(), self, tasks, receiver).map(|socket| Shared::new(socket) as _)
    }

    fn tasks(&self) -> Tasks {
        Tasks::new(self)
    }

    fn clock(&self) -> Shared<dyn Clock> {
        Shared::new(Time { runtime: self.given_runtime() })
    }

    fn has_backpressure(&self) -> bool {
        true
    }
}

impl Transport for Socket {
    /// Where the runtime has ended, its end is told at once.
    fn start(&self) {
        if let Some(driver) = self.driver.take()
            && let Some(runtime) = self.link.tasks.runtime()
        {
            self.link.tasks.begin();
            runtime.spawn(driver);
        }
    }

    /// The driver tells of a closing handshake like of anything else.
    fn is_closing(&self) -> bool {
        false
    }

    fn buffered_amount(&self) -> u64 {
        self.link.channel.lock().buffered_amount()
    }

    fn final_state(&self) -> FinalState {
        let channel = self.link.channel.lock();
        let protocol = || channel.wire.failure().cloned().map(Failure::Protocol);
        let failure = if channel.failed { channel.failure.clone().or_else(protocol) } else { None };
        FinalState { buffered_amount: channel.buffered_amount(), failure }
    }

    /// The interface gives messages their form.
    fn set_binary_type(&self, _: ReceiveMode) {}

    fn send(&self, payload: Payload<'_>, queued: &BufferedAmountHint) -> SendOutcome {
        let mut channel = self.link.channel.lock();
        let (size, before) = (payload.size(), channel.wire.queued());
        let taken = channel.send(payload);
        channel.touched = true;
        let amount = channel.wire.queued();
        channel.pace.send(size, before, amount);
        queued.set(channel.buffered_amount());
        if taken && channel.has_to_transmit() { SendOutcome::NeedsFlush } else { SendOutcome::accepted_if(taken) }
    }

    fn flush(&self) {
        let now = self.link.now();
        let done = self.link.channel.lock().transmit(now);
        if !done {
            self.link.tasks.driver().wake();
        }
    }

    fn close(&self, frame: CloseFrame<'_>) {
        let now = self.link.now();
        self.link.touch(|channel| channel.close(frame, now));
    }

    /// The driver does what waits, whether or not this is there.
    fn has_pending_close(&self) -> bool {
        false
    }

    fn watch_buffered_amount(&self, _: WatchBufferedAmount) {
        self.link.channel.lock().watched = true;
    }

    fn ping(&self) -> bool {
        self.link.touch(|channel| {
            channel.wire.take_pong();
            channel.wire.ping(&[]);
        });
        true
    }

    fn take_pong(&self) -> bool {
        self.link.channel.lock().wire.take_pong().is_some()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.close(None);
    }
}

impl Link {
    /// The time since the socket was made.
    pub(in crate::platform::native) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// The moment that is so long after the socket was made.
    pub(in crate::platform::native) fn moment(&self, time: Duration) -> Instant {
        // A moment that the clock does not reach is as good as one in years.
        self.start.checked_add(time).unwrap_or_else(|| self.start + Duration::from_hours(1 << 16))
    }

    /// Does something to the connection, and has the driver look at it.
    fn touch<R>(&self, act: impl FnOnce(&mut Channel) -> R) -> R {
        let (result, awake) = {
            let mut channel = self.channel.lock();
            let result = act(&mut channel);
            channel.touched = true;
            // Who comes next need not wake it once more.
            (result, std::mem::replace(&mut channel.awake, true))
        };
        if !awake {
            self.tasks.driver().wake();
        }
        result
    }
}

impl Channel {
    fn buffered_amount(&self) -> u64 {
        self.wire.buffered_amount().saturating_add(self.outbox.bytes()).saturating_sub(self.refused)
    }

    fn send(&mut self, payload: Payload<'_>) -> bool {
        let size = payload.size();
        let (kind, sent) = match payload {
            Payload::Text(_, Some(text)) => (Kind::Text, Sent::Shared(text.utf8())),
            Payload::Text(text, None) => (Kind::Text, Sent::Borrowed(text.as_bytes())),
            Payload::Binary(_, Some(bytes)) => (Kind::Binary, Sent::Shared(bytes)),
            Payload::Binary(bytes, None) => (Kind::Binary, Sent::Borrowed(bytes)),
            Payload::Blob(blob) => match blob.in_memory() {
                Some(bytes) => (Kind::Binary, Sent::Shared(bytes)),
                None => return self.send_file(blob),
            },
            Payload::Lazy(lazy) => match lazy.owned() {
                OwnedMessage::Text(text) => (Kind::Text, Sent::Shared(text.utf8())),
                OwnedMessage::Binary(bytes) => (Kind::Binary, Sent::Shared(bytes)),
            },
        };
        if self.outbox.is_empty() {
            let failed = self.wire.failure().is_some();
            self.wire.send(kind, sent);
            let taken = failed || self.wire.failure().is_none();
            self.refused += if taken { 0 } else { size };
            return taken;
        }
        let room = self.make_sure_of_room(size);
        if room {
            self.outbox.send(kind, sent.into_bytes());
        }
        room
    }

    /// A file is read when its turn comes; until then the driver hands on nothing that follows it.
    fn send_file(&mut self, file: &Blob) -> bool {
        let room = self.make_sure_of_room(file.size());
        if room {
            self.outbox.send_file(file.clone());
        }
        room
    }

    /// Whether a message has room behind a file, or a file behind anything; if there is none, the connection fails.
    fn make_sure_of_room(&mut self, size: u64) -> bool {
        let queued = self.wire.queued().saturating_add(self.outbox.queued());
        let has_room = queued.saturating_add(size).saturating_add(MESSAGE_OVERHEAD) <= self.limit;
        if !has_room {
            self.wire.overflow();
        }
        has_room
    }

    fn close(&mut self, frame: CloseFrame<'_>, now: Duration) {
        if self.closing {
            return;
        }
        self.closing = true;
        if self.outbox.is_empty() {
            self.wire.close(frame, now);
        } else {
            self.outbox.close(frame);
        }
    }
}
