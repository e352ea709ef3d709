//! URLs that the platform parses.

use wasm_bindgen::prelude::*;

use super::sys::{ParsedUrl, attribute, text_attribute};
use samesocket_spec::constructor::UrlRecord;

/// A URL as the platform's parser serialized it.
#[derive(Clone)]
pub(crate) struct Url(String);

impl Url {
    /// Parses `url` against `base` or, if that is `None`, against the API base URL.
    pub(crate) fn parse(url: &str, base: Option<&str>) -> Option<Self> {
        let base = base.map_or_else(api_base_url, JsValue::from_str);
        ParsedUrl::new(url, &base).ok().map(|record| Self(text_attribute(&record, "href")))
    }
}

impl UrlRecord for Url {
    fn set_websocket_scheme(&mut self) {
        self.0.set_websocket_scheme();
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns the [API base URL](https://html.spec.whatwg.org/multipage/webappapis.html#api-base-url).
///
/// A document's base URL may be set by a `base` element. A worker's is its location, which converts itself to a string.
/// A program outside a browser has none, which is `undefined`.
fn api_base_url() -> JsValue {
    let global = js_sys::global();
    let base = attribute(&attribute(&global, "document"), "baseURI");
    if base.is_undefined() { attribute(&global, "location") } else { base }
}
