//! The state of one socket: commands and the protocol's feedback in, state and events out.
//!
//! A back end turns what its platform or its wire tells into [`Feedback`], in order, and acts on the [`Outcome`]; the
//! interface turns its members into [`State::send`] and [`State::close`]. Nothing else decides what a script observes.

use crate::{CloseEvent, Exception, ReadyState};

/// What the protocol tells.
#[derive(Debug)]
pub enum Feedback<M> {
    /// The opening handshake is done, as far as the back end checks it.
    Established {
        /// The subprotocol of the server's answer, or the empty string.
        protocol: String,
        /// The extensions in use.
        extensions: String,
    },
    /// A whole message arrived.
    MessageReceived(M),
    /// The closing handshake has started; by the peer, if it is news.
    ClosingHandshakeStarted,
    /// The connection was failed; `Closed` follows.
    Failed,
    /// The connection is closed.
    Closed(CloseEvent),
}

impl<M> Feedback<M> {
    /// Gives the same with another message.
    #[inline]
    pub fn map<N>(self, change: impl FnOnce(M) -> N) -> Feedback<N> {
        self.into_message().map_or_else(|other| other, |message| Feedback::MessageReceived(change(message)))
    }

    /// Gives the message that arrived, or what else it is, whatever messages may be there.
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

    /// The end of a connection as a platform tells it.
    pub fn closed(code: u16, reason: String, was_clean: bool) -> Self {
        Self::Closed(CloseEvent { code, reason, was_clean })
    }

    /// The end of a connection of which the platform tells nothing more: it failed.
    pub fn abandoned() -> Self {
        Self::Closed(CloseEvent::abnormal())
    }
}

/// What to do about it.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome<M> {
    /// Nothing is observed.
    Nothing,
    /// Fire `open`.
    Open,
    /// Fire `message`.
    Message(M),
    /// Fail the connection: abandon what the platform holds, and give `Closed` as feedback.
    Fail,
    /// Fire `error`, if so, then `close`.
    Closed {
        /// Whether `error` comes first.
        error: bool,
        /// The data of `close`.
        event: CloseEvent,
    },
}

/// What `send` leaves to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// Hand the data to the protocol, which counts it in its bufferedAmount.
    Transmit,
    /// Drop the data, which has been counted.
    Discard,
}

/// What `close` leaves to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// Nothing: the socket is closing or closed.
    Nothing,
    /// Fail a connection that is not yet established; its `Closed` comes in a task.
    Fail,
    /// Start the closing handshake.
    Start,
}

/// What the Standard keeps for one socket.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "the Standard's name")]
pub struct State {
    offered: Vec<String>,
    ready_state: ReadyState,
    established: bool,
    /// Whether `close` was called before the end.
    closed_by_us: bool,
    failed: bool,
    protocol: String,
    extensions: String,
    discarded: u64,
}

impl State {
    /// The state of a new socket that offers these subprotocols, which have been checked.
    pub fn new(offered: Vec<String>) -> Self {
        Self {
            offered,
            ready_state: ReadyState::Connecting,
            established: false,
            closed_by_us: false,
            failed: false,
            protocol: String::new(),
            extensions: String::new(),
            discarded: 0,
        }
    }

    /// Returns the subprotocols that the constructor was given.
    pub fn offered(&self) -> &[String] {
        &self.offered
    }

    /// Returns the ready state.
    pub fn ready_state(&self) -> ReadyState {
        self.ready_state
    }

    /// Returns the subprotocol that the server chose; empty until the connection is open.
    pub fn protocol(&self) -> &str {
        &self.protocol
    }

    /// Returns the extensions in use; empty until the connection is open.
    pub fn extensions(&self) -> &str {
        &self.extensions
    }

    /// The part of bufferedAmount that never reached the protocol: what was sent when CLOSING or CLOSED.
    pub fn discarded(&self) -> u64 {
        self.discarded
    }

    /// Decides about `send(data)` with data of this many bytes.
    ///
    /// See <https://websockets.spec.whatwg.org/#dom-websocket-send>.
    pub fn send(&mut self, bytes: u64) -> Result<Sending, Exception> {
        match self.ready_state {
            ReadyState::Connecting => Err(Exception::StillConnecting),
            ReadyState::Open => Ok(Sending::Transmit),
            ReadyState::Closing | ReadyState::Closed => {
                self.discarded = self.discarded.saturating_add(bytes);
                Ok(Sending::Discard)
            }
        }
    }

    /// Decides about `close(code, reason)`, whose arguments have been checked.
    ///
    /// See <https://websockets.spec.whatwg.org/#close-the-websocket>.
    pub fn close(&mut self) -> Closing {
        let closing = match self.ready_state {
            ReadyState::Closing | ReadyState::Closed => return Closing::Nothing,
            ReadyState::Connecting => Closing::Fail,
            ReadyState::Open => Closing::Start,
        };
        self.ready_state = ReadyState::Closing;
        self.closed_by_us = true;
        closing
    }

    /// Flags the connection as full: data that was sent could not be queued, and the connection is to be closed.
    ///
    /// See <https://websockets.spec.whatwg.org/#dom-websocket-send>.
    pub fn flag_as_full(&mut self, bytes: u64) {
        self.failed = true;
        self.ready_state = self.ready_state.max(ReadyState::Closing);
        self.discarded = self.discarded.saturating_add(bytes);
    }

    /// Takes what the protocol tells.
    ///
    /// See <https://websockets.spec.whatwg.org/#feedback-from-the-protocol>.
    pub fn take<M>(&mut self, feedback: Feedback<M>) -> Outcome<M> {
        match feedback {
            Feedback::Established { protocol, extensions } => self.establish(protocol, extensions),
            Feedback::MessageReceived(message) if self.takes_messages() => Outcome::Message(message),
            Feedback::MessageReceived(_) => Outcome::Nothing,
            Feedback::ClosingHandshakeStarted => {
                self.notice_closing_handshake();
                Outcome::Nothing
            }
            Feedback::Failed => {
                self.failed = true;
                Outcome::Nothing
            }
            Feedback::Closed(event) => self.finish(event),
        }
    }

    /// Whether a message that arrives is fired.
    pub fn takes_messages(&self) -> bool {
        self.ready_state == ReadyState::Open
    }

    /// Takes note of a closing handshake that the peer has started; nothing is fired for it.
    pub fn notice_closing_handshake(&mut self) {
        if self.ready_state == ReadyState::Open {
            self.ready_state = ReadyState::Closing;
        }
    }

    fn establish<M>(&mut self, protocol: String, extensions: String) -> Outcome<M> {
        if self.ready_state != ReadyState::Connecting {
            // `close` came first, and the connection is being failed.
            return Outcome::Nothing;
        }
        if !self.may_choose(&protocol) {
            self.ready_state = ReadyState::Closing;
            return Outcome::Fail;
        }
        self.ready_state = ReadyState::Open;
        self.established = true;
        self.protocol = protocol;
        self.extensions = extensions;
        Outcome::Open
    }

    /// Whether the server may answer the offer with this subprotocol, the empty string standing for none.
    ///
    /// See <https://fetch.spec.whatwg.org/#concept-websocket-establish>.
    fn may_choose(&self, protocol: &str) -> bool {
        if protocol.is_empty() { self.offered.is_empty() } else { self.offered.iter().any(|name| name == protocol) }
    }

    fn finish<M>(&mut self, event: CloseEvent) -> Outcome<M> {
        if self.ready_state == ReadyState::Closed {
            return Outcome::Nothing;
        }
        // A connection that is lost before either side began to close has failed, though an engine may not say so; and
        // one whose Close frame carried a code that no frame may carry, though an engine may let it pass as clean. 1005
        // stands for a frame without a code, which has no reason.
        let lost = !self.closed_by_us && event.is_abnormal();
        let forbidden =
            event.was_clean && (matches!(event.code, 1006 | 1015) || event.code == 1005 && !event.reason.is_empty());
        self.ready_state = ReadyState::Closed;
        let stands = self.established && !forbidden;
        Outcome::Closed {
            error: !stands || self.failed || lost,
            event: if stands { event } else { CloseEvent::abnormal() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAN: CloseEvent = CloseEvent { code: 1000, reason: String::new(), was_clean: true };

    fn state(offered: &[&str]) -> State {
        State::new(offered.iter().map(|&name| name.to_owned()).collect())
    }

    fn established<M>(protocol: &str) -> Feedback<M> {
        Feedback::Established { protocol: protocol.to_owned(), extensions: "x".to_owned() }
    }

    fn open(offered: &[&str]) -> State {
        let mut state = state(offered);
        let protocol = offered.first().copied().unwrap_or_default();
        assert_eq!(state.take::<()>(established(protocol)), Outcome::Open);
        state
    }

    #[crate::test]
    fn a_life_without_trouble() {
        let mut state = open(&["chat", "CHAT"]);
        assert_eq!((state.ready_state(), state.protocol(), state.extensions()), (ReadyState::Open, "chat", "x"));
        assert_eq!(state.take(Feedback::MessageReceived("a")), Outcome::Message("a"));
        assert_eq!(state.send(3), Ok(Sending::Transmit));
        assert_eq!(state.take::<()>(Feedback::ClosingHandshakeStarted), Outcome::Nothing);
        assert_eq!(state.ready_state(), ReadyState::Closing);
        assert_eq!(state.take::<()>(Feedback::Closed(CLEAN)), Outcome::Closed { error: false, event: CLEAN });
        assert_eq!((state.ready_state(), state.protocol(), state.extensions()), (ReadyState::Closed, "chat", "x"));
    }

    #[crate::test]
    fn a_subprotocol_missing_unasked_or_of_other_case_fails_the_connection() {
        for (offered, chosen) in [(&["chat"][..], ""), (&[], "chat"), (&["chat"], "CHAT"), (&["a", "b"], "c")] {
            let mut state = state(offered);
            assert_eq!(state.take::<()>(established(chosen)), Outcome::Fail, "{offered:?} {chosen:?}");
            assert_eq!((state.ready_state(), state.protocol()), (ReadyState::Closing, ""));
            assert_eq!(
                state.take::<()>(Feedback::Closed(CLEAN)),
                Outcome::Closed { error: true, event: CloseEvent::abnormal() }
            );
        }
    }

    #[crate::test]
    fn closing_while_connecting_never_opens_and_ends_abnormally() {
        let mut state = state(&[]);
        assert_eq!(state.close(), Closing::Fail);
        assert_eq!(state.ready_state(), ReadyState::Closing);
        assert_eq!(state.take::<()>(established("")), Outcome::Nothing);
        assert_eq!(state.take(Feedback::MessageReceived(())), Outcome::Nothing);
        assert_eq!(
            state.take::<()>(Feedback::Closed(CLEAN)),
            Outcome::Closed { error: true, event: CloseEvent::abnormal() }
        );
    }

    #[crate::test]
    fn no_message_after_close_and_close_acts_once() {
        let mut state = open(&[]);
        assert_eq!((state.close(), state.close()), (Closing::Start, Closing::Nothing));
        assert_eq!(state.take(Feedback::MessageReceived(())), Outcome::Nothing);
        assert_eq!(state.take::<()>(Feedback::Closed(CLEAN)), Outcome::Closed { error: false, event: CLEAN });
        assert_eq!(state.close(), Closing::Nothing);
        assert_eq!(state.take::<()>(Feedback::Closed(CLEAN)), Outcome::Nothing);
        assert_eq!(state.ready_state(), ReadyState::Closed);
    }

    #[crate::test]
    fn what_is_sent_after_close_is_counted_and_dropped() {
        let mut state = state(&[]);
        assert_eq!(state.send(9), Err(Exception::StillConnecting));
        assert_eq!(state.discarded(), 0);
        assert_eq!(state.close(), Closing::Fail);
        assert_eq!(state.send(3), Ok(Sending::Discard));
        state.take::<()>(Feedback::Closed(CLEAN));
        assert_eq!(state.send(4), Ok(Sending::Discard));
        assert_eq!(state.discarded(), 7);
        assert_eq!(state.send(u64::MAX), Ok(Sending::Discard));
        assert_eq!(state.discarded(), u64::MAX);
    }

    #[crate::test]
    fn a_full_buffer_or_a_failure_puts_error_before_close() {
        let mut full = open(&[]);
        full.flag_as_full(5);
        assert_eq!((full.discarded(), full.ready_state()), (5, ReadyState::Closing));
        let mut failed = open(&[]);
        assert_eq!(failed.take::<()>(Feedback::Failed), Outcome::Nothing);
        for mut state in [full, failed] {
            let event = CloseEvent::abnormal();
            assert_eq!(state.take::<()>(Feedback::Closed(event.clone())), Outcome::Closed { error: true, event });
        }
    }

    #[crate::test]
    fn a_connection_lost_while_open_has_failed_and_one_lost_while_closing_has_not() {
        for (close, error) in [(false, true), (true, false)] {
            let mut state = open(&[]);
            if close {
                state.close();
            }
            let event = CloseEvent::abnormal();
            assert_eq!(state.take::<()>(Feedback::Closed(event.clone())), Outcome::Closed { error, event });
        }
    }

    #[crate::test]
    fn a_code_that_no_frame_may_carry_fails_the_connection() {
        for (code, reason) in [(1006, ""), (1015, ""), (1005, "x")] {
            let event = CloseEvent { code, reason: reason.to_owned(), was_clean: true };
            assert_eq!(
                open(&[]).take::<()>(Feedback::Closed(event)),
                Outcome::Closed { error: true, event: CloseEvent::abnormal() }
            );
        }
    }

    #[cfg(not(target_family = "wasm"))]
    mod any_order {
        use super::*;
        use proptest::prelude::*;

        fn step() -> impl Strategy<Value = u8> {
            0..9_u8
        }

        proptest! {
            #[test]
            fn the_ready_state_never_moves_backwards_and_close_is_fired_once(steps in prop::collection::vec(step(), 0..40)) {
                let mut state = state(&["a"]);
                let (mut opens, mut closes, mut sent_late) = (0, 0, 0);
                for step in steps {
                    let before = state.ready_state();
                    let outcome = match step {
                        0 => state.take(established("a")),
                        7 => state.take(established("")),
                        8 => { state.flag_as_full(0); Outcome::Nothing }
                        1 => state.take(Feedback::MessageReceived(())),
                        2 => state.take(Feedback::ClosingHandshakeStarted),
                        3 => state.take(Feedback::Failed),
                        4 => state.take(Feedback::Closed(CLEAN)),
                        5 => { state.close(); Outcome::Nothing }
                        _ => {
                            if state.send(1) == Ok(Sending::Discard) { sent_late += 1; }
                            Outcome::Nothing
                        }
                    };
                    prop_assert!(state.ready_state() >= before);
                    match outcome {
                        Outcome::Open => opens += 1,
                        Outcome::Message(()) => prop_assert_eq!(before, ReadyState::Open),
                        Outcome::Closed { .. } => closes += 1,
                        Outcome::Fail => prop_assert_eq!(before, ReadyState::Connecting),
                        Outcome::Nothing => {}
                    }
                    prop_assert!(opens <= 1 && closes <= 1);
                    prop_assert_eq!(state.discarded(), sent_late);
                }
            }
        }
    }
}
