//! The rules of the WebSockets Standard, as the JavaScript class asks for them.
//!
//! There is nothing here but the way from JavaScript to `samesocket_spec` and back: the class converts its arguments by
//! Web IDL, asks, and does with the platform's socket what the answer says.

mod exception;
#[expect(clippy::float_cmp, reason = "what wasm-bindgen makes of an enum that is passed to JavaScript")]
mod state;

use samesocket_spec::{close, constructor, subprotocol};
use wasm_bindgen::prelude::*;

use crate::exception::{DomException, throw};

/// Returns the serialized URL record of the constructor's first argument, of which `parsed` is what the platform's
/// parser made.
///
/// # Errors
///
/// What the constructor throws.
#[wasm_bindgen(js_name = getUrlRecord)]
pub fn get_a_url_record(url: &str, parsed: Option<String>) -> Result<String, DomException> {
    constructor::get_a_url_record(parsed, url, None).map_err(|exception| throw(&exception))
}

/// Checks the constructor's second argument.
///
/// # Errors
///
/// What the constructor throws.
#[wasm_bindgen(js_name = checkSubprotocols)]
#[expect(clippy::needless_pass_by_value, reason = "the only form in which a list comes from JavaScript")]
pub fn check_subprotocols(names: Vec<String>) -> Result<(), DomException> {
    subprotocol::check(&names).map_err(|exception| throw(&exception))
}

/// Checks the arguments of `close`, and gives the code that the Close frame is to carry; without one it is empty.
///
/// # Errors
///
/// What `close` throws.
#[wasm_bindgen(js_name = checkClose)]
#[expect(clippy::needless_pass_by_value, reason = "the only form in which an optional text comes from JavaScript")]
pub fn check_close(code: Option<u16>, reason: Option<String>) -> Result<Option<u16>, DomException> {
    let frame = close::check(code, reason.as_deref()).map_err(|exception| throw(&exception))?;
    Ok(frame.map(|(code, _)| code))
}
