//! The state machine of one socket, for JavaScript.

use samesocket_spec::state::{Action, CloseAction, Feedback, SendAction, SocketState};
use samesocket_spec::{CloseEvent, ReadyState};
use wasm_bindgen::prelude::*;

/// The action after the platform's `open` event.
#[wasm_bindgen]
#[derive(Clone, Copy)]
pub enum Opening {
    /// Fire nothing.
    Nothing,
    /// Fire `open`.
    Open,
    /// Fail the connection.
    Fail,
}

/// The action after the end of the platform's connection.
#[wasm_bindgen]
#[derive(Clone, Copy)]
pub enum Ending {
    /// Fire nothing.
    Nothing,
    /// Fire `close` with the values that the platform reported.
    AsReported,
    /// Fire `error`, then `close` with the values that the platform reported.
    AfterError,
    /// Fire `error`, then the `close` of a failed connection: with `closeCode`, without a reason, not clean.
    Failed,
}

/// The state that the Standard keeps for one socket.
///
/// Some methods take the ready state of the platform's socket, because no event reports the start of a closing
/// handshake.
#[wasm_bindgen]
pub struct State {
    state: SocketState,
    /// The code of the `close` event to fire.
    close_code: u16,
}

#[wasm_bindgen]
impl State {
    /// Creates the state of a new socket. The offered subprotocols must have been checked.
    #[wasm_bindgen(constructor)]
    pub fn new(offered: Vec<String>) -> Self {
        Self { state: SocketState::new(offered), close_code: 0 }
    }

    /// Returns the ready state.
    #[wasm_bindgen(js_name = readyState)]
    pub fn ready_state(&mut self, platform: u16) -> u16 {
        self.update(platform);
        self.state.ready_state() as u16
    }

    /// Returns the subprotocol.
    pub fn protocol(&self) -> String {
        self.state.protocol().to_owned()
    }

    /// Returns the extensions.
    pub fn extensions(&self) -> String {
        self.state.extensions().to_owned()
    }

    /// Returns the number of bytes that were sent in the state CLOSING or CLOSED.
    #[expect(clippy::cast_precision_loss, reason = "the attribute is a JavaScript number")]
    pub fn discarded(&self) -> f64 {
        self.state.discarded() as f64
    }

    /// Returns whether `send` passes the data to the platform. If not, the caller calls `discard`.
    ///
    /// The two calls are separate because most data is sent, and its size is then never computed. A call that cannot
    /// throw is also faster.
    #[wasm_bindgen(js_name = maySend)]
    pub fn may_send(&mut self, platform: u16) -> bool {
        self.update(platform);
        self.state.send(0) == Ok(SendAction::Transmit)
    }

    /// Counts data of `bytes` bytes that is not sent. If the socket is CONNECTING, counts nothing and returns `false`.
    ///
    /// No method creates an exception: a JavaScript constructor can throw, and the state would then stay borrowed for ever.
    pub fn discard(&mut self, bytes: f64) -> bool {
        self.state.send(whole(bytes)).is_ok()
    }

    /// Flags the connection as full, because the platform rejected data of `bytes` bytes.
    #[wasm_bindgen(js_name = flagAsFull)]
    pub fn flag_as_full(&mut self, bytes: f64) {
        self.state.flag_as_full(whole(bytes));
    }

    /// Returns whether `close` closes the platform's socket. The arguments must have been checked.
    pub fn close(&mut self, platform: u16) -> bool {
        self.update(platform);
        self.state.close() != CloseAction::Nothing
    }

    /// Handles that the connection is established.
    pub fn established(&mut self, protocol: String, extensions: String) -> Opening {
        match self.state.handle_feedback::<()>(Feedback::Established { protocol, extensions }) {
            Action::Open => Opening::Open,
            Action::Fail => Opening::Fail,
            _ => Opening::Nothing,
        }
    }

    /// Returns whether to fire `message` for a message that arrives now.
    pub fn received(&mut self) -> bool {
        self.state.handle_feedback(Feedback::MessageReceived(())) != Action::Nothing
    }

    /// Handles that the connection failed. A call of `closed` follows.
    pub fn failed(&mut self) {
        let _ = self.state.handle_feedback::<()>(Feedback::Failed);
    }

    /// Handles that the connection is closed.
    pub fn closed(&mut self, code: u16, reason: String, was_clean: bool) -> Ending {
        let reported = (code, reason.clone(), was_clean);
        self.finish(Feedback::closed(code, reason, was_clean), |event| {
            (event.code, &event.reason, event.was_clean) == (reported.0, &reported.1, reported.2)
        })
    }

    /// Handles a connection that the platform failed or refused to start, and about which it reports nothing more.
    #[wasm_bindgen(js_name = closedAbnormally)]
    pub fn closed_abnormally(&mut self) -> Ending {
        self.finish(Feedback::closed_abnormally(), |_| false)
    }

    /// Returns the code of the `close` event to fire.
    #[wasm_bindgen(js_name = closeCode)]
    pub fn close_code(&self) -> u16 {
        self.close_code
    }
}

impl State {
    /// Handles the end. `is_as_reported` returns whether the platform's own event has the right values.
    fn finish(&mut self, feedback: Feedback<()>, is_as_reported: impl FnOnce(&CloseEvent) -> bool) -> Ending {
        let Action::Closed { error, event } = self.state.handle_feedback(feedback) else { return Ending::Nothing };
        self.close_code = event.code;
        match (is_as_reported(&event), error) {
            (true, false) => Ending::AsReported,
            (true, true) => Ending::AfterError,
            (false, _) => Ending::Failed,
        }
    }

    /// Updates the state if the platform's socket is CLOSING or CLOSED. No event is fired for it.
    fn update(&mut self, platform: u16) {
        if platform >= ReadyState::Closing as u16 {
            self.state.closing_handshake_started();
        }
    }
}

/// Converts a size from a JavaScript number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size is an integer and not negative")]
fn whole(bytes: f64) -> u64 {
    bytes as u64
}
