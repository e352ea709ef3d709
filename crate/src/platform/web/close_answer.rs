//! The answer to the server's Close frame in runtimes that leave it to the program.
//!
//! workerd with a compatibility date before 2026-04-07 does so.

use std::cell::Cell;

use web_sys::WebSocket;

use super::sys::{CloseValues, text_attribute};

/// Answers the server's Close frame if the platform has not done so: its socket is then still CLOSING when it fires `close`.
///
/// The listeners have been removed, unless the event was fired within a call of the platform's `close`, as `in_close` says.
pub(super) fn answer_close(platform: &WebSocket, in_close: &Cell<bool>, event: &CloseValues) {
    if in_close.get() || event.was_clean() != Some(true) || platform.ready_state() != WebSocket::CLOSING {
        return;
    }
    in_close.set(true);
    let reason = text_attribute(event, "reason");
    let answered = event.code().is_some_and(|code| platform.close_with_code_and_reason(code, &reason).is_ok());
    if !answered {
        // workerd refuses 1005, and some of the codes that it has received. A second exception is of no use: it has ended.
        let _ = platform.close();
    }
    in_close.set(false);
}
