//! Waiting until bufferedAmount falls.

use std::task::{Context, Poll};

use super::core::SocketCore;
use crate::trace::event;
use samesocket_spec::ReadyState;

/// A registration among the senders of a socket that wait until bufferedAmount falls.
///
/// The owner calls [`cancel`](Self::cancel) before it drops this; [`CapacityWaitGuard`] does so by itself.
#[derive(Default)]
pub(super) struct CapacityWait {
    key: Option<u64>,
    /// Whether bufferedAmount was zero while the transport held bytes that were not with the network.
    #[cfg(not(target_family = "wasm"))]
    is_held: bool,
}

impl CapacityWait {
    /// Waits until bufferedAmount is at the high-water mark, or the socket is not OPEN.
    #[inline]
    pub(super) fn poll_capacity(&mut self, core: &SocketCore, context: &Context<'_>) -> Poll<()> {
        // The most frequent case, in few instructions.
        if self.key.is_none() && core.has_capacity() {
            return Poll::Ready(());
        }
        let waited = self.key.is_some();
        let polled = self.poll(core, core.high_water_mark, context, |core| core.has_capacity().then_some(0));
        match (waited, &polled) {
            (false, Poll::Pending) => event!(core.connection.span(), TRACE, "sending paused"),
            (true, Poll::Ready(_)) => event!(core.connection.span(), TRACE, "sending resumed"),
            _ => {}
        }
        polled.map(|_| ())
    }

    /// Waits until bufferedAmount is zero and the network has everything, or the socket is CLOSED. Returns the bytes that are left.
    ///
    /// If the transport was lost with bytes that no longer count in bufferedAmount, their number is unknown. It returns 1 then.
    pub(super) fn poll_drained(&mut self, core: &SocketCore, context: &Context<'_>) -> Poll<u64> {
        let polled = self.poll(core, 0, context, |core| {
            // The state is read first, because bufferedAmount changes until the socket is CLOSED. The amount is read
            // once, because other senders can raise it between two reads.
            let closed = core.connection.ready_state() == ReadyState::Closed;
            let left = core.connection.buffered_amount();
            (closed || left == 0 && core.connection.is_flushed()).then_some(left)
        });
        #[cfg(not(target_family = "wasm"))]
        let polled = self.count_lost(core, polled);
        polled
    }

    /// Returns 1 in place of 0 if the transport was lost while it held bytes. In a page it holds none.
    #[cfg(not(target_family = "wasm"))]
    fn count_lost(&mut self, core: &SocketCore, polled: Poll<u64>) -> Poll<u64> {
        let connection = &core.connection;
        let was_held = std::mem::replace(&mut self.is_held, polled.is_pending() && connection.buffered_amount() == 0);
        let is_lost = || connection.ready_state() == ReadyState::Closed && connection.final_state().failure().is_some();
        polled.map(|left| if left == 0 && was_held && is_lost() { 1 } else { left })
    }

    fn poll(
        &mut self,
        core: &SocketCore,
        mark: u64,
        context: &Context<'_>,
        check: fn(&SocketCore) -> Option<u64>,
    ) -> Poll<u64> {
        let mut left = check(core);
        if left.is_none() {
            core.endpoint().waiting_senders().register(&mut self.key, mark, context.waker());
            core.connection.watch_buffered_amount();
            // Checked again, because bufferedAmount may have fallen before the waker was registered.
            left = check(core);
        }
        let Some(left) = left else { return Poll::Pending };
        self.cancel(core);
        Poll::Ready(left)
    }

    /// Removes the registration, if there is one.
    pub(super) fn cancel(&mut self, core: &SocketCore) {
        if let Some(key) = self.key.take() {
            core.endpoint().waiting_senders().remove(key);
        }
    }
}

/// A [`CapacityWait`] that is cancelled on drop.
pub(super) struct CapacityWaitGuard<'a> {
    pub(super) core: &'a SocketCore,
    pub(super) wait: CapacityWait,
}

impl<'a> CapacityWaitGuard<'a> {
    pub(super) fn new(core: &'a SocketCore) -> Self {
        Self { core, wait: CapacityWait::default() }
    }
}

impl Drop for CapacityWaitGuard<'_> {
    fn drop(&mut self) {
        self.wait.cancel(self.core);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use futures::FutureExt;

    use crate::platform::buffered_amount_hint::BufferedAmountHint;
    use crate::platform::{
        self, Backend, DefaultBackend, DialParameters, EventSink, FinalState, ReceiveMode, SendOutcome, Tasks,
        Transport, Url, WatchBufferedAmount,
    };
    use crate::socket::connect::connect;
    use crate::sync::{Lock, Shared};
    use crate::types::payload::Data;
    use samesocket_spec::close::CloseFrame;
    use samesocket_spec::state::Feedback;

    /// A transport that opens at once and whose bufferedAmount follows a script.
    struct ScriptedTransport {
        amounts: Shared<Lock<VecDeque<u64>>>,
        receiver: EventSink,
    }

    impl Transport for ScriptedTransport {
        fn start(&self) {
            self.receiver.handle_event(Feedback::Established { protocol: String::new(), extensions: String::new() });
        }

        fn is_closing(&self) -> bool {
            false
        }

        fn final_state(&self) -> FinalState {
            FinalState::of(self.amounts.lock().pop_front().unwrap_or_default())
        }

        fn set_binary_type(&self, _: ReceiveMode) {}

        fn send(&self, data: Data<'_>, queued: &BufferedAmountHint) -> SendOutcome {
            queued.add(data.payload.max_size());
            SendOutcome::accepted_if(true)
        }

        fn close(&self, _: CloseFrame<'_>) {}

        fn abort(&self) -> bool {
            false
        }

        fn has_pending_close(&self) -> bool {
            false
        }

        fn watch_buffered_amount(&self, _: WatchBufferedAmount) {}
    }

    /// A back end that creates [`ScriptedTransport`]s.
    struct ScriptedBackend(Shared<Lock<VecDeque<u64>>>);

    impl Backend for ScriptedBackend {
        fn dial(
            &self,
            _: &Url,
            _: DialParameters<'_>,
            _: ReceiveMode,
            _: &Tasks,
            receiver: EventSink,
        ) -> Result<Shared<dyn Transport>, FinalState> {
            Ok(Shared::new(ScriptedTransport { amounts: Shared::clone(&self.0), receiver }))
        }

        fn tasks(&self) -> Tasks {
            DefaultBackend::default().tasks()
        }

        fn clock(&self) -> Shared<dyn platform::Clock> {
            Shared::new(crate::testing::Clock::default())
        }
    }

    #[crate::test]
    fn drained_ignores_messages_sent_after_the_queue_was_empty() {
        for amounts in [[0, 5, 5], [7, 0, 5]] {
            let script = Shared::new(Lock::new(VecDeque::new()));
            let connecting = connect("ws://a.example").backend(Shared::new(ScriptedBackend(Shared::clone(&script))));
            let socket = connecting.now_or_never().unwrap().unwrap();
            script.lock().extend(amounts);
            assert!(matches!(socket.drained().now_or_never(), Some(Ok(()))), "{amounts:?}");
        }
    }
}
