//! Conversion of exceptions to JavaScript.

use samesocket_spec::Exception;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// The platform's `DOMException`, which derives the legacy code from the name.
    #[wasm_bindgen(js_name = DOMException)]
    pub type DomException;

    #[wasm_bindgen(constructor, js_class = DOMException)]
    fn new(message: &str, name: &str) -> DomException;
}

/// Converts an exception to the `DOMException` that the caller throws.
pub(crate) fn throw(exception: &Exception) -> DomException {
    DomException::new(&exception.to_string(), exception.name())
}
