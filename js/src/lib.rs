//! The WebAssembly interface of `samesocket-spec`, for the JavaScript class.
//!
//! The class converts its arguments by Web IDL and calls these functions. It then does with the platform's socket what
//! the result says. Everything here only converts values between JavaScript and Rust.

mod exception;
#[expect(clippy::float_cmp, reason = "wasm-bindgen generates it for enums")]
mod state;

use samesocket_spec::{Exception, close, constructor, subprotocol};
use wasm_bindgen::prelude::*;

use crate::exception::{DomException, throw};

/// Returns the serialized URL record of the constructor's first argument. `parsed` is the result of the platform's
/// parser.
///
/// # Errors
///
/// Returns the exception that the constructor throws.
#[wasm_bindgen(js_name = getUrlRecord)]
pub fn get_a_url_record(url: &str, parsed: Option<String>) -> Result<String, DomException> {
    constructor::get_a_url_record(parsed, url, None).map_err(|exception| throw(&exception))
}

/// Checks the constructor's second argument.
///
/// # Errors
///
/// Returns the exception that the constructor throws.
#[wasm_bindgen(js_name = checkSubprotocols)]
#[expect(clippy::needless_pass_by_value, reason = "wasm-bindgen passes lists by value")]
pub fn check_subprotocols(names: Vec<String>) -> Result<(), DomException> {
    subprotocol::check(&names).map_err(|exception| throw(&exception))
}

/// Checks the arguments of `close` and returns the code of the Close frame, or `None` for an empty frame.
///
/// # Errors
///
/// Returns the exception that `close` throws.
#[wasm_bindgen(js_name = checkClose)]
#[expect(clippy::needless_pass_by_value, reason = "wasm-bindgen passes optional strings by value")]
pub fn check_close(code: Option<u16>, reason: Option<String>) -> Result<Option<u16>, DomException> {
    let frame = close::check(code, reason.as_deref()).map_err(|exception| throw(&exception))?;
    Ok(frame.map(|(code, _)| code))
}

/// Creates the exception that `send` throws while the socket is CONNECTING.
#[wasm_bindgen(js_name = stillConnecting)]
pub fn still_connecting() -> DomException {
    throw(&Exception::StillConnecting)
}
