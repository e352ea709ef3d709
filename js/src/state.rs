//! The state of one socket.

use samesocket_spec::state::{self, Closing, Feedback, Outcome, Sending};
use samesocket_spec::{CloseEvent, ReadyState};
use wasm_bindgen::prelude::*;

use crate::exception::{DomException, throw};

/// What `open` of the platform comes to.
#[wasm_bindgen]
#[derive(Clone, Copy)]
pub enum Opening {
    /// Nothing is observed.
    Nothing,
    /// Fire `open`.
    Open,
    /// Fail the connection.
    Fail,
}

/// What the end of the platform's connection comes to.
#[wasm_bindgen]
#[derive(Clone, Copy)]
pub enum Ending {
    /// Nothing is observed.
    Nothing,
    /// Fire `close` as it was told.
    AsTold,
    /// Fire `error`, then `close` as it was told.
    AfterError,
    /// Fire `error`, then `close` of a connection that failed: with `closeCode`, without a reason, not clean.
    Failed,
}

/// What the Standard keeps for one socket.
///
/// Where a method takes the platform's ready state, it is because no event tells that a closing handshake has started.
#[wasm_bindgen]
pub struct State {
    state: state::State,
    /// The code of the `close` event to fire.
    close_code: u16,
}

#[wasm_bindgen]
impl State {
    /// The state of a socket that offers these subprotocols, which have been checked.
    #[wasm_bindgen(constructor)]
    pub fn new(offered: Vec<String>) -> Self {
        Self { state: state::State::new(offered), close_code: 0 }
    }

    /// Gives the ready state.
    #[wasm_bindgen(js_name = readyState)]
    pub fn ready_state(&mut self, platform: u16) -> u16 {
        self.notice_closing(platform);
        self.state.ready_state() as u16
    }

    /// Gives the subprotocol.
    pub fn protocol(&self) -> String {
        self.state.protocol().to_owned()
    }

    /// Gives the extensions.
    pub fn extensions(&self) -> String {
        self.state.extensions().to_owned()
    }

    /// Gives the bytes that were sent when CLOSING or CLOSED.
    #[expect(clippy::cast_precision_loss, reason = "a number of JavaScript, as the attribute is")]
    pub fn discarded(&self) -> f64 {
        self.state.discarded() as f64
    }

    /// Decides about `send`: whether the data is to be transmitted. If not, `discard` says what else; most data is never
    /// asked for its size, and what cannot fail is called soonest.
    #[wasm_bindgen(js_name = maySend)]
    pub fn may_send(&mut self, platform: u16) -> bool {
        self.notice_closing(platform);
        self.state.send(0) == Ok(Sending::Transmit)
    }

    /// Counts data of this many bytes that is not to be transmitted.
    ///
    /// # Errors
    ///
    /// What `send` throws.
    pub fn discard(&mut self, bytes: f64) -> Result<(), DomException> {
        self.state.send(whole(bytes)).map(drop).map_err(|exception| throw(&exception))
    }

    /// Flags the connection as full, when the platform did not take data of this many bytes.
    #[wasm_bindgen(js_name = flagAsFull)]
    pub fn flag_as_full(&mut self, bytes: f64) {
        self.state.flag_as_full(whole(bytes));
    }

    /// Decides about `close`, whose arguments have been checked: whether to close the platform's socket.
    pub fn close(&mut self, platform: u16) -> bool {
        self.notice_closing(platform);
        self.state.close() != Closing::Nothing
    }

    /// Takes that the connection is established.
    pub fn established(&mut self, protocol: String, extensions: String) -> Opening {
        match self.state.take::<()>(Feedback::Established { protocol, extensions }) {
            Outcome::Open => Opening::Open,
            Outcome::Fail => Opening::Fail,
            _ => Opening::Nothing,
        }
    }

    /// Says whether to fire `message` for messages that arrive; what changes that is told by another method before.
    pub fn received(&mut self) -> bool {
        self.state.take(Feedback::MessageReceived(())) != Outcome::Nothing
    }

    /// Takes that the connection failed; `closed` follows.
    pub fn failed(&mut self) {
        let _ = self.state.take::<()>(Feedback::Failed);
    }

    /// Takes that the connection is closed.
    pub fn closed(&mut self, code: u16, reason: String, was_clean: bool) -> Ending {
        let told = (code, reason.clone(), was_clean);
        self.finish(Feedback::closed(code, reason, was_clean), |event| {
            (event.code, &event.reason, event.was_clean) == (told.0, &told.1, told.2)
        })
    }

    /// Takes that the platform has nothing more to tell of a connection that it failed, or refused to start.
    pub fn abandoned(&mut self) -> Ending {
        self.finish(Feedback::abandoned(), |_| false)
    }

    /// Gives the code of the `close` event to fire.
    #[wasm_bindgen(js_name = closeCode)]
    pub fn close_code(&self) -> u16 {
        self.close_code
    }
}

impl State {
    fn finish(&mut self, feedback: Feedback<()>, is_told: impl FnOnce(&CloseEvent) -> bool) -> Ending {
        let Outcome::Closed { error, event } = self.state.take(feedback) else { return Ending::Nothing };
        self.close_code = event.code;
        match (is_told(&event), error) {
            (true, false) => Ending::AsTold,
            (true, true) => Ending::AfterError,
            (false, _) => Ending::Failed,
        }
    }

    fn notice_closing(&mut self, platform: u16) {
        if platform >= ReadyState::Closing as u16 {
            // Nothing is fired for it.
            let _ = self.state.take::<()>(Feedback::ClosingHandshakeStarted);
        }
    }
}

/// A size as JavaScript counts it: a whole number, in a double.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size is whole and not negative")]
fn whole(bytes: f64) -> u64 {
    bytes as u64
}
