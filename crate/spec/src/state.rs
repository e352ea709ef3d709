//! The state machine of one socket: calls and protocol feedback in, state and events out.
//!
//! A back end translates what its platform or protocol core reports into [`Feedback`], in order, and acts on each
//! [`Action`]. The interface's `send` and `close` map to [`SocketState::send`] and [`SocketState::close`]. Everything
//! that a script can observe is decided here. See the [crate documentation](crate) for an example.

use std::fmt;

use crate::{CloseEvent, Exception, ReadyState};

/// An event that the protocol reports about a connection.
///
/// `M` is the type of a message. See <https://websockets.spec.whatwg.org/#feedback-from-the-protocol>.
///
/// ```
/// use samesocket_spec::CloseEvent;
/// use samesocket_spec::state::Feedback;
///
/// let message = Feedback::MessageReceived("hello");
/// assert_eq!(message.into_message::<()>().ok(), Some("hello"));
/// let end = Feedback::<&str>::closed(1000, String::new(), true);
/// assert!(matches!(end, Feedback::Closed(CloseEvent { code: 1000, was_clean: true, .. })));
/// ```
pub enum Feedback<M> {
    /// The opening handshake is complete, as far as the back end checks it.
    Established {
        /// The subprotocol in the server's response, or the empty string.
        protocol: String,
        /// The extensions in use.
        extensions: String,
    },
    /// A complete message arrived.
    MessageReceived(M),
    /// The closing handshake has started. If the socket did not start it, the peer did.
    ClosingHandshakeStarted,
    /// The connection was failed; `Closed` follows.
    Failed,
    /// The connection is closed.
    Closed(CloseEvent),
}

impl<M> Feedback<M> {
    /// Converts the message, if there is one.
    #[inline]
    pub fn map<N>(self, change: impl FnOnce(M) -> N) -> Feedback<N> {
        self.into_message().map_or_else(|other| other, |message| Feedback::MessageReceived(change(message)))
    }

    /// Returns the message, or the feedback itself with any other message type.
    ///
    /// # Errors
    ///
    /// Returns feedback that is not a message.
    #[inline]
    pub fn into_message<N>(self) -> Result<M, Feedback<N>> {
        Err(match self {
            Self::MessageReceived(message) => return Ok(message),
            Self::Established { protocol, extensions } => Feedback::Established { protocol, extensions },
            Self::ClosingHandshakeStarted => Feedback::ClosingHandshakeStarted,
            Self::Failed => Feedback::Failed,
            Self::Closed(event) => Feedback::Closed(event),
        })
    }

    /// Creates the feedback for the end of a connection, with the values that the platform reports.
    ///
    /// The event of a lost connection has the code 1006 and no reason. Deno reports it with the code 0, workerd with a reason.
    pub fn closed(code: u16, reason: String, was_clean: bool) -> Self {
        if !was_clean && matches!(code, 0 | 1006) {
            return Self::closed_abnormally();
        }
        Self::Closed(CloseEvent { code, reason, was_clean })
    }

    /// Creates the feedback for a failed connection about which the platform reports nothing more.
    pub fn closed_abnormally() -> Self {
        Self::Closed(CloseEvent::abnormal())
    }
}

impl<M: fmt::Debug> fmt::Debug for Feedback<M> {
    /// Leaves out the subprotocol, because some programs pass tokens in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Established { extensions, .. } => {
                f.debug_struct("Established").field("extensions", extensions).finish_non_exhaustive()
            }
            Self::MessageReceived(message) => f.debug_tuple("MessageReceived").field(message).finish(),
            Self::ClosingHandshakeStarted => f.write_str("ClosingHandshakeStarted"),
            Self::Failed => f.write_str("Failed"),
            Self::Closed(event) => f.debug_tuple("Closed").field(event).finish(),
        }
    }
}

/// The action that [`SocketState::handle_feedback`] asks of the caller.
///
/// ```
/// use samesocket_spec::state::{Action, Feedback, SocketState};
///
/// let mut state = SocketState::new(vec!["chat".to_owned()]);
/// // The server chose a subprotocol that was not offered.
/// let established = Feedback::<()>::Established { protocol: "other".to_owned(), extensions: String::new() };
/// assert_eq!(state.handle_feedback(established), Action::Fail);
/// ```
#[derive(Debug, PartialEq, Eq)]
pub enum Action<M> {
    /// Do nothing; no event is fired.
    Nothing,
    /// Fire `open`.
    Open,
    /// Fire `message`.
    Message(M),
    /// Fail the connection: release the platform's socket, then report `Closed` as feedback.
    Fail,
    /// Fire `error` if so indicated, then `close`.
    Closed {
        /// Whether to fire `error` first.
        error: bool,
        /// The data of the `close` event.
        event: CloseEvent,
    },
}

/// The action that [`SocketState::send`] asks of the caller.
///
/// ```
/// use samesocket_spec::state::{Feedback, SendAction, SocketState};
///
/// let mut state = SocketState::new(Vec::new());
/// state.handle_feedback(Feedback::<()>::Established { protocol: String::new(), extensions: String::new() });
/// assert_eq!(state.send(5), Ok(SendAction::Transmit));
/// state.close();
/// assert_eq!(state.send(5), Ok(SendAction::Discard));
/// assert_eq!(state.discarded(), 5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendAction {
    /// Pass the data to the protocol, which counts it in its bufferedAmount.
    Transmit,
    /// Drop the data. It is counted already.
    Discard,
}

/// The action that [`SocketState::close`] asks of the caller.
///
/// ```
/// use samesocket_spec::state::{CloseAction, SocketState};
///
/// let mut state = SocketState::new(Vec::new());
/// assert_eq!(state.close(), CloseAction::Fail, "the socket is CONNECTING");
/// assert_eq!(state.close(), CloseAction::Nothing);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseAction {
    /// Do nothing; the socket is CLOSING or CLOSED.
    Nothing,
    /// Fail a connection that is not yet established. Report its `Closed` in a task.
    Fail,
    /// Start the closing handshake.
    StartHandshake,
}

/// The state that the Standard keeps for one socket.
///
/// ```
/// use samesocket_spec::state::{Action, CloseAction, Feedback, SocketState};
/// use samesocket_spec::{CloseEvent, Exception, ReadyState};
///
/// let mut state = SocketState::new(Vec::new());
/// assert_eq!(state.send(5), Err(Exception::StillConnecting));
/// let established = Feedback::<&str>::Established { protocol: String::new(), extensions: String::new() };
/// assert_eq!(state.handle_feedback(established), Action::Open);
/// assert_eq!(state.handle_feedback(Feedback::MessageReceived("hello")), Action::Message("hello"));
/// assert_eq!(state.close(), CloseAction::StartHandshake);
/// let closed = Feedback::<&str>::closed(1000, String::new(), true);
/// let event = CloseEvent::new(1000, String::new(), true);
/// assert_eq!(state.handle_feedback(closed), Action::Closed { error: false, event });
/// assert_eq!(state.ready_state(), ReadyState::Closed);
/// ```
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own in the Standard, or beside it")]
pub struct SocketState {
    /// The subprotocols that the constructor received.
    offered: Vec<String>,
    ready_state: ReadyState,
    /// Whether the connection was ever OPEN.
    established: bool,
    /// Whether `close` was called before the connection ended.
    closed_by_us: bool,
    /// Whether the program has aborted the connection.
    aborted: bool,
    /// Whether the connection was failed, so that `error` precedes `close`.
    failed: bool,
    protocol: String,
    extensions: String,
    /// The number of bytes that were sent in the state CLOSING or CLOSED.
    discarded: u64,
}

impl fmt::Debug for SocketState {
    /// Leaves out the subprotocols, because some programs pass tokens in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketState").field("ready_state", &self.ready_state).finish_non_exhaustive()
    }
}

impl SocketState {
    /// Creates the state of a new socket. The offered subprotocols must have been checked.
    pub fn new(offered: Vec<String>) -> Self {
        Self {
            offered,
            ready_state: ReadyState::Connecting,
            established: false,
            closed_by_us: false,
            aborted: false,
            failed: false,
            protocol: String::new(),
            extensions: String::new(),
            discarded: 0,
        }
    }

    /// Returns the subprotocols that were offered.
    pub fn offered(&self) -> &[String] {
        &self.offered
    }

    /// Returns the ready state.
    pub fn ready_state(&self) -> ReadyState {
        self.ready_state
    }

    /// Returns the subprotocol that the server chose. It is empty until the connection is open.
    pub fn protocol(&self) -> &str {
        &self.protocol
    }

    /// Returns the extensions in use. The string is empty until the connection is open.
    pub fn extensions(&self) -> &str {
        &self.extensions
    }

    /// Returns the part of bufferedAmount that never reached the protocol, in bytes.
    ///
    /// It counts the data that was sent in the state CLOSING or CLOSED.
    pub fn discarded(&self) -> u64 {
        self.discarded
    }

    /// Returns whether `close` was called before the connection ended or the peer started to close.
    pub fn is_closed_by_us(&self) -> bool {
        self.closed_by_us
    }

    /// Decides what `send(data)` does with data of `bytes` bytes.
    ///
    /// See <https://websockets.spec.whatwg.org/#dom-websocket-send>.
    ///
    /// # Errors
    ///
    /// Returns [`Exception::StillConnecting`] while the socket is CONNECTING. Nothing is counted then.
    pub fn send(&mut self, bytes: u64) -> Result<SendAction, Exception> {
        match self.ready_state {
            ReadyState::Connecting => Err(Exception::StillConnecting),
            ReadyState::Open => Ok(SendAction::Transmit),
            ReadyState::Closing | ReadyState::Closed => {
                self.discarded = self.discarded.saturating_add(bytes);
                Ok(SendAction::Discard)
            }
        }
    }

    /// Decides what `close(code, reason)` does. The arguments must have been checked.
    ///
    /// See <https://websockets.spec.whatwg.org/#close-the-websocket>.
    pub fn close(&mut self) -> CloseAction {
        let action = match self.ready_state {
            ReadyState::Closing | ReadyState::Closed => return CloseAction::Nothing,
            ReadyState::Connecting => CloseAction::Fail,
            ReadyState::Open => CloseAction::StartHandshake,
        };
        self.ready_state = ReadyState::Closing;
        self.closed_by_us = true;
        action
    }

    /// Decides what `abort()` does. Returns `false` if it does nothing, because the socket is CLOSED.
    ///
    /// The Standard has no such method. From now on the only event is `close` with code 1006, after an `error` if the
    /// connection was never OPEN, as with [`close`](Self::close). The caller ends the connection, and reports its
    /// `Closed`.
    pub fn abort(&mut self) -> bool {
        if self.ready_state == ReadyState::Closed {
            return false;
        }
        self.ready_state = ReadyState::Closing;
        (self.closed_by_us, self.aborted) = (true, true);
        true
    }

    /// Flags the connection as full, because data of `bytes` bytes could not be queued. The caller closes the
    /// connection.
    ///
    /// See <https://websockets.spec.whatwg.org/#dom-websocket-send>.
    pub fn flag_as_full(&mut self, bytes: u64) {
        self.failed = true;
        self.ready_state = self.ready_state.max(ReadyState::Closing);
        self.discarded = self.discarded.saturating_add(bytes);
    }

    /// Updates the state with feedback from the protocol, and returns the action for the caller.
    ///
    /// See <https://websockets.spec.whatwg.org/#feedback-from-the-protocol>.
    pub fn handle_feedback<M>(&mut self, feedback: Feedback<M>) -> Action<M> {
        match feedback {
            Feedback::Established { protocol, extensions } => self.establish(protocol, extensions),
            Feedback::MessageReceived(message) if self.accepts_messages() => Action::Message(message),
            Feedback::MessageReceived(_) => Action::Nothing,
            Feedback::ClosingHandshakeStarted => {
                self.closing_handshake_started();
                Action::Nothing
            }
            Feedback::Failed => {
                self.failed |= !self.aborted;
                Action::Nothing
            }
            Feedback::Closed(event) => self.finish(event),
        }
    }

    /// Returns whether `message` is fired for a message that arrives now.
    pub fn accepts_messages(&self) -> bool {
        self.ready_state == ReadyState::Open
    }

    /// Moves an OPEN socket to CLOSING, because the peer has started the closing handshake. No event is fired for it.
    pub fn closing_handshake_started(&mut self) {
        if self.ready_state == ReadyState::Open {
            self.ready_state = ReadyState::Closing;
        }
    }

    /// Opens the socket, or fails it if the server's choice of a subprotocol is not allowed.
    fn establish<M>(&mut self, protocol: String, extensions: String) -> Action<M> {
        if self.ready_state != ReadyState::Connecting {
            // `close` was called before, and the connection is being failed.
            return Action::Nothing;
        }
        if !self.may_choose(&protocol) {
            self.ready_state = ReadyState::Closing;
            return Action::Fail;
        }
        self.ready_state = ReadyState::Open;
        self.established = true;
        self.protocol = protocol;
        self.extensions = extensions;
        Action::Open
    }

    /// Returns whether the server may respond with this subprotocol. The empty string means none.
    ///
    /// See <https://fetch.spec.whatwg.org/#concept-websocket-establish>.
    fn may_choose(&self, protocol: &str) -> bool {
        if protocol.is_empty() { self.offered.is_empty() } else { self.offered.iter().any(|name| name == protocol) }
    }

    /// Closes the socket and decides which events are fired.
    ///
    /// See <https://websockets.spec.whatwg.org/#eventdef-websocket-close>.
    fn finish<M>(&mut self, event: CloseEvent) -> Action<M> {
        if self.ready_state == ReadyState::Closed {
            return Action::Nothing;
        }
        // A connection that is lost before either side starts to close has failed. Some engines do not report that.
        let lost = !self.closed_by_us && event.is_abnormal();
        // A code that no frame may carry fails the connection, though some engines report such an end as clean.
        // 1005 stands for a frame without a code, which has no reason either.
        let forbidden =
            event.was_clean && (matches!(event.code, 1006 | 1015) || event.code == 1005 && !event.reason.is_empty());
        self.ready_state = ReadyState::Closed;
        let is_valid = self.established && !forbidden;
        Action::Closed {
            error: !is_valid || self.failed || lost,
            event: if is_valid && !self.aborted { event } else { CloseEvent::abnormal() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAN: CloseEvent = CloseEvent { code: 1000, reason: String::new(), was_clean: true };

    fn state(offered: &[&str]) -> SocketState {
        SocketState::new(offered.iter().map(|&name| name.to_owned()).collect())
    }

    #[crate::test]
    fn feedback_of_the_end_has_the_reported_values() {
        let event = CloseEvent { code: 3000, reason: "bye".to_owned(), was_clean: true };
        let zero = CloseEvent { code: 0, reason: String::new(), was_clean: true };
        let ends = [
            (Feedback::<()>::closed(3000, "bye".to_owned(), true), event),
            (Feedback::closed(0, String::new(), true), zero),
            (Feedback::closed(0, String::new(), false), CloseEvent::abnormal()),
            (Feedback::closed(1006, "lost".to_owned(), false), CloseEvent::abnormal()),
            (Feedback::closed_abnormally(), CloseEvent::abnormal()),
        ];
        for (feedback, expected) in ends {
            assert!(matches!(feedback, Feedback::Closed(event) if event == expected));
        }
        assert_eq!(state(&["a", "b"]).offered(), ["a", "b"]);
    }

    #[crate::test]
    fn debug_shows_no_subprotocol() {
        let feedback = [
            established("secret"),
            Feedback::MessageReceived(1),
            Feedback::ClosingHandshakeStarted,
            Feedback::Failed,
            Feedback::Closed(CLEAN),
        ];
        assert_eq!(
            feedback.map(|feedback| format!("{feedback:?}")),
            [
                "Established { extensions: \"x\", .. }",
                "MessageReceived(1)",
                "ClosingHandshakeStarted",
                "Failed",
                "Closed(CloseEvent { code: 1000, reason: \"\", was_clean: true })",
            ]
        );
        assert_eq!(format!("{:?}", state(&["secret"])), "SocketState { ready_state: Connecting, .. }");
    }

    fn established<M>(protocol: &str) -> Feedback<M> {
        Feedback::Established { protocol: protocol.to_owned(), extensions: "x".to_owned() }
    }

    fn open(offered: &[&str]) -> SocketState {
        let mut state = state(offered);
        let protocol = offered.first().copied().unwrap_or_default();
        assert_eq!(state.handle_feedback::<()>(established(protocol)), Action::Open);
        state
    }

    #[crate::test]
    fn established_socket_opens_receives_and_closes() {
        let mut state = open(&["chat", "CHAT"]);
        assert_eq!((state.ready_state(), state.protocol(), state.extensions()), (ReadyState::Open, "chat", "x"));
        assert_eq!(state.handle_feedback(Feedback::MessageReceived("a")), Action::Message("a"));
        assert_eq!(state.send(3), Ok(SendAction::Transmit));
        assert_eq!(state.handle_feedback::<()>(Feedback::ClosingHandshakeStarted), Action::Nothing);
        assert_eq!(state.ready_state(), ReadyState::Closing);
        assert_eq!(state.handle_feedback::<()>(Feedback::Closed(CLEAN)), Action::Closed { error: false, event: CLEAN });
        assert_eq!((state.ready_state(), state.protocol(), state.extensions()), (ReadyState::Closed, "chat", "x"));
    }

    #[crate::test]
    fn subprotocol_not_offered_exactly_fails_the_connection() {
        for (offered, chosen) in [(&["chat"][..], ""), (&[], "chat"), (&["chat"], "CHAT"), (&["a", "b"], "c")] {
            let mut state = state(offered);
            assert_eq!(state.handle_feedback::<()>(established(chosen)), Action::Fail, "{offered:?} {chosen:?}");
            assert_eq!((state.ready_state(), state.protocol()), (ReadyState::Closing, ""));
            assert_eq!(
                state.handle_feedback::<()>(Feedback::Closed(CLEAN)),
                Action::Closed { error: true, event: CloseEvent::abnormal() }
            );
        }
    }

    #[crate::test]
    fn close_while_connecting_ends_abnormally_without_open() {
        let mut state = state(&[]);
        assert_eq!(state.close(), CloseAction::Fail);
        assert_eq!(state.ready_state(), ReadyState::Closing);
        assert_eq!(state.handle_feedback::<()>(established("")), Action::Nothing);
        assert_eq!(state.handle_feedback(Feedback::MessageReceived(())), Action::Nothing);
        assert_eq!(
            state.handle_feedback::<()>(Feedback::Closed(CLEAN)),
            Action::Closed { error: true, event: CloseEvent::abnormal() }
        );
    }

    #[crate::test]
    fn close_stops_messages_and_acts_once() {
        let mut state = open(&[]);
        assert_eq!((state.close(), state.close()), (CloseAction::StartHandshake, CloseAction::Nothing));
        assert_eq!(state.handle_feedback(Feedback::MessageReceived(())), Action::Nothing);
        assert_eq!(state.handle_feedback::<()>(Feedback::Closed(CLEAN)), Action::Closed { error: false, event: CLEAN });
        assert_eq!(state.close(), CloseAction::Nothing);
        assert_eq!(state.handle_feedback::<()>(Feedback::Closed(CLEAN)), Action::Nothing);
        assert_eq!(state.ready_state(), ReadyState::Closed);
    }

    #[crate::test]
    fn data_sent_after_close_is_counted_and_discarded() {
        let mut state = state(&[]);
        assert_eq!(state.send(9), Err(Exception::StillConnecting));
        assert_eq!(state.discarded(), 0);
        assert_eq!(state.close(), CloseAction::Fail);
        assert_eq!(state.send(3), Ok(SendAction::Discard));
        state.handle_feedback::<()>(Feedback::Closed(CLEAN));
        assert_eq!(state.send(4), Ok(SendAction::Discard));
        assert_eq!(state.discarded(), 7);
        assert_eq!(state.send(u64::MAX), Ok(SendAction::Discard));
        assert_eq!(state.discarded(), u64::MAX);
    }

    #[crate::test]
    fn full_buffer_or_failure_fires_error_before_close() {
        let mut full = open(&[]);
        full.flag_as_full(5);
        assert_eq!((full.discarded(), full.ready_state()), (5, ReadyState::Closing));
        let mut failed = open(&[]);
        assert_eq!(failed.handle_feedback::<()>(Feedback::Failed), Action::Nothing);
        for mut state in [full, failed] {
            let event = CloseEvent::abnormal();
            assert_eq!(
                state.handle_feedback::<()>(Feedback::Closed(event.clone())),
                Action::Closed { error: true, event }
            );
        }
    }

    #[crate::test]
    fn connection_loss_is_a_failure_only_before_close() {
        for (close, error) in [(false, true), (true, false)] {
            let mut state = open(&[]);
            if close {
                state.close();
            }
            let event = CloseEvent::abnormal();
            assert_eq!(state.handle_feedback::<()>(Feedback::Closed(event.clone())), Action::Closed { error, event });
        }
    }

    #[crate::test]
    fn clean_end_with_forbidden_code_fails_the_connection() {
        for (code, reason) in [(1006, ""), (1015, ""), (1005, "x")] {
            let event = CloseEvent { code, reason: reason.to_owned(), was_clean: true };
            assert_eq!(
                open(&[]).handle_feedback::<()>(Feedback::Closed(event)),
                Action::Closed { error: true, event: CloseEvent::abnormal() }
            );
        }
    }

    #[cfg(not(target_family = "wasm"))]
    mod properties {
        use super::*;
        use proptest::prelude::*;

        fn step() -> impl Strategy<Value = u8> {
            0..9_u8
        }

        proptest! {
            #[test]
            fn ready_state_never_moves_back_and_close_fires_once(steps in prop::collection::vec(step(), 0..40)) {
                let mut state = state(&["a"]);
                let (mut opens, mut closes, mut sent_late) = (0, 0, 0);
                for step in steps {
                    let before = state.ready_state();
                    let outcome = match step {
                        0 => state.handle_feedback(established("a")),
                        7 => state.handle_feedback(established("")),
                        8 => { state.flag_as_full(0); Action::Nothing }
                        1 => state.handle_feedback(Feedback::MessageReceived(())),
                        2 => state.handle_feedback(Feedback::ClosingHandshakeStarted),
                        3 => state.handle_feedback(Feedback::Failed),
                        4 => state.handle_feedback(Feedback::Closed(CLEAN)),
                        5 => { state.close(); Action::Nothing }
                        _ => {
                            if state.send(1) == Ok(SendAction::Discard) { sent_late += 1; }
                            Action::Nothing
                        }
                    };
                    prop_assert!(state.ready_state() >= before);
                    match outcome {
                        Action::Open => opens += 1,
                        Action::Message(()) => prop_assert_eq!(before, ReadyState::Open),
                        Action::Closed { .. } => closes += 1,
                        Action::Fail => prop_assert_eq!(before, ReadyState::Connecting),
                        Action::Nothing => {}
                    }
                    prop_assert!(opens <= 1 && closes <= 1);
                    prop_assert_eq!(state.discarded(), sent_late);
                }
            }
        }
    }

    #[crate::test]
    fn aborted_connection_ends_with_code_1006() {
        let open = || {
            let mut state = state(&[]);
            let established = Feedback::<()>::Established { protocol: String::new(), extensions: String::new() };
            assert_eq!(state.handle_feedback(established), Action::Open);
            state
        };
        let closed = |error| Action::<()>::Closed { error, event: CloseEvent::abnormal() };
        let mut closing = open();
        assert_eq!(closing.close(), CloseAction::StartHandshake);
        for (mut state, error) in [(state(&[]), true), (open(), false), (closing, false)] {
            assert!(state.abort() && state.abort());
            assert_eq!(state.ready_state(), ReadyState::Closing);
            assert_eq!(state.close(), CloseAction::Nothing);
            assert_eq!(state.handle_feedback(Feedback::MessageReceived(())), Action::Nothing);
            assert_eq!(state.handle_feedback(Feedback::<()>::Failed), Action::Nothing);
            assert_eq!(state.handle_feedback(Feedback::Closed(CLEAN)), closed(error));
            assert!(!state.abort());
            assert_eq!(state.handle_feedback(Feedback::<()>::Closed(CLEAN)), Action::Nothing);
        }
    }
}
